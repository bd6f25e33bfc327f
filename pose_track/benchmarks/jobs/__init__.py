"""The jobs of `pose-track benchmark`, by name. Each module holds the options and the measurement of one job."""

from pose_track.benchmarks.jobs.consistency import JOB as CONSISTENCY
from pose_track.benchmarks.jobs.detection import JOB as DETECTION
from pose_track.benchmarks.jobs.evaluate import JOB as EVALUATE
from pose_track.benchmarks.jobs.gpu import JOB as GPU
from pose_track.benchmarks.jobs.identity import JOB as IDENTITY
from pose_track.benchmarks.jobs.job import Job
from pose_track.benchmarks.jobs.link import JOB as LINK
from pose_track.benchmarks.jobs.live import JOB as LIVE
from pose_track.benchmarks.jobs.memory import JOB as MEMORY
from pose_track.benchmarks.jobs.network import JOB as NETWORK
from pose_track.benchmarks.jobs.quality import JOB as QUALITY
from pose_track.benchmarks.jobs.track import JOB as TRACK
from pose_track.benchmarks.jobs.train import JOB as TRAIN

JOBS: dict[str, Job] = {
    "network": NETWORK,
    "track": TRACK,
    "live": LIVE,
    "gpu": GPU,
    "memory": MEMORY,
    "detection": DETECTION,
    "link": LINK,
    "evaluate": EVALUATE,
    "train": TRAIN,
    "quality": QUALITY,
    "consistency": CONSISTENCY,
    "identity": IDENTITY,
}
