"""What people do while others look at the pages."""

import httpx2

from orchestrator.domain.release import Target
from orchestrator.domain.traffic import whole
from tests.api.place import LATEST, Place


async def start(http: httpx2.AsyncClient, target: str, **more: object) -> str:
    answer = await http.post("/v1/releases", json={"target": target, "artifact": LATEST, **more})
    assert answer.status_code == 202, answer.text
    return str(answer.json()["release_id"])


def moved_by_somebody(site: Place, target: Target) -> None:
    """Put the alias on a version that no release knows."""
    function = site.aws.function(target)
    function.change_code("of somebody else")
    site.aws.move(target, whole(function.publish_now()))
