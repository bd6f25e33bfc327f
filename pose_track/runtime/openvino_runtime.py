"""Networks run by OpenVINO on a CPU, image by image, several images at once.

OpenVINO plans a network better when it knows the shape of its input, and a core that works on an image of its own never
waits for the others.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np
import openvino as ov

from pose_track.runtime.model_spec import ModelSpec, Precision, check_images
from pose_track.runtime.openvino_compile import load_compiled, precision_config, resolve_precision
from pose_track.structures.arrays import AnyArray, Float32Array, ImageArray
from pose_track.utils.machine import usable_cores

_Hint = Literal["LATENCY", "THROUGHPUT"]
_USUAL_COUNT = 4  # inputs at once: `track` hands over the images of so many frames
_MOST_SIZES = 4  # of images that stay compiled at once


class CompiledNetwork:
    """A network run by OpenVINO on all cores of the CPU: see `run`. Several threads may call it at once.

    It is compiled twice: for single inputs, which share all cores, and for many, of which each has a core. The compiled
    networks are stored in `cache_folder()`. Where they are stored already, `spec.build` is not called.

    Args:
        spec: its ONNX file is compiled directly; a network without one is converted. `input_shape` is that of each
            input. It is slower where lengths are unknown (-1).
        precision: "auto" is OpenVINO's choice: bfloat16 on a processor that calculates in it (AMX or AVX512-BF16),
            otherwise float32. With "int8", `spec.onnx` is a graph in eight bits, and its floats are those of "auto".

    Raises ValueError for bfloat16 on a processor without it.
    """

    device = "cpu"

    def __init__(self, spec: ModelSpec, precision: Precision = "auto") -> None:
        # threads are not pinned to cores, because other stages use the cores too
        self._spec, self._config = spec, {"ENABLE_CPU_PINNING": False, **precision_config(precision)}
        self.precision = resolve_precision(precision)
        self._compiled: dict[_Hint, _Requests] = {}
        self._lock = threading.Lock()

    def prepare(self) -> None:
        """Compile what a usual number of inputs needs. Raises what is wrong with the network."""
        self._requests(_hint(_USUAL_COUNT))

    def run(self, inputs: Sequence[AnyArray]) -> list[tuple[Any, ...]]:
        """The outputs, arrays, of each input. They hold until the same thread calls again."""
        return self._requests(_hint(len(inputs))).run(inputs)

    def _requests(self, hint: _Hint) -> _Requests:
        with self._lock:
            if hint not in self._compiled:
                self._compiled[hint] = _Requests(load_compiled(self._spec, {"PERFORMANCE_HINT": hint, **self._config}))
            return self._compiled[hint]


def _hint(count: int) -> _Hint:
    """Whether as many inputs keep most cores busy if each has one."""
    return "THROUGHPUT" if 2 * count > usable_cores() else "LATENCY"


class _Requests:
    """Runs a compiled network on several inputs at once, by requests of the thread that calls."""

    def __init__(self, compiled: ov.CompiledModel) -> None:
        self._compiled, self._thread_data = compiled, threading.local()

    def run(self, inputs: Sequence[AnyArray]) -> list[tuple[Any, ...]]:
        """See `CompiledNetwork.run`."""
        requests = self._of_thread(len(inputs))
        contiguous = [np.ascontiguousarray(one) for one in inputs]  # requests read these while they run
        for request, one in zip(requests, contiguous, strict=True):
            request.start_async(one, share_inputs=True)
        for request in requests:
            request.wait()
        return [tuple(output.data for output in request.output_tensors) for request in requests]

    def _of_thread(self, count: int) -> list[ov.InferRequest]:
        if not hasattr(self._thread_data, "requests"):
            self._thread_data.requests = []
        requests: list[ov.InferRequest] = self._thread_data.requests
        requests += [self._compiled.create_infer_request() for _ in range(count - len(requests))]
        return requests[:count]


class OpenVinoRuntime:
    """A network of images run by OpenVINO; see `Runtime` and `CompiledNetwork`.

    It is compiled for each size of images when the first ones come, for `spec.image_size` at once.
    """

    device = "cpu"

    def __init__(self, spec: ModelSpec, precision: Precision = "auto") -> None:
        self._spec, self._precision = spec, precision
        self.precision = resolve_precision(precision)
        self._networks: OrderedDict[tuple[int, int], CompiledNetwork] = OrderedDict()
        self._lock = threading.Lock()
        if spec.image_size is not None:
            self._network(spec.image_size).prepare()

    def __call__(self, images: ImageArray) -> tuple[Float32Array, ...]:
        check_images(images)
        height, width = images.shape[1:3]
        outputs = self._network((width, height)).run([images[index : index + 1] for index in range(len(images))])
        return tuple(np.concatenate(output) for output in zip(*outputs, strict=True))  # copies

    def _network(self, size: tuple[int, int]) -> CompiledNetwork:
        with self._lock:
            if size not in self._networks:
                spec = replace(self._spec, input_shape=(1, size[1], size[0], 3))
                self._networks[size] = CompiledNetwork(spec, self._precision)
            self._networks.move_to_end(size)
            if len(self._networks) > _MOST_SIZES:
                self._networks.popitem(last=False)
            return self._networks[size]
