"""List, download, verify and carry published weights, for --pose.weights, --detector.name and --tracker.flow.method."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from pose_track.build.published import published_names
from pose_track.cli.exit_codes import EXIT_ERROR
from pose_track.cli.options import add_mirror
from pose_track.cli.parser import Parser
from pose_track.cli.runner import run_jobs
from pose_track.cli.weights_list import BUNDLED, print_list
from pose_track.config.load import load_settings, preset_path
from pose_track.config.settings import PRESETS, Settings
from pose_track.utils.cache_dir import VARIABLE
from pose_track.weights.download import set_aside
from pose_track.weights.entries.entry import PublishedWeights
from pose_track.weights.pack import add_to_pack, unpack
from pose_track.weights.pins import PIN_SUFFIX, is_pinned
from pose_track.weights.sources import Mirror, chosen_mirror
from pose_track.weights.store import fetch_weights, find_problem, stored_path, weights_folder
from pose_track.weights.zoo import LIST_COMMAND, ZOO, find_published, unknown_name

_NOT_WEIGHTS = (".mismatch", PIN_SUFFIX)


def add_arguments(parser: Parser) -> None:
    parser.epilog = f"They are stored in {weights_folder()}; the variable {VARIABLE} names another cache folder."
    actions = parser.add_subparsers(
        dest="action", required=True, metavar="list|get|verify|pack|unpack", parser_class=Parser
    )
    names = f"names of {LIST_COMMAND}, or presets, which stand for their weights"
    actions.add_parser("list", help="list all weights, their use, published result and licences")
    get = actions.add_parser("get", help="download weights that are not stored yet, and print their paths")
    get.add_argument("names", nargs="+", metavar="NAME", help=names)
    add_mirror(get)
    verify = actions.add_parser("verify", help="compare stored weights with their hash, and set broken files aside")
    verify.add_argument("names", nargs="*", metavar="NAME", help="only these")
    pack = actions.add_parser("pack", help="copy weights into a folder for a machine without a network, or as a mirror")
    pack.add_argument("folder", type=Path, metavar="DIR")
    pack.add_argument("names", nargs="*", metavar="NAME", help=f"{names} (default: all that are stored)")
    add_mirror(pack)
    unpack = actions.add_parser("unpack", help="store all weights of a folder that pack wrote")
    unpack.add_argument("folder", type=Path, metavar="DIR")


def run(options: argparse.Namespace, overrides: Mapping[str, str]) -> int:
    if options.action == "list":
        return print_list()
    if options.action == "unpack":
        return _unpack(options.folder)
    if options.action == "verify":
        return _verify(options.names)
    mirror = chosen_mirror(options.mirror)
    if options.action == "get":
        return _get(options.names, mirror)
    return _pack(options.folder, options.names, mirror)


def _get(names: Sequence[str], mirror: Mirror | None) -> int:
    """Download all that can be downloaded, after every name is checked."""
    return run_jobs([partial(_get_one, entry, mirror) for entry in _entries(names)])


def _get_one(entry: PublishedWeights, mirror: Mirror | None) -> int:
    print(fetch_weights(entry, mirror=mirror))
    return 0


def _pack(folder: Path, names: Sequence[str], mirror: Mirror | None) -> int:
    """Pack all that can be had, after every name is checked."""
    entries = _entries(names) if names else [entry for entry in ZOO.values() if stored_path(entry).is_file()]
    if not entries:
        raise ValueError(f"there are no weights in {weights_folder()} yet; name those that are to be packed")
    return run_jobs([partial(_pack_one, folder, entry, mirror) for entry in entries])


def _pack_one(folder: Path, entry: PublishedWeights, mirror: Mirror | None) -> int:
    fetch_weights(entry, mirror=mirror)
    print(add_to_pack(folder, entry))
    return 0


def _unpack(folder: Path) -> int:
    for path in unpack(folder):
        print(path)
    return 0


def _verify(names: Sequence[str]) -> int:
    """Verify files; exit code 2 where one is broken, or named and missing."""
    if names:
        states = [_state(stored_path(entry), entry) for entry in _entries(names)]
    else:
        folder = weights_folder()
        files = sorted(path for path in folder.glob("[!.]*") if path.is_file() and path.suffix not in _NOT_WEIGHTS)
        states = [_state(path, find_published(path.name)) for path in files]
        if not files:
            print(f"there are no weights in {folder}")
    return EXIT_ERROR if {"broken", "missing"} & set(states) else 0


def _state(path: Path, entry: PublishedWeights | None) -> str:
    """Print the state of a file, ok, pinned, broken, missing, unverified or unknown, with the reason, and return it."""
    reason: str | None = None
    if not path.is_file():
        state, reason = "missing", f"it is not in {path.parent}"
    elif entry is None:
        state, reason = "unknown", "no published weights have this name"
    elif (reason := find_problem(path, entry)) is not None:
        state, reason = "broken", f"{reason}; kept as {set_aside(path, path).name}"
    elif is_pinned(path, entry):
        state, reason = "pinned", "unchanged since its first download; its publisher states no whole hash"
    elif not entry.sha256:
        state, reason = "unverified", "its publisher states no hash"
    else:
        state = "ok"
    print(f"{state:11}{path.name}" + (f": {reason}" if reason else ""))
    return state


def _entries(names: Sequence[str]) -> list[PublishedWeights]:
    """The entries of names and presets, each once. Raises ValueError for a name that is neither."""
    entries: dict[str, PublishedWeights] = {}
    for name in names:
        if name in {entry.name for entry in BUNDLED}:
            raise ValueError(f"{name!r} comes with the program; there is nothing to download or verify")
        members = _weights_of_preset(name) if name in PRESETS else [name]
        if any(member not in ZOO for member in members):
            raise unknown_name(name)
        entries |= {member: ZOO[member] for member in members}
    return list(entries.values())


def _weights_of_preset(name: str) -> list[str]:
    """Raises ValueError for a preset without any."""
    names = published_names(load_settings(Settings, preset_path(name)))
    if not names:
        raise ValueError(f"the preset {name!r} comes with the program; there is nothing to download or verify")
    return names
