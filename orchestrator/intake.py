"""Receiving an event: map it, make it durable, answer. What happens then is the workflow's business."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError

from orchestrator.audit import Audit, AuditEntry
from orchestrator.domain.errors import SluiceError, Unavailable
from orchestrator.domain.intake import Delivery, Submission
from orchestrator.domain.intake import Intake as IntakeInput
from orchestrator.domain.release import Order, Target
from orchestrator.intake_buttons import refusal, submission_of
from orchestrator.intake_cloudtrail import changed
from orchestrator.intake_mapping import Mapped, mapped
from orchestrator.releasefile.loading import Plugins, load
from orchestrator.releasefile.model import ReleaseFile
from orchestrator.settings import Settings
from orchestrator.submitting import limited
from orchestrator.temporal import WORKFLOW_QUEUE
from workflows.audit import MEMO_ENTRY
from workflows.intake import IntakeWorkflow
from workflows.submission import submission_attributes, submission_memo

START_SECONDS = 3
"""How long a sender waits for Temporal at most: GitHub and GitLab give up after ten seconds."""


@dataclass(frozen=True)
class Receipt:
    """What became of a delivery. `ignored` says why nothing was started; `repeated` that it was there before."""

    delivery: str
    releases: tuple[tuple[str, str], ...] = ()
    """Release id and target (`function:alias`) of each release that starts now or later."""
    orders: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()
    """A sentence for each change of an alias that a running release is told."""
    ignored: str = ""
    repeated: bool = False


@dataclass
class RuleFile:
    """The release file, read again when it changes; a file that breaks leaves the last good one in force."""

    path: Path
    plugins: Plugins = field(default_factory=Plugins)
    _stamp: tuple[int, int] = (0, 0)
    _file: ReleaseFile | None = field(default=None)

    def __call__(self) -> ReleaseFile:
        """Return the newest good content. Raises InvalidSpec while there has never been one."""
        try:
            found = self.path.stat()
            stamp = (found.st_mtime_ns, found.st_size)
        except OSError:
            stamp = self._stamp if self._file is not None else (0, 1)
        if self._file is None or stamp != self._stamp:
            try:
                self._file = load(self.path, self.plugins)
            except SluiceError:
                if self._file is None:
                    raise
            self._stamp = stamp
        return self._file


class Intake:
    """Takes verified deliveries. `rules` gives the release file whose `webhooks` are in force."""

    def __init__(self, client: Client, settings: Settings, rules: Callable[[], ReleaseFile | None]) -> None:
        self._client = client
        self._audit = Audit(client)
        self._settings = settings
        self._rules = rules

    @classmethod
    def of(cls, client: Client, settings: Settings, plugins: Plugins = Plugins()) -> "Intake":  # noqa: B008  immutable
        """Take the release file of the settings (`SLUICE_API__RELEASE_FILE`); without one everything is ignored."""
        path = settings.api.release_file
        return cls(client, settings, RuleFile(path, plugins) if path is not None else _no_rules)

    async def receive(self, delivery: Delivery, source: str) -> Receipt:
        """Make the delivery durable and return. A second one with the same id starts nothing and returns the same.

        `source` is where it came from, an address or a queue, for the audit.
        A button on a check run that is not the release's is ignored, and the audit says so.
        Raises InvalidSpec where a rule fits and cannot be followed, Unavailable when Temporal has not taken it: then
        nothing has been accepted, and the sender must deliver again.
        """
        found = changed(delivery) or self._mapped(delivery)
        if found.intake is None:
            return Receipt(delivery.id, ignored=found.ignored)
        submissions = tuple(limited(s, self._settings.hooks) for s in found.intake.submissions)
        intake = found.intake.model_copy(update={"submissions": submissions})
        entries = _started(delivery, intake, source)
        for order in intake.orders:
            submission = await self._submission(order)
            entry = _ordered(delivery, order, submission, source)
            if why := refusal(order, delivery.payload, submission):
                await self._audit.write(entry.model_copy(update={"outcome": "refused", "why": why}))
                return Receipt(delivery.id, ignored=why)
            entries.append(entry)
        if not _is_one_release(intake):
            await asyncio.gather(*(self._audit.write(entry) for entry in entries))
        taken = await self._start(delivery.workflow_id, intake, entries[0] if entries else None)
        return Receipt(
            delivery.id,
            releases=tuple((s.request.release_id, str(s.request.target)) for s in submissions),
            orders=tuple(f"{order.command} {order.release_id}" for order in intake.orders),
            changes=tuple(change.sentence for change in intake.changes),
            repeated=not taken,
        )

    def _mapped(self, delivery: Delivery) -> Mapped:
        file = self._rules()
        if file is None:
            return Mapped(None, "no release file is set (SLUICE_API__RELEASE_FILE)")
        return mapped(delivery, file.webhooks.values(), file)

    async def _submission(self, order: Order) -> Submission | None:
        try:
            async with asyncio.timeout(START_SECONDS):
                return await submission_of(self._client, order.release_id)
        except (TimeoutError, RuntimeError):
            raise Unavailable(f"Temporal did not say whose release {order.release_id} is; press it again") from None

    async def _start(self, workflow_id: str, intake: IntakeInput, entry: AuditEntry | None) -> bool:
        try:
            async with asyncio.timeout(START_SECONDS):
                await self._client.start_workflow(
                    IntakeWorkflow.run,
                    intake,
                    id=workflow_id,
                    task_queue=WORKFLOW_QUEUE,
                    id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
                    id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                    static_summary=f"{intake.provider} {intake.event}",
                    **_seen(intake, entry),
                    rpc_timeout=timedelta(seconds=START_SECONDS),
                )
        except WorkflowAlreadyStartedError:
            return False
        except (TimeoutError, RuntimeError, RPCError):  # RuntimeError: a client that has never been connected
            raise Unavailable("Temporal has not taken the delivery; deliver it again") from None
        return True


def _started(delivery: Delivery, intake: IntakeInput, source: str) -> list[AuditEntry]:
    """Return what the audit is told of each release, the same for a repeated delivery."""
    requests = [submission.request for submission in intake.submissions]
    return [
        AuditEntry(
            **_common(delivery, source),
            principal=f"{request.actor.source}:{request.actor.name}",
            action="start",
            target=_full_name(request.target),
            release=request.release_id,
            reason=request.reason,
            request_id=f"{delivery.workflow_id}/{request.release_id}",
        )
        for request in requests
    ]


def _ordered(delivery: Delivery, order: Order, submission: Submission | None, source: str) -> AuditEntry:
    """Return what the audit is told of a button. Only with the target do those see it who may view no more than that.

    No target is known of a release that nobody has submitted by an event; no button is taken for such a one.
    """
    return AuditEntry(
        **_common(delivery, source),
        principal=f"{order.actor.source}:{order.actor.name}",
        action=order.command.value,
        target=_full_name(submission.request.target) if submission is not None else None,
        release=order.release_id,
        step=order.step,
        reason=order.reason,
        request_id=f"{delivery.workflow_id}/{order.command}",
    )


def _common(delivery: Delivery, source: str) -> dict[str, Any]:
    return {"at": delivery.received_at, "method": "webhook", "source_address": source, "outcome": "accepted"}


def _full_name(target: Target) -> str:
    return f"{target.place}/{target}"


def _is_one_release(intake: IntakeInput) -> bool:
    return len(intake.submissions) == 1 and not intake.orders


def _seen(intake: IntakeInput, entry: AuditEntry | None) -> dict[str, Any]:
    """Let an intake of one release be found as that release's submission and as its entry of the audit: it is both.

    An entry of its own would be one more workflow for every delivery, a third of the work.
    """
    if not _is_one_release(intake):
        return {}
    (submission,) = intake.submissions
    memo = {**submission_memo(submission), MEMO_ENTRY: entry}
    return {"memo": memo, "search_attributes": submission_attributes(submission)}


def _no_rules() -> None:
    return None
