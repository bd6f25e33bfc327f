"""Speed of a keypoint network with each backend: eager PyTorch, the project's runtimes, plain ONNX Runtime."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from importlib.util import find_spec
from statistics import median
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from pose_track.benchmarks.speed.timing import check_rounds, run_interleaved
from pose_track.structures.arrays import Float32Array, ImageArray
from pose_track.utils.extras import require

if TYPE_CHECKING:  # importing PyTorch takes seconds, and --help does not need it
    import torch
    from torch import nn

    from pose_track.runtime.model_spec import ModelSpec
    from pose_track.runtime.select import RuntimeName

NUM_JOINTS = 17
EAGER, TORCH, OPENVINO, ONNX = "eager PyTorch", "pose_track torch", "pose_track OpenVINO", "pose_track ONNX"
ONNX_RUNTIME = "ONNX Runtime"
CUDA_GRAPHS, COMPILED = "pose_track CUDA graphs", "compiled PyTorch"
BASELINE = "baseline"
_PACKAGES = {OPENVINO: ("openvino",), **dict.fromkeys((ONNX, ONNX_RUNTIME), ("onnx", "onnxruntime"))}
_MIN_CALLS = 3


@dataclass(frozen=True)
class Workload:
    """What to run.

    network: a name in `models.networks.NETWORKS`; its weights are random.
    input_size: (w, h) of a crop, in pixels.
    batch: people in one call.
    device: "cpu" or "cuda".
    """

    network: str = "hrnet_w32"
    input_size: tuple[int, int] = (192, 256)
    batch: int = 4
    device: str = "cpu"


class Backend(NamedTuple):
    """One way to run the workload. run: passes a batch through the network until its outputs are in main memory;
    precision: type it calculates in, such as "float32"."""

    run: Callable[[], object]
    precision: str


@dataclass(frozen=True)
class NetworkSpeeds:
    """All measurements.

    people_per_second: by backend, one value a round.
    gmacs: multiply-accumulate operations for one person, in 10^9.
    precisions: by backend; the baseline's is unknown.
    call_mb: by backend, memory of a GPU that a call takes beyond that of the weights, in MB of 10^6 bytes.
    skipped: backends that were not measured, and why.
    peak_tflops: highest rate of the machine, 10^12 operations a second; None where unknown.
    """

    workload: Workload
    people_per_second: Mapping[str, Sequence[float]]
    gmacs: float
    precisions: Mapping[str, str] = field(default_factory=dict)
    skipped: Mapping[str, str] = field(default_factory=dict)
    peak_tflops: float | None = None
    call_mb: Mapping[str, float] = field(default_factory=dict)

    def summary(self) -> dict[str, dict[str, float]]:
        """By backend: medians, speedups over eager PyTorch and ONNX Runtime where measured, and operations a second.

        A multiply-accumulate counts as two operations.
        """
        rates = {backend: median(rounds) for backend, rounds in self.people_per_second.items()}
        return {backend: self._metrics(backend, rates) for backend in rates}

    def _metrics(self, backend: str, rates: Mapping[str, float]) -> dict[str, float]:
        rate = rates[backend]
        metrics = {"people_per_second": rate, "ms_per_person": 1000 / rate, "gflops": 2 * self.gmacs * rate}
        if EAGER in rates:
            metrics["speedup_over_eager"] = rate / rates[EAGER]
        if ONNX_RUNTIME in rates:
            metrics["speedup_over_onnx_runtime"] = rate / rates[ONNX_RUNTIME]
        if self.peak_tflops is not None:
            metrics["share_of_peak"] = metrics["gflops"] / (1000 * self.peak_tflops)
        if backend in self.call_mb:
            metrics["call_mb"] = self.call_mb[backend]
        return metrics

    def lines(self) -> list[str]:
        """A table to print, one row a backend, then the skipped backends."""
        w, h = self.workload.input_size
        workload = f"{self.workload.network} {w}x{h}, batch {self.workload.batch}, {self.workload.device}"
        lines = [f"{workload}: {self.gmacs:.2f} GMACs a person"]
        lines.append(f"{'backend':>22}{'precision':>11}" + "".join(f"{head:>16}" for head, _ in _COLUMNS.values()))
        for backend, metrics in self.summary().items():
            cells = [
                f"{form.format(metrics[key]) if key in metrics else '':>16}" for key, (_, form) in _COLUMNS.items()
            ]
            lines.append(f"{backend:>22}{self.precisions.get(backend, ''):>11}" + "".join(cells))
        return [line.rstrip() for line in lines] + [f"skipped {name}: {why}" for name, why in self.skipped.items()]


# metric -> head of its column, format
_COLUMNS = {
    "ms_per_person": ("ms a person", "{:.2f}"),
    "people_per_second": ("people a second", "{:.1f}"),
    "speedup_over_eager": ("x eager", "{:.2f}"),
    "speedup_over_onnx_runtime": ("x ONNX Runtime", "{:.2f}"),
    "gflops": ("GFLOP a second", "{:.0f}"),
    "share_of_peak": ("of the peak", "{:.1%}"),
    "call_mb": ("MB of a call", "{:.0f}"),
}


def measure_network(
    work: Workload,
    rounds: int = 3,
    seconds: float = 3.0,
    baseline: Callable[[], float] | None = None,
    peak_tflops: float | None = None,
    compiled: bool = False,
) -> NetworkSpeeds:
    """Run the workload with all backends, in turn, after two calls of each to warm up.

    seconds: time for each backend in each round; at least three calls are made.
    baseline: runs another program and returns its people a second.
    compiled: also measure `torch.compile`, which takes minutes to compile.

    Raises ValueError for an unknown network, a wrong size, batch or number of rounds, or CUDA where there is none.
    """
    check_rounds(rounds)
    require("torch", purpose="the speed of a network with random weights")
    _check(work)
    backends, skipped = available_backends(work, compiled)
    call_mb = {name: _warm_up(backend.run, work.device) for name, backend in backends.items()}
    jobs = {name: partial(_people_per_second, backend.run, work.batch, seconds) for name, backend in backends.items()}
    rates = run_interleaved({**jobs, BASELINE: baseline} if baseline is not None else jobs, rounds)
    gmacs = count_gmacs(_make_network(work), work.input_size)
    precisions = {name: backend.precision for name, backend in backends.items()}
    known_mb = {name: megabytes for name, megabytes in call_mb.items() if megabytes is not None}
    return NetworkSpeeds(work, rates, gmacs, precisions, skipped, peak_tflops, known_mb)


def _warm_up(run: Callable[[], object], device: str) -> float | None:
    """Two calls, since some backends initialise in the second; returns the most memory of a GPU that was in use beyond
    what was before, in MB; None on a CPU."""
    import torch

    if device == "cpu":
        run()
        run()
        return None
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    run()
    run()
    return (torch.cuda.max_memory_allocated() - before) / 1e6


def _people_per_second(run: Callable[[], object], batch: int, seconds: float) -> float:
    return batch / seconds_of_call(run, seconds)


def _check(work: Workload) -> None:
    from pose_track.models.networks import NETWORKS

    if work.network not in NETWORKS:
        raise ValueError(f"unknown network {work.network!r}; choose one of {', '.join(NETWORKS)}")
    if min(work.input_size) < 32 or any(side % 32 for side in work.input_size):
        raise ValueError(f"input_size must be two multiples of 32, got {list(work.input_size)}")
    if work.batch < 1:
        raise ValueError(f"batch must be 1 or more, got {work.batch!r}")


def seconds_of_call(run: Callable[[], object], seconds: float) -> float:
    """Median elapsed time of one call, calling for `seconds`, at least three times."""
    times: list[float] = []
    stop = time.perf_counter() + seconds
    while len(times) < _MIN_CALLS or time.perf_counter() < stop:
        started = time.perf_counter()
        run()
        times.append(time.perf_counter() - started)
    return median(times)


def available_backends(work: Workload, compiled: bool = False) -> tuple[dict[str, Backend], dict[str, str]]:
    """The backends that can run the workload here, by name; and those that cannot, with the reason."""
    w, h = work.input_size
    images = np.random.default_rng(0).integers(0, 256, (work.batch, h, w, 3), np.uint8)
    backends = {EAGER: _eager(work), TORCH: _runtime(work, "torch", images)}
    reasons = {name: _skip_reason(packages, work.device) for name, packages in _PACKAGES.items()}
    skipped = {name: reason for name, reason in reasons.items() if reason}
    runtimes: dict[str, RuntimeName] = {OPENVINO: "openvino", ONNX: "onnx"}
    backends |= {name: _runtime(work, runtime, images) for name, runtime in runtimes.items() if name not in skipped}
    if ONNX_RUNTIME not in skipped:
        backends[ONNX_RUNTIME] = _onnx_runtime(work)
    if work.device != "cpu":
        backends[CUDA_GRAPHS] = _cuda_graphs(work, images)
    if compiled:
        backends[COMPILED] = _compiled(work, images)
    return backends, skipped


def _skip_reason(packages: Sequence[str], device: str) -> str:
    """Why a CPU backend that needs these packages cannot run; "" where it can."""
    if device != "cpu":
        return "runs on a CPU only"
    missing = [name for name in packages if find_spec(name) is None]
    return f"{' and '.join(missing)} not installed" if missing else ""


def _make_network(work: Workload) -> nn.Module:
    """The network with random weights of a fixed seed."""
    import torch

    from pose_track.models.networks import NETWORKS

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return NETWORKS[work.network](NUM_JOINTS).eval()


def _model_spec(work: Workload) -> ModelSpec:
    """The network with normalisation, as the stages run it."""
    from pose_track.models.inference_model import InferenceModel
    from pose_track.runtime.model_spec import ModelSpec

    w, h = work.input_size
    return ModelSpec(lambda: InferenceModel(_make_network(work)), f"{work.network} {w}x{h} of random weights, seed 0")


def _runtime(work: Workload, name: RuntimeName, images: ImageArray) -> Backend:
    """A runtime of the project, which takes uint8 images."""
    from pose_track.runtime.select import make_runtime

    runtime = make_runtime(_model_spec(work), name, work.device)
    return Backend(lambda: runtime(images), runtime.precision)


def _eager(work: Workload) -> Backend:
    """Eager float32 on normalised planes, with cuDNN's algorithm search, as in the published HRNet code."""
    import torch

    network = _make_network(work).to(work.device)
    batch = _normalised_planes(work)
    torch.backends.cudnn.benchmark = True

    def run() -> object:
        with torch.no_grad():
            return network(torch.from_numpy(batch).to(work.device)).cpu()

    return Backend(run, "float32")


def _cuda_graphs(work: Workload, images: ImageArray) -> Backend:
    """The network as the keypoint stage runs it on a GPU."""
    from pose_track.runtime.cuda_graphs import GraphedNetwork

    network, precision = _folded(work)
    return _on_device(GraphedNetwork(network, work.batch), precision, work.device, images)


def _compiled(work: Workload, images: ImageArray) -> Backend:
    """The same network, compiled by PyTorch in the mode for small batches, which records CUDA graphs too."""
    import torch

    network, precision = _folded(work)
    return _on_device(torch.compile(network, mode="reduce-overhead"), precision, work.device, images)


def _folded(work: Workload) -> tuple[Callable[[torch.Tensor], tuple[torch.Tensor, ...]], str]:
    """The network with folded batch norms, for uint8 images (B, 3, H, W) on its device, and its precision there."""
    import torch

    from pose_track.models.inference_model import InferenceModel
    from pose_track.runtime.torch_runtime import fold_batch_norms, resolve_precision

    dtype = resolve_precision("auto", work.device)
    network = fold_batch_norms(InferenceModel(_make_network(work)))
    network.to(work.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    network.network.to(dtype)
    return network.forward_channels_first, str(dtype).removeprefix("torch.")


def _on_device(
    network: Callable[[torch.Tensor], tuple[torch.Tensor, ...]], precision: str, device: str, images: ImageArray
) -> Backend:
    """A backend that copies the images to the device, and the outputs back."""
    import torch

    from pose_track.runtime.device import upload

    @torch.inference_mode()
    def run() -> object:
        return [output.cpu() for output in network(upload(images, torch.device(device)).permute(0, 3, 1, 2))]

    return Backend(run, precision)


def _onnx_runtime(work: Workload) -> Backend:
    """ONNX Runtime with its default options, on normalised planes, with a fixed batch size.

    By default its threads spin while they wait.
    """
    import onnxruntime
    import torch

    batch = _normalised_planes(work)
    with TemporaryDirectory() as folder, warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        path, example = f"{folder}/network.onnx", (torch.from_numpy(batch),)
        torch.onnx.export(_make_network(work), example, path, input_names=["images"], dynamo=False)
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return Backend(lambda: session.run(None, {"images": batch}), "float32")


def _normalised_planes(work: Workload) -> Float32Array:
    """(B, 3, H, W) random values with the distribution of normalised images."""
    w, h = work.input_size
    return np.random.default_rng(0).standard_normal((work.batch, 3, h, w), np.float32)


def count_gmacs(network: nn.Module, input_size: tuple[int, int]) -> float:
    """Multiply-accumulate operations of the convolutions for one image of (w, h) pixels, in 10^9.

    >>> from torch import nn
    >>> count_gmacs(nn.Conv2d(3, 8, 3, padding=1), (1000, 1000)) == 3 * 8 * 9 * 1e-3
    True
    """
    import torch
    from torch import nn

    total = 0

    def add(module: nn.Module, _: object, output: torch.Tensor) -> None:
        nonlocal total
        assert isinstance(module, nn.Conv2d)
        total += output.numel() * module.weight[0].numel()

    network = network.to("meta")  # shapes only; nothing is computed
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            module.register_forward_hook(add)
    w, h = input_size
    network(torch.zeros(1, 3, h, w, device="meta"))
    return total / 1e9
