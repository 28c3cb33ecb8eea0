"""Invoke: draws, headers, errors, events, throttles (lambda.md 1.6 to 1.8)."""

import asyncio
import base64
import io

import pytest

from tests.lab.calls import ECHO, RAISE, call, drawn, make, points, refused, until

SLOW = "import time\ndef handler(event, context):\n    time.sleep(0.2)\n    return 1\n"


async def test_each_invocation_of_an_alias_is_drawn_by_weight(functions):
    await make(functions, ECHO % 1, ECHO % 2, alias="live", weights={"2": 0.3})
    counts = await drawn(functions, "live", 100)
    assert set(counts) == {"1", "2"}
    assert 18 <= counts["2"] <= 42


async def test_draws_repeat_with_the_seed(functions, admin):
    await make(functions, ECHO % 1, ECHO % 2, alias="live", weights={"2": 0.5})
    rounds = []
    for _ in range(2):
        await admin.reseed(3)
        rounds.append([(await call(functions, "live"))[0]["ExecutedVersion"] for _ in range(12)])
    assert rounds[0] == rounds[1]


async def test_the_code_that_runs_is_that_of_the_version_named(functions):
    await make(functions, ECHO % 1, ECHO % 2)
    for qualifier, version, number in (("1", "1", 1), ("2", "2", 2), (None, "$LATEST", 2), ("$LATEST", "$LATEST", 2)):
        answer, payload = await call(functions, qualifier, payload={"a": [1]})
        assert answer["ExecutedVersion"] == version
        assert payload == {"n": number, "event": {"a": [1]}, "version": version}


async def test_a_raised_error_is_a_200_with_function_error(functions):
    await make(functions, RAISE % 1)
    answer, payload = await call(functions, "1")
    assert (answer["StatusCode"], answer["FunctionError"], answer["ExecutedVersion"]) == (200, "Unhandled", "1")
    assert (payload["errorType"], payload["errorMessage"]) == ("ValueError", "broken 1")


async def test_a_timeout_is_a_function_error(functions):
    await make(functions, "import time\ndef handler(event, context):\n    time.sleep(9)\n", Timeout=1)
    answer, payload = await call(functions, "1")
    assert answer["FunctionError"] == "Unhandled"
    assert payload["errorMessage"] == "Task timed out after 1.00 seconds"


async def test_only_the_invocation_that_takes_too_long_times_out(functions, cloudwatch):
    source = "import time\ndef handler(event, context):\n    time.sleep(event['seconds'])\n    return 'done'\n"
    await make(functions, source, Timeout=1)
    await call(functions, "1", payload={"seconds": 0.1})
    wanted = [0.3, 5, 0.0, 0.0]
    answers = await asyncio.gather(*(call(functions, "1", payload={"seconds": seconds}) for seconds in wanted))
    assert ["FunctionError" in answer for answer, _ in answers] == [False, True, False, False]
    assert await points(cloudwatch, "Duration", "Maximum", resource="f:1") == [1000.0]


async def test_a_payload_beyond_the_limit_is_refused(functions):
    await make(functions, ECHO % 1)
    with refused("RequestTooLargeException", 413):
        await functions.invoke(FunctionName="f", InvocationType="Event", Payload=io.BytesIO(b"x" * 1_048_577))


async def test_what_a_handler_prints_comes_back_as_the_log_tail(functions):
    await make(functions, "def handler(event, context):\n    print('told you')\n")
    answer, _ = await call(functions, "1", LogType="Tail")
    tail = base64.b64decode(answer["LogResult"]).decode()
    assert "told you" in tail
    assert "Version: 1" in tail


async def test_a_slow_handler_does_not_make_others_wait_in_line(functions):
    await make(functions, SLOW)
    await call(functions, "1")
    clock = asyncio.get_running_loop().time
    began = clock()
    await asyncio.gather(*(call(functions, "1") for _ in range(8)))
    assert clock() - began < 8 * 0.2 / 2


async def test_a_dry_run_executes_nothing(functions, cloudwatch):
    await make(functions, ECHO % 1)
    answer = await functions.invoke(FunctionName="f", Qualifier="1", InvocationType="DryRun")
    assert answer["StatusCode"] == 204
    assert await points(cloudwatch, "Invocations") == []


@pytest.mark.parametrize(("name", "qualifier"), [("none", None), ("f", "9"), ("f", "none")])
async def test_what_does_not_exist_cannot_be_invoked(functions, name, qualifier):
    await make(functions, ECHO % 1)
    with refused("ResourceNotFoundException", 404):
        await call(functions, qualifier, name)


async def test_an_event_runs_on_the_version_that_the_alias_has_when_it_is_dequeued(functions, cloudwatch, admin):
    await make(functions, ECHO % 1, ECHO % 2, alias="live")
    await admin.configure(async_delay=0.15)
    answer = await functions.invoke(FunctionName="f", Qualifier="live", InvocationType="Event", Payload=b"{}")
    assert answer["StatusCode"] == 202
    await functions.update_alias(FunctionName="f", Name="live", FunctionVersion="2")
    await _until_points(cloudwatch, 1.0, executed="2")
    assert await points(cloudwatch, "Invocations", resource="f:live", executed="1") == []


async def test_a_failed_event_is_tried_three_times(functions, cloudwatch, admin):
    await make(functions, RAISE % 1, alias="live")
    await admin.configure(async_retry_delays=[0.02, 0.02])
    await functions.invoke(FunctionName="f", Qualifier="live", InvocationType="Event", Payload=b"{}")
    await _until_points(cloudwatch, 3.0, executed="1")


async def test_reserved_concurrency_of_zero_throttles_and_is_counted(functions, cloudwatch):
    await make(functions, ECHO % 1, alias="live")
    await functions.put_function_concurrency(FunctionName="f", ReservedConcurrentExecutions=0)
    with refused("TooManyRequestsException", 429) as caught:
        await call(functions, "live")
    assert caught.value.response["Reason"] == "ReservedFunctionConcurrentInvocationLimitExceeded"
    assert await points(cloudwatch, "Throttles", resource="f:live") == [1.0]
    assert await points(cloudwatch, "Invocations", resource="f:live") == []
    await functions.delete_function_concurrency(FunctionName="f")
    await call(functions, "live")


async def test_more_invocations_at_once_than_reserved_are_throttled(functions):
    await make(functions, SLOW)
    await call(functions, "1")
    await functions.put_function_concurrency(FunctionName="f", ReservedConcurrentExecutions=2)
    answers = await asyncio.gather(*(call(functions, "1") for _ in range(5)), return_exceptions=True)
    assert sum(isinstance(answer, Exception) for answer in answers) == 3


async def _until_points(cloudwatch, wanted, executed):
    async def there():
        return sum(await points(cloudwatch, "Invocations", resource="f:live", executed=executed)) == wanted

    await until(there)
