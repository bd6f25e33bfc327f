"""A head for other joints on a trained trunk: rows of equal names are taken over, all others start anew."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from pose_track.models.codec import Codec
from pose_track.models.hrnet import HRNet
from pose_track.models.metadata import pose_metadata
from pose_track.structures.skeleton import LSP_14, POSETRACK_15, Skeleton
from pose_track.weights.load import load_weights, save_weights
from pose_track.weights.new_head import load_with_new_head, trained_skeleton
from pose_track.weights.resolve import bundled_weights

HORSE = Skeleton("horse", ("tail", "nose", "left_knee", "right_knee", "neck"))


def network(num_joints: int, seed: int, width: int = 4) -> HRNet:
    torch.manual_seed(seed)
    widths = [width, 2 * width, 4 * width, 8 * width]
    return HRNet(num_joints, widths, num_modules=(1, 1, 1), num_blocks=1, stem_blocks=1, stem_channels=8)


def head(net: HRNet) -> tuple[Tensor, Tensor]:
    weight, bias = net.final_layer.weight.detach().clone(), net.final_layer.bias
    assert bias is not None
    return weight, bias.detach().clone()


def save(path: Path, net: HRNet, skeleton: Skeleton = POSETRACK_15) -> Path:
    save_weights(net, path, pose_metadata("tiny", skeleton, Codec("gaussian", (64, 64))), half=False)
    return path


def test_rows_go_by_name(tmp_path: Path) -> None:
    trained, new = network(15, 0), network(5, 1)
    path, before = save(tmp_path / "people.safetensors", trained), head(new)
    result = load_with_new_head(new, path, POSETRACK_15, HORSE)
    assert result == (("nose", "left_knee", "right_knee", "neck"), ("tail",))
    for old, fresh, kept in zip(head(trained), head(new), before, strict=True):
        assert torch.equal(fresh[0], kept[0])
        for k, name in ((1, "nose"), (2, "left_knee"), (3, "right_knee"), (4, "head_bottom")):
            assert torch.equal(fresh[k], old[POSETRACK_15.index(name)])
    assert torch.equal(new.conv1.weight, trained.conv1.weight)


def test_another_order_of_the_same_joints(tmp_path: Path) -> None:
    trained, new = network(14, 0), network(14, 1)
    turned = Skeleton("turned", LSP_14.joint_names[::-1])
    assert load_with_new_head(new, save(tmp_path / "a.safetensors", trained, LSP_14), LSP_14, turned).new == ()
    assert torch.equal(head(new)[0], head(trained)[0].flip(0))


def test_another_trunk_is_an_error_and_changes_nothing(tmp_path: Path) -> None:
    path, new = save(tmp_path / "wide.safetensors", network(15, 0, width=8)), network(5, 1)
    before = {name: value.clone() for name, value in new.state_dict().items()}
    with pytest.raises(ValueError, match=r"wide\.safetensors.*another shape"):
        load_with_new_head(new, path, POSETRACK_15, HORSE)
    assert all(torch.equal(value, before[name]) for name, value in new.state_dict().items())


def test_the_joints_of_a_file(tmp_path: Path) -> None:
    own = save(tmp_path / "horse.safetensors", network(5, 0), HORSE)
    assert trained_skeleton(str(own), own) == HORSE
    assert trained_skeleton("bundled", bundled_weights("pose")) == POSETRACK_15
    for name, count, expected in (("x.pth", 14, None), ("pose_hrnet_w32_256x256.pth", 16, "mpii_16")):
        torch.save(network(count, 0).state_dict(), tmp_path / name)
        found = trained_skeleton(str(tmp_path / name), tmp_path / name)
        assert (found and found.name) == expected
    torch.save(network(17, 0).state_dict(), tmp_path / "pose_hrnet_w32_256x256.pth")  # of another network
    assert trained_skeleton("pose_hrnet_w32_256x256", tmp_path / "pose_hrnet_w32_256x256.pth") is None


def test_the_whole_skeleton_is_in_the_file(tmp_path: Path) -> None:
    skeleton = Skeleton("pair", ("a", "b"), (("a", "b"),), (("a", "b"),), (0.1, 0.2), ((1, 2, 3), (4, 5, 6)))
    path, loaded = save(tmp_path / "pair.safetensors", network(2, 0), skeleton), network(2, 1)
    assert trained_skeleton(str(path), path) == skeleton
    load_weights(loaded, path)
    with pytest.raises(ValueError, match=r"pair\.safetensors.*skeleton"):
        trained_skeleton("x", save_broken(path))


def save_broken(path: Path) -> Path:
    content = path.read_bytes().replace(b'\\"pairs\\"', b'\\"peers\\"')
    path.write_bytes(content)
    return path
