"""CloudWatch's protocols: query (form in, XML out), JSON, and Smithy RPC v2 CBOR.

botocore 1.40 speaks query; newer clients choose CBOR or JSON. Inside, all three are the same documents with
timestamps as `datetime`.
"""

import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl
from uuid import uuid4
from xml.sax.saxutils import escape

from orchestrator.lab.gateway import cbor
from orchestrator.lab.gateway.wire import AwsError, Call, Document, Reply

_NAMESPACE = "http://monitoring.amazonaws.com/doc/2010-08-01/"


def read_parameters(call: Call) -> Document:
    """The request's parameters as nested documents and lists, whatever protocol carried them."""
    kind = call.headers.get("content-type", "")
    if "cbor" in kind:
        found = cbor.loads(call.body) if call.body else {}
        return found if isinstance(found, dict) else {}
    if "json" in kind:
        return call.document()
    nested: Document = {}
    for name, value in parse_qsl(call.body.decode(), keep_blank_values=True):
        *parents, last = name.split(".")
        place = nested
        for parent in parents:
            place = place.setdefault(parent, {})
        place[last] = value
    lists = _with_lists(nested)
    return lists if isinstance(lists, dict) else {}


def write_result(call: Call, result: Document) -> Reply:
    """The result in the protocol of the request."""
    kind = call.headers.get("content-type", "")
    request = str(uuid4())
    if "cbor" in kind:
        headers = {"content-type": "application/cbor", "smithy-protocol": "rpc-v2-cbor", "x-amzn-requestid": request}
        return Reply(200, headers, cbor.dumps(result))
    if "json" in kind:
        body = json.dumps(result, default=lambda moment: moment.timestamp()).encode()
        return Reply(200, {"content-type": "application/x-amz-json-1.0", "x-amzn-requestid": request}, body)
    name = call.operation
    inner = "".join(_xml(key, value) for key, value in result.items() if value is not None)
    body = (
        f'<{name}Response xmlns="{_NAMESPACE}"><{name}Result>{inner}</{name}Result>'
        f"<ResponseMetadata><RequestId>{request}</RequestId></ResponseMetadata></{name}Response>"
    ).encode()
    return Reply(200, {"content-type": "text/xml", "x-amzn-requestid": request}, body)


def write_refusal(call: Call, refusal: AwsError) -> Reply:
    """The refusal in the protocol of the request."""
    kind = call.headers.get("content-type", "")
    request = str(uuid4())
    document = {"__type": refusal.code, "message": refusal.message}
    if "cbor" in kind:
        headers = {"content-type": "application/cbor", "smithy-protocol": "rpc-v2-cbor", "x-amzn-requestid": request}
        return Reply(refusal.status, headers, cbor.dumps(document))
    if "json" in kind:
        return Reply(refusal.status, {"content-type": "application/x-amz-json-1.0"}, json.dumps(document).encode())
    body = (
        f'<ErrorResponse xmlns="{_NAMESPACE}"><Error><Type>Sender</Type><Code>{escape(refusal.code)}</Code>'
        f"<Message>{escape(refusal.message)}</Message></Error><RequestId>{request}</RequestId></ErrorResponse>"
    ).encode()
    return Reply(refusal.status, {"content-type": "text/xml", "x-amzn-requestid": request}, body)


def moment(value: Any) -> float:
    """Seconds since the epoch from any protocol's timestamp.

    Raises:
        AwsError: `ValidationError` when it is none.
    """
    if isinstance(value, datetime):
        return value.timestamp()
    if isinstance(value, int | float):
        return float(value)
    try:
        read = datetime.fromisoformat(str(value))
    except ValueError:
        raise AwsError("ValidationError", f"Timestamp {value!r} cannot be read.") from None
    return (read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp()


def at(seconds: float) -> datetime:
    """A timestamp for a result."""
    return datetime.fromtimestamp(seconds, UTC)


def _with_lists(value: Any) -> Any:
    """Turn `{'member': {'1': a, '2': b}}` of the query protocol into `[a, b]`."""
    if not isinstance(value, dict):
        return value
    if set(value) == {"member"} and isinstance(value["member"], dict):
        return [_with_lists(value["member"][key]) for key in sorted(value["member"], key=int)]
    if value == {"member": ""}:
        return []
    return {key: _with_lists(entry) for key, entry in value.items()}


def _xml(name: str, value: Any) -> str:
    if isinstance(value, dict):
        inner = "".join(_xml(key, entry) for key, entry in value.items() if entry is not None)
    elif isinstance(value, list):
        inner = "".join(_xml("member", entry) for entry in value)
    elif isinstance(value, datetime):
        inner = value.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
    elif isinstance(value, bool):
        inner = str(value).lower()
    else:
        inner = escape(str(value))
    return f"<{name}>{inner}</{name}>"
