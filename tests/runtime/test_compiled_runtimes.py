"""Networks run by OpenVINO and by ONNX Runtime: outputs, threads, and what is kept of them."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
import warnings
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from pose_track.models.hrnet import HRNet, HRNetWithEmbedding
from pose_track.models.inference_model import InferenceModel
from pose_track.runtime import openvino_runtime
from pose_track.runtime.model_spec import ModelSpec, Runtime
from pose_track.runtime.select import RuntimeName, make_runtime
from pose_track.runtime.torch_runtime import TorchRuntime
from pose_track.utils.cache_dir import VARIABLE

TWINS = [0, 2, 1]
FILES = {"openvino": ["model.bin", "model.xml"], "onnx": ["model.onnx"]}  # of what is kept
LACKING = [name for name in ("onnx", "onnxruntime") if find_spec(name) is None]
ONNX_SKIP = pytest.mark.skipif(bool(LACKING), reason=f"{LACKING} not installed; pip install -e '.[onnx]'")
NAMES = ["openvino", pytest.param("onnx", marks=ONNX_SKIP)]


def pictures(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)


def tiny(twins: list[int] | None = TWINS) -> InferenceModel:
    torch.manual_seed(0)
    network = HRNet(3, (4, 8, 16, 32), num_modules=(1, 1, 1), num_blocks=1, stem_blocks=1)
    return InferenceModel(HRNetWithEmbedding(network), twins)


@pytest.fixture(scope="module", params=NAMES)
def runtime(request: pytest.FixtureRequest) -> Runtime:
    return make_runtime(ModelSpec(tiny, "tiny with flip test"), request.param)


@pytest.mark.parametrize("shape", [(1, 64, 64), (3, 96, 64), (2, 32, 128)])
def test_outputs_are_those_of_pytorch(runtime: Runtime, shape: tuple[int, ...]) -> None:
    """Of batches and pictures of any size; heatmaps with the flip test, and looks."""
    expected = TorchRuntime(tiny(), "cpu", "float32")(pictures(*shape))
    outputs = runtime(pictures(*shape))
    assert [output.shape for output in outputs] == [output.shape for output in expected]
    tolerance = 1e-4 if runtime.precision == "float32" else 0.05
    for output, right in zip(outputs, expected, strict=True):
        assert output.dtype == np.float32
        np.testing.assert_allclose(output, right, rtol=0, atol=tolerance * np.abs(right).max())


def test_precision_in_words(runtime: Runtime) -> None:
    assert runtime.precision in ("float32", "bfloat16")
    assert runtime.device == "cpu"


def test_outputs_stay_as_they_are(runtime: Runtime) -> None:
    images = pictures(2, 64, 64)
    heatmaps, appearance = runtime(images[:1])
    before = heatmaps.copy(), appearance.copy()
    runtime(images[1:])
    np.testing.assert_array_equal(heatmaps, before[0])
    np.testing.assert_array_equal(appearance, before[1])


def test_views_and_read_only_pictures(runtime: Runtime) -> None:
    images = pictures(2, 64, 64)[:, :, ::-1]
    images.flags.writeable = False
    np.testing.assert_array_equal(runtime(images)[0], runtime(images.copy())[0])


@pytest.mark.parametrize("images", [np.zeros((64, 64, 3), np.uint8), np.zeros((1, 64, 64, 3)), pictures(0, 64, 64)])
def test_other_pictures_are_refused(runtime: Runtime, images: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"\(B, H, W, 3\) uint8, B at least 1, got "):
        runtime(images)


def test_threads_do_not_mix_their_pictures(runtime: Runtime) -> None:
    images = pictures(4, 64, 64)
    alone = [runtime(image[None])[0] for image in images]
    faults: list[int] = []

    def work(n: int) -> None:
        faults.extend(n for _ in range(10) if not np.array_equal(runtime(images[n : n + 1])[0], alone[n]))

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []


class Shift(nn.Module):
    """A network that tells which one it is."""

    def __init__(self, value: float) -> None:
        super().__init__()
        self.value = nn.Parameter(torch.tensor(value))

    def forward(self, x: Tensor) -> Tensor:
        return 0 * x + self.value


class Made:
    """Plans of such networks, and how often one was made."""

    def __init__(self) -> None:
        self.count = 0

    def plan(self, value: float, key: str = "shift") -> ModelSpec:
        def make() -> InferenceModel:
            self.count += 1
            return InferenceModel(Shift(value))

        return ModelSpec(make, f"{key} by {value}")


def value_of(plan: ModelSpec, name: RuntimeName) -> float:
    return float(make_runtime(plan, name)(pictures(1, 4, 4))[0].max())


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(VARIABLE, str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.mark.parametrize("name", NAMES)
def test_a_network_is_made_once(name: RuntimeName, cache: Path) -> None:
    made = Made()
    assert [value_of(made.plan(2.0), name) for _ in range(3)] == [2, 2, 2]
    assert made.count == 1
    (entry,) = (cache / name).iterdir()
    assert entry.name.startswith("shift-")
    assert sorted(path.name for path in entry.iterdir()) == FILES[name]


@pytest.mark.parametrize("name", NAMES)
def test_other_keys_are_other_networks(name: RuntimeName, cache: Path) -> None:
    made = Made()
    assert [value_of(made.plan(*which), name) for which in ((2.0,), (3.0,), (2.0, "moved"), (3.0,))] == [2, 3, 2, 3]
    assert made.count == len(list((cache / name).iterdir())) == 3


@pytest.mark.parametrize("name", NAMES)
def test_other_code_makes_other_networks(name: RuntimeName, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = Made()
    value_of(made.plan(2.0), name)
    monkeypatch.setattr(f"pose_track.runtime.{name}_runtime.code_hash", lambda: "other")
    value_of(made.plan(2.0), name)
    assert made.count == len(list((cache / name).iterdir())) == 2


def test_another_openvino_makes_other_networks(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = Made()
    value_of(made.plan(2.0), "openvino")
    monkeypatch.setattr(openvino_runtime, "ov", OtherVersion())
    value_of(made.plan(2.0), "openvino")
    assert made.count == len(list((cache / "openvino").iterdir())) == 2


class OtherVersion:
    """OpenVINO that calls itself another one."""

    __version__ = "1999.1"

    def __getattr__(self, name: str) -> object:
        import openvino

        return getattr(openvino, name)


@pytest.mark.parametrize(
    ("name", "file"),
    [("openvino", "model.xml"), ("openvino", "model.bin"), pytest.param("onnx", "model.onnx", marks=ONNX_SKIP)],
)
@pytest.mark.parametrize("fault", ["missing", "cut"])
def test_a_broken_entry_is_made_again(
    name: RuntimeName, file: str, fault: str, cache: Path, caplog: pytest.LogCaptureFixture
) -> None:
    made = Made()
    value_of(made.plan(2.0), name)
    (entry,) = (cache / name).iterdir()
    if fault == "missing":
        (entry / file).unlink()
    else:
        (entry / file).write_bytes((entry / file).read_bytes()[: -(-(entry / file).stat().st_size // 2)])
    with caplog.at_level(logging.WARNING):
        assert [value_of(made.plan(2.0), name) for _ in range(2)] == [2, 2]
    assert made.count == 2
    (record,) = caplog.records
    assert f"{entry} cannot be read and is made again" in record.getMessage()


@pytest.mark.parametrize("name", NAMES)
def test_it_runs_where_nothing_can_be_kept(name: RuntimeName, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv(VARIABLE, str(tmp_path / "file"))
    made = Made()
    assert [value_of(made.plan(2.0), name) for _ in range(2)] == [2, 2]
    assert made.count == 2


@pytest.mark.parametrize("name", NAMES)
def test_converting_says_nothing(name: RuntimeName, cache: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        value_of(Made().plan(2.0), name)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("name", NAMES)
def test_a_warm_start_imports_no_torch(name: RuntimeName, cache: Path) -> None:
    value_of(Made().plan(2.0), name)
    code = (
        "import sys, numpy as np\n"
        "from pose_track.runtime.select import make_runtime\n"
        "from pose_track.runtime.model_spec import ModelSpec\n"
        f"run = make_runtime(ModelSpec(lambda: 1 / 0, 'shift by 2.0'), {name!r})\n"
        "print(run(np.zeros((1, 4, 4, 3), np.uint8))[0].max(), {'torch', 'onnx'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["2.0", "set()"]


def test_openvino_tells_nobody_that_it_is_used() -> None:
    code = "import pose_track.runtime.openvino_runtime, sys; print(sys.modules['openvino_telemetry'])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["None"]
