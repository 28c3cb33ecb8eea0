"""Probes. The numbers in docstrings are those of the acceptance scenarios."""

import json
from typing import Any

import httpx2
import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities import probes, waiting
from activities.probing import Probing
from orchestrator.domain.errors import AccessDenied, InvariantError, Throttled, TimedOut, Unavailable
from orchestrator.domain.plan import Plugin
from orchestrator.domain.release import Target
from orchestrator.domain.work import Probe, ProbeAnswer
from orchestrator.registry import Registry
from tests.activities.loopback import listening
from tests.fakes.aws import Answer, Code, FakeAws, crash
from tests.fakes.clock import FakeClock

TARGET = Target(account="123456789012", region="eu-west-1", function="checkout", alias="live")


class World:
    """AWS with versions 1 and 2 of one function; version 2 answers as told."""

    def __init__(self, http: httpx2.AsyncClient) -> None:
        self.clock = FakeClock()
        self.aws = FakeAws(self.clock)
        self.function = self.aws.add_function(TARGET)
        self.answers: list[Answer] = [Answer()]
        self.function.change_code(Code("new", answer=self.answer))
        self.function.publish_now()
        self.activities = Probing(self.aws, Registry(probes, "probe"), http, sleep=self.sleep)
        self.beats: list[str] = []

    def answer(self, _payload: bytes) -> Answer:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    async def sleep(self, seconds: float) -> None:
        self.clock.advance(seconds)

    async def probe(self, *plugins: Plugin) -> tuple[ProbeAnswer, ...]:
        environment = ActivityEnvironment()
        environment.on_heartbeat = self.beats.append
        work = Probe(target=TARGET, version="2", probes=plugins)
        return (await environment.run(self.activities.probe, work)).answers

    async def ask(self, kind: str, **options: Any) -> ProbeAnswer:
        (answer,) = await self.probe(Plugin(name="mine", kind=kind, options=options))
        return answer


@pytest.fixture
async def world():
    async with httpx2.AsyncClient(trust_env=False) as http:
        yield World(http)


@pytest.fixture
async def server():
    async with listening() as loopback:
        yield loopback


async def test_the_version_is_invoked_by_its_number_with_the_payload(world):
    answer = await world.ask("invoke", payload={"order": 1})
    assert (answer.name, answer.passed) == ("mine", True)
    assert answer.sentence == "version 2 answered as expected in 0.01 s"
    (call,) = world.aws.journal.of("invoke")
    assert (call.arguments["qualifier"], json.loads(call.arguments["payload"])) == ("2", {"order": 1})
    assert world.beats == ["asking probe mine of version 2"]


async def test_scenario_35_a_crash_comes_as_status_200_and_fails(world):
    """35: FunctionError beside HTTP 200."""
    world.answers = [crash(b"")]
    answer = await world.ask("invoke")
    assert not answer.passed
    assert answer.sentence.startswith("version 2 failed (Unhandled): ")
    assert answer.sentence.endswith("its log ends with: [ERROR] ValueError: no")


async def test_scenario_35_another_version_that_answers_fails(world):
    """35: ExecutedVersion is not the canary."""
    world.function.versions["2"] = world.function.versions["1"]
    answer = await world.ask("invoke")
    assert (answer.passed, answer.sentence) == (False, "version 1 answered instead of version 2")


@pytest.mark.parametrize(
    ("expect", "payload", "sentence"),
    [
        ({"ok": True}, '{"ok": true, "more": 1}', ""),
        ({"a": {"b": [1, 2]}}, '{"a": {"b": [1, 2], "c": 3}}', ""),
        ("fine", '"fine"', ""),
        (None, "not json at all", ""),
        ({"ok": True}, '{"ok": 1}', "expected answer.ok to be true, found 1"),
        ({"ok": True}, '{"ok": false}', "expected answer.ok to be true, found false"),
        ({"a": {"b": 1}}, '{"a": {}}', "expected answer.a.b to be 1, found nothing there"),
        ({"a": [1]}, '{"a": [1, 2]}', "expected answer.a to be [1], found [1, 2]"),
        ({"a": 1}, "[1]", 'expected answer to be {"a": 1}, found [1]'),
        ({"a": 1}, "oops", "the answer is not JSON: oops"),
    ],
)
async def test_the_answer_must_contain_what_is_expected(world, expect, payload, sentence):
    world.answers = [Answer(payload)]
    answer = await world.ask("invoke", expect=expect)
    assert answer.passed is not bool(sentence)
    assert sentence in answer.sentence


@pytest.mark.parametrize(
    ("payload", "told"), [('{"statusCode": 500}', "500"), ("{}", "null"), ("[]", "null"), ('{"statusCode": 200}', None)]
)
async def test_the_status_of_an_api_gateway_answer_can_be_expected(world, payload, told):
    world.answers = [Answer(payload)]
    answer = await world.ask("invoke", status=200)
    assert answer.passed is (told is None)
    if told:
        assert answer.sentence == f"expected statusCode 200, found {told}"


async def test_a_failed_answer_shows_the_last_lines_of_the_log_in_short(world):
    log = "\n".join(f"line {n} {'x' * 300}" for n in range(9))
    world.answers = [Answer("1", log=log)]
    sentence = (await world.ask("invoke", expect=2)).sentence
    assert "line 3" not in sentence
    assert "line 4" in sentence
    assert len(sentence) < 1300


async def test_a_cold_start_does_not_count_against_the_version(world):
    world.answers = [Answer(seconds=12), Answer(seconds=0.1)]
    assert (await world.ask("invoke", max_seconds=5)).passed


async def test_answers_that_are_always_late_fail(world):
    world.answers = [Answer(seconds=12)]
    answer = await world.ask("invoke", max_seconds=5)
    assert answer.sentence == "version 2 took 12 s, allowed are 5 s, in each of 3 attempts"
    world.aws.faults.refuse("invoke", TimedOut("no answer"), times=None)
    answer = await world.ask("invoke", max_seconds=5, attempts=1)
    assert (answer.passed, answer.sentence) == (False, "version 2 gave no answer within 5 s, in one attempt")


async def test_a_wrong_answer_is_not_asked_for_again(world):
    world.answers = [crash(b""), Answer()]
    assert not (await world.ask("invoke", attempts=5)).passed


async def test_scenario_38_a_version_that_is_not_ready_is_asked_again(world):
    """38: SnapStartNotReady comes as Unavailable."""
    world.aws.faults.refuse("invoke", Unavailable("SnapStartNotReadyException"), times=5)
    assert (await world.ask("invoke")).passed


async def test_scenario_38_asking_again_is_bounded_and_then_left_to_temporal(world):
    """38: within `warm_up_seconds`; throttling says nothing about the version, so it is no failed probe."""
    world.aws.faults.refuse("invoke", Throttled("slow down"), times=None)
    began = world.clock.now()
    with pytest.raises(ApplicationError) as caught:
        await world.ask("invoke", warm_up_seconds=20)
    assert (caught.value.type, caught.value.non_retryable) == ("Throttled", False)
    assert (world.clock.now() - began).total_seconds() == 20


async def test_a_version_that_may_not_be_invoked_has_not_passed(world):
    world.aws.faults.refuse("invoke", AccessDenied("lambda:InvokeFunction is not allowed"), times=2)
    sentences = [(await world.ask(kind)).sentence for kind in ("invoke", "dry_run")]
    assert sentences == [
        "version 2 could not be invoked: lambda:InvokeFunction is not allowed",
        "version 2 may not be invoked: lambda:InvokeFunction is not allowed",
    ]


async def test_a_dry_run_runs_nothing(world):
    answer = await world.ask("dry_run")
    assert (answer.passed, answer.sentence) == (True, "version 2 may be invoked")
    assert world.function.invocations == []


async def test_probes_after_a_failed_one_are_still_asked_and_keep_their_names(world):
    world.answers = [crash(b"")]
    answers = await world.probe(
        Plugin(name="a", kind="invoke"), Plugin(name="b", kind="dry_run"), Plugin(name="c", kind="invoke")
    )
    assert [(a.name, a.passed) for a in answers] == [("a", False), ("b", True), ("c", False)]


async def test_what_can_never_be_asked_is_not_retried(world):
    for plugin, kind in (
        (Plugin(name="x", kind="telepathy"), "UnknownPlugin"),
        (Plugin(name="x", kind="invoke", options={"tries": 3}), "InvalidSpec"),
    ):
        with pytest.raises(ApplicationError) as caught:
            await world.probe(plugin)
        assert (caught.value.type, caught.value.non_retryable) == (kind, True)


async def test_a_bug_in_a_probe_is_not_taken_for_a_failed_version(world):
    world.aws.faults.refuse("invoke", InvariantError("bug"))
    with pytest.raises(ApplicationError, match="bug"):
        await world.ask("invoke")


async def test_http_gets_a_url_made_for_the_version(world, server):
    server.body = "all is well"
    answer = await world.ask(
        "http", url=f"{server.url}/{{function}}/{{version}}?key=k1", contains="well", headers={"X-Trace": "t"}
    )
    assert answer.passed
    assert answer.sentence.startswith(f"{server.url}/checkout/2 answered 200 in ")
    (asked,) = server.asked
    assert (asked.method, asked.path, asked.headers["x-trace"]) == ("GET", "/checkout/2?key=k1", "t")


async def test_http_posts_json(world, server):
    server.status = 201
    assert (await world.ask("http", url=server.url, method="POST", body={"a": [1]}, status=[200, 201])).passed
    assert server.asked[0].json == {"a": [1]}


@pytest.mark.parametrize(
    ("given", "options", "sentence"),
    [
        ((500, "boom"), {}, "expected status 200, found 500: boom"),
        ((302, ""), {}, "expected status 200, found 302: empty body"),
        ((200, "maintenance"), {"contains": "ok"}, "expected a body with 'ok', found 'maintenance'"),
        ((200, ""), {"version_header": "x-version"}, "version 1 answered instead of version 2 (header x-version)"),
        ((200, ""), {"version_header": "x-other"}, "version unknown answered instead of version 2 (header x-other)"),
    ],
)
async def test_http_tells_what_it_expected_and_found(world, server, given, options, sentence):
    server.status, server.body = given
    server.headers = {"X-Version": "1", "Location": "http://127.0.0.1:1/"}
    answer = await world.ask("http", url=server.url, **options)
    assert (answer.passed, answer.sentence) == (False, f"{server.url}: {sentence}")


async def test_http_fails_when_no_answer_comes_in_time(world, server):
    server.seconds = 0.3
    answer = await world.ask("http", url=server.url, max_seconds=0.05)
    assert (answer.passed, answer.sentence) == (False, f"{server.url} gave no answer within 0.05 s")


async def test_a_probe_that_takes_long_keeps_its_heartbeat(world, server, monkeypatch):
    monkeypatch.setattr(waiting, "BEAT", 0.01)
    server.seconds = 0.2
    assert (await world.ask("http", url=server.url)).passed
    assert len(world.beats) > 3


async def test_http_that_cannot_be_asked_is_left_to_temporal(world, server):
    server.status = 429
    for url, kind in ((server.url, "Throttled"), ("http://127.0.0.1:1/", "Unavailable")):
        with pytest.raises(ApplicationError) as caught:
            await world.ask("http", url=url)
        assert (caught.value.type, caught.value.non_retryable) == (kind, False)


@pytest.mark.parametrize("url", ["ftp://example.org", "http://a b\n", "example.org"])
async def test_http_refuses_what_is_no_url(world, url):
    with pytest.raises(ApplicationError) as caught:
        await world.ask("http", url=url)
    assert caught.value.type == "InvalidSpec"
