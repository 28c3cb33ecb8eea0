"""Requests as the gateway's rules see them, replies and errors as AWS writes them."""

import json
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

Document = dict[str, Any]


@dataclass(frozen=True)
class Reply:
    """One HTTP answer; `body` is already encoded."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    def document(self) -> Document:
        """The body as a JSON object; an empty body is an empty object."""
        found = json.loads(self.body) if self.body else {}
        return found if isinstance(found, dict) else {}


class AwsError(Exception):
    """A refusal by AWS: exception code, HTTP status and the members of its body."""

    def __init__(self, code: str, message: str, status: int = 400, **members: Any) -> None:
        """Keep the parts; `members` are further fields of the body, e.g. `Reason`."""
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status
        self.members = members

    def reply(self) -> Reply:
        """The refusal in the REST-JSON protocol, as Lambda sends it."""
        body = {"Type": "User", "message": self.message, "Message": self.message, **self.members}
        headers = {"content-type": "application/json", "x-amzn-errortype": self.code, "x-amzn-requestid": str(uuid4())}
        retry_after = self.members.get("retryAfterSeconds")
        if retry_after:
            headers["retry-after"] = str(retry_after)
        return Reply(self.status, headers, json.dumps(body).encode())


@dataclass(frozen=True)
class Call:
    """One request, with the names that Lambda's paths carry already taken apart."""

    service: str
    """`lambda`, `monitoring`, `s3`, `sqs`, `sts`: the name in the signature's scope, or guessed from the path."""
    operation: str
    """Name in the API, e.g. `UpdateAlias`; empty where it is not known."""
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    """Names in lower case."""
    body: bytes
    raw_target: bytes = b""
    """Path and query exactly as received."""
    function: str = ""
    qualifier: str | None = None
    alias: str = ""
    resource: str = ""
    """Last variable part of the path that is neither function nor alias: UUID, statement id, ARN."""

    def document(self) -> Document:
        """The body as a JSON object.

        Raises:
            AwsError: `InvalidRequestContentException` when it is not one.
        """
        if not self.body:
            return {}
        try:
            found = json.loads(self.body)
        except ValueError:
            raise AwsError("InvalidRequestContentException", "Could not parse request body into json.") from None
        if not isinstance(found, dict):
            raise AwsError("InvalidRequestContentException", "The request body is not a JSON object.")
        return found


def json_reply(document: Any, status: int = 200, **headers: str) -> Reply:
    """Answer with JSON."""
    base = {"content-type": "application/json", "x-amzn-requestid": str(uuid4())}
    return Reply(status, {**base, **headers}, json.dumps(document).encode())


def not_found(message: str) -> AwsError:
    """`ResourceNotFoundException`, 404."""
    return AwsError("ResourceNotFoundException", message, 404)


def conflict(message: str) -> AwsError:
    """`ResourceConflictException`, 409."""
    return AwsError("ResourceConflictException", message, 409)


def invalid(message: str) -> AwsError:
    """`InvalidParameterValueException`, 400."""
    return AwsError("InvalidParameterValueException", message)


def failed_validation(message: str) -> AwsError:
    """`ValidationException`, 400: what AWS answers where a request breaks the API's own shapes."""
    return AwsError("ValidationException", message)


def stale_revision() -> AwsError:
    """`PreconditionFailedException`, 412."""
    return AwsError(
        "PreconditionFailedException",
        "The Revision Id provided does not match the latest Revision Id. "
        "Call the GetFunction/GetAlias API to retrieve the latest Revision Id",
        412,
    )
