from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from annotation_files import EMPTY, struct
from scipy.io import savemat

from pose_track.utils.matlab import is_matlab, number, read_variable, structs, text, variable_names


@pytest.fixture
def file(tmp_path: Path) -> Path:
    one = struct({"name": "a.jpg", "size": 3.0, "flag": "1", "none": EMPTY, "inner": struct({"x": 1.0})})
    several = struct({"x": 1.0}, {"x": 2.0})
    savemat(tmp_path / "a.mat", {"one": one, "several": several, "numbers": np.arange(6.0).reshape(2, 3)})
    return tmp_path / "a.mat"


def test_variables(file: Path) -> None:
    assert is_matlab(file)
    assert variable_names(file) == ["one", "several", "numbers"]
    np.testing.assert_array_equal(read_variable(file, "numbers"), np.arange(6.0).reshape(2, 3))


def test_struct_of_one_element(file: Path) -> None:
    (one,) = read_variable(file, "one").ravel()
    assert (text(one, "name"), number(one, "size"), number(one, "flag")) == ("a.jpg", 3, 1)
    assert [number(inner, "x") for inner in structs(one, "inner")] == [1]
    assert [number(s, "x") for s in read_variable(file, "several").ravel()] == [1, 2]


@pytest.mark.parametrize("field", ["none", "absent"])
def test_empty_or_absent_field(file: Path, field: str) -> None:
    (one,) = read_variable(file, "one").ravel()
    assert structs(one, field) == []
    assert np.isnan(number(one, field))
    assert text(one, field) == ""


def test_missing_and_damaged_files(file: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"a\.mat .*'joints'.* one, several, numbers"):
        read_variable(file, "joints")
    with pytest.raises(FileNotFoundError, match=r"b\.mat"):
        read_variable(tmp_path / "b.mat", "joints")
    (tmp_path / "text.mat").write_text("MATLAB, but only the signature: the rest is text" * 12)
    cut = tmp_path / "cut.mat"
    cut.write_bytes(file.read_bytes()[:300])
    for broken in (tmp_path / "text.mat", cut):
        with pytest.raises(ValueError, match=rf"{broken.name} is not a MATLAB file"):
            read_variable(broken, "one")


def test_version_7_3_is_refused(tmp_path: Path) -> None:
    header = b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM"
    (tmp_path / "new.mat").write_bytes(header + b"\x89HDF\r\n\x1a\n" * 100)
    with pytest.raises(ValueError, match=r"new\.mat .* 7\.3; .*-v7"):
        read_variable(tmp_path / "new.mat", "joints")
