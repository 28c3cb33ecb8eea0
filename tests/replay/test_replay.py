"""Releases begun by an earlier version of the workflow go on under this one."""

import gzip
import json
from pathlib import Path

import pytest
from temporalio.client import WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer
from temporalio.workflow import NondeterminismError

from orchestrator.temporal import sandbox
from tests.replay.courses import COURSES
from workflows.release import ReleaseWorkflow

HISTORIES = sorted((Path(__file__).parent / "histories").glob("*.json.gz"))


def read(path: Path) -> WorkflowHistory:
    return WorkflowHistory.from_json(path.name, gzip.decompress(path.read_bytes()).decode())


def replayer() -> Replayer:
    return Replayer(workflows=[ReleaseWorkflow], data_converter=pydantic_data_converter, workflow_runner=sandbox())


@pytest.mark.parametrize("path", HISTORIES, ids=lambda p: p.name.partition(".")[0])
async def test_recorded_history_can_be_replayed(path: Path) -> None:
    """Each command that the workflow gives is the one that history has."""
    await replayer().replay_workflow(read(path))


async def test_changed_order_of_calls_is_noticed() -> None:
    """The histories would show a change that breaks running releases."""
    text = gzip.decompress(HISTORIES[0].read_bytes()).decode()
    broken = json.dumps(json.loads(text.replace('"name": "publish"', '"name": "upload"')))
    assert broken != json.dumps(json.loads(text))
    with pytest.raises(NondeterminismError):
        await replayer().replay_workflow(WorkflowHistory.from_json("broken", broken))


def test_every_course_is_recorded() -> None:
    """A course without a history proves nothing."""
    assert {p.name.partition(".")[0] for p in HISTORIES} >= set(COURSES)
