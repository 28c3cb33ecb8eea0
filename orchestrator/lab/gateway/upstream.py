"""The emulator behind the gateway, spoken to only through AWS' public wire format."""

from typing import Any

import httpx2

from orchestrator.lab.gateway.wire import AwsError, Call, Reply

_HOP_BY_HOP = frozenset({
    "connection", "content-length", "date", "keep-alive", "server", "transfer-encoding", "upgrade", "host",
})  # fmt: skip
_FUNCTIONS = "/2015-03-31/functions"
_SECONDS = 900.0


class Upstream:
    """Client of the emulator; one connection pool for the life of the gateway."""

    def __init__(self, url: str, region: str) -> None:
        """Point at the emulator's address."""
        limits = httpx2.Limits(max_connections=200, max_keepalive_connections=50)
        # The scope tells the emulator which service and region an unsigned path belongs to.
        self._signed = {
            service: f"AWS4-HMAC-SHA256 Credential=lab/20200101/{region}/{service}/aws4_request"
            for service in ("lambda", "s3", "sqs")
        }
        self._client = httpx2.AsyncClient(base_url=url, timeout=_SECONDS, limits=limits, trust_env=False, verify=False)

    async def forward(self, call: Call) -> Reply:
        """Send a request on as it came and hand back the answer as it came."""
        headers = {name: value for name, value in call.headers.items() if name not in _HOP_BY_HOP}
        target = call.raw_target.decode("latin-1")
        async with self._client.stream(call.method, target, headers=headers, content=call.body) as answer:
            # Undecoded: an object stored with a content encoding must leave as it was stored.
            body = b"".join([part async for part in answer.aiter_raw()])
            kept = {name: value for name, value in answer.headers.items() if name not in _HOP_BY_HOP}
            if call.method == "HEAD":  # the length of what a GET would bring
                kept["content-length"] = answer.headers.get("content-length", "0")
            return Reply(answer.status_code, kept, body)

    async def functions(self, method: str, path: str = "", document: Any = None, **query: str) -> Reply:
        """Call Lambda's function API; `path` follows `/functions`.

        Raises:
            AwsError: the emulator refused, with its code and message.
        """
        return await self.lambda_call(method, _FUNCTIONS + path, document, **query)

    async def lambda_call(self, method: str, path: str, document: Any = None, **query: str) -> Reply:
        """Call any path of Lambda's API; raises like `functions`."""
        answer = await self._client.request(
            method, path, json=document, params=query or None, headers={"authorization": self._signed["lambda"]}
        )
        reply = Reply(answer.status_code, dict(answer.headers), answer.content)
        if answer.is_error:
            raise _refusal(reply)
        return reply

    async def stored_object(self, bucket: str, key: str, version: str | None) -> bytes:
        """Read an object from S3.

        Raises:
            AwsError: `InvalidParameterValueException`, as Lambda answers when it cannot read the code.
        """
        answer = await self._client.get(
            f"/{bucket}/{key}",
            params={"versionId": version} if version else None,
            headers={"authorization": self._signed["s3"]},
        )
        if answer.is_error:
            raise AwsError(
                "InvalidParameterValueException",
                "Error occurred while GetObject. S3 Error Code: "
                f"{'NoSuchKey' if answer.status_code == httpx2.codes.NOT_FOUND else 'AccessDenied'}.",
            )
        return answer.content

    async def queue(self, operation: str, document: dict[str, Any]) -> dict[str, Any]:
        """Call SQS in its JSON protocol.

        Raises:
            AwsError: the queue does not exist, or the emulator refused.
        """
        answer = await self._client.post(
            "/",
            json=document,
            headers={
                "authorization": self._signed["sqs"],
                "x-amz-target": f"AmazonSQS.{operation}",
                "content-type": "application/x-amz-json-1.0",
            },
        )
        reply = Reply(answer.status_code, dict(answer.headers), answer.content)
        if answer.is_error:
            raise _refusal(reply)
        return reply.document()

    async def reset(self) -> None:
        """Empty the emulator: the one call that is not AWS', offered by it for tests."""
        await self._client.post("/_ministack/reset")

    async def close(self) -> None:
        """Close all connections."""
        await self._client.aclose()


def _refusal(reply: Reply) -> AwsError:
    body = reply.document()
    code = str(reply.headers.get("x-amzn-errortype") or body.get("__type") or "ServiceException")
    return AwsError(code.rpartition("#")[2], str(body.get("message") or body.get("Message") or ""), reply.status)
