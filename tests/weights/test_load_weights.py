from __future__ import annotations

import hashlib
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from shared_data import shared
from torch import Tensor, nn

from pose_track.models.hrnet import HighResolutionModule, HRNet
from pose_track.utils.hashing import file_sha256
from pose_track.weights.load import load_trunk, load_weights, save_weights


class Small(nn.Module):
    """A network with a kernel, a bias and batch-norm statistics."""

    def __init__(self, width: int = 4) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, width, 3)
        self.bn = nn.BatchNorm2d(width)


def small(seed: int, width: int = 4) -> Small:
    torch.manual_seed(seed)
    network = Small(width)
    nn.init.normal_(network.bn.running_mean)
    return network


def assert_same(actual: nn.Module, expected: nn.Module, kernels_within: float = 0) -> None:
    """Equal values under equal names; values of several dimensions only within a relative tolerance."""
    state = expected.state_dict()
    assert actual.state_dict().keys() == state.keys()
    for name, value in actual.state_dict().items():
        assert value.dtype == state[name].dtype
        rtol = kernels_within if value.ndim > 1 else 0
        torch.testing.assert_close(value, state[name], rtol=rtol, atol=rtol / 100, msg=name)


def test_full_precision_round_trip_with_metadata(tmp_path: Path) -> None:
    saved, loaded = small(0), small(1)
    path = tmp_path / "small.safetensors"
    save_weights(saved, path, {"skeleton": "coco_17", "epoch": "7"}, half=False)
    assert load_weights(loaded, path) == {"skeleton": "coco_17", "epoch": "7"}
    assert_same(loaded, saved)


def test_half_precision_file_is_smaller_and_loads_as_float32(tmp_path: Path) -> None:
    saved = small(0, width=64).to(memory_format=torch.channels_last)
    saved.bn.running_var[0] = 1e6  # beyond float16: vectors keep their precision
    loaded = small(1, width=64)
    full, half = tmp_path / "full.safetensors", tmp_path / "half.safetensors"
    save_weights(saved, full, half=False)
    save_weights(saved, half)
    assert half.stat().st_size < 0.7 * full.stat().st_size
    assert load_weights(loaded, half) == {}
    assert_same(loaded, saved, kernels_within=1e-3)
    assert saved.conv.weight.dtype == torch.float32


def test_saving_replaces_the_file_and_leaves_no_other(tmp_path: Path) -> None:
    path = tmp_path / "small.safetensors"
    save_weights(small(0), path)
    before = path.read_bytes()
    with path.open("rb") as reader:  # a reader of the old file is not disturbed
        save_weights(small(1), path, half=False)
        assert reader.read() == before
    loaded = small(2)
    load_weights(loaded, path)
    assert_same(loaded, small(1))
    assert [p.name for p in tmp_path.iterdir()] == ["small.safetensors"]


@pytest.mark.parametrize(
    ("value", "half", "remedy"), [(1e6, True, "half=False"), (float("nan"), False, "training has diverged")]
)
def test_values_that_cannot_be_stored_leave_the_old_file(tmp_path: Path, value: float, half: bool, remedy: str) -> None:
    path = tmp_path / "small.safetensors"
    save_weights(small(0), path)
    before = path.read_bytes()
    broken = small(1)
    with torch.no_grad():
        broken.conv.weight[0, 0, 0, 0] = value
    with pytest.raises(ValueError, match=f"conv.weight .*{remedy}"):
        save_weights(broken, path, half=half)
    assert path.read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 1


def test_the_file_has_the_usual_permissions(tmp_path: Path) -> None:
    save_weights(small(0), tmp_path / "small.safetensors")
    (tmp_path / "usual").touch()
    modes = [(tmp_path / name).stat().st_mode for name in ("small.safetensors", "usual")]
    assert modes[0] == modes[1]


def test_an_interrupted_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "small.safetensors"
    save_weights(small(0), path)
    before = path.read_bytes()

    def half_written(path: Path, content: bytes) -> int:
        with path.open("wb") as file:
            file.write(content[:9])
        raise OSError("no space left on device")

    monkeypatch.setattr(Path, "write_bytes", half_written)
    with pytest.raises(OSError, match="no space"):
        save_weights(small(1), path)
    assert path.read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 1


def with_prefix(state: dict[str, Tensor]) -> dict[str, Tensor]:
    return {("head." if name.startswith("conv") else "backbone.") + name: value for name, value in state.items()}


@pytest.mark.parametrize(
    "content",
    [
        lambda state: state,
        lambda state: {"state_dict": state, "epoch": 3},
        lambda state: {name: value.half() if value.ndim > 1 else value for name, value in state.items()},
        lambda state: {"state_dict": with_prefix(state), "meta": {"time": "now"}},  # as MMPose writes it
        lambda state: {"state_dict": state, "meta": {"sigmas": np.array([0.1, 0.2]), "best": np.float32(0.5)}},
        lambda state: {"module." + name: value for name, value in state.items()},  # of several devices
    ],
)
def test_published_checkpoints(tmp_path: Path, content: Callable[[dict[str, Tensor]], object]) -> None:
    saved, loaded = small(0), small(1)
    torch.save(content(saved.state_dict()), tmp_path / "published.pth")
    assert load_weights(loaded, tmp_path / "published.pth") == {}
    assert_same(loaded, saved, kernels_within=1e-3)


def test_module_names_of_numpy_1(tmp_path: Path) -> None:
    """Files written with NumPy 1 refer to `numpy.core`, those of NumPy 2 to `numpy._core`."""
    saved, loaded = small(0), small(1)
    new, old = tmp_path / "new.pth", tmp_path / "old.pth"
    torch.save({"state_dict": saved.state_dict(), "meta": np.array([0.5])}, new)
    with zipfile.ZipFile(new) as source, zipfile.ZipFile(old, "w") as target:
        for name in source.namelist():
            target.writestr(name, source.read(name).replace(b"cnumpy._core.", b"cnumpy.core."))
    assert b"cnumpy.core.multiarray" in old.read_bytes()
    load_weights(loaded, old)
    assert_same(loaded, saved)


def test_a_network_with_its_own_backbone_keeps_its_names(tmp_path: Path) -> None:
    saved = nn.ModuleDict({"backbone": small(0), "head": small(1)})
    loaded = nn.ModuleDict({"backbone": small(2), "head": small(3)})
    torch.save(saved.state_dict(), tmp_path / "whole.pth")
    load_weights(loaded, tmp_path / "whole.pth")
    assert_same(loaded, saved)


def test_equal_names_with_and_without_prefix_stay_apart(tmp_path: Path) -> None:
    saved, loaded = small(0), small(2)
    saved.backbone, loaded.backbone = small(1), small(3)
    torch.save(saved.state_dict(), tmp_path / "both.pth")
    load_weights(loaded, tmp_path / "both.pth")
    assert_same(loaded, saved)


def without_bias(state: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: value for name, value in state.items() if name != "conv.bias"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (without_bias, r"1 missing \(conv.bias\);"),
        (lambda s: {**s, "extra.weight": torch.zeros(1)}, r"1 unexpected \(extra.weight\);"),
        (lambda s: {**s, "conv.bias": torch.zeros(5)}, r"1 of another shape \(conv.bias \(5,\) instead of \(4,\)\);"),
        (
            lambda s: {"other." + k: v for k, v in s.items()},
            r"6 missing \(conv.weight, conv.bias, bn.weight, \.\.\.\), 7 unexpected \(other.conv.weight, .*\.\.\.\);",
        ),
    ],
)
def test_mismatches_are_named_and_change_nothing(
    tmp_path: Path, content: Callable[[dict[str, Tensor]], dict[str, Tensor]], message: str
) -> None:
    path = tmp_path / "other.pth"
    torch.save(content(small(0).state_dict()), path)
    loaded = small(1)
    with pytest.raises(ValueError, match=message) as caught:
        load_weights(loaded, path)
    assert "other.pth" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert_same(loaded, small(1))


def test_files_of_the_old_torch_format(tmp_path: Path) -> None:
    saved, loaded = small(0), small(1)
    torch.save(saved.state_dict(), tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    load_weights(loaded, tmp_path / "old.pth")
    assert_same(loaded, saved)


def test_a_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nowhere"):
        save_weights(small(0), tmp_path / "nowhere" / "small.safetensors")


@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
def test_missing_file(tmp_path: Path, suffix: str) -> None:
    with pytest.raises(FileNotFoundError, match="nowhere"):
        load_weights(small(0), tmp_path / f"nowhere{suffix}")


def saved_bytes(path: Path) -> bytes:
    if path.suffix == ".safetensors":
        save_weights(small(0), path)
    else:
        torch.save(small(0).state_dict(), path)
    return path.read_bytes()


@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
@pytest.mark.parametrize(
    "spoil",
    [
        lambda whole: b"",
        lambda whole: b"<html>404 not found</html>\n" * 40,
        lambda whole: bytes(5000),
        lambda whole: whole[: len(whole) // 2],
        lambda whole: whole[:-1] if whole[:2] != b"PK" else whole[:-30],
        lambda whole: whole[:6],
    ],
    ids=["empty", "HTML page", "zeros", "half", "last byte", "six bytes"],
)
def test_files_without_weights(tmp_path: Path, suffix: str, spoil: Callable[[bytes], bytes]) -> None:
    path = tmp_path / f"spoilt{suffix}"
    path.write_bytes(spoil(saved_bytes(path)))
    with pytest.raises(ValueError, match=r"spoilt.*another file") as caught:
        load_weights(small(0), path)
    assert "\n" not in str(caught.value)


class Malicious:
    """Unpickling an instance creates a folder."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[..., object], tuple[Path]]:
        return (Path.mkdir, (self.path,))


def test_code_in_a_pickle_is_not_run(tmp_path: Path) -> None:
    trap = tmp_path / "trap"
    torch.save({"state_dict": small(0).state_dict(), "meta": Malicious(trap)}, tmp_path / "malicious.pth")
    with pytest.raises(ValueError, match=r"malicious\.pth.*code .*; save its state_dict alone"):
        load_weights(small(0), tmp_path / "malicious.pth")
    assert not trap.exists()
    pickle.loads(pickle.dumps(Malicious(trap)))
    assert trap.exists()  # the trap works


@pytest.mark.parametrize("content", [3, [1, 2], {"epoch": 3}, {"state_dict": {"epoch": 3}}, torch.zeros(3)])
def test_no_state_dict(tmp_path: Path, content: object) -> None:
    torch.save(content, tmp_path / "notes.pth")
    with pytest.raises(ValueError, match=r"notes\.pth.*no state dict"):
        load_weights(small(0), tmp_path / "notes.pth")


@pytest.mark.parametrize("length", [0, 10, (1 << 20) + 3])
def test_sha256(tmp_path: Path, length: int) -> None:
    (tmp_path / "file").write_bytes(b"x" * length)
    assert file_sha256(tmp_path / "file") == hashlib.sha256(b"x" * length).hexdigest()


def test_recorded_weights_load_from_a_checkpoint(tmp_path: Path) -> None:
    with np.load(shared("data/golden/hrnet_tiny_weights.npz")) as golden:
        state = {key: torch.from_numpy(golden[key]) for key in golden.files}
    torch.save({"state_dict": state}, tmp_path / "tiny.pth")
    network = HRNet(17, widths=(8, 16, 32, 64))
    load_weights(network, tmp_path / "tiny.pth")
    for name, value in network.state_dict().items():
        assert torch.equal(value, state[name]), name


# The trunk of a network trained for another task

WIDTHS = (4, 8, 16, 32)


def hrnet(seed: int, num_joints: int = 3, width: int = 4) -> HRNet:
    """The smallest size, with random statistics."""
    torch.manual_seed(seed)
    size = {"num_modules": (1, 1, 1), "num_blocks": 1, "stem_blocks": 1, "stem_channels": width}
    network = HRNet(num_joints, widths=tuple(width // 4 * w for w in WIDTHS), **size)
    for name, value in network.named_buffers():
        if name.endswith("running_mean"):
            nn.init.normal_(value)
    return network


def without(part: str) -> Callable[[dict[str, Tensor]], dict[str, Tensor]]:
    return lambda state: {name: value for name, value in state.items() if part not in name}


def imagenet_of_authors(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """As the authors' ImageNet files: another head and, in that of W48, no counters."""
    trunk = without("num_batches_tracked")(without("final_layer")(state))
    return {**trunk, "head.0.0.0.conv1.weight": torch.ones(8, 4, 1, 1), "fc.weight": torch.ones(5, 8)}


def classifier(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """As in the authors' repository for image classification and in timm: the last exchange feeds all branches."""
    torch.manual_seed(7)
    last = HighResolutionModule(WIDTHS, num_blocks=1, num_outputs=4).state_dict()
    head = ("incre_modules.0.0.conv1.weight", "downsamp_modules.0.0.bias", "final_layer.0.weight", "classifier.bias")
    extra = {f"stage4.0.{name}": value for name, value in last.items()} | {name: torch.ones(2) for name in head}
    return {**extra, **without("final_layer")(state)}


def mmpose(state: dict[str, Tensor]) -> object:
    halves = {("head." if name.startswith("final_layer") else "backbone.") + name: v for name, v in state.items()}
    return {"state_dict": halves, "meta": {"epoch": 210}}


@pytest.mark.parametrize(
    ("content", "num_unused"),
    [
        pytest.param(dict, 2, id="published for other joints"),
        pytest.param(imagenet_of_authors, 2, id="authors' ImageNet"),
        pytest.param(classifier, 82, id="classification"),
        pytest.param(mmpose, 2, id="MMPose"),
        pytest.param(lambda state: {f"module.{name}": v for name, v in state.items()}, 2, id="several devices"),
    ],
)
def test_trunks_in_each_naming_scheme(
    tmp_path: Path, content: Callable[[dict[str, Tensor]], object], num_unused: int
) -> None:
    saved, loaded, before = hrnet(0, num_joints=5), hrnet(1), hrnet(1)
    torch.save(content(saved.state_dict()), tmp_path / "other.pth")
    naming, unused = load_trunk(loaded, tmp_path / "other.pth")
    assert len(unused) == num_unused
    assert naming == ("MMPose 1.x" if content is mmpose else "timm" if num_unused == 82 else "the HRNet authors")
    assert_same(loaded.final_layer, before.final_layer)
    for part, value in loaded.named_children():
        if part != "final_layer":
            assert_same(value, saved.get_submodule(part))


def test_the_trunk_of_an_own_file(tmp_path: Path) -> None:
    saved, loaded = hrnet(0, num_joints=5), hrnet(1)
    save_weights(saved, tmp_path / "own.safetensors", half=False)
    assert load_trunk(loaded, tmp_path / "own.safetensors")[1] == ["final_layer.bias", "final_layer.weight"]
    assert_same(loaded.stage4, saved.stage4)


def test_the_last_layer_is_never_used(tmp_path: Path) -> None:
    """Even if both last layers have the same size."""
    loaded = hrnet(1)
    torch.save(hrnet(0).state_dict(), tmp_path / "same.pth")
    load_trunk(loaded, tmp_path / "same.pth")
    assert_same(loaded.final_layer, hrnet(1).final_layer)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (without("layer1.0.conv1"), r"1 missing \(layer1.0.conv1.weight\);"),
        (without("running_var"), r"\d+ missing \(bn1.running_var, .*\.\.\.\);"),
        (lambda state: {"fc.weight": torch.ones(3, 3)}, r"\d+ missing \(conv1.weight, .*\.\.\.\);"),
        (lambda state: hrnet(0, width=8).state_dict(), r"\d+ of another shape \(conv1.weight \(8, 3, 3, 3\) instead"),
    ],
)
def test_mismatched_trunks_change_nothing(
    tmp_path: Path, content: Callable[[dict[str, Tensor]], dict[str, Tensor]], message: str
) -> None:
    torch.save(content(hrnet(0).state_dict()), tmp_path / "other.pth")
    loaded = hrnet(1)
    with pytest.raises(ValueError, match=rf"other\.pth' .*{message}") as caught:
        load_trunk(loaded, tmp_path / "other.pth")
    assert "\n" not in str(caught.value)
    assert_same(loaded, hrnet(1))


def test_files_of_several_networks_are_refused(tmp_path: Path) -> None:
    parts = ("student.", "teacher.")
    torch.save({p + name: v for p in parts for name, v in hrnet(0).state_dict().items()}, tmp_path / "two.pth")
    for load in (load_trunk, load_weights):
        with pytest.raises(ValueError, match=r"two\.pth' .*2 HRNets.*'student\.' and 't"):
            load(hrnet(1), tmp_path / "two.pth")


def test_a_missing_trunk_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"nowhere\.pth"):
        load_trunk(hrnet(0), tmp_path / "nowhere.pth")
