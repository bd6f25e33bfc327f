"""Joints of people in pictures, all on one device: crops, network and decoding; only the joints, and how they look,
come back from it."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pose_track.geometry.affine import Matrix
from pose_track.models.codec import Codec
from pose_track.models.heatmaps import FloatArray
from pose_track.models.inference_model import InferenceModel
from pose_track.models.scales import CropScales, Mixing
from pose_track.models.torch_decoder import Decoder
from pose_track.models.warp import crop_people, sample_maps
from pose_track.runtime.cuda_graphs import GraphedNetwork, Network
from pose_track.runtime.device import resolve_device, upload
from pose_track.runtime.out_of_memory import as_room_allows
from pose_track.runtime.torch_runtime import Precision, folded, resolve_precision
from pose_track.structures.frames import ImageArray


class TorchKeypoints:
    """`Keypoints` (see `pose.keypoints`) by PyTorch, for GPUs.

    network: gives heatmaps (B, K, h / 4, w / 4), or these and looks (B, C, ...): then there are features. codec: that
    which the network was trained with; it also tells the size of the crops. device and precision: see `resolve_device`
    and `resolve_precision`. max_batch: crops run at once; halved, for good, when the GPU is out of memory. scales: as
    in `CroppedKeypoints`. Threads that call it at the same time wait for one another.

    Raises ValueError for a `max_batch` below 1, an unknown device or precision, no scales or one outside [0.5, 2].
    """

    def __init__(
        self,
        network: InferenceModel,
        codec: Codec,
        device: str = "auto",
        precision: Precision = "auto",
        max_batch: int = 64,
        scales: Sequence[float] = (1.0,),
    ) -> None:
        if max_batch < 1:
            raise ValueError(f"max_batch must be at least 1, got {max_batch!r}")
        name = resolve_device(device)
        self._device = torch.device(name)
        self._codec, self._decoder = codec, Decoder(codec).to(self._device)
        self._scales = CropScales(scales, codec)
        self._mixing = Mixing(*(torch.from_numpy(part).to(self._device) for part in self._scales.mixing()))
        self._offset = torch.from_numpy(self._scales.to_nearest()[1]).to(self._device)
        self._planes = _planes(network, self._device, resolve_precision(precision, name))
        self._lock = threading.Lock()  # recorded networks have one place for their input and output
        self._limit(max_batch)

    def __call__(self, images: Sequence[ImageArray], matrices: Sequence[Matrix]) -> tuple[FloatArray, ...]:
        """See `Keypoints`; a batch may hold crops of several pictures, and there may be none at all.

        Raises MemoryError where the device has no room for a single crop.
        """
        tried = min(self._max_batch, sum(map(len, matrices)) * len(self._scales))

        def estimate(at_once: int) -> tuple[FloatArray, ...]:
            if at_once < tried:
                self._limit(at_once)
            return self._estimate(images, matrices)

        with self._lock:
            return as_room_allows(estimate, tried, "crops", "use a smaller pose.input_size or --device cpu")[0]

    def _limit(self, max_batch: int) -> None:
        """From now on at most `max_batch` crops at once; what was recorded for more gives back its memory."""
        self._max_batch = max_batch
        self._run = GraphedNetwork(self._planes, max_batch)
        torch.cuda.empty_cache()

    @torch.inference_mode()
    def _estimate(self, images: Sequence[ImageArray], matrices: Sequence[Matrix]) -> tuple[FloatArray, ...]:
        pictures = [upload(image, self._device) for image in images]
        owners = np.repeat(np.arange(len(images)), [len(own) for own in matrices])
        placed = np.concatenate(matrices)
        people = max(self._max_batch // len(self._scales), 1)
        groups = (slice(i, i + people) for i in range(0, max(len(placed), 1), people))
        parts = [self._of_people(pictures, owners[rows], placed[rows]) for rows in groups]
        joints, scores, *features = (torch.cat(part) for part in zip(*parts, strict=True))
        found = torch.cat([joints, scores[..., None], *features], dim=2).cpu().numpy()  # at once, for each one waits
        return found[..., :2], found[..., 2], *(found[..., 3:] for _ in features)

    def _of_people(self, pictures: list[Tensor], owners: NDArray[np.int64], matrices: Matrix) -> tuple[Tensor, ...]:
        """As many people as have crops for one batch, or a single one; by matrices (N, 2, 3), each of the picture of
        that number, in rising order."""
        heatmaps, *appearance = self._of_crops(self._crops(pictures, owners, matrices))
        heights = self._decoder.heights(heatmaps)
        joints, scores = self._decoder.read(heights if self._scales.trivial else self._mixing.mean(heights))
        return joints, scores, *(self._features(self._scales.of_nearest(maps), joints) for maps in appearance)

    def _crops(self, pictures: list[Tensor], owners: NDArray[np.int64], matrices: Matrix) -> Tensor:
        """(S N, 3, h, w), scale by scale."""
        size = self._codec.input_size
        nobody = torch.empty((0, 3, size[1], size[0]), device=self._device)
        numbers, of_scales = np.unique(owners), self._scales.matrices(matrices)
        crops = [crop_people(pictures[n], placed[owners == n], size) for placed in of_scales for n in numbers]
        return torch.cat([nobody, *crops])

    def _of_crops(self, crops: Tensor) -> tuple[Tensor, ...]:
        """What the network gives; in more than one batch where one person has more crops than that."""
        if len(crops) <= self._max_batch:
            return self._run(crops)
        parts = [[output.clone() for output in self._run(batch)] for batch in torch.split(crops, self._max_batch)]
        return tuple(map(torch.cat, zip(*parts, strict=True)))

    def _features(self, appearance: Tensor, joints: Tensor) -> Tensor:
        """(B, K, C) looks (B, C, h, w) at joints (B, K, 2) in crop pixels, as in `CroppedKeypoints`."""
        factor, stride = self._scales.to_nearest()[0], self._codec.input_size[0] / appearance.shape[3]
        return sample_maps(appearance, (joints * factor + self._offset) / stride)


def _planes(network: InferenceModel, device: torch.device, dtype: torch.dtype) -> Network:
    """The network with batch-norms folded, on the device; normalisation stays in float32."""
    network = folded(network).to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    network.network.to(dtype)
    return network.planes
