"""Joints of people in pictures, all on one device: crops, network and peaks; only what is around the peaks, and how the
joints look, comes back from it."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pose_track.geometry.affine import Matrix
from pose_track.models.codec import Codec
from pose_track.models.deployed import Deployed
from pose_track.models.heatmaps import FloatArray
from pose_track.models.torch_peaks import find_peaks, softmax_maps
from pose_track.models.warp import crop_people, sample_maps
from pose_track.runtime.cuda_graphs import GraphedNetwork, Network
from pose_track.runtime.device import resolve_device
from pose_track.runtime.room import as_room_allows
from pose_track.runtime.torch_runtime import Precision, folded, resolve_precision
from pose_track.runtime.upload import upload
from pose_track.types import ImageArray


class TorchKeypoints:
    """`Keypoints` (see `pose.keypoints`) by PyTorch, for GPUs.

    network: gives heatmaps (B, K, h / 4, w / 4), or these and looks (B, C, ...): then there are features. codec: that
    which the network was trained with; it also tells the size of the crops. device and precision: see `resolve_device`
    and `resolve_precision`. max_batch: crops run at once; halved, for good, when the GPU is out of memory. Threads that
    call it at the same time wait for one another.

    Raises ValueError for a `max_batch` below 1, an unknown device or precision.
    """

    def __init__(
        self, network: Deployed, codec: Codec, device: str = "auto", precision: Precision = "auto", max_batch: int = 64
    ) -> None:
        if max_batch < 1:
            raise ValueError(f"max_batch must be at least 1, got {max_batch!r}")
        name = resolve_device(device)
        self._device = torch.device(name)
        self._codec = codec
        self._planes = _planes(network, self._device, resolve_precision(precision, name))
        self._lock = threading.Lock()  # recorded networks have one place for their input and output
        self._limit(max_batch)

    def __call__(self, images: Sequence[ImageArray], matrices: Sequence[Matrix]) -> tuple[FloatArray, ...]:
        """See `Keypoints`; a batch may hold crops of several pictures, and there may be none at all.

        Raises MemoryError where the device has no room for a single crop.
        """
        tried = min(self._max_batch, sum(map(len, matrices)))

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
        batches = (slice(i, i + self._max_batch) for i in range(0, max(len(placed), 1), self._max_batch))
        parts = [self._batch(pictures, owners[rows], placed[rows]) for rows in batches]
        return tuple(np.concatenate(part) for part in zip(*parts, strict=True))

    def _batch(self, pictures: list[Tensor], owners: NDArray[np.int64], matrices: Matrix) -> tuple[FloatArray, ...]:
        """Of crops by matrices (B, 2, 3), each of the picture of that number, in rising order."""
        size = self._codec.input_size
        crops = [crop_people(pictures[n], matrices[owners == n], size) for n in np.unique(owners)]
        nobody = torch.empty((0, 3, size[1], size[0]), device=self._device)
        heatmaps, *looks = self._run(torch.cat([nobody, *crops]))
        maps = softmax_maps(heatmaps, self._codec.sigma) if self._codec.logits else heatmaps
        joints, scores = self._codec.decode_peaks(find_peaks(maps, self._codec.kernel))
        return joints, scores, *(self._features(maps, joints) for maps in looks)

    def _features(self, looks: Tensor, joints: FloatArray) -> FloatArray:
        """(B, K, C) looks (B, C, h, w) at joints (B, K, 2) in crop pixels, as in `CroppedKeypoints`."""
        stride = self._codec.input_size[0] / looks.shape[3]
        cells = torch.from_numpy(joints / np.float32(stride)).to(looks.device)
        return np.asarray(sample_maps(looks, cells).cpu().numpy())


def _planes(network: Deployed, device: torch.device, dtype: torch.dtype) -> Network:
    """The network with batch-norms folded, on the device; normalisation stays in float32."""
    network = folded(network).to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    network.network.to(dtype)
    return network.planes
