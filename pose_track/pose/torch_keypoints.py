"""Joints of people in images by PyTorch, all on one device: crops, network and decoding. Only joints, scores and
features are copied back."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import partial

import numpy as np
import torch
from torch import Tensor

from pose_track.models.codec import Codec
from pose_track.models.inference_model import InferenceModel
from pose_track.models.scales import CropScales, ScaleAverage
from pose_track.models.second_peaks import SecondPeaks
from pose_track.models.torch_decoder import Decoder
from pose_track.models.warp import crop_people, sample_maps
from pose_track.pose.keypoints import Keypoints
from pose_track.runtime.cuda_graphs import GraphedNetwork, Network
from pose_track.runtime.device import resolve_device, upload
from pose_track.runtime.model_spec import Precision
from pose_track.runtime.out_of_memory import halve_batch_on_out_of_memory
from pose_track.runtime.torch_runtime import fold_batch_norms, resolve_precision
from pose_track.structures.arrays import Float64Array, ImageArray, IntArray

_OUT_OF_MEMORY_REMEDY = "use a smaller pose.input_size or --device cpu"


class TorchKeypoints:
    """A `KeypointFunction` (see `pose.keypoints`) by PyTorch, for GPUs. Threads that call it at once take turns.

    Args:
        network: returns heatmaps (B, K, h / 4, w / 4), or heatmaps and an appearance embedding (B, C, ...); with an
            embedding there are features.
        codec: the codec that the network was trained with; it also states the size of the crops.
        device, precision: see `resolve_device` and `resolve_precision`.
        max_batch: crops in one forward pass, at most; halved for good when the GPU is out of memory.
        scales, twins: see `CroppedKeypoints`.

    Raises ValueError for a `max_batch` below 1, an unknown device or precision, no scales, or a scale outside [0.5, 2].
    """

    def __init__(
        self,
        network: InferenceModel,
        codec: Codec,
        device: str = "auto",
        precision: Precision = "auto",
        max_batch: int = 64,
        scales: Sequence[float] = (1.0,),
        twins: Sequence[tuple[int, int]] = (),
    ) -> None:
        if max_batch < 1:
            raise ValueError(f"max_batch must be at least 1, got {max_batch!r}")
        self.device = resolve_device(device)
        dtype = resolve_precision(precision, self.device)
        self.precision = str(dtype).removeprefix("torch.")
        self._torch_device = torch.device(self.device)
        self._codec, self._decoder = codec, Decoder(codec).to(self._torch_device)
        self._scales = CropScales(scales, codec)
        average = [torch.from_numpy(array).to(self._torch_device) for array in self._scales.average()]
        self._scale_average = ScaleAverage(*average)
        self._offset = torch.from_numpy(self._scales.transform_to_nearest()[1]).to(self._torch_device)
        to_device = partial(torch.as_tensor, device=self._torch_device)
        self._second_peaks = SecondPeaks(codec, twins, self._decoder, torch, to_device) if twins else None
        self._network = _prepare(network, self._torch_device, dtype)
        self._lock = threading.Lock()  # a recorded network has one place for its input and output
        self._set_max_batch(max_batch)

    def __call__(self, images: Sequence[ImageArray], matrices: Sequence[Float64Array]) -> Keypoints:
        """See `KeypointFunction`. A batch may hold crops of several images, and there may be no crops at all.

        Raises MemoryError where a single crop does not fit into the device's memory.
        """
        batch_size = min(self._max_batch, sum(map(len, matrices)) * len(self._scales))

        def estimate(at_most: int) -> Keypoints:
            if at_most < batch_size:
                self._set_max_batch(at_most)
            return self._estimate(images, matrices)

        with self._lock:
            return halve_batch_on_out_of_memory(estimate, batch_size, "crops", _OUT_OF_MEMORY_REMEDY)[0]

    def _set_max_batch(self, max_batch: int) -> None:
        """Also frees the memory of recordings for larger batches."""
        self._max_batch = max_batch
        self._run = GraphedNetwork(self._network, max_batch)
        torch.cuda.empty_cache()

    @torch.inference_mode()
    def _estimate(self, images: Sequence[ImageArray], matrices: Sequence[Float64Array]) -> Keypoints:
        tensors = [upload(image, self._torch_device) for image in images]
        image_of_person = np.repeat(np.arange(len(images)), [len(people) for people in matrices])
        all_matrices = np.concatenate(matrices)
        step = max(self._max_batch // len(self._scales), 1)
        batches = (slice(i, i + step) for i in range(0, max(len(all_matrices), 1), step))
        outputs = [self._run_people(tensors, image_of_person[rows], all_matrices[rows]) for rows in batches]
        # one copy to the CPU, because each copy waits for the device
        merged = torch.cat([torch.cat(output, dim=2) for output in outputs]).cpu().numpy()
        second, rest = (None, merged) if self._second_peaks is None else (merged[..., :3], merged[..., 3:])
        features = rest[..., 3:] if rest.shape[2] > 3 else None
        return Keypoints(rest[..., :2], rest[..., 2], features, second)

    def _run_people(
        self, images: list[Tensor], image_of_person: IntArray, matrices: Float64Array
    ) -> tuple[Tensor, ...]:
        """As many people as have crops for one batch, or a single one: second peaks, if they are looked for, joints,
        scores, and features, if there are any, each (N, K, C).

        image_of_person: (N,) index of each person's image, ascending. matrices: (N, 2, 3).
        """
        heatmaps, *appearance = self._run_crops(self._crops(images, image_of_person, matrices))
        mean = heatmaps if self._scales.is_single else self._scale_average.mean(heatmaps)
        joints, scores = self._decoder(mean)
        second = [] if self._second_peaks is None else [self._second_peaks(mean, joints, scores)]
        features = [self._features(self._scales.select_nearest(maps), joints) for maps in appearance]
        return *second, joints, scores[..., None], *features

    def _crops(self, images: list[Tensor], image_of_person: IntArray, matrices: Float64Array) -> Tensor:
        """(S N, 3, h, w), scale by scale."""
        w, h = self._codec.input_size
        no_crops = torch.empty((0, 3, h, w), device=self._torch_device)
        crops = [
            crop_people(images[index], scaled[image_of_person == index], (w, h))
            for scaled in self._scales.matrices(matrices)
            for index in np.unique(image_of_person)
        ]
        return torch.cat([no_crops, *crops])

    def _run_crops(self, crops: Tensor) -> tuple[Tensor, ...]:
        """The network's outputs, in several batches where one person has more crops than a batch holds."""
        if len(crops) <= self._max_batch:
            return self._run(crops)
        outputs = [[output.clone() for output in self._run(batch)] for batch in torch.split(crops, self._max_batch)]
        return tuple(map(torch.cat, zip(*outputs, strict=True)))

    def _features(self, appearance: Tensor, joints: Tensor) -> Tensor:
        """(B, K, C) appearance embedding (B, C, h, w) at joints (B, K, 2) in crop pixels, as in `CroppedKeypoints`."""
        factor, stride = self._scales.transform_to_nearest()[0], self._codec.input_size[0] / appearance.shape[3]
        return sample_maps(appearance, (joints * factor + self._offset) / stride)


def _prepare(network: InferenceModel, device: torch.device, dtype: torch.dtype) -> Network:
    """The network with folded batch norms on the device; normalisation stays in float32."""
    network = fold_batch_norms(network).to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    network.network.to(dtype)
    return network.forward_channels_first
