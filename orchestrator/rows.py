"""One release as Temporal shows it: its memo, search attributes and pending activities put together.

A release that waits for its target has no workflow of its own yet; its submission stands for it.
"""

import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Literal, TypeVar

from temporalio.api.common.v1 import Memo
from temporalio.api.enums.v1 import PendingActivityState, WorkflowExecutionStatus
from temporalio.api.workflow.v1 import PendingActivityInfo, WorkflowExecutionInfo
from temporalio.converter import DataConverter

from orchestrator.domain.intake import SubmissionState
from orchestrator.domain.journal import ReleaseState
from orchestrator.domain.release import Cause, Outcome, Phase
from orchestrator.domain.work import BakeProgress
from workflows.logbook import MEMO_KEY, MEMO_STATE
from workflows.submission import MEMO_SUBMISSION

T = TypeVar("T")
UNSERVED_SECONDS = 5
"""A call that no worker has taken for so long is told."""
_ENDED_BY_FORCE = {
    WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_TERMINATED: "was terminated in Temporal",
    WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_TIMED_OUT: "timed out in Temporal",
    WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_FAILED: "failed by a bug in Sluice",
    WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_CANCELED: "was cancelled in Temporal",
}


@dataclass(frozen=True)
class Row:
    """One release as Temporal knows it."""

    workflow_id: str
    run_id: str
    state: ReleaseState
    key: str
    began: float = 0
    """When the workflow began, in seconds since the epoch; a release that waited was submitted long before."""
    stage: Literal["release", "waiting", "handed_over"] = "release"
    """A release; a submission that waits, or never starts; one whose release has a workflow of its own by now."""


async def row_of(converter: DataConverter, info: WorkflowExecutionInfo) -> Row | None:
    """Return the release that the workflow is or stands for; None for anything that Sluice cannot read."""
    key = await _memo(converter, info.memo, MEMO_KEY, str) or ""
    place, began = (info.execution.workflow_id, info.execution.run_id), info.start_time.ToNanoseconds() / 1e9
    state = await _memo(converter, info.memo, MEMO_STATE, ReleaseState)
    if state is not None:
        return Row(*place, _truthful(state, info), key, began)
    submission = await _memo(converter, info.memo, MEMO_SUBMISSION, SubmissionState)
    if submission is None:
        return None
    handed_over = submission.status == "started"
    shown = submission.release if handed_over else _withdrawn(submission.release, info)
    return Row(*place, shown, key, began, "handed_over" if handed_over else "waiting")


async def with_pending(converter: DataConverter, row: Row, pending: list[PendingActivityInfo]) -> Row:
    """Add what only the running activities know: what a bake has measured, and which call is in trouble."""
    changes: dict[str, object] = {}
    for activity in pending:
        name = activity.activity_type.name
        if name == "await_turn":
            if (
                activity.HasField("last_failure") and not row.state.done
            ):  # a look that found the target held: its words are the place in line
                changes["sentence"] = activity.last_failure.message
        elif _nobody_took(activity):
            changes["trouble"] = _unserved(row, name)
        elif name == "bake":
            if activity.HasField("heartbeat_details"):
                (progress,) = await converter.decode(activity.heartbeat_details.payloads, [BakeProgress])
                changes["observed_weight"] = progress.observed_share
                if progress.measurements:
                    changes["measurements"] = progress.measurements
        elif activity.attempt > 1 and activity.HasField("last_failure"):
            changes["trouble"] = f"{name}, attempt {activity.attempt}: {activity.last_failure.message}"
    return replace(row, state=row.state.model_copy(update=changes))


async def _memo(converter: DataConverter, memo: Memo, name: str, kind: type[T]) -> T | None:
    if name not in memo.fields:
        return None
    try:
        found: list[Any] = await converter.decode([memo.fields[name]], [kind])
    except Exception:  # noqa: BLE001 - written by another version of Sluice, or by somebody else: skip this row alone
        return None
    return found[0] if isinstance(found[0], kind) else None


def _nobody_took(activity: PendingActivityInfo) -> bool:
    """Whether a call waits in its queue for so long that nobody seems to serve it."""
    waiting = activity.state == PendingActivityState.PENDING_ACTIVITY_STATE_SCHEDULED and activity.attempt <= 1
    return waiting and time.time() - activity.scheduled_time.ToSeconds() > UNSERVED_SECONDS


def _unserved(row: Row, name: str) -> str:
    if row.stage != "release":
        return f"no worker has taken `{name}` yet: is one running (`sluice worker`)?"
    return f"no worker has taken `{name}` yet: is one running with SLUICE_WORKER__PLACES {row.state.target.place}?"


def _truthful(state: ReleaseState, info: WorkflowExecutionInfo) -> ReleaseState:
    """A run that ended without saying so left the alias in a state that nobody has read."""
    how = _ENDED_BY_FORCE.get(info.status)
    if how is None or state.done:
        return state
    ending = {"phase": Phase.DONE, "ended_at": _closed(info)}
    if state.outcome is not None:  # read back already; it only counted what was still under way
        return state.model_copy(update=ending)
    text = f"the release {how} at {state.weight:g} %: the alias may still be split; look at {state.target}"
    return state.model_copy(update={**ending, "outcome": Outcome.FAILED, "sentence": text})


def _withdrawn(state: ReleaseState, info: WorkflowExecutionInfo) -> ReleaseState:
    """A submission that ended without saying so has started nothing."""
    how = _ENDED_BY_FORCE.get(info.status)
    if how is None or state.done:
        return state
    text = f"the submission {how}: nothing was started; submit it again"
    ending = {"phase": Phase.DONE, "outcome": Outcome.REJECTED, "cause": Cause.ERROR, "ended_at": _closed(info)}
    return state.model_copy(update={**ending, "sentence": text})


def _closed(info: WorkflowExecutionInfo) -> datetime:
    return info.close_time.ToDatetime(tzinfo=UTC)
