from __future__ import annotations

from pathlib import Path

import pytest

from pose_track.utils.overwrite import check_not_input, check_output_file, check_overwrite


def test_existing_outputs(tmp_path: Path) -> None:
    one, two, new = tmp_path / "one", tmp_path / "two", tmp_path / "new"
    one.touch()
    two.mkdir()
    check_overwrite(new, overwrite=False)
    check_overwrite([one, two], overwrite=True)
    for outputs in (one, two, [new, two], [one, two, new]):
        with pytest.raises(FileExistsError, match=r"/(one|two)'.* --overwrite"):
            check_overwrite(outputs, overwrite=False)


def test_inputs_are_never_replaced(tmp_path: Path) -> None:
    source = tmp_path / "in" / "a.json"
    source.parent.mkdir()
    source.touch()
    (tmp_path / "link").symlink_to(source.parent)
    check_not_input(tmp_path / "in" / "b.json", [source])
    for output in (source, tmp_path / "link" / "a.json", source.parent, tmp_path):
        with pytest.raises(ValueError, match="would replace its input"):
            check_not_input(output, [source])
        with pytest.raises(ValueError, match="would replace its input"):
            check_output_file(output, overwrite=True, inputs=[source])


def test_output_file_is_a_folder(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with pytest.raises(FileExistsError, match=r"/out' is a folder"):
        check_output_file(tmp_path / "out", overwrite=True, inputs=[])
    check_output_file(tmp_path / "out" / "new", overwrite=False, inputs=[])
