"""A number that is known to be incomplete is no evidence that all is well."""

import json

import httpx2
import pytest

from activities import metrics
from activities.metrics import MetricPorts
from activities.querying import Querying
from orchestrator.domain import judging
from orchestrator.domain.analysis import Query, Verdict
from orchestrator.domain.release import Target
from orchestrator.registry import Registry
from tests.activities.loopback import listening

TARGET = Target(account="123456789012", region="eu-west-1", function="checkout", alias="live")
PARTIAL = "receive series from store: partial response, one store is unavailable"


@pytest.mark.parametrize(
    ("number", "said", "verdict"),
    [
        ("0", {"warnings": [PARTIAL]}, Verdict.INCONCLUSIVE),
        ("2", {"warnings": [PARTIAL]}, Verdict.FAIL),
        ("0", {"infos": [PARTIAL]}, Verdict.PASS),
    ],
)
async def test_case_14_prometheus_partial_answer_may_fail_and_cannot_pass(number, said, verdict):
    """`warnings` keep a number from passing, `infos` do not; the sentence has what was said either way."""
    async with listening() as server, httpx2.AsyncClient(trust_env=False) as http:
        result = [{"metric": {}, "value": [1795000000, number]}]
        server.body = json.dumps({"status": "success", "data": {"resultType": "vector", "result": result}} | said)
        check = Query(name="e", provider="prometheus", options={"url": server.url}, query="x", maximum=1)
        queries = Querying(Registry(metrics, "metric provider"), MetricPorts(http, {}))
        reading = await queries.read(check, TARGET, canary="7", stable="6", at=1795000000)
    measured = judging.query(check, reading)
    assert measured.verdict is verdict
    assert PARTIAL in measured.sentence
