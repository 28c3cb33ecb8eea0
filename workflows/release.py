"""The release of one target, from submission to its end. One runs per target: its workflow id is the lock.

It completes with any outcome; it fails only by a bug. Nothing here awaits a call without asking, in the same
breath, whether the way forward has been closed (abort, cancel, deadline).
"""

import asyncio

from temporalio import workflow
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from orchestrator.domain.commands import overflow, refusal
    from orchestrator.domain.drift import AliasChange
    from orchestrator.domain.errors import InvariantError
    from orchestrator.domain.journal import EventKind, ReleaseState
    from orchestrator.domain.plan import Promote
    from orchestrator.domain.release import Cause, Order, Outcome, Phase, ReleaseRequest
    from workflows.draining import drain
    from workflows.ground import RENEWED, Ground
    from workflows.intent import COMMAND_UPDATE, Back, Refused, brief, refuse, told
    from workflows.logbook import Logbook
    from workflows.looking import look, look_at_the_end, take
    from workflows.notes import CHANGE_UPDATE
    from workflows.preparing import prepare
    from workflows.steps import first, perform
    from workflows.unwinding import give_back, reason_of, unwind
    from workflows.waits import must_finish


@workflow.defn(name="Release")
class ReleaseWorkflow:
    """A release. Its input is a resolved `ReleaseRequest`; its result is the last `ReleaseState`."""

    @workflow.init
    def __init__(self, request: ReleaseRequest) -> None:
        self._ground = Ground(request, Logbook(request), renewed=workflow.patched(RENEWED))

    @workflow.run
    async def run(self, request: ReleaseRequest) -> ReleaseState:
        """Perform the plan; a cancellation by Temporal is taken as an abort and never cuts the way back short."""
        clock = asyncio.create_task(self._deadline(request))
        try:
            state = await must_finish(self._release(), self._cancelled)
        finally:
            clock.cancel()
        await workflow.wait_condition(workflow.all_handlers_finished)
        return state

    @workflow.update(name=COMMAND_UPDATE)
    def command(self, order: Order) -> ReleaseState:
        """Take a command; the main loop acts on it. The update id is the idempotency key."""
        intent, log = self._ground.intent, self._ground.log
        intent.take(order)
        # published at once: the main loop may be busy for minutes, and the next command is judged by this state
        log.note(
            EventKind.COMMAND,
            f"{order.command} by {told(order)}",
            actor=order.actor.name,
            data={"order": brief(order).model_dump(mode="json")},
            paused_by=intent.paused_by,
        )
        log.publish()
        return log.state

    @command.validator
    def _fits(self, order: Order) -> None:
        why = refusal(self._ground.log.state, order)
        before = self._ground.intent.settled(order)
        if why is None and before is not None:
            why = f"that is settled already: {before.command} by {told(before)}"
        refuse(why or overflow(self._ground.intent.taken, order))

    @workflow.update(name=CHANGE_UPDATE)
    def alias_changed(self, change: AliasChange) -> str:
        """Take the news that somebody has changed the alias. The update id is the change's: it is taken once."""
        return take(self._ground, change)

    @alias_changed.validator
    def _is_news(self, change: AliasChange) -> None:
        refuse(self._ground.notes.refusal(change, self._ground.log.state, workflow.info().start_time))

    @workflow.query
    def status(self) -> ReleaseState:
        """Return the state with events not published yet, for debugging; other readers need no worker."""
        return self._ground.log.state

    async def _release(self) -> ReleaseState:
        ground = self._ground
        who = ground.request.actor.name
        ground.log.note(
            EventKind.STARTED,
            f"release of {ground.request.target} started by {who}: {ground.request.reason or '-'}",
            actor=who,
        )
        try:
            outcome, cause, sentence = await self._forward()
        except Back as back:
            outcome, cause, sentence = await self._back(back.cause, back.sentence)
        except Refused as refused:
            outcome, cause, sentence = Outcome.REJECTED, refused.cause, refused.sentence
        except ActivityError as error:
            outcome, cause, sentence = await self._back(*reason_of(ground, error))
        except InvariantError as error:
            outcome, cause, sentence = await self._back(Cause.ERROR, str(error))
        return await self._end(outcome, cause, sentence)

    async def _forward(self) -> tuple[Outcome, Cause | None, str]:
        ground = self._ground
        await prepare(ground)
        if ground.report.first:
            await first(ground)
            return Outcome.PROMOTED, None, f"version {ground.canary} serves 100 % of {ground.request.target}, its first"
        for index, step in enumerate(ground.plan.steps):
            await perform(ground, index, step)
        last = ground.plan.steps[-1]
        if ground.renewed and isinstance(last, Promote) and last.bake.duration:
            await look_at_the_end(ground)
        else:
            await look(ground, lambda: ground.intent.must_return)
        ground.intent.check()
        return Outcome.PROMOTED, None, f"version {ground.canary} serves 100 % of {ground.request.target}"

    async def _back(self, cause: Cause, sentence: str) -> tuple[Outcome, Cause, str]:
        if self._ground.report.stable is None and self._ground.touched:
            target = self._ground.request.target
            return (
                Outcome.FAILED,
                cause,
                f"{sentence}; a first release has nothing to return to: look at {target}",
            )
        if self._ground.report.stable is None:
            return Outcome.REJECTED, cause, f"{sentence}; nothing was written"
        outcome, cause, sentence = await unwind(self._ground, cause, sentence)
        if outcome is Outcome.ROLLED_BACK:
            await drain(self._ground, cause, sentence)
        return outcome, cause, sentence

    async def _end(self, outcome: Outcome, cause: Cause | None, sentence: str) -> ReleaseState:
        ground = self._ground
        if outcome in (Outcome.ROLLED_BACK, Outcome.REJECTED):  # else the canary serves, or may serve
            await give_back(ground)
        ground.close_window()
        if outcome is Outcome.PROMOTED:
            ground.log.finish_steps()
        ground.log.note(EventKind.ENDED, f"{outcome}: {sentence}", windows=ground.windows)
        ground.log.enter(
            Phase.DONE, sentence, outcome=outcome, cause=cause, ended_at=workflow.now(), drifted=False, paused_by=None
        )
        return ground.log.state

    async def _deadline(self, request: ReleaseRequest) -> None:
        limit = request.plan.limits.deadline
        await workflow.sleep(limit, summary="deadline of the whole release")
        self._ground.intent.expired = f"the release did not end within its deadline of {limit}"

    def _cancelled(self) -> None:
        why = workflow.cancellation_reason() or "cancelled through Temporal"
        self._ground.intent.abort = self._ground.intent.abort or why
