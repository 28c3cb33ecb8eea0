"""An infinite ratio is the worst number there can be, not a missing one."""

import json

import httpx2
import pytest

from activities.metrics import MetricPorts
from activities.metrics.prometheus import PLUGIN
from orchestrator.domain import judging
from orchestrator.domain.analysis import Measurement, Query, QueryReading, Verdict
from tests.activities.loopback import listening


def ratio(**bounds):
    return Query(name="errors", provider="prometheus", query="errors / successes", **bounds)


async def answered(number):
    async with listening() as server, httpx2.AsyncClient(trust_env=False) as http:
        result = [{"metric": {}, "value": [1795000000, number]}]
        server.body = json.dumps({"status": "success", "data": {"resultType": "vector", "result": result}})
        found = await PLUGIN.value(PLUGIN.Options(url=server.url), "x", 1795000000, MetricPorts(http, {}))
    return QueryReading(at=1795000000, value=found.value)


@pytest.mark.parametrize(
    ("number", "bounds", "verdict", "told"),
    [
        ("+Inf", {"maximum": 1}, Verdict.FAIL, "+Inf, must be at most 1"),
        ("-Inf", {"minimum": 1}, Verdict.FAIL, "-Inf, must be at least 1"),
        ("+Inf", {"minimum": 1}, Verdict.PASS, "+Inf, must be at least 1"),
        ("NaN", {"maximum": 1}, Verdict.INCONCLUSIVE, "no data from prometheus: no evidence is not a pass"),
    ],
)
async def test_case_11_promql_infinity_is_beyond_every_bound(number, bounds, verdict, told):
    """Only NaN and an empty vector are no number; the measurement goes through JSON unchanged."""
    measured = judging.query(ratio(**bounds), await answered(number))
    assert (measured.verdict, measured.sentence) == (verdict, told)
    assert measured.value is None
    assert Measurement.model_validate_json(measured.model_dump_json()) == measured


async def test_case_11_promql_infinity_of_the_stable_version_is_the_environment():
    """Both versions answer with infinity: going back gains nothing."""
    both = (await answered("+Inf")).model_copy(update={"baseline": float("inf"), "samples": float("inf")})
    measured = judging.query(ratio(maximum=1), both)
    assert measured.verdict is Verdict.INCONCLUSIVE
    assert measured.sentence == "environment: stable is out of bounds too (+Inf); +Inf, must be at most 1"
    assert (measured.baseline, measured.samples) == (None, 0)
