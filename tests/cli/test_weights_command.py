"""`pose-track weights`, from its arguments to its lines and exit code."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from command_line import run_command

from pose_track.cli import weights as weights_command
from pose_track.cli.exit_codes import EXIT_BROKEN_PIPE, EXIT_ERROR, EXIT_INTERRUPTED
from pose_track.utils.cache_dir import VARIABLE
from pose_track.weights.entries.entry import PublishedWeights
from pose_track.weights.sources import MIRROR_VARIABLE, Mirror
from pose_track.weights.store import stored_path, weights_folder
from pose_track.weights.zoo import ZOO

NAME, BY_HAND = "hrnet_w32_coco_256x192_udp", "pose_hrnet_w32_384x288"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(VARIABLE, str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def say(capfd: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, list[str], str]]:
    """The exit code of the command, its lines, and what is on stderr."""

    def run(*arguments: str) -> tuple[int, list[str], str]:
        code = run_command("weights", *arguments)
        out, err = capfd.readouterr()
        return code, out.splitlines(), err

    return run


Say = Callable[..., tuple[int, list[str], str]]


def put(name: str, content: bytes) -> Path:
    path = stored_path(ZOO[name])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def accept_all_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every file that is not empty passes the hash check."""

    def find_problem(path: Path, entry: PublishedWeights) -> str | None:
        return None if path.stat().st_size else "is empty"

    monkeypatch.setattr(weights_command, "find_problem", find_problem)


def test_list(say: Say, cache: Path) -> None:
    put(NAME, b"weights")
    code, lines, _ = say("list")
    rows = {line.split()[0]: line for line in lines if line}
    assert code == 0
    assert list(rows)[1:-2] == ["bundled", "compact", *ZOO]
    for words in ("keypoints", "coco_17", "192x256", "udp", "COCO val2017 AP 76.2", "yes", "Apache-2.0"):
        assert f" {words}" in rows[NAME]
    assert "  no  " in rows["raft_small"]
    assert "  by hand  " in rows[BY_HAND]
    assert "  bundled  " in rows["compact"]
    assert str(cache / "weights") in lines[-1]
    columns = {line.index(word) for line, word in ((rows[NAME], "keypoints"), (rows["raft_small"], "optical"))}
    assert columns == {lines[0].index("USE")}


def test_list_into_a_closed_pipe() -> None:
    """As with `| head -1`, or with `| true`, which ends before anything is printed."""
    end, start = os.pipe()
    os.close(end)
    code = "import sys; from pose_track.cli.main import main; sys.exit(main(['weights', 'list']))"
    process = subprocess.run([sys.executable, "-c", code], stdout=start, stderr=subprocess.PIPE, timeout=60, text=True)
    os.close(start)
    assert (process.returncode, process.stderr) == (EXIT_BROKEN_PIPE, "")


def test_list_on_a_terminal(say: Say, monkeypatch: pytest.MonkeyPatch) -> None:
    put(NAME, b"weights")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    code, lines, _ = say("list")
    assert code == 0
    assert max(map(len, lines[:-1])) <= 100  # the last one names a folder
    names = [line.split()[0] for line in lines if re.match("  [^ ]", line)]
    assert names == ["bundled", "compact", *ZOO]
    group = lines.index("keypoints coco_17, by MMPose")
    terms = "code Apache-2.0; weights not stated apart from the code's; data COCO, images of many licences"
    assert lines[group + 1].strip() == terms
    assert " ".join(lines[group + 2].split()) == "hrnet_w32_coco_256x192 192x256 gaussian - COCO val2017 AP 74.9"
    assert f"  {NAME}   192x256  udp       stored  COCO val2017 AP 76.2" in lines[group : lines.index("", group)]
    terms_of = lines.index("keypoints mpii_16, by the authors of HRNet") + 1
    assert lines[terms_of].strip().endswith("data MPII, with terms of its own")
    assert "  raft_small  -  Sintel train, clean, end-point error 1.9901" in lines


def test_get(say: Say, monkeypatch: pytest.MonkeyPatch) -> None:
    requested: list[str] = []

    def fetch(entry: PublishedWeights, mirror: Mirror | None) -> Path:
        requested.append(entry.name)
        if entry.name == "raft_small":
            raise ConnectionError("cannot fetch raft_small: nobody is there")
        return stored_path(entry)

    monkeypatch.setattr(weights_command, "fetch_weights", fetch)
    code, lines, err = say("get", NAME, "raft_small", "raft_large")
    assert requested == [NAME, "raft_small", "raft_large"]
    assert lines == [str(stored_path(ZOO[name])) for name in (NAME, "raft_large")]
    assert err == "error: cannot fetch raft_small: nobody is there\n"
    assert code == EXIT_ERROR
    assert say("get", NAME)[0] == 0


def test_interrupt_of_get(say: Say, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(entry: PublishedWeights, mirror: Mirror | None) -> Path:
        raise KeyboardInterrupt

    monkeypatch.setattr(weights_command, "fetch_weights", stop)
    code, _, err = say("get", NAME, "raft_small")
    assert code == EXIT_INTERRUPTED
    assert err.count("interrupted") == 1


@pytest.mark.parametrize("action", ["get", "verify"])
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("hrnet_w32_coco_256x192-udp", "did you mean hrnet_w32_coco_256x192_udp"),
        ("bundled", "'bundled'"),
        ("../../secret", "there are no published weights '../../secret'"),
    ],
)
def test_names_are_checked_first(
    say: Say, monkeypatch: pytest.MonkeyPatch, action: str, name: str, message: str
) -> None:
    monkeypatch.delattr(weights_command, "fetch_weights")
    monkeypatch.delattr(weights_command, "find_problem")
    code, lines, err = say(action, NAME, name)
    assert (code, lines) == (EXIT_ERROR, [])
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert message in err


def test_verify_all(say: Say, monkeypatch: pytest.MonkeyPatch) -> None:
    accept_all_hashes(monkeypatch)
    assert say("verify") == (0, [f"there are no weights in {weights_folder()}"], "")
    paths = [put(NAME, b"weights"), put(BY_HAND, b"weights")]
    (weights_folder() / "mine.pth").write_bytes(b"weights")
    (weights_folder() / ".raft.pth.part").write_bytes(b"")
    (weights_folder() / "raft.pth.mismatch").write_bytes(b"")
    code, lines, _ = say("verify")
    assert code == 0
    assert [line.partition(":")[0].split() for line in lines] == [
        ["unknown", "mine.pth"],
        ["unverified", paths[1].name],
        ["ok", paths[0].name],
    ]
    path = put("raft_small", b"")
    code, lines, _ = say("verify")
    assert code == EXIT_ERROR
    assert f"broken     {path.name}: is empty; kept as {path.name}.mismatch" in lines
    assert len(lines) == 4
    assert not path.exists()
    assert path.with_name(f"{path.name}.mismatch").exists()
    assert say("verify")[0] == 0  # the broken file is set aside


def test_verify_by_name(say: Say) -> None:
    path = put(NAME, b"other weights")
    put("raft_large", b"")
    code, lines, _ = say("verify", NAME, "raft_small")
    assert code == EXIT_ERROR
    assert lines[0].startswith(f"broken     {path.name}: ")
    assert "73ede547" in lines[0]
    assert lines[1].split(":")[0].split() == ["missing", ZOO["raft_small"].file]
    assert len(lines) == 2
    assert stored_path(ZOO["raft_large"]).exists()  # not named
    assert say("verify", NAME)[0] == EXIT_ERROR  # missing now


def test_invalid_arguments(say: Say) -> None:
    for arguments in ([], ["fetch"], ["get"], ["list", "--all"]):
        code, lines, err = say(*arguments)
        assert (code, lines) == (EXIT_ERROR, [])
        assert err.startswith("error: ")
        assert err.count("\n") == 1


def test_the_help_names_the_folder(say: Say) -> None:
    code, lines, _ = say("--help")
    assert code == 0
    assert VARIABLE in "".join(lines)


def test_pack_and_unpack(say: Say, cache: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Two entries without a published digest, so that any content is theirs."""
    folder, names = tmp_path / "pack", ("rtmo_m", "rtmo_l")
    assert say("pack", str(folder))[0] == EXIT_ERROR
    for name in names:
        put(name, name.encode())
    code, lines, _ = say("pack", str(folder))
    assert (code, lines) == (0, [str(folder / ZOO[name].file) for name in names])
    assert caplog.text.count("pinned the SHA-256") == 2
    for path in cache.glob("weights/*"):
        path.unlink()
    code, lines, _ = say("unpack", str(folder))
    assert code == 0
    assert sorted(lines) == sorted(str(stored_path(ZOO[name])) for name in names)
    assert [line.split()[0] for line in say("verify")[1]] == ["pinned", "pinned"]
    code, _, err = say("unpack", str(tmp_path))
    assert code == EXIT_ERROR
    assert "has no SHA256SUMS" in err


def test_get_from_a_mirror(say: Say, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = ZOO["rtmo_m"]
    (tmp_path / entry.file).write_bytes(b"weights")
    code, lines, _ = say("get", entry.name, "--mirror", str(tmp_path))
    assert (code, lines) == (0, [str(stored_path(entry))])
    for path in cache.glob("weights/*"):
        path.unlink()
    monkeypatch.setenv(MIRROR_VARIABLE, str(tmp_path))
    assert say("pack", str(tmp_path / "pack"), entry.name)[0] == 0
    assert (tmp_path / "pack" / entry.file).read_bytes() == b"weights"
    code, _, err = say("get", entry.name, "--mirror", "nowhere")
    assert code == EXIT_ERROR
    assert "the mirror 'nowhere' does not exist" in err


def test_get_by_preset(say: Say, monkeypatch: pytest.MonkeyPatch) -> None:
    requested: list[str] = []

    def fetch(entry: PublishedWeights, mirror: Mirror | None) -> Path:
        requested.append(entry.name)
        return stored_path(entry)

    monkeypatch.setattr(weights_command, "fetch_weights", fetch)
    assert say("get", "posetrack", NAME, "posetrack")[0] == 0
    assert requested == ["hrnet_w48_posetrack18_384x288", "fasterrcnn_resnet50_fpn_v2", NAME]
    code, _, err = say("get", "fast")
    assert code == EXIT_ERROR
    assert "the preset 'fast' comes with the program" in err
