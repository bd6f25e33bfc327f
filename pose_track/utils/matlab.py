"""MATLAB files up to version 7: their variables, and what lies in a struct's fields."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

_Content = TypeVar("_Content")


def is_matlab(path: Path) -> bool:
    """Whether a file starts as MATLAB files do, from version 5 on."""
    with path.open("rb") as file:
        return file.read(6) == b"MATLAB"


def variable_names(path: Path) -> list[str]:
    """The names of a file's variables. Raises as `read_variable`."""
    from scipy.io import whosmat

    return [name for name, _, _ in _try(path, lambda: whosmat(str(path)))]


def read_variable(path: Path, name: str) -> NDArray[Any]:
    """One variable of a file, as an array of two dimensions or more; see `structs`, `number` and `text` for structs.

    Raises FileNotFoundError; ValueError where the file is no such file, is cut short or has no such variable.
    """
    from scipy.io import loadmat

    # Nothing is squeezed: a struct of one element and an empty one then look like any other.
    found = _try(path, lambda: loadmat(str(path), variable_names=[name], struct_as_record=False))
    if name not in found:
        raise ValueError(f"{path} has no variable {name!r}; it has {', '.join(variable_names(path)) or 'none'}")
    return np.asarray(found[name])


def _try(path: Path, read: Callable[[], _Content]) -> _Content:
    if not path.is_file():
        raise FileNotFoundError(f"no file {path}")
    try:
        return read()
    except NotImplementedError:
        raise ValueError(f"{path} is a MATLAB file of version 7.3; save it again with -v7") from None
    except Exception as error:  # SciPy raises whatever the bytes lead it to
        raise ValueError(f"{path} is no MATLAB file, or is cut short ({type(error).__name__}: {error})") from None


def structs(owner: Any, field: str) -> list[Any]:
    """The elements of the struct array in a struct's field; none where it is empty or absent."""
    return [item for item in np.ravel(getattr(owner, field, [])) if hasattr(item, "_fieldnames")]


def number(owner: Any, field: str) -> float:
    """The number in a struct's field, also one written as text; NaN where it is empty or absent."""
    values = np.ravel(getattr(owner, field, []))
    return float(values[0]) if values.size else float("nan")


def text(owner: Any, field: str) -> str:
    """The text in a struct's field; "" where it is empty or absent."""
    values = np.ravel(getattr(owner, field, []))
    return str(values[0]) if values.size else ""
