"""The example of docs/sinks.md runs."""

import re
from pathlib import Path

from sinks.live_results import HEIGHT, WIDTH, live_result

from pose_track.sinks.web_page import WebPage

PAGE = Path(__file__).parents[2] / "docs" / "sinks.md"


def test_the_python_example(monkeypatch):
    (example,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    shown = []
    monkeypatch.setattr(WebPage, "send", lambda page, result: shown.append(result.annotated()))
    results = [live_result(index, [1]) for index in range(3)]
    names = {
        "width": WIDTH,
        "height": HEIGHT,
        "frames_and_people": [(result.frame, result.people) for result in results],
    }
    exec(example.replace("port=8080", "port=0"), names)
    assert shown[-1].shape == (HEIGHT, WIDTH, 3)
    assert names["sinks"].summary() in ([], [f"web page: {3 - len(shown)} of 3 frames dropped"])
