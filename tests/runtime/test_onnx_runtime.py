"""Networks run by ONNX Runtime: outputs, threads, what is kept of them, and files that hold one."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from pose_track.export.people import SAMPLE, crops_of_people
from pose_track.models.deployed import Deployed
from pose_track.models.hrnet import HRNet, HRNetWithLooks
from pose_track.runtime.cache import VARIABLE
from pose_track.runtime.openvino_runtime import OpenVinoRuntime
from pose_track.runtime.plan import Plan
from pose_track.runtime.torch_runtime import TorchRuntime

onnx = pytest.importorskip("onnx", reason="networks are written by onnx; pip install -e '.[onnx]'")
pytest.importorskip("onnxruntime", reason="what is tested here; pip install -e '.[onnx]'")

from pose_track.runtime import onnx_runtime  # noqa: E402
from pose_track.runtime.onnx_runtime import OnnxRuntime, exported_notes, open_exported, to_onnx  # noqa: E402

TWINS = [0, 2, 1]


def pictures(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)


def tiny(twins: list[int] | None = TWINS) -> Deployed:
    torch.manual_seed(0)
    network = HRNet(3, (4, 8, 16, 32), num_modules=(1, 1, 1), num_blocks=1, stem_blocks=1)
    return Deployed(HRNetWithLooks(network), twins).eval()


@pytest.fixture(scope="module")
def runtime() -> OnnxRuntime:
    return OnnxRuntime(Plan(tiny, "tiny with flip test"))


@pytest.mark.parametrize("shape", [(1, 64, 64), (3, 96, 64), (2, 32, 128)])
def test_outputs_are_those_of_pytorch(runtime: OnnxRuntime, shape: tuple[int, ...]) -> None:
    """Of batches and pictures of any size; heatmaps with the flip test, and looks."""
    expected = TorchRuntime(tiny(), "cpu", "float32")(pictures(*shape))
    outputs = runtime(pictures(*shape))
    assert [output.shape for output in outputs] == [output.shape for output in expected]
    for output, right in zip(outputs, expected, strict=True):
        assert output.dtype == np.float32
        np.testing.assert_allclose(output, right, rtol=0, atol=1e-5 * np.abs(right).max())


def test_the_three_runtimes_find_the_same_joints() -> None:
    """On people of the sample, by the bundled network."""
    from pose_track.plans import pose_plan
    from pose_track.pose_form import pose_form
    from pose_track.settings import PoseSettings

    form = pose_form(PoseSettings())
    plan, codec = pose_plan(form, flip_test=True), form.codec
    crops = crops_of_people(SAMPLE, codec, 1.25, 6)
    right = codec.decode(TorchRuntime(plan.make(), "cpu", "float32")(crops)[0])[0]
    openvino = OpenVinoRuntime(plan)
    for run in (OnnxRuntime(plan), openvino):
        away = np.linalg.norm(codec.decode(run(crops)[0])[0] - right, axis=-1)
        assert away.max() < (0.01 if run.precision == "float32" else 1)


def test_where_and_in_which_type_in_words(runtime: OnnxRuntime) -> None:
    assert (runtime.device, runtime.precision) == ("cpu", "float32")


def test_outputs_stay_as_they_are(runtime: OnnxRuntime) -> None:
    images = pictures(2, 64, 64)
    heatmaps, looks = runtime(images[:1])
    before = heatmaps.copy(), looks.copy()
    runtime(images[1:])
    np.testing.assert_array_equal(heatmaps, before[0])
    np.testing.assert_array_equal(looks, before[1])


def test_views_and_read_only_pictures(runtime: OnnxRuntime) -> None:
    images = pictures(2, 64, 64)[:, :, ::-1]
    images.flags.writeable = False
    np.testing.assert_array_equal(runtime(images)[0], runtime(images.copy())[0])


@pytest.mark.parametrize("images", [np.zeros((64, 64, 3), np.uint8), np.zeros((1, 64, 64, 3)), pictures(0, 64, 64)])
def test_other_pictures_are_refused(runtime: OnnxRuntime, images: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"\(B, H, W, 3\) uint8, B at least 1, got "):
        runtime(images)


def test_threads_do_not_mix_their_pictures(runtime: OnnxRuntime) -> None:
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

    def plan(self, value: float, key: str = "shift") -> Plan:
        def make() -> Deployed:
            self.count += 1
            return Deployed(Shift(value))

        return Plan(make, f"{key} by {value}")


def value_of(plan: Plan) -> float:
    return float(OnnxRuntime(plan)(pictures(1, 4, 4))[0].max())


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(VARIABLE, str(tmp_path / "cache"))
    return tmp_path / "cache" / "onnx"


def test_a_network_is_made_once(cache: Path) -> None:
    made = Made()
    assert [value_of(made.plan(2.0)) for _ in range(3)] == [2, 2, 2]
    assert made.count == 1
    (entry,) = cache.iterdir()
    assert entry.name.startswith("shift-")
    assert [path.name for path in entry.iterdir()] == ["model.onnx"]


def test_other_keys_are_other_networks(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = Made()
    assert [value_of(made.plan(*which)) for which in ((2.0,), (3.0,), (2.0, "moved"), (3.0,))] == [2, 3, 2, 3]
    assert made.count == len(list(cache.iterdir())) == 3
    monkeypatch.setattr(onnx_runtime, "code_hash", lambda: "other")
    value_of(made.plan(2.0))
    assert made.count == 4


@pytest.mark.parametrize("fault", ["missing", "cut", "empty"])
def test_a_broken_entry_is_made_again(cache: Path, fault: str, caplog: pytest.LogCaptureFixture) -> None:
    made = Made()
    value_of(made.plan(2.0))
    (entry,) = cache.iterdir()
    file = entry / "model.onnx"
    if fault == "missing":
        file.unlink()
    else:
        file.write_bytes(file.read_bytes()[: file.stat().st_size // 2 if fault == "cut" else 0])
    with caplog.at_level(logging.WARNING):
        assert [value_of(made.plan(2.0)) for _ in range(2)] == [2, 2]
    assert made.count == 2
    (record,) = caplog.records
    assert f"{entry} cannot be read and is made again" in record.getMessage()


def test_it_runs_where_nothing_can_be_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv(VARIABLE, str(tmp_path / "file"))
    made = Made()
    assert [value_of(made.plan(2.0)) for _ in range(2)] == [2, 2]
    assert made.count == 2


def test_converting_says_nothing(cache: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        value_of(Made().plan(2.0))
    assert capfd.readouterr() == ("", "")


def test_a_warm_start_imports_no_torch(cache: Path) -> None:
    value_of(Made().plan(2.0))
    code = (
        "import sys, numpy as np\n"
        "from pose_track.runtime.choose import make_runtime\n"
        "from pose_track.runtime.plan import Plan\n"
        "run = make_runtime(Plan(lambda: 1 / 0, 'shift by 2.0'), 'onnx')\n"
        "print(run(np.zeros((1, 4, 4, 3), np.uint8))[0].max(), {'torch', 'onnx'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["2.0", "set()"]


def write(path: Path, notes: dict[str, str]) -> Path:
    """A network for pictures of 8x4 as an exported file."""
    example = torch.zeros((1, 4, 8, 3), dtype=torch.uint8)
    open_sides = {name: {0: "batch"} for name in ("crops", "heatmaps")}
    model = onnx.load_from_string(to_onnx(Deployed(Shift(2.0)), example, "crops", ["heatmaps"], open_sides))
    onnx.helper.set_model_props(model, notes)
    onnx.save(model, path)
    return path


NOTES = {"form": "crops to heatmaps", "skeleton": "coco_17"}


def test_an_exported_file_is_run(tmp_path: Path) -> None:
    path = write(tmp_path / "network.onnx", NOTES)
    assert exported_notes(path) == NOTES
    run = open_exported(path)
    assert run(pictures(3, 4, 8))[0].shape == (3, 3, 4, 8)
    assert (run.device, run.precision) == ("cpu", "float32")
    with pytest.raises(ValueError, match=r"images must be \('batch', 4, 8, 3\), got \(1, 8, 4, 3\)"):
        run(pictures(1, 8, 4))


@pytest.mark.parametrize("form", ["crops to joints", "normalised crops to heatmaps"])
def test_forms_that_are_no_estimator(tmp_path: Path, form: str) -> None:
    path = write(tmp_path / "network.onnx", {"form": form})
    assert exported_notes(path)["form"] == form
    with pytest.raises(ValueError, match=f"was exported as '{form}' and cannot be an estimator; export it as 'crops"):
        open_exported(path)


@pytest.mark.parametrize("read", [exported_notes, open_exported])
def test_files_that_are_none(tmp_path: Path, read: object) -> None:
    assert callable(read)
    path = tmp_path / "network.onnx"
    with pytest.raises(FileNotFoundError, match=r"there is no exported network '.*network\.onnx'; make it with tools/"):
        read(path)
    whole = write(path, NOTES).read_bytes()
    for content in (b"", b"no network", whole[: len(whole) // 2]):
        path.write_bytes(content)
        with pytest.raises(
            ValueError, match=r"network\.onnx' is not an ONNX file or is cut short; export it again \("
        ) as e:
            read(path)
        assert "\n" not in str(e.value)
    write(path, {"author": "somebody"})
    with pytest.raises(
        ValueError, match=r"network\.onnx' was not exported by tools/export_model\.py; give a file that"
    ):
        read(path)
