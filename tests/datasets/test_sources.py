"""The labels of some of a file's collections."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pose_track.datasets.labels import ImageLabel
from pose_track.datasets.sources import of_sources

NOBODY = np.zeros((0, 4))
LABELS = [ImageLabel(f"{i}.png", 9, 9, NOBODY, NOBODY, True, source) for i, source in enumerate("abca")]


@pytest.mark.parametrize(("sources", "expected"), [((), "0123"), (("a",), "03"), (("c", "b"), "12")])
def test_labels_of_sources(sources: tuple[str, ...], expected: str) -> None:
    chosen = of_sources(LABELS, sources, Path("boxes.json"))
    assert [label.file_name[0] for label in chosen] == list(expected)


def test_a_source_that_the_file_lacks() -> None:
    with pytest.raises(ValueError, match=r"boxes\.json.*'night'.*'a', 'b', 'c'"):
        of_sources(LABELS, ("a", "night"), Path("boxes.json"))
