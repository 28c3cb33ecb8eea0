"""The two activities that write an alias: `shift` forward, `restore` back.

Safety rests on AWS's RevisionId (every write makes a new one, a write with an old one is refused). `shift` writes only
with the revision that the workflow gave it, so an attempt that was given up for dead can never act on what happened
later; `restore` always writes, so whatever was still on its way is refused from then on (docs/adr/0003).
"""

import asyncio
from collections.abc import Collection
from contextlib import suppress

from temporalio import activity

from activities.beating import beating
from activities.errors import translated
from activities.ports import Aws, Clock, LambdaPort
from activities.waiting import Sleep
from orchestrator.domain.errors import (
    Drift,
    MissingTarget,
    NotReleasable,
    SluiceError,
    Stale,
    TransientError,
    Unavailable,
)
from orchestrator.domain.release import Target
from orchestrator.domain.traffic import AliasState, Reading, Routing, read_against, whole
from orchestrator.domain.work import Create, Restore, Restored, Shifted, ShiftTo

RESTORE_ROUNDS = 8
"""Writes that one attempt of `restore` makes while somebody else keeps changing the alias; then Temporal retries."""
STALE_PAUSES = (0.2, 0.3, 0.5, 0.8, 1.2, 2.0)
"""Seconds between readings that are older than a write that AWS has taken; then Temporal retries."""
RUNTIME_SECONDS = 2.0
"""Longest that a promotion, confirmed already, waits to learn what its version runs on."""


class Traffic:
    """Alias writes through `aws`; restores queue behind nothing."""

    def __init__(self, aws: Aws, clock: Clock, *, sleep: Sleep = asyncio.sleep) -> None:
        self._aws = aws
        self._clock = clock
        self._sleep = sleep

    @activity.defn(name="shift")
    @translated
    async def shift(self, work: ShiftTo) -> Shifted:
        """Write once, read back. A second run finds its own write and changes nothing.

        Raises Drift when somebody moved the alias or took traffic from the canary, Unavailable while Lambda itself
        still settles a promotion, and where the alias reads as before a write for longer than one attempt waits.
        """
        functions = self._aws.functions(work.target)
        function, alias = work.target.function, work.target.alias
        with suppress(Stale):  # our own write whose answer was lost, or somebody else's: the reading tells
            await functions.update_alias(function, alias, work.intent, revision=work.revision)
        found = await self._now(functions, work.target, {*work.past, work.revision})
        reading = read_against(found.routing, work.intent, work.stable, work.canary, written=work.written)
        if reading is Reading.FOREIGN:
            raise drift(work.target, found.routing, work.intent)
        if reading is Reading.SETTLING:
            await _settling(functions, function, alias)
        at = self._clock.now().timestamp()
        if reading is not Reading.INTENDED:
            return Shifted(confirmed=False, alias=found, at=at)
        return Shifted(confirmed=True, alias=found, at=at, runtime_version=await _runtime_version(functions, work))

    @activity.defn(name="create")
    @translated
    async def create(self, work: Create) -> Shifted:
        """Put the alias of a first release on its version. A second run finds the alias there and changes nothing.

        Raises Drift when somebody else has pointed it elsewhere meanwhile.
        """
        functions = self._aws.functions(work.target)
        function, alias = work.target.function, work.target.alias
        intent = whole(work.version)
        refusal: TransientError | None = None
        try:
            if work.revision is None:
                await functions.create_alias(function, alias, work.version)
            else:
                await functions.update_alias(function, alias, intent, revision=work.revision)
        except TransientError as error:  # written before, by us or by somebody else, or not at all: the reading tells
            refusal = error
        try:
            found = await functions.get_alias(function, alias)
        except MissingTarget:
            raise refusal or Unavailable(f"alias {work.target} cannot be read yet") from None
        if refusal is not None and found.revision == work.revision:
            raise refusal
        if not found.routing.same_as(intent):
            raise drift(work.target, found.routing, intent)
        return Shifted(confirmed=True, alias=found, at=self._clock.now().timestamp())

    @activity.defn(name="restore")
    @beating
    @translated
    async def restore(self, work: Restore) -> Restored:
        """Bring all traffic to stable and read it back. Repeating it is safe.

        Raises Drift for a foreign routing (unless forced), and for any but stable's where nothing was written yet;
        Unavailable when others keep writing.
        """
        functions = self._aws.urgent(work.target)
        function, alias = work.target.function, work.target.alias
        intent = whole(work.stable)
        wrote = False
        left = set(work.past)
        for _ in range(RESTORE_ROUNDS):
            found = await self._now(functions, work.target, left)
            right = found.routing.same_as(intent)
            if right and (wrote or not work.touched):
                return Restored(alias=found, at=self._clock.now().timestamp(), wrote=wrote)
            if not right and not work.force and not _ours(work, found.routing):
                raise drift(work.target, found.routing, intent)
            try:
                left.add(found.revision)
                await functions.update_alias(function, alias, intent, revision=found.revision)
                wrote = True
            except Stale:
                continue
            except NotReleasable as refusal:
                raise await _freed(functions, work.target, refusal) from None
        raise Unavailable(f"alias {work.target} was changed by others {RESTORE_ROUNDS} times while it was restored")

    async def _now(self, functions: LambdaPort, target: Target, left: Collection[str]) -> AliasState:
        """Read the alias as it is after all revisions that it has `left` behind: AWS may answer with an older one.

        Whoever takes such a reading for a change blames somebody who was not there. Raises Unavailable.
        """
        for pause in (*STALE_PAUSES, None):
            found = await functions.get_alias(target.function, target.alias)
            if found.revision not in left:
                return found
            if pause is not None:
                await self._sleep(pause)
        raise Unavailable(f"alias {target} still reads as before the last write ({found.routing}); it is read again")


def _ours(work: Restore, found: Routing) -> bool:
    """Whether this release may have brought the alias to `found` itself; what it never wrote is somebody else's."""
    if not work.touched or (found.primary == work.canary and not work.promoting):
        return False
    wished = whole(work.stable)
    return read_against(found, wished, work.stable, work.canary, written=work.written) is not Reading.FOREIGN


async def _runtime_version(functions: LambdaPort, work: ShiftTo) -> str | None:
    """Return what the promoted canary runs on. For people to read: it neither fails nor holds up the promotion.

    Source: with runtime update mode Auto, AWS gives published versions a newer runtime while they serve.
    """
    if not work.runtime_version or work.intent.primary != work.canary:
        return None
    with suppress(SluiceError, TimeoutError):
        async with asyncio.timeout(RUNTIME_SECONDS):
            return (await functions.get_function(work.target.function, work.canary)).runtime_version
    return None


async def _settling(functions: LambdaPort, function: str, alias: str) -> None:
    """Raise what a promotion waits for while Lambda itself moves provisioned concurrency to the new version.

    Source: AWS injects {old version: 1.0} until the new one is ready; the alias already names the new version.
    """
    concurrency = await functions.provisioned(function, alias)
    if concurrency is not None and concurrency.status == "FAILED":
        raise NotReleasable(
            f"provisioned concurrency of {function}:{alias} failed on the new version: {concurrency.reason or '?'}"
        )
    raise Unavailable(f"{function}:{alias} still serves the old version until provisioned concurrency is ready")


async def _freed(functions: LambdaPort, target: Target, refusal: NotReleasable) -> NotReleasable:
    """Say how to free an alias that AWS holds. Not done by itself: what then serves for a moment is not documented.

    Source: AWS refuses to move an alias whose provisioned concurrency has failed; the old version goes on serving.
    """
    concurrency = await functions.provisioned(target.function, target.alias)
    if concurrency is None or concurrency.status != "FAILED":
        return refusal
    delete = f"--function-name {target.function} --qualifier {target.alias} --region {target.region}"
    return NotReleasable(
        f"AWS refuses to move alias {target} while its provisioned concurrency has failed "
        f"({concurrency.reason or '?'}): delete it with `aws lambda delete-provisioned-concurrency-config {delete}`, "
        "and the release goes on by itself"
    )


def drift(target: Target, found: Routing, intent: Routing) -> Drift:
    """Return what is raised for an alias that somebody else has moved."""
    return Drift(
        f"alias {target} was moved by somebody else: found {found}, wished {intent}; it was left alone. Run `sluice "
        f"adopt` to keep it as it is, or `sluice restore` to go back to the stable version",
        expected=str(intent),
        found=str(found),
    )
