"""The fake as a world."""

from itertools import count

from activities.ports import EventSource, LambdaPort
from orchestrator.domain.errors import AccessDenied, Throttled, Unavailable
from orchestrator.domain.release import Configuration, S3Object, Target
from tests.conformance.worlds import CodeName, Window
from tests.fakes.aws import Answer, Code, FakeAws, Pace, Paces, crash
from tests.fakes.clock import FakeClock

_numbers = count(1)


class FakeWorld:
    """Arranges a FakeAws."""

    name = "fake"

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.aws = FakeAws(self.clock, Paces())
        self._provisioning_fails = False

    async def begin(self) -> None:
        pass

    async def function(self, code: CodeName = "first") -> Target:
        target = Target(account="123456789012", region="eu-west-1", function=f"f{next(_numbers)}", alias="live")
        self.aws.add_function(target, code=_code(code))
        return target

    async def change(self, target: Target, code: CodeName) -> None:
        failing = "FUNCTION_ERROR_INIT_FAILURE" if self._provisioning_fails else ""
        self.aws.function(target).change_code(_code(code, fails_to_provision=failing))

    async def publish(self, target: Target) -> str:
        return self.aws.function(target).publish_now()

    async def reconfigure(self, target: Target, *, role: bool = False, dead_letter_queue: bool = False) -> None:
        change = Configuration(
            role="arn:aws:iam::123456789012:role/other" if role else None,
            dead_letter_queue="arn:aws:sqs:eu-west-1:123456789012:dead" if dead_letter_queue else None,
        )
        self.aws.function(target).change(change)

    async def uploaded(self, code: CodeName) -> S3Object:
        target = Target(account="123456789012", region="eu-west-1", function="f", alias="live")
        self.aws.region(target).objects |= {f"s3://code/{code}": _code(code), "s3://code/missing": None}
        return S3Object(bucket="code", key=code)

    async def reserve(self, target: Target, count: int) -> None:
        self.aws.function(target).reserved = count

    async def bind(self, target: Target, qualifier: str) -> None:
        arn = f"arn:aws:lambda:{target.region}:{target.account}:function:{target.function}:{qualifier}"
        self.aws.function(target).event_sources.append(
            EventSource(uuid="1", source_arn="arn:aws:sqs:eu-west-1:123456789012:q", function_arn=arn, state="Enabled")
        )

    async def allow(self, target: Target, qualifier: str) -> None:
        self.aws.function(target).policies.add(qualifier)

    async def serve(self, target: Target, invocations: int, errors: int = 0) -> Window:
        start = int(self.clock.now().timestamp()) // 60 * 60
        version = self.aws.routing(target).primary
        self.aws.cloudwatch(target).serve(
            target.function, target.alias, version, start, invocations=invocations, errors=errors
        )
        self.clock.advance(60)
        return Window(start, start + 60, 60)

    async def alarm(self, name: str, state: str) -> None:
        self.aws.cloudwatch(await self.function()).set_alarm(name, state)

    async def composite_alarm(self, name: str, over: str) -> None:
        await self.alarm(name, "ALARM")

    async def slow(self, seconds: float) -> None:
        paces = self.aws.paces
        paces.publish = paces.update = paces.provision = Pace(seconds=seconds)

    async def pass_time(self, seconds: float) -> None:
        self.clock.advance(seconds)

    async def fail_next_publish(self, target: Target) -> None:
        function = self.aws.function(target)
        name = f"{function.latest.code.name} that fails"
        function.change_code(Code(name, fails_to_start="The image does not start."))

    async def fail_provisioning(self, target: Target) -> None:
        self._provisioning_fails = True

    async def idle(self, target: Target, version: str) -> None:
        self.aws.function(target).set_state(version, "Inactive")

    async def lose_reply(self, operation: str) -> None:
        self.aws.faults.lose_reply(operation)

    async def throttle(self, operation: str) -> None:
        self.aws.faults.refuse(operation, Throttled("could not do it: too many requests"))

    async def metrics_end_as(self, status: str) -> None:
        error = AccessDenied if status == "Forbidden" else Unavailable
        self.aws.faults.refuse("metric_data", error(f"CloudWatch answers {status}"))

    def stranger(self, target: Target) -> LambdaPort:
        self.aws.faults.refuse("*", AccessDenied("there are no AWS credentials"), times=None)
        return self.aws.functions(target)


def _code(name: CodeName, **more: str) -> Code:
    if name == "crash":
        return Code(name, crash, **more)
    return Code(name, lambda _: Answer(f'{{"code": "{name}"}}'), **more)
