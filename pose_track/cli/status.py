"""How a batch stands, asked from another shell: its videos, workers and failures."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from pose_track.cli.parser import Parser

_MAX_FAILURES = 10


def add_arguments(parser: Parser) -> None:
    parser.add_argument("out", type=Path, metavar="DIR", help="the --out of the batch")


def run(options: argparse.Namespace, overrides: Mapping[str, str]) -> int:
    from pose_track.batch.journal import read_rows, read_states
    from pose_track.batch.results import control_folder
    from pose_track.batch.tables import FAILED_FILE
    from pose_track.batch.words import batch_line, worker_lines

    if not control_folder(options.out).is_dir():
        raise FileNotFoundError(f"{str(options.out)!r} holds no results of a batch; give its --out")
    for saved, is_running in read_states(options.out):
        state = "running" if is_running else "ended"
        print(f"process {saved.pid} on {saved.machine}, {state}: {batch_line(saved.state)}")
        for line in worker_lines(saved.state) if is_running else ():
            print(f"  {line}")
    rows = read_rows(options.out)
    counts = Counter(row.status for row in rows)
    print(f"results of {len(rows):,} videos: {', '.join(f'{count:,} {name}' for name, count in counts.items())}")
    failures = [row for row in rows if row.status == "failed"]
    for row in failures[:_MAX_FAILURES]:
        print(f"  failed: {row.video}: {row.reason}")
    if len(failures) > _MAX_FAILURES:
        print(f"  and {len(failures) - _MAX_FAILURES:,} more; see {options.out / FAILED_FILE}")
    return 0
