"""The executor `ray` on a cluster of three nodes on this machine, one of which is taken away."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from batch_runs import batch, contents, make_videos, serial
from cluster_cases import HANDLER, check_stopping, check_tasks_and_failures, outcomes_of

from pose_track.batch.executor import find_executor
from pose_track.batch.ray_executor import RayExecutor
from pose_track.batch.results import MARKER
from pose_track.batch.task import Limits, Outcome, Task, WorkerSetup

ray = pytest.importorskip("ray", reason="Ray is not installed")

pytestmark = pytest.mark.slow  # a cluster takes a minute to start

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    from ray.cluster_utils import Cluster

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join(map(str, (HERE, HERE.parent, HERE.parents[1]))))
        cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
        for _ in range(2):
            cluster.add_node(num_cpus=1)
        ray.init(address=cluster.address, log_to_driver=False)
        yield cluster
        ray.shutdown()
        cluster.shutdown()


@pytest.fixture
def executor(cluster: Any) -> Iterator[RayExecutor]:
    opened = find_executor("ray")(WorkerSetup(HANDLER, {}, Limits()), None, {"cpus": "1"})
    assert isinstance(opened, RayExecutor)
    yield opened
    opened.stop()


def test_tasks_and_failures(executor: RayExecutor, tmp_path: Path) -> None:
    check_tasks_and_failures(executor, tmp_path)


def test_stopping(executor: RayExecutor) -> None:
    check_stopping(executor)


def test_an_unknown_option_is_refused() -> None:
    with pytest.raises(ValueError, match="no option 'colour'; it has address, cpus, gpus"):
        find_executor("ray")(WorkerSetup(HANDLER), 1, {"colour": "red"})


def test_a_batch_that_loses_a_node_in_the_middle(cluster: Any, tmp_path: Path) -> None:
    """Its results are those of single runs."""
    extra = cluster.add_node(num_cpus=1)
    places = [f"{name}.mp4" for name in "abcdefghijkl"]
    make_videos(tmp_path / "in", *places)

    def lose_it() -> None:
        while not list((tmp_path / "out").glob(f"*/{MARKER}")):
            time.sleep(0.1)
        cluster.remove_node(extra, allow_graceful=False)

    thread = threading.Thread(target=lose_it, daemon=True)
    thread.start()
    arguments = ("--executor", "ray", "--executor-option", "cpus=1")
    stages = "batch_stages:slow_stages"
    assert batch(tmp_path / "in", "--out", tmp_path / "out", *arguments, stages=stages, workers=4) == 0
    thread.join(30)
    assert not thread.is_alive()
    names = {place: place.removesuffix(".mp4") for place in places}
    found = contents(tmp_path / "out")
    assert found == serial(tmp_path / "in", tmp_path / "serial", names)


def test_a_node_that_is_lost_loses_the_task_in_its_hands_only(executor: RayExecutor, cluster: Any) -> None:
    """The last test, since the cluster has two nodes afterwards."""
    end = time.monotonic() + 120
    while executor.room() < 3 and time.monotonic() < end:
        executor.poll(0.2)
    tasks = [Task(str(number), {"do": "dawdle"}) for number in range(3)]
    for task in tasks:
        executor.submit(task)
    seen: set[str] = set()
    while len(seen) < 3 and time.monotonic() < end:
        seen |= {report.task for report in executor.poll(0.2) if report.progress}
    cluster.remove_node(cluster.list_all_nodes()[-1], allow_graceful=False)
    lost: dict[str, Outcome] = {}
    while not lost and time.monotonic() < end:
        lost = {report.task: report.outcome for report in executor.poll(0.2) if report.outcome}
    ((_, outcome),) = lost.items()
    assert (outcome.status, outcome.retry) == ("failed", True)
    assert "its worker was lost" in outcome.reason
    assert executor.room() == 0
    executor.stop()
    stopped = {report.task: report.outcome.status for report in executor.poll(1) if report.outcome}
    assert stopped == {task.name: "stopped" for task in tasks if task.name not in lost}
    smaller = find_executor("ray")(WorkerSetup(HANDLER, {}, Limits()), 3, {"cpus": "1"})
    assert {o.status for o in outcomes_of(smaller, *(Task(str(n), {}) for n in range(8))).values()} == {"done"}
    while smaller.room() < 2 and time.monotonic() < end:  # one worker may do all tasks before the other has begun
        smaller.poll(0.2)
    assert smaller.room() == 2
    smaller.stop()
