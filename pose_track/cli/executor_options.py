"""The options of commands that have an executor."""

from __future__ import annotations

import argparse


def add_executor(group: argparse._ArgumentGroup) -> None:
    """Add --executor and --executor-option."""
    group.add_argument(
        "--executor",
        default="local",
        metavar="NAME",
        help="what runs the workers: local (the default, this machine), ray, slurm, or one that a package brings",
    )
    group.add_argument(
        "--executor-option",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="an option of the executor; may be given several times",
    )


def executor_options(options: argparse.Namespace) -> dict[str, str]:
    """Raises ValueError for an option that is not KEY=VALUE."""
    texts: list[str] = options.executor_option
    for text in texts:
        if "=" not in text:
            raise ValueError(f"--executor-option is KEY=VALUE, got {text!r}")
    return dict(text.split("=", 1) for text in texts)
