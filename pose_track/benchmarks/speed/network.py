"""How many people a second a keypoint network does, run in each way there is: as published, by us, by ONNX Runtime."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from importlib.util import find_spec
from statistics import median
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np

from pose_track.benchmarks.speed.timing import check_rounds, in_turns

if TYPE_CHECKING:  # PyTorch takes seconds, and the options of this are read without it
    from torch import nn

    from pose_track.runtime.model_spec import ModelSpec
    from pose_track.runtime.select import RuntimeName

NUM_JOINTS = 17
PUBLISHED, TORCH, OPENVINO, ONNX = "published way", "our torch", "our OpenVINO", "our ONNX"
ONNX_RUNTIME = "ONNX Runtime"
THEIRS = "theirs"
_PACKAGES = {OPENVINO: ("openvino",), **dict.fromkeys((ONNX, ONNX_RUNTIME), ("onnx", "onnxruntime"))}
_LEAST_CALLS = 3


@dataclass(frozen=True)
class Workload:
    """What is run. network: of `models.hrnet.NETWORKS`, with random weights; input_size: w, h; batch: people at
    once; device: "cpu" or "cuda"."""

    network: str = "hrnet_w32"
    input_size: tuple[int, int] = (192, 256)
    batch: int = 4
    device: str = "cpu"


@dataclass(frozen=True)
class NetworkSpeeds:
    """people_per_second: by way, round by round; left_out: ways that are not measured, and why; gmacs: thousand million
    multiplications and additions for a person; peak_tflops: what the machine can do at most, None where not said."""

    workload: Workload
    people_per_second: Mapping[str, Sequence[float]]
    gmacs: float
    left_out: Mapping[str, str] = field(default_factory=dict)
    peak_tflops: float | None = None

    def summary(self) -> dict[str, dict[str, float]]:
        """By way: medians, ratios to the published way and to ONNX Runtime where they were measured, and what was
        reached, counting a multiplication and an addition as two."""
        rates = {way: median(each) for way, each in self.people_per_second.items()}
        return {way: self._figures(rate, rates) for way, rate in rates.items()}

    def _figures(self, rate: float, rates: Mapping[str, float]) -> dict[str, float]:
        found = {"people_per_second": rate, "ms_per_person": 1000 / rate, "gflops": 2 * self.gmacs * rate}
        if PUBLISHED in rates:
            found["times_published"] = rate / rates[PUBLISHED]
        if ONNX_RUNTIME in rates:
            found["times_onnx_runtime"] = rate / rates[ONNX_RUNTIME]
        if self.peak_tflops is not None:
            found["share_of_peak"] = found["gflops"] / (1000 * self.peak_tflops)
        return found

    def words(self) -> list[str]:
        """A table, a line for each way, and what was left out."""
        w, h = self.workload.input_size
        what = f"{self.workload.network} {w}x{h}, batch {self.workload.batch}, {self.workload.device}"
        lines = [f"{what}: {self.gmacs:.2f} GMACs a person", "".join(f"{head:>16}" for head in _HEADS)]
        for way, found in self.summary().items():
            cells = [f"{form.format(found[key]) if key in found else '':>16}" for key, form in _COLUMNS.items()]
            lines.append(f"{way:>16}" + "".join(cells))
        return [line.rstrip() for line in lines] + [f"without {way}: {why}" for way, why in self.left_out.items()]


_COLUMNS = {
    "ms_per_person": "{:.2f}",
    "people_per_second": "{:.1f}",
    "times_published": "{:.2f}",
    "times_onnx_runtime": "{:.2f}",
    "gflops": "{:.0f}",
    "share_of_peak": "{:.1%}",
}
_HEADS = ("way", "ms a person", "people a second", "x published", "x ONNX Runtime", "GFLOP a second", "of the peak")


def network_speeds(
    work: Workload,
    rounds: int = 3,
    seconds: float = 3.0,
    theirs: Callable[[], float] | None = None,
    peak_tflops: float | None = None,
) -> NetworkSpeeds:
    """Run all ways in turn, each for so many seconds in each round and for three batches at least, after two that do
    not count. theirs: gives another program's people a second. Raises ValueError for a network, size, batch or number
    of rounds that cannot be, or for CUDA where there is none."""
    check_rounds(rounds)
    _check(work)
    ways, left_out = runnable_ways(work)
    for run in ways.values():
        run()
        run()  # some ways prepare themselves at the first call, others at the second
    jobs = {way: partial(_people_per_second, run, work.batch, seconds) for way, run in ways.items()}
    found = in_turns({**jobs, THEIRS: theirs} if theirs is not None else jobs, rounds)
    gmacs = count_gmacs(_make_network(work), work.input_size)
    return NetworkSpeeds(work, found, gmacs, left_out, peak_tflops)


def _people_per_second(run: Callable[[], object], batch: int, seconds: float) -> float:
    return batch / seconds_of_call(run, seconds)


def _check(work: Workload) -> None:
    from pose_track.models.hrnet import NETWORKS

    if work.network not in NETWORKS:
        raise ValueError(f"unknown network {work.network!r}; choose one of {', '.join(NETWORKS)}")
    if min(work.input_size) < 32 or any(side % 32 for side in work.input_size):
        raise ValueError(f"input_size must be two multiples of 32, got {list(work.input_size)}")
    if work.batch < 1:
        raise ValueError(f"batch must be 1 or more, got {work.batch!r}")


def seconds_of_call(run: Callable[[], object], seconds: float) -> float:
    """The median time on the clock of one call, calling for so long, and three times at least."""
    found: list[float] = []
    stop = time.perf_counter() + seconds
    while len(found) < _LEAST_CALLS or time.perf_counter() < stop:
        started = time.perf_counter()
        run()
        found.append(time.perf_counter() - started)
    return median(found)


def runnable_ways(work: Workload) -> tuple[dict[str, Callable[[], object]], dict[str, str]]:
    """By way, a function that takes a batch of pictures through the network until its outputs are in memory; and the
    ways that are not possible here, with the reason."""
    w, h = work.input_size
    images = np.random.default_rng(0).integers(0, 256, (work.batch, h, w, 3), np.uint8)
    ways = {PUBLISHED: _published(work), TORCH: _ours(work, "torch", images)}
    left_out = {way: why for way, packages in _PACKAGES.items() if (why := _reason_against(packages, work.device))}
    runtimes: dict[str, RuntimeName] = {OPENVINO: "openvino", ONNX: "onnx"}
    ways |= {way: _ours(work, name, images) for way, name in runtimes.items() if way not in left_out}
    if ONNX_RUNTIME not in left_out:
        ways[ONNX_RUNTIME] = _onnx_runtime(work)
    return ways, left_out


def _reason_against(packages: Sequence[str], device: str) -> str:
    """Why a way that needs packages, and a CPU, is not possible; "" where it is."""
    if device != "cpu":
        return "measured on a CPU only"
    lacking = [name for name in packages if find_spec(name) is None]
    return f"{' and '.join(lacking)} not installed" if lacking else ""


def _make_network(work: Workload) -> nn.Module:
    """With random weights, always the same."""
    import torch

    from pose_track.models.hrnet import NETWORKS

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return NETWORKS[work.network](NUM_JOINTS).eval()


def _plan(work: Workload) -> ModelSpec:
    """The network with normalisation, as the stages run it."""
    from pose_track.models.inference_model import InferenceModel
    from pose_track.runtime.model_spec import ModelSpec

    w, h = work.input_size
    return ModelSpec(lambda: InferenceModel(_make_network(work)), f"{work.network} {w}x{h} of random weights, seed 0")


def _ours(work: Workload, runtime: RuntimeName, images: np.ndarray[Any, np.dtype[np.uint8]]) -> Callable[[], object]:
    from pose_track.runtime.select import make_runtime

    run = make_runtime(_plan(work), runtime, work.device)
    return lambda: run(images)


def _published(work: Workload) -> Callable[[], object]:
    """Eager float32 on planes that are normalised already, with cuDNN's own search as their configs have it."""
    import torch

    network = _make_network(work).to(work.device)
    batch = _planes(work)
    torch.backends.cudnn.benchmark = True

    def run() -> object:
        with torch.no_grad():
            return network(torch.from_numpy(batch).to(work.device)).cpu()

    return run


def _onnx_runtime(work: Workload) -> Callable[[], object]:
    """The same network on planes that are normalised already, in ONNX Runtime as it is by default: its threads never
    sleep, and the batch is known in advance."""
    import onnxruntime
    import torch

    batch = _planes(work)
    with TemporaryDirectory() as folder, warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        path, example = f"{folder}/network.onnx", (torch.from_numpy(batch),)
        torch.onnx.export(_make_network(work), example, path, input_names=["images"], dynamo=False)
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return lambda: session.run(None, {"images": batch})


def _planes(work: Workload) -> np.ndarray[Any, np.dtype[np.float32]]:
    """(B, 3, H, W) float32, as normalised pictures are."""
    w, h = work.input_size
    return np.random.default_rng(0).standard_normal((work.batch, 3, h, w), np.float32)


def count_gmacs(network: nn.Module, input_size: tuple[int, int]) -> float:
    """Thousand million multiplications, each with an addition, of the convolutions for one picture of w, h pixels.

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

    network = network.to("meta")  # shapes alone: nothing is computed
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            module.register_forward_hook(add)
    w, h = input_size
    network(torch.zeros(1, 3, h, w, device="meta"))
    return total / 1e9
