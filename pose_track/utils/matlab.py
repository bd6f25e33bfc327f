"""Variables and struct fields of MATLAB files up to version 7."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

_Content = TypeVar("_Content")


def is_matlab(path: Path) -> bool:
    """Whether a file has the signature of a MATLAB file of version 5 or later."""
    with path.open("rb") as file:
        return file.read(6) == b"MATLAB"


def variable_names(path: Path) -> list[str]:
    """The names of a file's variables. Raises as `read_variable`."""
    from scipy.io import whosmat

    return [name for name, _, _ in _try(path, lambda: whosmat(str(path)))]


def read_variable(path: Path, name: str) -> NDArray[Any]:
    """One variable of a file, as an array of at least two dimensions; see `structs`, `number` and `text` for structs.

    Raises FileNotFoundError; ValueError where the file is not a MATLAB file, is cut short, or lacks the variable.
    """
    from scipy.io import loadmat

    # Without squeezing, struct arrays of no or one element have the same form as any other.
    variables = _try(path, lambda: loadmat(str(path), variable_names=[name], struct_as_record=False))
    if name not in variables:
        raise ValueError(f"{path} has no variable {name!r}; it has {', '.join(variable_names(path)) or 'none'}")
    return np.asarray(variables[name])


def _try(path: Path, read: Callable[[], _Content]) -> _Content:
    if not path.is_file():
        raise FileNotFoundError(f"no file {path}")
    try:
        return read()
    except NotImplementedError:
        raise ValueError(f"{path} is a MATLAB file of version 7.3; save it again with -v7") from None
    except Exception as error:  # SciPy raises errors of many classes for damaged files
        raise ValueError(f"{path} is not a MATLAB file, or is cut short ({type(error).__name__}: {error})") from None


def structs(struct: Any, field: str) -> list[Any]:
    """The elements of the struct array in a struct's field; empty where the field is empty or absent."""
    return [item for item in np.ravel(getattr(struct, field, [])) if hasattr(item, "_fieldnames")]


def number(struct: Any, field: str) -> float:
    """The number in a struct's field, also one stored as text; NaN where the field is empty or absent."""
    values = np.ravel(getattr(struct, field, []))
    return float(values[0]) if values.size else float("nan")


def text(struct: Any, field: str) -> str:
    """The text in a struct's field; "" where the field is empty or absent."""
    values = np.ravel(getattr(struct, field, []))
    return str(values[0]) if values.size else ""
