"""Whatever speaks AWS's protocols as a world: arranged by a plain client, tested through the gateway."""

import asyncio
import io
import json
import time
import uuid
import zipfile
from contextlib import AsyncExitStack
from typing import Any, Self

import aioboto3
from aiobotocore.awsrequest import AioAWSResponse
from aiobotocore.credentials import AioCredentialResolver
from aiobotocore.session import get_session
from botocore.exceptions import ReadTimeoutError

from activities.aws.session import AwsClients, AwsSettings
from activities.ports import LambdaPort
from orchestrator.domain.release import S3Object, Target
from tests.conformance.worlds import CodeName, Limits, Window, settled

API_NAMES = {
    "update_alias": "UpdateAlias",
    "get_alias": "GetAlias",
    "publish_version": "PublishVersion",
    "update_code": "UpdateFunctionCode",
    "update_configuration": "UpdateFunctionConfiguration",
}


class WireWorld(Limits):
    """Arranges the endpoint at `url` with `key` and `secret`."""

    name = "wire"
    alarms_start_late = False

    def __init__(
        self, url: str | None, account: str, region: str, key: str = "testing", secret: str = "testing"
    ) -> None:
        self._url, self.account, self.region = url, account, region
        self._session = aioboto3.Session(key, secret) if url else aioboto3.Session()
        self.role = f"arn:aws:iam::{account}:role/sluice"

    async def __aenter__(self) -> Self:
        self._open = AsyncExitStack()
        self._lambda, self._s3, self._sqs, self._cloudwatch, self._iam = [
            await self._open.enter_async_context(
                self._session.client(name, region_name=self.region, endpoint_url=self._url)
            )
            for name in ("lambda", "s3", "sqs", "cloudwatch", "iam")
        ]
        settings = AwsSettings(endpoint_url=self._url, control_rate=1000)
        self.aws = AwsClients(settings, self._session)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aws.aclose()
        await self._open.aclose()

    # functions

    async def function(self, code: CodeName = "first") -> Target:
        target = Target(account=self.account, region=self.region, function=f"f-{uuid.uuid4().hex[:12]}", alias="live")
        await self._lambda.create_function(
            FunctionName=target.function,
            Runtime="python3.12",
            Role=self.role,
            Handler="app.handler",
            Code={"ZipFile": package(code)},
        )
        await settled(self.aws.functions(target), target)
        version = await self.publish(target)
        await self._lambda.create_alias(FunctionName=target.function, Name="live", FunctionVersion=version)
        return target

    async def change(self, target: Target, code: CodeName) -> None:
        await self._lambda.update_function_code(FunctionName=target.function, ZipFile=package(code))
        await settled(self.aws.functions(target), target)

    async def publish(self, target: Target) -> str:
        answer = await self._lambda.publish_version(FunctionName=target.function)
        await settled(self.aws.functions(target), target, (answer["Version"], "$LATEST"))
        return str(answer["Version"])

    async def reconfigure(self, target: Target, *, role: bool = False, dead_letter_queue: bool = False) -> None:
        change: dict[str, Any] = {"Role": await self.other_role()} if role else {}
        if dead_letter_queue:
            change["DeadLetterConfig"] = {"TargetArn": await self._queue()}
        await self._lambda.update_function_configuration(FunctionName=target.function, **change)
        await settled(self.aws.functions(target), target)

    async def other_role(self) -> str:
        return f"{self.role}-other"

    async def uploaded(self, code: CodeName) -> S3Object:
        bucket = f"code-{self.account}-{self.region}"
        if bucket not in [b["Name"] for b in (await self._s3.list_buckets())["Buckets"]]:
            place = {"CreateBucketConfiguration": {"LocationConstraint": self.region}}
            await self._s3.create_bucket(Bucket=bucket, **({} if self.region == "us-east-1" else place))
        await self._s3.put_object(Bucket=bucket, Key=code, Body=package(code))
        return S3Object(bucket=bucket, key=code)

    async def reserve(self, target: Target, count: int) -> None:
        await self._lambda.put_function_concurrency(FunctionName=target.function, ReservedConcurrentExecutions=count)

    async def bind(self, target: Target, qualifier: str) -> None:
        await self._lambda.create_event_source_mapping(
            EventSourceArn=await self._queue(), FunctionName=f"{target.function}:{qualifier}", Enabled=False
        )

    async def allow(self, target: Target, qualifier: str) -> None:
        await self._lambda.add_permission(
            FunctionName=target.function,
            Qualifier=qualifier,
            StatementId="s",
            Action="lambda:InvokeFunction",
            Principal="events.amazonaws.com",
        )

    async def _queue(self) -> str:
        url = (await self._sqs.create_queue(QueueName=f"q-{uuid.uuid4().hex[:12]}"))["QueueUrl"]
        attributes = await self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
        return str(attributes["Attributes"]["QueueArn"])

    # alarms

    async def alarm(self, name: str, state: str) -> None:
        await self._cloudwatch.put_metric_alarm(
            AlarmName=name,
            Namespace="Conformance",
            MetricName="Anything",
            Statistic="Sum",
            Period=60,
            EvaluationPeriods=1,
            Threshold=1,
            ComparisonOperator="GreaterThanThreshold",
        )
        await self._cloudwatch.set_alarm_state(AlarmName=name, StateValue=state, StateReason="by a test")

    async def composite_alarm(self, name: str, over: str) -> None:
        await self._cloudwatch.put_composite_alarm(AlarmName=name, AlarmRule=f'ALARM("{over}")')

    # trouble, in the client: the answer is dropped, or never asked for

    async def lose_reply(self, operation: str) -> None:
        def lose(**_: Any) -> None:
            events.unregister(event, lose)
            raise ReadTimeoutError(endpoint_url="somewhere")

        events = (await self._gateway_client()).meta.events
        event = f"after-call.lambda.{API_NAMES[operation]}"
        events.register(event, lose)

    async def throttle(self, operation: str) -> None:
        def refuse(request: Any, **_: Any) -> AioAWSResponse:
            events.unregister(event, refuse)
            headers = {"x-amzn-errortype": "TooManyRequestsException", "retry-after": "1"}
            body = {"Reason": "CallerRateLimitExceeded", "message": "Rate exceeded"}
            return AioAWSResponse(request.url, 429, headers, _Body(json.dumps(body).encode()))

        events = (await self._gateway_client()).meta.events
        event = f"before-send.lambda.{API_NAMES[operation]}"
        events.register(event, refuse)

    async def _gateway_client(self) -> Any:
        return await self.aws.client("lambda", self.account, self.region)

    def stranger(self, target: Target) -> LambdaPort:
        nobody = get_session()
        nobody.register_component("credential_provider", AioCredentialResolver([]))
        clients = AwsClients(AwsSettings(endpoint_url=self._url), aioboto3.Session(botocore_session=nobody))
        self._open.push_async_callback(clients.aclose)
        return clients.functions(target)


class MotoWorld(WireWorld):
    """moto's server: metrics of AWS/Lambda can be put."""

    name = "moto"

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        for role in ("sluice", "sluice-other"):
            await self._iam.create_role(RoleName=role, AssumeRolePolicyDocument="{}")
        return self

    async def serve(self, target: Target, invocations: int, errors: int = 0) -> Window:
        start = int(time.time()) // 60 * 60 - 120
        version = (await self.aws.functions(target).get_alias(target.function, target.alias)).routing.primary
        dimensions = {
            "FunctionName": target.function,
            "Resource": f"{target.function}:{target.alias}",
            "ExecutedVersion": version,
        }
        await self._cloudwatch.put_metric_data(
            Namespace="AWS/Lambda",
            MetricData=[
                {
                    "MetricName": name,
                    "Dimensions": [{"Name": key, "Value": value} for key, value in dimensions.items()],
                    "Timestamp": start,
                    "Value": value,
                }
                for name, value in (("Invocations", invocations), ("Errors", errors))
            ],
        )
        return Window(start, start + 60, 60)

    async def pass_time(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class _Body:
    def __init__(self, body: bytes) -> None:
        self._body = body

    async def read(self) -> bytes:
        return self._body


def package(code: CodeName) -> bytes:
    """A zip of the code; equal names give equal bytes."""
    does = "raise ValueError('no')" if code == "crash" else f"return {{'code': {code!r}}}"
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        entry = zipfile.ZipInfo("app.py")
        entry.external_attr = 0o644 << 16
        archive.writestr(entry, f"def handler(event, context):\n    {does}\n")
    return packed.getvalue()
