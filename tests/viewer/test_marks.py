"""Errors against ground truth, with the sample of the project."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from viewer_pages import TRUTH, opened, wait_shown

from pose_track.evaluation.posetrack import evaluate_posetrack
from pose_track.evaluation.sequence_pairs import load_pairs
from pose_track.formats.problems import Problems
from pose_track.viewer.open_content import open_content
from pose_track.viewer.server import ViewerServer


def test_a_perfect_result_has_no_errors(perfect: Path) -> None:
    content = open_content(perfect, truth=TRUTH)
    assert content.marks() == []
    assert content.description()["has_truth"]


def test_edits_are_evaluated(perfect: Path) -> None:
    """A person deleted over a span is missed there; one with another id from a frame on is switched once."""
    content = open_content(perfect, truth=TRUTH)
    people = {person["id"]: person for person in content.people(0)["people"]}
    one = next(iter(people))
    content.edit({"op": "delete", "id": one, "from": 10, "to": 19})
    marks = content.marks()
    assert Counter(mark["kind"] for mark in marks) == {"missed": 10}
    assert {(mark["position"], mark["result"], mark["id"]) for mark in marks} == {(n, 1, one) for n in range(10, 20)}
    content.edit({"op": "undo"})
    content.edit({"op": "split", "id": one, "frame": 30})
    (mark,) = content.marks()
    assert (mark["kind"], mark["position"], mark["id"]) == ("switched", 30, one)
    assert mark["partner"] not in people
    content.edit({"op": "undo"})
    assert content.marks() == []


def test_the_counts_are_those_of_evaluate(perfect: Path, tmp_path: Path) -> None:
    content = open_content(perfect, truth=TRUTH)
    one, other, *_ = (person["id"] for person in content.people(0)["people"])
    content.edit({"op": "swap", "ids": [one, other], "from": 40, "to": 60})
    pairs = load_pairs(TRUTH, perfect / "tracks.jsonl", Problems())
    assert evaluate_posetrack(pairs).modes["clean"].switches[-1] == 0  # the result itself is as it was
    switched = [mark for mark in content.marks() if mark["kind"] == "switched"]
    assert {mark["position"] for mark in switched} == {40, 61}
    assert {mark["id"] for mark in switched} == {one, other}


def test_ground_truth_of_another_video_is_an_error(perfect: Path, tmp_path: Path) -> None:
    lines = (perfect / "tracks.jsonl").read_text().splitlines(keepends=True)
    (tmp_path / "short.jsonl").write_text("".join(lines[:40]))
    with pytest.raises(ValueError, match="39 frames instead of 150"):
        open_content(tmp_path / "short.jsonl", truth=TRUTH)
    with pytest.raises(ValueError, match="not both"):
        open_content(perfect, perfect, TRUTH)


def test_errors_are_listed_and_drawn(browser: Any, perfect: Path) -> None:
    content = open_content(perfect, truth=TRUTH)
    one = content.people(0)["people"][0]["id"]
    content.edit({"op": "delete", "id": one, "from": 10, "to": 19})
    with ViewerServer(content) as server, opened(browser, server.url) as page:
        page.get_by_role("tab", name="Errors").click()
        assert page.locator("#error-kinds").inner_text().split() == ["missed", "10", "false", "0", "switched", "0"]
        assert page.locator("#errors li").all_inner_texts() == [
            f"gt {one} missed\nframe 10 to 19, 0 of 15 joints matched"
        ]
        page.locator("#errors li").click()
        wait_shown(page, 10)
        page.get_by_role("button", name="Undo").click()
        page.wait_for_selector('#errors li:text("None.")')
