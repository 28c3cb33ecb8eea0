"""The activities that make a version ready to serve: `publish` and `warm`; `cool` takes the warmth away again."""

import asyncio
from contextlib import suppress
from datetime import timedelta

from temporalio import activity

from activities.errors import translated
from activities.ports import Aws, Concurrency, FunctionVersion, LambdaPort
from activities.versions_compared import differences, incompatibilities
from activities.versions_upload import PublishProgress, Upload, bears_mark
from activities.versions_waking import active
from activities.waiting import Sleep, until
from orchestrator.domain.errors import MissingTarget, NotReleasable
from orchestrator.domain.release import PublishedVersion, Target
from orchestrator.domain.work import Cool, Publish, Published, Warm, Warmed

ACTIVE_WITHIN = timedelta(minutes=15)
"""How long one attempt waits for a version: SnapStart and container images stay Pending for minutes.

**Source:** AWS's own waiter `published_version_active` gives up after 26 minutes (botocore 1.40, 5 s x 312).
"""
WARM_WITHIN = timedelta(minutes=15)
"""How long one attempt waits for provisioned concurrency. **Source:** Terraform's AWS provider waits as long."""


class Versions:
    """Versions of functions reached through `aws`; `sleep` paces the polling."""

    def __init__(self, aws: Aws, *, sleep: Sleep = asyncio.sleep) -> None:
        self._aws = aws
        self._sleep = sleep

    @activity.defn(name="publish")
    @translated
    async def publish(self, work: Publish) -> Published:
        """Bring the artifact to `$LATEST`, publish it, and wait until the version is Active.

        A second run gives the same version: settings that are there already are not written again, the same code may
        be, and publishing what is published gives the version that exists. Heartbeat details: `PublishProgress`, from
        which a later attempt goes on.

        Raises Drift when somebody else edits `$LATEST` meanwhile, NotReleasable when AWS cannot start the version,
        TimedOut when an update or a start takes longer than one attempt waits.
        """
        functions = self._aws.functions(work.target)
        number = await self._number(functions, work)
        activity.heartbeat(PublishProgress(sentence=f"version {number} is published", version=number))
        canary = await active(
            functions,
            work.target.function,
            number,
            within=ACTIVE_WITHIN,
            sleep=self._sleep,
            tell=lambda sentence: activity.heartbeat(PublishProgress(sentence=sentence, version=number)),
        )
        return await _published(functions, work, canary)

    async def _number(self, functions: LambdaPort, work: Publish) -> str:
        """Return the version that the artifact names, that an earlier attempt has published, or a new one."""
        if isinstance(work.artifact, PublishedVersion):
            return work.artifact.version
        details = activity.info().heartbeat_details
        before = PublishProgress.model_validate(details[0]) if details else PublishProgress()
        return before.version or await Upload(functions, work, self._sleep, before.uploaded).publish()

    @activity.defn(name="warm")
    @translated
    async def warm(self, work: Warm) -> Warmed:
        """Give the version `count` provisioned instances and wait until they are READY; nothing is asked for twice.

        Raises NotReleasable with AWS's reason when they cannot be started, TimedOut when they are not ready in time.
        """
        functions, function = self._aws.functions(work.target), work.target.function
        found = await functions.provisioned(function, work.version)
        if found is None or found.requested != work.count or found.status == "FAILED":
            activity.heartbeat(f"asking for {work.count} provisioned instances of version {work.version}")
            await functions.provision(function, work.version, work.count)
        ready = await until(
            lambda: functions.provisioned(function, work.version),
            lambda seen: _is_ready(seen, work),
            lambda seen: _warming(seen, work),
            within=WARM_WITHIN,
            sleep=self._sleep,
            tell=activity.heartbeat,
        )
        return Warmed(ready=ready.ready if ready else 0)

    @activity.defn(name="cool")
    @translated
    async def cool(self, work: Cool) -> None:
        """Take the version's provisioned concurrency away; nothing happens where there is none, or no version."""
        with suppress(MissingTarget):
            await self._aws.functions(work.target).release_provisioned(work.target.function, work.version)


async def _published(functions: LambdaPort, work: Publish, canary: FunctionVersion) -> Published:
    stable = canary if work.stable is None else await functions.get_function(work.target.function, work.stable)
    ours = bears_mark(canary.settings.get("Description"), work.release_id)
    return Published(
        version=canary.version,
        code_sha256=canary.code_sha256,
        new=ours and canary.version != work.stable,
        timeout=canary.timeout,
        runtime_version=canary.runtime_version,
        differences=differences(stable, canary),
        incompatible=incompatibilities(stable, canary),
    )


def _is_ready(found: Concurrency | None, work: Warm) -> bool:
    if found is None:
        raise NotReleasable(
            f"provisioned concurrency of {_of(work.target, work.version)} was removed while it was being prepared; "
            "find out who removes it and release again"
        )
    if found.status == "FAILED":
        reason = found.reason or "AWS gives no reason"
        raise NotReleasable(f"provisioned concurrency of {_of(work.target, work.version)} failed: {reason}")
    return found.status == "READY"


def _warming(found: Concurrency | None, work: Warm) -> str:
    ready = found.ready if found else 0
    return f"{ready} of {work.count} provisioned instances of {_of(work.target, work.version)} are ready"


def _of(target: Target, version: str) -> str:
    return f"{target.function} version {version}"
