"""The lab as a whole: starting, stopping, dying, traffic and samples."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import asynccontextmanager
from pathlib import Path

import aioboto3
import pytest
from temporalio.client import Client

from orchestrator.lab import samples
from orchestrator.lab.gateway.settings import LabSettings
from orchestrator.lab.processes import Child, LabStartError, claim_port
from orchestrator.lab.stack import Lab, LabOptions
from orchestrator.lab.traffic import Traffic
from tests.lab.calls import call, drawn, refused, until

RUNS_A_LAB = """
import asyncio, sys
from orchestrator.lab.stack import Lab, LabOptions
from pathlib import Path
async def main():
    async with Lab(LabOptions(temporal=True, state_dir=Path(sys.argv[1]))) as lab:
        print(*[child.pid for child in lab._children], flush=True)
        await asyncio.sleep(60)
asyncio.run(main())
"""


def alive(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


async def test_a_lab_serves_aws_and_temporal_and_leaves_nothing_behind():
    async with Lab(LabOptions(settings=LabSettings(metric_lag=2.0))) as lab:
        folder = lab.state_dir
        pids = [child.pid for child in lab._children]
        assert lab.environment()["AWS_ENDPOINT_URL"] == lab.aws_url
        assert lab.aws_url.startswith("http://127.0.0.1:")
        client = await Client.connect(lab.temporal_address)
        assert [row async for row in client.list_workflows("SluiceReleaseId = 'none'")] == []
        assert (await lab.admin.settings()).metric_lag == 2.0
        assert all(map(alive, pids))
    assert not any(map(alive, pids))
    assert not folder.exists()


async def test_functions_and_workflows_survive_a_restart(tmp_path):
    options = LabOptions(state_dir=tmp_path, seed=1)
    async with Lab(options) as lab, _functions_of(lab) as functions:
        await samples.create(functions)
        await samples.upload(functions, variant="v2")
        version = await samples.publish(functions)
        await samples.upload(functions, variant="slow")
        weights = {"AdditionalVersionWeights": {version: 0.5}}
        before = await functions.update_alias(FunctionName="checkout", Name="live", RoutingConfig=weights)
        client = await Client.connect(lab.temporal_address)
        handle = await client.start_workflow("Nothing", id="kept", task_queue="none")
    async with Lab(options) as lab, _functions_of(lab) as functions:
        after = await functions.get_alias(FunctionName="checkout", Name="live")
        assert (after["RevisionId"], after["RoutingConfig"]) == (before["RevisionId"], weights)
        assert set(await drawn(functions, "live", 16, "checkout")) == {"1", "2"}
        for qualifier, release in (("1", "v1"), ("2", "v2"), ("$LATEST", "slow")):
            assert (await call(functions, qualifier, "checkout"))[1]["release"] == release
        assert await samples.publish(functions) == "3"
        client = await Client.connect(lab.temporal_address)
        assert (await client.get_workflow_handle("kept").describe()).run_id == handle.first_execution_run_id


@asynccontextmanager
async def _functions_of(lab):
    session = aioboto3.Session(aws_access_key_id="lab", aws_secret_access_key="lab", region_name="us-east-1")
    async with session.client("lambda", endpoint_url=lab.aws_url) as client:
        yield client


async def test_every_listening_socket_is_on_loopback(running_lab):
    ask = await asyncio.create_subprocess_exec("ss", "-ltnpH", stdout=subprocess.PIPE)
    listening = (await ask.communicate())[0].decode()
    mine = [line for line in listening.splitlines() if f"pid={running_lab._children[0].pid}," in line]
    assert mine
    assert all(line.split()[3].startswith("127.0.0.1:") for line in mine)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
async def test_no_process_outlives_a_lab_that_ends_abruptly(tmp_path, number):
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        RUNS_A_LAB,
        str(tmp_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=Path(__file__).parents[2],
    )
    pids = list(map(int, (await process.stdout.readline()).split()))
    assert len(pids) == 2
    process.send_signal(number)

    async def gone():
        return not any(map(alive, pids))

    await until(gone, 10)
    await process.wait()


async def test_a_wished_port_that_is_taken_is_told_in_one_sentence(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        for options in (LabOptions(temporal=False, aws_port=port), LabOptions(temporal_port=port)):
            with pytest.raises(LabStartError, match=f"Port {port} on 127.0.0.1, wished for .* is taken"):
                await Lab(options).__aenter__()


@pytest.mark.parametrize("key", ["AKIAIOSFODNN7EXAMPLE", "ASIAXYZ"])
async def test_credentials_that_look_real_are_refused(lab, key):
    with pytest.raises(LabStartError, match="no real credentials"):
        Lab(LabOptions(access_key_id=key))
    session = aioboto3.Session(aws_access_key_id=key, aws_secret_access_key="x", region_name="us-east-1")
    async with session.client("lambda", endpoint_url=lab.aws_url) as client:
        with refused("UnrecognizedClientException", 403):
            await client.list_functions()


async def test_a_failed_start_shows_the_end_of_the_output(tmp_path):
    child = await Child.start("broken", ["sh", "-c", "echo no such luck >&2; exit 3"], os.environ, tmp_path)
    with claim_port(0, "nobody") as silent, pytest.raises(LabStartError) as caught:
        await child.until_listening(silent.getsockname()[1])
    assert str(caught.value) == "broken ended with code 3 while starting.\nno such luck"
    await child.stop()


async def test_a_claimed_port_cannot_be_claimed_twice():
    with claim_port(0, "one") as place:
        place.listen()
        with pytest.raises(LabStartError, match="wished for two"):
            claim_port(place.getsockname()[1], "two")


async def test_traffic_keeps_its_rate_and_counts_by_version(lab, functions):
    await samples.create(functions)
    await samples.upload(functions, variant="fails_always")
    bad = await samples.publish(functions)
    await functions.update_alias(
        FunctionName="checkout", Name="live", RoutingConfig={"AdditionalVersionWeights": {bad: 0.3}}
    )
    traffic = Traffic(lab.aws_url, rate=40, concurrency=200)  # a busy machine answers late; nothing is skipped then
    began = time.monotonic()
    async with traffic:
        await asyncio.sleep(2)
    count = traffic.count
    assert set(count.ok) == {"1"}
    assert set(count.errors) == {"2"}
    assert 0.1 < count.share("2") < 0.6
    assert (count.refused, count.throttled, count.skipped) == (0, 0, 0)
    assert count.total >= 40 * 2 * 0.8
    assert time.monotonic() - began < 8


def test_every_variant_is_different_code_and_always_the_same_bytes():
    packages = [samples.package(variant) for variant in samples.VARIANTS]
    assert len(set(packages)) == len(samples.VARIANTS)
    assert packages == [samples.package(variant) for variant in samples.VARIANTS]


async def test_an_artifact_in_s3_can_be_released(aws, functions):
    await samples.create(functions)
    for _ in range(2):
        await samples.put_artifact(aws.s3, "artifacts", "checkout/v2.zip", variant="v2")
    await functions.update_function_code(FunctionName="checkout", S3Bucket="artifacts", S3Key="checkout/v2.zip")
    assert await samples.publish(functions) == "2"
