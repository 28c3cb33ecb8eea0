"""CloudTrail's records as EventBridge brings them: shapes of the User Guide, with Lambda's parameters."""

import json
import uuid
from datetime import UTC, datetime
from typing import Any

BOB = "arn:aws:iam::123456789012:user/bob"
USER = {
    "type": "IAMUser",
    "principalId": "AIDAJ45Q7YFFAREXAMPLE",
    "arn": BOB,
    "accountId": "123456789012",
    "accessKeyId": "",
    "userName": "bob",
}
ROLE = {
    "type": "AssumedRole",
    "principalId": "AROAIDPPEZS35WEXAMPLE:carol",
    "arn": "arn:aws:sts::123456789012:assumed-role/Admin/carol",
    "accountId": "123456789012",
    "sessionContext": {
        "sessionIssuer": {
            "type": "Role",
            "principalId": "AROAIDPPEZS35WEXAMPLE",
            "arn": "arn:aws:iam::123456789012:role/Admin",
            "accountId": "123456789012",
            "userName": "Admin",
        },
        "attributes": {"creationDate": "2026-03-04T13:00:00Z", "mfaAuthenticated": "true"},
    },
}
SERVICE = {"type": "AWSService", "invokedBy": "codedeploy.amazonaws.com"}


def asked(function: str = "checkout", alias: str = "live", version: str | None = "7", **more: Any) -> dict[str, Any]:
    """Request parameters of UpdateAlias."""
    named = {"functionName": function, "name": alias}
    return (named if version is None else {**named, "functionVersion": version}) | more


def weights(**fractions: float) -> dict[str, Any]:
    """A routing configuration; versions are written `v7=0.1`."""
    return {"additionalVersionWeights": {version[1:]: fraction for version, fraction in fractions.items()}}


def event(
    parameters: dict[str, Any] | None = None,
    *,
    name: str = "UpdateAlias20150331",
    account: str = "123456789012",
    region: str = "eu-west-1",
    at: datetime | None = None,
    number: str = "",
    **detail: Any,
) -> dict[str, Any]:
    """One event; `number` is EventBridge's id of it, `detail` replaces fields of the record."""
    when = f"{at or datetime(2026, 3, 4, 14, 2, 11, tzinfo=UTC):%Y-%m-%dT%H:%M:%SZ}"
    return {
        "version": "0",
        "id": number or str(uuid.uuid4()),
        "detail-type": "AWS API Call via CloudTrail",
        "source": "aws.lambda",
        "account": account,
        "time": when,
        "region": region,
        "resources": [],
        "detail": {
            "eventVersion": "1.11",
            "userIdentity": USER,
            "eventTime": when,
            "eventSource": "lambda.amazonaws.com",
            "eventName": name,
            "awsRegion": region,
            "sourceIPAddress": "192.0.2.7",
            "userAgent": "aws-cli/2.31.0",
            "requestParameters": asked() if parameters is None else parameters,
            "responseElements": None,
            "requestID": str(uuid.uuid4()),
            "eventID": str(uuid.uuid4()),
            "readOnly": False,
            "eventType": "AwsApiCall",
            "managementEvent": True,
            "recipientAccountId": account,
            "eventCategory": "Management",
        }
        | detail,
    }


def body(*parts: Any, **fields: Any) -> str:
    """The same as the body of a message."""
    return json.dumps(event(*parts, **fields))
