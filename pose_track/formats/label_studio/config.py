"""The labelling configuration of a Label Studio project for people in a video.

    <View>
      <Video name="video" value="$video" framerate="25.0"/>
      <VideoVectorLabels name="pose" toName="video" skeleton="true" minPoints="1" maxPoints="17">
        <Label value="person"/>
      </VideoVectorLabels>
    </View>

Layout: labelstud.io/tags/video and labelstud.io/tags/videovector.
"""

from __future__ import annotations

from pathlib import Path
from xml.sax.saxutils import quoteattr

from pose_track.structures.sequence import FrameSource
from pose_track.structures.skeleton import Skeleton
from pose_track.utils.atomic import atomic_text

VIDEO, POSE, LABEL = "video", "pose", "person"
DEFAULT_FPS = 25.0


def write_label_studio_config(source: FrameSource, path: str | Path) -> None:
    """Write the configuration for the joints and the frame rate of a source."""
    with atomic_text(path) as file:
        file.write(label_studio_config(source.skeleton, fps_of(source)))


def label_studio_config(skeleton: Skeleton, fps: float) -> str:
    """The configuration as XML. fps: frames per second of the video."""
    return (
        f"<View>\n"
        f'  <Video name="{VIDEO}" value="${VIDEO}" framerate={quoteattr(str(fps))}/>\n'
        f'  <VideoVectorLabels name="{POSE}" toName="{VIDEO}" skeleton="true" minPoints="1" '
        f'maxPoints="{skeleton.num_joints}">\n'
        f'    <Label value="{LABEL}"/>\n'
        f"  </VideoVectorLabels>\n"
        f"</View>\n"
    )


def fps_of(source: FrameSource) -> float:
    """Frames per second that a source states, else DEFAULT_FPS."""
    fps = source.extra.get("fps")
    return float(fps) if isinstance(fps, int | float) and fps > 0 else DEFAULT_FPS
