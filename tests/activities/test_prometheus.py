"""Queries to Prometheus, over HTTP to a server on loopback that answers as the documentation says."""

import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

import httpx2
import pytest
from pydantic import ValidationError
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities import metrics
from activities.analysis import Analysis
from activities.metrics import MetricPorts
from activities.metrics.prometheus import PrometheusOptions
from activities.querying import Querying, filled
from orchestrator.domain.analysis import Measurement, Query, Verdict, Window
from orchestrator.domain.errors import InvalidSpec
from orchestrator.domain.plan import Bake, Plan, Promote, Sampling, Shift
from orchestrator.domain.release import Actor, Latest, ReleaseRequest, Target
from orchestrator.domain.work import BakeProgress, Watch
from orchestrator.registry import Registry
from tests.activities.loopback import Loopback, listening
from tests.fakes.aws import FakeAws
from tests.fakes.clock import START, FakeClock

TARGET = Target(account="123456789012", region="eu-west-1", function="check-out", alias="live")
CONFIRMED = int(START.timestamp())
BAKE = Bake(duration=timedelta(minutes=10))


def vector(*numbers: Any, **more: Any) -> str:
    result = [{"metric": {"version": "7"}, "value": [1767614400.123, str(n)]} for n in numbers]
    return json.dumps({"status": "success", "data": {"resultType": "vector", "result": result}} | more)


def failure(text: str) -> str:
    return json.dumps({"status": "error", "errorType": "bad_data", "error": text})


class World:
    """One check of a bake, looked at five minutes after its weight was confirmed."""

    def __init__(self, http: httpx2.AsyncClient, server: Loopback) -> None:
        self.clock = FakeClock()
        self.clock.advance(330)
        self.server = server
        self.environment = {"SLUICE_PROMETHEUS_TOKEN": "s3cret\n", "AWS_SECRET_ACCESS_KEY": "never"}
        self._http = http
        self.options: dict[str, Any] = {"url": server.url}

    async def look(self, **changes: Any) -> Measurement:
        given = {"name": "declined", "provider": "prometheus", "query": "sum(x)", "maximum": 5} | changes
        check = Query(**given, options=self.options)
        plan = Plan(
            strategy="canary",
            steps=(Shift(weight=10, bake=BAKE), Promote(bake=BAKE)),
            checks=(check,),
            sampling=Sampling(period=timedelta(seconds=60), lag=timedelta(seconds=60)),
        )
        request = ReleaseRequest(
            release_id="r1",
            target=TARGET,
            artifact=Latest(),
            plan=plan,
            actor=Actor(name="ann"),
            submitted_at=datetime(2026, 1, 5, tzinfo=UTC),
        )
        watch = Watch(
            request=request,
            stable="6",
            canary="7",
            step=0,
            bake=BAKE,
            windows=(Window(step=0, weight=10, start=CONFIRMED + 10),),
        )
        queries = Querying(Registry(metrics, "metric provider"), MetricPorts(self._http, self.environment))
        beats: list[BakeProgress] = []
        environment = ActivityEnvironment()
        environment.on_heartbeat = beats.append
        with suppress(ApplicationError):  # StillBaking, unless the release must turn back
            await environment.run(Analysis(FakeAws(self.clock), self.clock, queries).bake, watch)
        (measurement,) = beats[-1].measurements
        return measurement

    @property
    def asked(self) -> list[dict[str, str]]:
        return [{k: v[0] for k, v in parse_qs(a.body).items()} for a in self.server.asked]


@pytest.fixture
async def world():
    async with listening() as server, httpx2.AsyncClient(trust_env=False) as http:
        yield World(http, server)


async def test_the_newest_complete_period_is_asked_for_with_names_filled_in(world):
    """Five and a half minutes after the hour, with a lag of one minute: up to 12:04."""
    world.server.body = vector(4.5)
    measured = await world.look(query='sum(x{function="{{function}}",v="{{ version }}"}) / {{account}}', unit="/s")
    assert (measured.verdict, measured.value) == (Verdict.PASS, 4.5)
    assert measured.window_end == CONFIRMED + 240
    (request,) = world.server.asked
    assert (request.method, request.path) == ("POST", "/api/v1/query")
    assert "authorization" not in request.headers
    told = {"query": 'sum(x{function="check-out",v="7"}) / 123456789012', "time": str(CONFIRMED + 240), "timeout": "5s"}
    assert world.asked == [told]
    assert measured.query == told["query"]


async def test_the_stable_version_and_the_samples_are_asked_for_too(world):
    world.server.body = vector(9)
    measured = await world.look(
        query="c({{version}})", baseline_query="c({{stable}})", samples_query="n({{version}})", min_samples=9
    )
    assert sorted(a["query"] for a in world.asked) == ["c(6)", "c(7)", "n(7)"]
    assert (measured.verdict, measured.samples) == (Verdict.INCONCLUSIVE, 9)
    assert measured.sentence.startswith("environment: ")


@pytest.mark.parametrize(
    "body",
    [
        vector(),
        vector("NaN"),
        json.dumps({"status": "success", "data": {"resultType": "scalar", "result": [1.5, "NaN"]}}),
    ],
)
async def test_no_number_is_no_evidence(world, body):
    world.server.body = body
    measured = await world.look()
    assert measured.verdict is Verdict.INCONCLUSIVE
    assert measured.value is None
    assert "no evidence is not a pass" in measured.sentence


async def test_a_scalar_is_a_number(world):
    world.server.body = json.dumps({"status": "success", "data": {"resultType": "scalar", "result": [1.5, "5.5"]}})
    assert (await world.look()).verdict is Verdict.FAIL


async def test_warnings_and_infos_are_kept(world):
    world.server.body = vector(
        1, warnings=["PromQL warning: partial response"], infos=["metric might not be a counter"]
    )
    measured = await world.look()
    assert measured.verdict is Verdict.INCONCLUSIVE
    assert "prometheus warns: PromQL warning: partial response" in measured.sentence
    assert "prometheus notes: metric might not be a counter" in measured.sentence


@pytest.mark.parametrize(
    ("status", "body", "told"),
    [
        (400, failure('parse error at char 5: unexpected "}"'), "cannot evaluate the query (status 400): parse error"),
        (422, failure("query processing would load too many samples"), "(status 422): query processing would load"),
        (401, "Unauthorized", "refuses the query (status 401)"),
        (403, "", "refuses the query (status 403)"),
        (429, "", "fewer queries"),
        (500, "<html>oops</html>", "no result (status 500)"),
        (503, failure("query timed out"), "query timed out"),
        (302, "", "no result (status 302)"),
        (200, "<html>a login page</html>", "no result (status 200)"),
        (200, failure("but with status 200"), "but with status 200"),
        (200, vector(1, 2), "gives 2 series, one is needed"),
        (200, vector("many"), "'many', which is no number"),
        (200, '{"status":"success","data":{"resultType":"matrix","result":[]}}', "no result (status 200)"),
    ],
)
async def test_what_is_no_answer_is_an_error_and_neither_a_pass_nor_a_failure(world, status, body, told):
    world.server.status, world.server.body = status, body
    measured = await world.look()
    assert measured.verdict is Verdict.ERROR
    assert told in measured.sentence
    assert measured.value is None


async def test_a_server_that_does_not_answer_in_time_is_an_error(world):
    world.options["max_seconds"] = 0.1
    world.server.seconds = 0.4
    measured = await world.look()
    assert measured.verdict is Verdict.ERROR
    assert "no answer came in time" in measured.sentence


async def test_a_server_that_is_not_there_is_an_error(world):
    world.options["url"] = "http://127.0.0.1:9"
    assert (await world.look()).verdict is Verdict.ERROR


async def test_the_address_may_come_from_the_worker(world):
    world.server.body = vector(1)
    world.options = {}
    measured = await world.look()
    assert measured.verdict is Verdict.ERROR
    assert "SLUICE_PROMETHEUS_URL" in measured.sentence
    world.environment["SLUICE_PROMETHEUS_URL"] = f"{world.server.url}/prometheus/"
    assert (await world.look()).verdict is Verdict.PASS
    assert world.server.asked[-1].path == "/prometheus/api/v1/query"


async def test_a_token_is_named_and_read_by_the_worker_and_follows_no_redirect(world):
    world.server.body = vector(1)
    world.options["token"] = "SLUICE_PROMETHEUS_TOKEN"
    assert (await world.look()).verdict is Verdict.PASS
    assert world.server.asked[-1].headers["authorization"] == "Bearer s3cret"
    world.server.status, world.server.headers = 307, {"Location": f"{world.server.url}/elsewhere"}
    asked = len(world.server.asked)
    assert (await world.look()).verdict is Verdict.ERROR
    assert len(world.server.asked) == asked + 1


async def test_a_token_that_is_not_there_is_an_error_that_names_its_variable(world):
    world.options["token"] = "SLUICE_PROMETHEUS_OTHER"
    measured = await world.look()
    assert measured.verdict is Verdict.ERROR
    assert "has no SLUICE_PROMETHEUS_OTHER" in measured.sentence
    assert world.server.asked == []


@pytest.mark.parametrize(
    "options",
    [
        {"token": "AWS_SECRET_ACCESS_KEY"},
        {"token": "Bearer abc"},
        {"url": "file:///etc/passwd"},
        {"url": "http://x/?key=1"},
        {"max_seconds": 60},
        {"urll": "http://x"},
    ],
)
def test_options_that_reach_too_far_are_refused(options):
    with pytest.raises(ValidationError):
        PrometheusOptions(**options)


async def test_before_a_period_lies_in_the_step_nothing_is_asked(world):
    """The first whole period after 12:00:10 ends at 12:02, and is taken as complete a minute later."""
    world.clock = FakeClock(START + timedelta(seconds=179))
    assert "first complete period" in (await world.look()).sentence
    assert world.server.asked == []
    world.clock = FakeClock(START + timedelta(seconds=180))
    world.server.body = vector(1)
    assert (await world.look()).verdict is Verdict.PASS


@pytest.mark.parametrize("value", ['7"} or vector(1) #', "", "7\n"])
def test_what_could_change_a_query_is_never_filled_in(value):
    with pytest.raises(InvalidSpec, match="cannot be filled in"):
        filled("x{v='{{version}}'}", {"version": value})
