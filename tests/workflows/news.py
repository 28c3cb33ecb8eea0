"""What CloudTrail tells of changes of a stage's alias, and telling it."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from orchestrator.domain.drift import AliasChange
from orchestrator.domain.traffic import Routing
from orchestrator.intake_noting import RunningReleases
from tests.workflows.stage import Stage

BOB = "arn:aws:iam::123456789012:user/bob"
AT = "14:02:11Z"


def change(stage: Stage, routing: Routing | None, **more: Any) -> AliasChange:
    """What CloudTrail tells of a change to `routing` (None: a deletion), later than any release of these tests."""
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    weights = {} if routing is None or routing.additional is None else {routing.additional: routing.weight}
    fields: dict[str, Any] = {
        "id": str(uuid.uuid4()),
        "target": stage.target,
        "event": "UpdateAlias20150331" if routing else "DeleteAlias20150331",
        "by": BOB,
        "at": tomorrow.replace(hour=14, minute=2, second=11, microsecond=0),
        "version": routing.primary if routing else None,
        "weights": weights if routing else None,
    }
    return AliasChange.model_validate(fields | more)


async def tell(stage: Stage, routing: Routing | None, **more: Any) -> str:
    return await RunningReleases(stage.client).tell(change(stage, routing, **more))


async def moved(stage: Stage, routing: Routing, **more: Any) -> str:
    """Bob moves the alias, and CloudTrail tells."""
    stage.aws.move(stage.target, routing)
    return await tell(stage, routing, **more)
