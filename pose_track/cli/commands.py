"""The table of all commands. A new command is a module in this folder and a line here."""

from __future__ import annotations

import logging
from dataclasses import dataclass

TRACK = "Track"
RESULTS = "Work with results"
MEASURE = "Measure"
NETWORKS = "Networks and training"
SAMPLES = "Sample data"


@dataclass(frozen=True)
class Command:
    """A command of `pose-track`.

    name: on the command line. group: heading in `pose-track --help`. summary: one line there. log_level: the lowest
    level of log messages that are printed.
    """

    name: str
    group: str
    summary: str
    log_level: int = logging.WARNING

    @property
    def module(self) -> str:
        """The module with its `add_arguments` and `run`, see `pose_track.cli.runner.CommandModule`."""
        return f"pose_track.cli.{self.name.replace('-', '_')}"


COMMANDS = {
    command.name: command
    for command in (
        Command("track", TRACK, "track the pose of every person in videos"),
        Command("batch", TRACK, "track many videos, on one machine or several, and go on where it stopped"),
        Command("status", TRACK, "how a batch stands"),
        Command("track-parts", TRACK, "track one long video in parts, on several cores or machines"),
        Command("live", TRACK, "track people from a camera or stream as it happens"),
        Command("link", TRACK, "give track ids to the poses of another program"),
        Command("render", RESULTS, "draw a result again, in any style"),
        Command("view", RESULTS, "look at results in the browser, and mend them"),
        Command("edit", RESULTS, "mend ids, tracks and joints by hand"),
        Command("finish", RESULTS, "stitch, interpolate and smooth the tracks of a whole video"),
        Command("plot", RESULTS, "plot people, joints, angles, speeds, places and scores"),
        Command("analyse", RESULTS, "joint angles, speeds, centre of mass and steps of people"),
        Command("convert", RESULTS, "convert poses and tracks between file formats"),
        Command("evaluate", MEASURE, "AP, MOTA, IDF1 and HOTA against PoseTrack ground truth"),
        Command("evaluate-coco", MEASURE, "COCO keypoint AP of a network on val2017"),
        Command("evaluate-pose", MEASURE, "AP, PCKh or PCK of a network on the validation data of a training config"),
        Command("evaluate-boxes", MEASURE, "AP and AR of the detector on the validation data of a training config"),
        Command("posetrack", MEASURE, "run the PoseTrack benchmark on a data set"),
        Command("sweep", MEASURE, "AP and MOTA over score thresholds"),
        Command("ablate", MEASURE, "what each part of a tracker contributes"),
        Command("benchmark", MEASURE, "speed and memory, and the accuracy of a pair of networks"),
        Command("weights", NETWORKS, "list, download and verify published weights"),
        Command("calibrate", NETWORKS, "make the scores of trained weights the share of right joints or boxes"),
        Command("export", NETWORKS, "export a keypoint network to ONNX or OpenVINO"),
        Command("train", NETWORKS, "train a keypoint network or the person detector", logging.INFO),
        Command("make-sample", SAMPLES, "render the sample video with its ground truth"),
        Command("make-figures", SAMPLES, "render synthetic people as training images"),
    )
}
