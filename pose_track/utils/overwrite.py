"""Whether an output may be written: the one check behind every --overwrite."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path


def check_overwrite(path: Path | Iterable[Path], overwrite: bool) -> None:
    """Raises FileExistsError where an output, or one of several, exists and `overwrite` is off."""
    paths = [path] if isinstance(path, Path) else list(path)
    existing = [one for one in paths if one.exists()]
    if existing and not overwrite:
        more = f" and {len(existing) - 1} more" if len(existing) > 1 else ""
        raise FileExistsError(
            f"{str(existing[0])!r}{more} already exists; give --overwrite to replace it, or another output"
        )


def check_not_input(path: Path, inputs: Iterable[Path]) -> None:
    """Raises ValueError where an output is one of the inputs or a folder above one."""
    output = _real(path)
    if any(output in (source, *source.parents) for source in map(_real, inputs)):
        raise ValueError(f"the output {str(path)!r} would replace its input; give another output")


def _real(path: Path) -> Path:
    """The path without links; a link to itself stays as it is."""
    return Path(os.path.realpath(path))


def check_output_file(path: Path, overwrite: bool, inputs: Iterable[Path]) -> None:
    """Raises FileExistsError where an output file is a folder, or exists and `overwrite` is off; and ValueError as
    `check_not_input`."""
    check_not_input(path, inputs)
    if path.is_dir():
        raise FileExistsError(f"the output {str(path)!r} is a folder; name a file in it")
    check_overwrite(path, overwrite)
