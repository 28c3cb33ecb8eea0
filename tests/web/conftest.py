"""The pages over a real server, Temporal and worker: the API's own fixtures, with targets that ask for approval."""

from collections.abc import Callable

import pytest

from orchestrator.serving import application
from tests.api.conftest import aws, new_place, quiet_logs, temporal  # noqa: F401  fixtures
from tests.api.place import ACCOUNT, REGION, Place

ASKED = """\
  asked:
    account: "{account}"
    region: {region}
    function: {function}
    alias: blue
    strategy: {{kind: canary, weights: [10, 50], bake: 5m, approvals: [{{before: 10, who: [payments]}}]}}
"""


@pytest.fixture
def new_site(new_place: Callable[..., Place]) -> Callable[..., Place]:  # noqa: F811
    """Make a server as `sluice serve` assembles it, with a fourth target, `asked`, that begins with an approval."""

    def made(**settings: object) -> Place:
        place = new_place(**settings)
        blue = place.target.model_copy(update={"alias": "blue"})
        place.aws.function(place.target).set_alias("blue", place.aws.routing(place.target))
        place.aws.load(blue, per_period=600)
        place.file.write_text(
            place.file.read_text() + ASKED.format(account=ACCOUNT, region=REGION, function=place.function)
        )
        place.app = application(place.settings, place.temporal)
        return place

    return made


@pytest.fixture
def site(new_site: Callable[..., Place]) -> Place:
    return new_site()
