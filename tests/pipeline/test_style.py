"""From settings to styles and encodings."""

from fractions import Fraction
from pathlib import Path

import pytest
from drawn_people import blank, person
from stub_stages import stub_stages

from pose_track.config.output import EncodingSettings
from pose_track.config.settings import RenderSettings, Settings
from pose_track.drawing.painter import draw
from pose_track.drawing.style import Style
from pose_track.live.pose_tracker import PoseTracker
from pose_track.pipeline.live_result import drawing
from pose_track.pipeline.style import encoding_of, style_of
from pose_track.video.encoding import Encoding


def test_the_default_style_is_that_of_all_commands() -> None:
    assert style_of(Settings()) == style_of(RenderSettings()) == Style()


def test_the_default_encoding() -> None:
    assert encoding_of(EncodingSettings(audio=False), "clip.mp4") == Encoding()
    encoding = encoding_of(EncodingSettings(fps=29.97), "clip.mp4")
    assert (encoding.fps, encoding.audio) == (Fraction(2997, 100), Path("clip.mp4"))


@pytest.mark.parametrize("section", [{"style": {"background": "transparent"}}, {"output": {"codec": "prores"}}])
def test_what_annotated_mp4_does_not_hold_is_refused(section: dict[str, dict[str, str]]) -> None:
    with pytest.raises(ValueError, match=r"annotated\.mp4; use pose-track render"):
        Settings.model_validate(section)
    RenderSettings.model_validate(section)


def test_shown_images_have_three_channels() -> None:
    shown = drawing(Style(background="transparent"))(blank(), person())
    assert (shown == draw(blank(), person(), Style(background="black"))).all()


def test_the_tracker_of_python_draws_in_its_style() -> None:
    settings = Settings.model_validate({"style": {"boxes": False, "colour_by": "side"}})
    with PoseTracker(settings=settings, stages=stub_stages(settings)) as tracker:
        expected = draw(blank(), person(), style_of(settings))
        assert (tracker.draw(blank(), person()) == expected).all()
        assert (tracker.draw(blank(), person(), bgr=True)[..., ::-1] == expected).all()
    assert (expected != draw(blank(), person())).any()
