"""Networks run by OpenVINO and ONNX Runtime: outputs, threads, the cache, and ONNX files."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from pose_track.models.hrnet import HRNet, HRNetWithEmbedding
from pose_track.models.inference_model import InferenceModel
from pose_track.runtime import openvino_compile, openvino_runtime
from pose_track.runtime.cache import CHECKSUMS
from pose_track.runtime.model_spec import ModelSpec, Precision, Runtime
from pose_track.runtime.select import RuntimeName, make_runtime
from pose_track.runtime.torch_runtime import TorchRuntime
from pose_track.utils import extras
from pose_track.utils.cache_dir import VARIABLE
from pose_track.utils.extras import missing_modules

FLIP_INDICES = [0, 2, 1]
CODE = {"openvino": "openvino_compile", "onnx": "onnx_runtime"}  # what makes cache entries
FILES = {"openvino": ["compiled.blob"], "onnx": ["model.onnx"]}  # of a cache entry
MISSING = missing_modules("onnx", "onnxruntime")
ONNX_SKIP = pytest.mark.skipif(bool(MISSING), reason=f"{MISSING} not installed; pip install 'pose_track[onnx]'")
NAMES = ["openvino", pytest.param("onnx", marks=ONNX_SKIP)]


def random_images(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)


def tiny(flip_indices: list[int] | None = FLIP_INDICES) -> InferenceModel:
    torch.manual_seed(0)
    network = HRNet(3, (4, 8, 16, 32), num_modules=(1, 1, 1), num_blocks=1, stem_blocks=1)
    return InferenceModel(HRNetWithEmbedding(network), flip_indices)


@pytest.fixture(scope="module", params=NAMES)
def runtime(request: pytest.FixtureRequest) -> Runtime:
    return make_runtime(ModelSpec(tiny, "tiny with flip test"), request.param)


@pytest.mark.parametrize("shape", [(1, 64, 64), (3, 96, 64), (2, 32, 128)])
def test_outputs_are_those_of_pytorch(runtime: Runtime, shape: tuple[int, ...]) -> None:
    """Of batches and images of any size; heatmaps with the flip test, and the appearance embedding."""
    expected = TorchRuntime(tiny(), "cpu", "float32")(random_images(*shape))
    outputs = runtime(random_images(*shape))
    assert [output.shape for output in outputs] == [output.shape for output in expected]
    tolerance = 1e-4 if runtime.precision == "float32" else 0.05
    for output, right in zip(outputs, expected, strict=True):
        assert output.dtype == np.float32
        np.testing.assert_allclose(output, right, rtol=0, atol=tolerance * np.abs(right).max())


def test_precision_and_device(runtime: Runtime) -> None:
    assert runtime.precision in ("float32", "bfloat16")
    assert runtime.device == "cpu"


def test_later_calls_do_not_overwrite_outputs(runtime: Runtime) -> None:
    images = random_images(2, 64, 64)
    heatmaps, appearance = runtime(images[:1])
    before = heatmaps.copy(), appearance.copy()
    runtime(images[1:])
    np.testing.assert_array_equal(heatmaps, before[0])
    np.testing.assert_array_equal(appearance, before[1])


def test_views_and_read_only_images(runtime: Runtime) -> None:
    images = random_images(2, 64, 64)[:, :, ::-1]
    images.flags.writeable = False
    np.testing.assert_array_equal(runtime(images)[0], runtime(images.copy())[0])


@pytest.mark.parametrize(
    "images", [np.zeros((64, 64, 3), np.uint8), np.zeros((1, 64, 64, 3)), random_images(0, 64, 64)]
)
def test_invalid_images(runtime: Runtime, images: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"\(B, H, W, 3\) uint8, B at least 1, got "):
        runtime(images)


def test_threads_do_not_mix_their_images(runtime: Runtime) -> None:
    images = random_images(4, 64, 64)
    alone = [runtime(image[None])[0] for image in images]
    wrong: list[int] = []

    def work(n: int) -> None:
        wrong.extend(n for _ in range(10) if not np.array_equal(runtime(images[n : n + 1])[0], alone[n]))

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


class Shift(nn.Module):
    """A network whose output is `value`."""

    def __init__(self, value: float) -> None:
        super().__init__()
        self.value = nn.Parameter(torch.tensor(value))

    def forward(self, x: Tensor) -> Tensor:
        return 0 * x + self.value


class Factory:
    """Specifications of `Shift` networks. Counts how many are built."""

    def __init__(self) -> None:
        self.count = 0

    def spec(self, value: float, key: str = "shift") -> ModelSpec:
        def build() -> InferenceModel:
            self.count += 1
            return InferenceModel(Shift(value))

        return ModelSpec(build, f"{key} by {value}")


def run_shift(spec: ModelSpec, name: RuntimeName, precision: Precision = "auto") -> float:
    return float(make_runtime(spec, name, precision=precision)(random_images(1, 4, 4))[0].max())


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(VARIABLE, str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.mark.parametrize("name", NAMES)
def test_a_network_is_built_once(name: RuntimeName, cache: Path) -> None:
    factory = Factory()
    assert [run_shift(factory.spec(2.0), name) for _ in range(3)] == [2, 2, 2]
    assert factory.count == 1
    (entry,) = (cache / name).iterdir()
    assert entry.name.startswith("shift-")
    assert sorted(path.name for path in entry.iterdir()) == sorted([CHECKSUMS, *FILES[name]])


@pytest.mark.parametrize("name", NAMES)
def test_other_keys_are_other_networks(name: RuntimeName, cache: Path) -> None:
    factory = Factory()
    assert [run_shift(factory.spec(*which), name) for which in ((2.0,), (3.0,), (2.0, "moved"), (3.0,))] == [2, 3, 2, 3]
    assert factory.count == len(list((cache / name).iterdir())) == 3


@pytest.mark.parametrize("name", NAMES)
def test_changed_code_rebuilds_the_network(name: RuntimeName, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    factory = Factory()
    run_shift(factory.spec(2.0), name)
    monkeypatch.setattr(f"pose_track.runtime.{CODE[name]}.code_hash", lambda: "other")
    run_shift(factory.spec(2.0), name)
    assert factory.count == len(list((cache / name).iterdir())) == 2


def test_another_openvino_rebuilds_the_network(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    factory = Factory()
    run_shift(factory.spec(2.0), "openvino")
    monkeypatch.setattr(openvino_compile, "ov", OtherVersion())
    run_shift(factory.spec(2.0), "openvino")
    assert factory.count == len(list((cache / "openvino").iterdir())) == 2


class OtherVersion:
    """OpenVINO with another version number."""

    __version__ = "1999.1"

    def __getattr__(self, name: str) -> object:
        import openvino

        return getattr(openvino, name)


@pytest.mark.parametrize(
    ("name", "file"),
    [("openvino", "compiled.blob"), pytest.param("onnx", "model.onnx", marks=ONNX_SKIP)],
)
@pytest.mark.parametrize("damage", ["missing", "truncated"])
def test_a_broken_entry_is_rebuilt(
    name: RuntimeName, file: str, damage: str, cache: Path, caplog: pytest.LogCaptureFixture
) -> None:
    factory = Factory()
    run_shift(factory.spec(2.0), name)
    (entry,) = (cache / name).iterdir()
    if damage == "missing":
        (entry / file).unlink()
    else:
        (entry / file).write_bytes((entry / file).read_bytes()[: -(-(entry / file).stat().st_size // 2)])
    with caplog.at_level(logging.WARNING):
        assert [run_shift(factory.spec(2.0), name) for _ in range(2)] == [2, 2]
    assert factory.count == 2
    (record,) = caplog.records
    assert str(entry) in record.getMessage()


@pytest.mark.parametrize("name", NAMES)
def test_networks_run_without_a_writable_cache(
    name: RuntimeName, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv(VARIABLE, str(tmp_path / "file"))
    factory = Factory()
    assert [run_shift(factory.spec(2.0), name) for _ in range(2)] == [2, 2]
    assert factory.count == 2


@pytest.mark.parametrize("name", NAMES)
def test_converting_prints_nothing(name: RuntimeName, cache: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run_shift(Factory().spec(2.0), name)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("name", NAMES)
def test_a_cached_network_needs_no_torch(name: RuntimeName, cache: Path) -> None:
    run_shift(Factory().spec(2.0), name)
    code = (
        "import sys, numpy as np\n"
        "from pose_track.runtime.select import make_runtime\n"
        "from pose_track.runtime.model_spec import ModelSpec\n"
        f"run = make_runtime(ModelSpec(lambda: 1 / 0, 'shift by 2.0'), {name!r})\n"
        "print(run(np.zeros((1, 4, 4, 3), np.uint8))[0].max(), {'torch', 'onnx'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["2.0", "set()"]


def test_openvino_telemetry_is_off() -> None:
    code = "import pose_track.runtime.openvino_runtime, sys; print(sys.modules['openvino_telemetry'])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["None"]


def ones_and_twos(path: Path) -> Path:
    """An ONNX file with two outputs of the input's size: ones, and twos."""
    from pose_track.runtime.onnx_export import to_onnx
    from pose_track.runtime.onnx_runtime import any_size_axes

    class OnesAndTwos(nn.Module):
        def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
            return 0 * x.float() + 1, 0 * x.float() + 2

    example = torch.zeros((1, 4, 4, 3), dtype=torch.uint8)
    path.write_bytes(to_onnx(OnesAndTwos(), example, "images", ["ones", "twos"], any_size_axes("images", [])))
    return path


@ONNX_SKIP
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("num_outputs", "expected"), [(None, [1, 2]), (1, [1]), (2, [1, 2])])
def test_an_onnx_file_runs_without_building_the_network(
    name: RuntimeName, num_outputs: int | None, expected: list[int], cache: Path, tmp_path: Path
) -> None:
    path = ones_and_twos(tmp_path / "network.onnx")
    spec = ModelSpec(lambda: pytest.fail("the network was built"), "any", path, num_outputs)
    for _ in range(2):
        assert [output.max() for output in make_runtime(spec, name)(random_images(1, 4, 4))] == expected


@ONNX_SKIP
def test_another_onnx_file_is_another_network(cache: Path, tmp_path: Path) -> None:
    """Also under the same key, and with another number of outputs."""
    path = ones_and_twos(tmp_path / "network.onnx")
    outputs = []
    for num_outputs, changed in ((1, False), (2, False), (2, True)):
        if changed:
            path.write_bytes(path.read_bytes() + metadata_property())
        spec = ModelSpec(lambda: pytest.fail("the network was built"), "any", path, num_outputs)
        outputs.append(len(make_runtime(spec, "openvino")(random_images(1, 4, 4))))
    assert outputs == [1, 2, 2]
    assert len(list((cache / "openvino").iterdir())) == 3


def metadata_property() -> bytes:
    """Appended to an ONNX file, it adds a metadata property (field 14 of the message)."""
    import onnx

    model = onnx.ModelProto()
    onnx.helper.set_model_props(model, {"author": "somebody"})
    content: bytes = model.SerializeToString()
    return content


def test_a_compiled_network_depends_on_processor_and_precision(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    factory = Factory()
    run_shift(factory.spec(2.0), "openvino")
    run_shift(factory.spec(2.0), "openvino", "float32")
    monkeypatch.setattr(openvino_compile, "processor_name", lambda: "another processor")
    run_shift(factory.spec(2.0), "openvino")
    assert factory.count == len(list((cache / "openvino").iterdir())) == 3


@ONNX_SKIP
def test_an_unwritable_cache_is_one_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv(VARIABLE, str(tmp_path / "file"))
    spec = ModelSpec(lambda: pytest.fail("the network was built"), "any", ones_and_twos(tmp_path / "network.onnx"))
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            make_runtime(spec, "openvino")(random_images(1, 4, 4))
    (message,) = caplog.messages
    assert str(tmp_path / "file") in message


@ONNX_SKIP
def test_pytorch_does_not_use_the_onnx_file(tmp_path: Path) -> None:
    spec = ModelSpec(lambda: InferenceModel(Shift(3.0)), "any", ones_and_twos(tmp_path / "network.onnx"))
    assert run_shift(spec, "torch") == 3


@pytest.mark.parametrize("name", NAMES)
def test_converting_without_pytorch(name: RuntimeName, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error in one line with the pip command."""
    monkeypatch.setattr(extras, "missing_modules", lambda *modules: [name for name in modules if name == "torch"])
    with pytest.raises(ImportError, match=r"torch.*pip install 'pose_track\[gpu\]'"):
        make_runtime(replace(Factory().spec(2.0), image_size=(4, 4)), name)


class TestInputsAtOnce:
    """Of OpenVINO, on however many cores this machine has."""

    @pytest.mark.parametrize("cores", [1, 2, 64])
    def test_outputs_do_not_depend_on_how_many_images_come(self, cores: int, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(openvino_runtime, "usable_cores", lambda: cores)
        run = make_runtime(ModelSpec(tiny, "tiny with flip test"), "openvino", precision="float32")
        images = random_images(7, 64, 64)
        alone = [run(image[None]) for image in images]
        together = run(images)
        for output, singles in zip(together, zip(*alone, strict=True), strict=True):
            np.testing.assert_allclose(output, np.concatenate(singles), atol=1e-5)

    @pytest.fixture
    def compiled(self, cache: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, Any]]:
        """The width of the images and the hint of each network that is compiled from now on."""
        found: list[tuple[Any, Any]] = []

        def load(spec: ModelSpec, config: dict[str, object]) -> object:
            found.append((spec.input_shape[2], config["PERFORMANCE_HINT"]))  # type: ignore[index]
            return openvino_compile.load_compiled(spec, config)

        monkeypatch.setattr(openvino_runtime, "load_compiled", load)
        return found

    def test_single_images_share_the_cores_and_many_have_one_each(
        self, compiled: list[tuple[Any, Any]], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(openvino_runtime, "usable_cores", lambda: 4)
        run = make_runtime(Factory().spec(2.0), "openvino")
        for count in (3, 2, 1, 4):
            run(random_images(count, 4, 4))
        assert [hint for _, hint in compiled] == ["THROUGHPUT", "LATENCY"]

    def test_few_sizes_stay_compiled(self, compiled: list[tuple[Any, Any]]) -> None:
        run = make_runtime(replace(Factory().spec(2.0), image_size=(4, 4)), "openvino")
        for width in (4, 5, 6, 7, 4, 8, 5):  # 5 was used the longest ago when 8 came
            run(random_images(4, 4, width))
        assert [width for width, _ in compiled] == [4, 5, 6, 7, 8, 5]
