"""`sluice events` as a process, on a real queue with a dead-letter queue, beside a release of a real function."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aioboto3
import pytest

from orchestrator.domain.analysis import Compare
from orchestrator.domain.journal import ReleaseState
from orchestrator.domain.plan import Bake, Plan, Promote, Shift
from orchestrator.domain.release import Actor, Command, Order, Outcome, Phase, Target
from orchestrator.domain.traffic import whole
from orchestrator.lab.whole import LAB_SAMPLING, WholeLab, request
from tests.intake.cloudtrail import BOB, asked, body

SLUICE = str(Path(sys.executable).with_name("sluice"))
PATIENCE = 20
"""Real seconds that anything may take."""


class Queue:
    """A queue of the lab, and the dead-letter queue that takes what was received twice for nothing."""

    def __init__(self, sqs: Any) -> None:
        self.sqs = sqs
        self.url = self.dead = ""

    async def create(self) -> None:
        self.dead = (await self.sqs.create_queue(QueueName="events-dead"))["QueueUrl"]
        names = {"QueueUrl": self.dead, "AttributeNames": ["QueueArn"]}
        arn = (await self.sqs.get_queue_attributes(**names))["Attributes"]["QueueArn"]
        redrive = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 2})
        attributes = {"RedrivePolicy": redrive, "VisibilityTimeout": "1"}
        self.url = (await self.sqs.create_queue(QueueName="events", Attributes=attributes))["QueueUrl"]

    async def send(self, text: str) -> None:
        await self.sqs.send_message(QueueUrl=self.url, MessageBody=text)

    async def left(self) -> int:
        """Messages that wait, and those that somebody holds."""
        kinds = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        answer = await self.sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=kinds)
        return sum(int(number) for number in answer["Attributes"].values())

    async def given_up(self) -> list[str]:
        """Bodies in the dead-letter queue."""
        found = await self.sqs.receive_message(QueueUrl=self.dead, MaxNumberOfMessages=10, VisibilityTimeout=0)
        return [message["Body"] for message in found.get("Messages", ())]


@pytest.fixture
async def queue(lab: WholeLab) -> AsyncIterator[Queue]:
    async with aioboto3.Session().client("sqs", endpoint_url=lab.lab.aws_url) as sqs:
        queue = Queue(sqs)
        await queue.create()
        yield queue


@asynccontextmanager
async def consuming(lab: WholeLab, queue: Queue) -> AsyncIterator[list[str]]:
    """Run `sluice events` without a release file, and give what it has printed; it ends with 0 at SIGTERM."""
    environment = {
        **os.environ,
        **lab.lab.environment(),
        "SLUICE_TEMPORAL__ADDRESS": lab.settings.temporal.address,
        "SLUICE_EVENTS__QUEUE_URL": queue.url,
    }
    process = await asyncio.create_subprocess_exec(
        *(SLUICE, "events"), env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    lines: list[str] = []

    async def follow() -> None:
        assert process.stdout is not None
        while line := await process.stdout.readline():
            lines.append(line.decode())

    following = asyncio.create_task(follow())
    try:
        async with asyncio.timeout(PATIENCE):
            while not any(line.startswith("taking events from") for line in lines):
                assert process.returncode is None, lines
                await asyncio.sleep(0.05)
        yield lines
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(PATIENCE):
            assert await process.wait() == 0, lines
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        await following


async def baking(lab: WholeLab) -> tuple[Target, str]:
    """A release of a function that nobody calls: it bakes on until somebody ends it."""
    target = await lab.add_function("told")
    await lab.upload("told", "v2")
    span = Bake(duration=PATIENCE * LAB_SAMPLING.period * 3)
    steps = (Shift(weight=10, bake=span), Promote(bake=Bake(duration=LAB_SAMPLING.period * 0)))
    plan = Plan(strategy="canary", steps=steps, checks=(Compare(name="errors"),), sampling=LAB_SAMPLING)
    order = request(target, plan, actor="anna", reason="events")
    await lab.service.submit(order)
    await until(lab, order.release_id, lambda s: s.phase is Phase.BAKING)
    return target, order.release_id


async def until(lab: WholeLab, release_id: str, reached: Any) -> ReleaseState:
    async with asyncio.timeout(PATIENCE):
        while not reached(state := await lab.service.get(release_id)):
            await asyncio.sleep(0.05)
    return state


async def test_an_alias_that_bob_moves_is_told_to_its_release_and_what_is_no_event_is_given_up(
    lab: WholeLab, queue: Queue
) -> None:
    """From the message to the sentence that names him; the message is gone, the other one in the dead-letter queue."""
    target, release_id = await baking(lab)
    await lab.upload("told", "slow")
    version = (await lab.client.publish_version(FunctionName="told"))["Version"]
    await lab.client.update_alias(
        FunctionName="told", Name=target.alias, FunctionVersion=version, RoutingConfig={"AdditionalVersionWeights": {}}
    )
    parameters = asked("told", target.alias, version)
    news = body(parameters, account=target.account, region=target.region, at=datetime.now(UTC))
    async with consuming(lab, queue) as lines:
        await queue.send("no event")
        await queue.send(news)
        await queue.send(news)
        state = await until(lab, release_id, lambda s: s.drifted)
        async with asyncio.timeout(PATIENCE):
            while await queue.given_up() != ["no event"] or await queue.left():
                await asyncio.sleep(0.2)
    assert f"found version {version}, wished version 1;" in state.sentence
    assert f"CloudTrail names {BOB} at " in state.sentence
    assert len([event for event in state.events if "outside Sluice" in event.text]) == 1
    assert any("message is no event of EventBridge" in line for line in lines)
    order = Order(command=Command.ADOPT, actor=Actor(name="anna"), release_id=release_id)
    await lab.service.command(order, key="adopt")
    assert (await until(lab, release_id, lambda s: s.done)).outcome is Outcome.FAILED
    assert (await lab.alias(target)).routing.same_as(whole(version))
