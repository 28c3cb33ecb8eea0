"""One typed function per activity: its timeout, retry and queue stand here and nowhere else.

Activities are named by text, so that no workflow imports what touches AWS.
"""

from datetime import timedelta

from temporalio import workflow
from temporalio.common import Priority, RetryPolicy

with workflow.unsafe.imports_passed_through():
    from orchestrator.domain.work import (
        AliasRead,
        AskGate,
        Confirm,
        Confirmed,
        Cool,
        Create,
        Drain,
        Drained,
        GateOpened,
        Preflight,
        PreflightReport,
        Probe,
        Probed,
        Publish,
        Published,
        ReadAlias,
        Restore,
        Restored,
        Shifted,
        ShiftTo,
        Warm,
        Warmed,
        Watch,
        Watched,
    )

RESTORE_PRIORITY = Priority(priority_key=1)
MOVE_PRIORITY = Priority(priority_key=2)
PREFLIGHT_PRIORITY = Priority(priority_key=4)
MOVES_AT_ONCE = 10
"""Slots of a worker for preflights and alias writes: with AWS's some ten requests a second and up to eight for each,
the last of them has its turn well within its clock."""
NORMAL = RetryPolicy(initial_interval=timedelta(milliseconds=200), maximum_interval=timedelta(seconds=10))
PERSISTENT = RetryPolicy(initial_interval=timedelta(milliseconds=100), maximum_interval=timedelta(seconds=15))
"""For the way back: no attempt is the last."""
LOOK = RetryPolicy(initial_interval=timedelta(seconds=2), maximum_interval=timedelta(minutes=1))
"""Only for looks that have failed: one that has ended well names the time of the next."""


def aws_queue_of(place: str) -> str:
    """Task queue of the workers that may call AWS in that account and region (`123456789012/eu-west-1`)."""
    return f"sluice-aws/{place}"


def move_queue_of(place: str) -> str:
    """Task queue of what comes before a write of the alias and of the write itself, in that account and region.

    It is served by few slots (`MOVES_AT_ONCE`), so a release waits for AWS's request budget here, in Temporal, where
    no clock of an activity runs; writes of the alias stand before preflights.
    """
    return f"sluice-move/{place}"


def look_queue_of(place: str) -> str:
    """Task queue of looks and guards alone: what others wait for must not delay a verdict."""
    return f"sluice-look/{place}"


def everyday_queues_of(place: str) -> tuple[str, ...]:
    """Every queue of that account and region but that of the restores."""
    return aws_queue_of(place), move_queue_of(place), look_queue_of(place)


def restore_queue_of(place: str) -> str:
    """Task queue of the restores alone, so that no other work of that account can starve them."""
    return f"sluice-restore/{place}"


def preflight(work: Preflight) -> workflow.ActivityHandle[PreflightReport]:
    """Reads only. Ten minutes without an answer (no worker for this account, AWS unreachable) end the release."""
    return workflow.start_activity(
        "preflight",
        work,
        result_type=PreflightReport,
        task_queue=move_queue_of(work.request.target.place),
        start_to_close_timeout=timedelta(minutes=2),
        schedule_to_close_timeout=timedelta(minutes=10),
        retry_policy=NORMAL,
        priority=PREFLIGHT_PRIORITY,
        summary="check everything before writing",
    )


def publish(work: Publish) -> workflow.ActivityHandle[Published]:
    """Half an hour covers SnapStart and container images, which stay Pending for minutes."""
    return workflow.start_activity(
        "publish",
        work,
        result_type=Published,
        task_queue=aws_queue_of(work.target.place),
        start_to_close_timeout=timedelta(minutes=20),
        schedule_to_close_timeout=timedelta(minutes=30),
        heartbeat_timeout=timedelta(seconds=30),
        retry_policy=NORMAL,
        summary=f"publish a version of {work.target.function}",
    )


def warm(work: Warm) -> workflow.ActivityHandle[Warmed]:
    """Provisioned concurrency takes minutes."""
    return workflow.start_activity(
        "warm",
        work,
        result_type=Warmed,
        task_queue=aws_queue_of(work.target.place),
        start_to_close_timeout=timedelta(minutes=20),
        schedule_to_close_timeout=timedelta(minutes=30),
        heartbeat_timeout=timedelta(seconds=30),
        retry_policy=NORMAL,
        summary=f"{work.count} provisioned instances of version {work.version}",
    )


def cool(work: Cool) -> workflow.ActivityHandle[None]:
    """Housekeeping: it gives up after ten minutes, and the journal says so."""
    return workflow.start_activity(
        "cool",
        work,
        task_queue=aws_queue_of(work.target.place),
        start_to_close_timeout=timedelta(seconds=30),
        schedule_to_close_timeout=timedelta(minutes=10),
        retry_policy=NORMAL,
        summary=f"give back provisioned concurrency of version {work.version}",
    )


def probe(work: Probe) -> workflow.ActivityHandle[Probed]:
    """Every probe has its own limit; this one covers them all."""
    return workflow.start_activity(
        "probe",
        work,
        result_type=Probed,
        task_queue=aws_queue_of(work.target.place),
        start_to_close_timeout=timedelta(minutes=15),
        schedule_to_close_timeout=timedelta(minutes=20),
        heartbeat_timeout=timedelta(minutes=5),
        retry_policy=NORMAL,
        summary=f"probe version {work.version} before any traffic",
    )


def confirm(work: Confirm) -> workflow.ActivityHandle[Confirmed]:
    """Asks the data plane, so it costs invocations and none of the control plane's budget."""
    return workflow.start_activity(
        "confirm",
        work,
        result_type=Confirmed,
        task_queue=aws_queue_of(work.target.place),
        start_to_close_timeout=timedelta(seconds=work.seconds + 60),
        schedule_to_close_timeout=timedelta(seconds=work.seconds + 120),
        retry_policy=NORMAL,
        summary=f"invoke {work.target} until version {work.version} answers",
    )


def ask_gate(work: AskGate) -> workflow.ActivityHandle[GateOpened]:
    """One activity for the whole wait; a closed gate is a retry after the gate's interval."""
    return workflow.start_activity(
        "ask_gate",
        work,
        result_type=GateOpened,
        task_queue=aws_queue_of(work.target.place),
        start_to_close_timeout=timedelta(minutes=1),
        schedule_to_close_timeout=work.gate.timeout,
        retry_policy=NORMAL,
        summary=f"gate {work.gate.gate.name}",
    )


def create(work: Create) -> workflow.ActivityHandle[Shifted]:
    """The only write of a first release."""
    return workflow.start_activity(
        "create",
        work,
        result_type=Shifted,
        task_queue=move_queue_of(work.target.place),
        start_to_close_timeout=timedelta(seconds=15),
        schedule_to_close_timeout=timedelta(minutes=20),
        retry_policy=NORMAL,
        priority=MOVE_PRIORITY,
        summary=f"first version of {work.target}: {work.version}",
    )


def shift(work: ShiftTo, budget: timedelta) -> workflow.ActivityHandle[Shifted]:
    """Not waited for when the way back opens: a write that comes late fails by its revision."""
    return workflow.start_activity(
        "shift",
        work,
        result_type=Shifted,
        task_queue=move_queue_of(work.target.place),
        start_to_close_timeout=timedelta(seconds=15),
        schedule_to_close_timeout=budget,
        retry_policy=NORMAL,
        priority=MOVE_PRIORITY,
        summary=f"alias to {work.intent}",
    )


def read_alias(work: ReadAlias) -> workflow.ActivityHandle[AliasRead]:
    """One reading, now or not at all: whoever waits for it waits for something else too."""
    return workflow.start_activity(
        "read_alias",
        work,
        result_type=AliasRead,
        task_queue=look_queue_of(work.target.place),
        start_to_close_timeout=timedelta(seconds=15),
        schedule_to_close_timeout=timedelta(minutes=1),
        retry_policy=NORMAL,
        summary=f"is {work.target} still {work.intent}?",
    )


def restore(work: Restore) -> workflow.ActivityHandle[Restored]:
    """Unlimited attempts on a queue of its own, before everything else; soon the next where a worker has died."""
    return workflow.start_activity(
        "restore",
        work,
        result_type=Restored,
        task_queue=restore_queue_of(work.target.place),
        start_to_close_timeout=timedelta(seconds=30),
        heartbeat_timeout=timedelta(seconds=5),
        retry_policy=PERSISTENT,
        priority=RESTORE_PRIORITY,
        cancellation_type=workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
        summary=f"all traffic back to version {work.stable}",
    )


def drain(work: Drain) -> workflow.ActivityHandle[Drained]:
    """One reading after everything is back: it is told, or given up within a minute."""
    return workflow.start_activity(
        "drain",
        work,
        result_type=Drained,
        task_queue=look_queue_of(work.target.place),
        start_to_close_timeout=timedelta(seconds=20),
        schedule_to_close_timeout=timedelta(minutes=1),
        retry_policy=NORMAL,
        summary=f"what version {work.version} has handled since",
    )


def bake(work: Watch, budget: timedelta) -> workflow.ActivityHandle[Watched]:
    """One activity retried at the interval that it asks for: no event per look. `budget` is the longest it may last."""
    return workflow.start_activity(
        "bake",
        work,
        result_type=Watched,
        task_queue=look_queue_of(work.request.target.place),
        start_to_close_timeout=timedelta(seconds=20),
        schedule_to_close_timeout=budget,
        retry_policy=LOOK,
        summary=f"{work.mode} at {'100' if work.final else f'{work.windows[-1].weight:g}'} %",
    )
