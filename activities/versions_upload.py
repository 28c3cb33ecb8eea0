"""Bringing an artifact to `$LATEST` and publishing it, so that nobody else's edit can slip in between.

Every write carries the revision that was read after the one before had settled: Lambda gives `$LATEST` a new revision
when an update begins, when it ends, and when a version is published.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta

from temporalio import activity

from activities.aws.versions import LONGEST_DESCRIPTION
from activities.ports import FunctionVersion, LambdaPort
from activities.versions_compared import carries, edits
from activities.waiting import Sleep, until
from orchestrator.domain.errors import Drift, NotReleasable, Stale
from orchestrator.domain.release import Image, S3Object
from orchestrator.domain.traffic import Frozen
from orchestrator.domain.work import Publish

SETTLED_WITHIN = timedelta(minutes=5)
"""How long one attempt waits for an update of `$LATEST`; Temporal's next attempt goes on waiting."""
GUARD_ROUNDS = 3
"""Writes tried with a newer revision while only the revision has moved, as a lost answer of our own leaves it."""


def description(release_id: str, asked: str | None = None) -> str:
    """Return the description of a version that this release publishes: the text asked for, and behind it the mark.

    At most 256 characters; of a longer text the end is left out, never the mark.
    """
    mark = f"sluice {release_id}"
    if not asked:
        return mark
    room = LONGEST_DESCRIPTION - len(f" ({mark})")
    return f"{asked if len(asked) <= room else asked[: room - 1] + '…'} ({mark})"


def bears_mark(found: object, release_id: str) -> bool:
    """Whether the description is that of a version which this release has published: how it knows its own again."""
    mark = description(release_id)
    return isinstance(found, str) and (found == mark or found.endswith(f" ({mark})"))


class PublishProgress(Frozen):
    """Heartbeat details of `publish`: what people read while it runs, and where a later attempt goes on."""

    sentence: str = ""
    uploaded: FunctionVersion | None = None
    """`$LATEST` once it has all that this release brings: an edit by somebody else shows even after a crash."""
    version: str | None = None
    """The version, once it is published."""


@dataclass
class Upload:
    """One artifact and its settings on their way to a published version; `uploaded` as an earlier attempt left it."""

    functions: LambdaPort
    work: Publish
    sleep: Sleep
    uploaded: FunctionVersion | None = field(default=None)

    async def publish(self) -> str:
        """Return the number of the published version. Raises Drift, NotReleasable, Stale, TimedOut."""
        latest = await self._settled()
        if self.uploaded is None:
            latest = self.uploaded = await self._brought(latest)
            self._tell(f"$LATEST of {self._function} is ready to be published")
        else:
            self._refuse_edits(self.uploaded, latest)
        published = await self._guarded(self._freeze, latest)
        return published.version

    async def _brought(self, latest: FunctionVersion) -> FunctionVersion:
        """Write settings and code where they differ from what is wished; return `$LATEST` as it then is."""
        updated = False
        if not carries(latest, self.work.configuration):
            latest, updated = await self._written(self._configure, latest), True
        if isinstance(self.work.artifact, S3Object | Image):
            latest, updated = await self._written(self._upload, latest), True
        if not updated and latest.last_update == "Failed":
            raise self._failed(latest)
        return latest

    @property
    def _function(self) -> str:
        return self.work.target.function

    async def _configure(self, latest: FunctionVersion) -> FunctionVersion:
        return await self.functions.update_configuration(
            self._function, self.work.configuration, revision=latest.revision
        )

    async def _upload(self, latest: FunctionVersion) -> FunctionVersion:
        return await self.functions.update_code(self._function, self.work.artifact, revision=latest.revision)

    async def _freeze(self, latest: FunctionVersion) -> FunctionVersion:
        """Publish; the description goes with the version, because one set on `$LATEST` would count as a change."""
        return await self.functions.publish_version(
            self._function,
            revision=latest.revision,
            code_sha256=latest.code_sha256,
            description=description(self.work.release_id, self.work.configuration.description),
        )

    async def _written(
        self, write: Callable[[FunctionVersion], Awaitable[FunctionVersion]], latest: FunctionVersion
    ) -> FunctionVersion:
        """Write to `$LATEST`, wait for it, and return `$LATEST` as it then is: what the write answered, or Drift."""
        answer = await self._guarded(write, latest)
        found = await self._settled()
        if found.last_update == "Failed":
            raise self._failed(found)
        self._refuse_edits(answer, found)
        return found

    async def _guarded(
        self, write: Callable[[FunctionVersion], Awaitable[FunctionVersion]], latest: FunctionVersion
    ) -> FunctionVersion:
        """Write with the revision of `latest`; one that is refused is read again and compared, never just repeated.

        AWS refuses a publication of other code as an invalid parameter (400), of other settings as stale (412).
        """
        for _ in range(GUARD_ROUNDS):
            try:
                return await write(latest)
            except (Stale, NotReleasable) as refusal:
                found = await self._settled()
                if write == self._configure and carries(found, self.work.configuration):
                    return found
                self._refuse_edits(latest, found)
                if isinstance(refusal, NotReleasable):
                    raise
                latest = found
        raise Stale(f"$LATEST of {self._function} got a new revision {GUARD_ROUNDS} times in a row")

    async def _settled(self) -> FunctionVersion:
        """Read `$LATEST` once no update of it is under way, whoever began it."""
        return await until(
            lambda: self.functions.get_function(self._function),
            self._is_settled,
            lambda _: f"an update of {self._function} is in progress",
            within=SETTLED_WITHIN,
            sleep=self.sleep,
            tell=self._tell,
        )

    def _tell(self, sentence: str) -> None:
        activity.heartbeat(PublishProgress(sentence=sentence, uploaded=self.uploaded))

    def _is_settled(self, latest: FunctionVersion) -> bool:
        if latest.state not in ("Active", "Inactive", "Pending"):
            reason = latest.state_reason or "AWS gives no reason"
            raise NotReleasable(f"function {self._function} is {latest.state}: {reason}")
        return latest.state != "Pending" and latest.last_update != "InProgress"

    def _failed(self, latest: FunctionVersion) -> NotReleasable:
        reason = latest.last_update_reason or "AWS gives no reason"
        return NotReleasable(f"the last update of {self._function} failed, so $LATEST still runs the old one: {reason}")

    def _refuse_edits(self, expected: FunctionVersion, found: FunctionVersion) -> None:
        """Raise Drift when code or settings of `$LATEST` are not those expected."""
        edited = edits(expected, found)
        if edited:
            raise Drift(
                f"somebody else changed $LATEST of {self._function} while it was being released: {'; '.join(edited)}. "
                "Nothing was published; agree on who deploys, then release again",
                expected=f"code {expected.code_sha256}",
                found=f"code {found.code_sha256}",
            )
