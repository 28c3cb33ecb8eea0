"""Which operation a request asks for, and what its path names."""

import re
from urllib.parse import parse_qs, unquote

from orchestrator.lab.gateway.wire import Call

_ROUTES = """
POST   functions                                     CreateFunction
GET    functions                                     ListFunctions
GET    functions/{function}                          GetFunction
DELETE functions/{function}                          DeleteFunction
POST   functions/{function}/invocations              Invoke
POST   functions/{function}/response-streaming-invocations InvokeWithResponseStream
GET    functions/{function}/configuration            GetFunctionConfiguration
PUT    functions/{function}/configuration            UpdateFunctionConfiguration
PUT    functions/{function}/code                     UpdateFunctionCode
POST   functions/{function}/versions                 PublishVersion
GET    functions/{function}/versions                 ListVersionsByFunction
POST   functions/{function}/aliases                  CreateAlias
GET    functions/{function}/aliases                  ListAliases
GET    functions/{function}/aliases/{alias}          GetAlias
PUT    functions/{function}/aliases/{alias}          UpdateAlias
DELETE functions/{function}/aliases/{alias}          DeleteAlias
GET    functions/{function}/policy                   GetPolicy
POST   functions/{function}/policy                   AddPermission
DELETE functions/{function}/policy/{resource}        RemovePermission
GET    functions/{function}/concurrency              GetFunctionConcurrency
PUT    functions/{function}/concurrency              PutFunctionConcurrency
DELETE functions/{function}/concurrency              DeleteFunctionConcurrency
GET    functions/{function}/provisioned-concurrency  GetProvisionedConcurrencyConfig
PUT    functions/{function}/provisioned-concurrency  PutProvisionedConcurrencyConfig
DELETE functions/{function}/provisioned-concurrency  DeleteProvisionedConcurrencyConfig
GET    functions/{function}/url                      GetFunctionUrlConfig
POST   functions/{function}/url                      CreateFunctionUrlConfig
PUT    functions/{function}/url                      UpdateFunctionUrlConfig
DELETE functions/{function}/url                      DeleteFunctionUrlConfig
GET    functions/{function}/urls                     ListFunctionUrlConfigs
GET    functions/{function}/event-invoke-config      GetFunctionEventInvokeConfig
PUT    functions/{function}/event-invoke-config      PutFunctionEventInvokeConfig
POST   functions/{function}/event-invoke-config      UpdateFunctionEventInvokeConfig
DELETE functions/{function}/event-invoke-config      DeleteFunctionEventInvokeConfig
GET    functions/{function}/event-invoke-config/list ListFunctionEventInvokeConfigs
GET    functions/{function}/code-signing-config      GetFunctionCodeSigningConfig
GET    functions/{function}/recursion-config         GetFunctionRecursionConfig
PUT    functions/{function}/recursion-config         PutFunctionRecursionConfig
GET    functions/{function}/runtime-management-config GetRuntimeManagementConfig
PUT    functions/{function}/runtime-management-config PutRuntimeManagementConfig
GET    event-source-mappings                         ListEventSourceMappings
POST   event-source-mappings                         CreateEventSourceMapping
GET    event-source-mappings/{resource}              GetEventSourceMapping
PUT    event-source-mappings/{resource}              UpdateEventSourceMapping
DELETE event-source-mappings/{resource}              DeleteEventSourceMapping
GET    tags/{resource}                               ListTags
POST   tags/{resource}                               TagResource
DELETE tags/{resource}                               UntagResource
GET    account-settings                              GetAccountSettings
"""
_DATED = re.compile(r"^/20\d\d-\d\d-\d\d/(?P<rest>.*?)/*$")
_LAMBDA_ROOTS = ("functions", "event-source-mappings", "tags", "account-settings", "layers", "code-signing-configs")
_SCOPE = re.compile(r"Credential=[^,/]+/\d+/[^/]+/(?P<service>[^/]+)/aws4_request")
DATA_PLANE = frozenset({"Invoke", "InvokeWithResponseStream"})


def _compiled() -> dict[str, list[tuple[re.Pattern[str], str]]]:
    table: dict[str, list[tuple[re.Pattern[str], str]]] = {}
    for line in _ROUTES.strip().splitlines():
        method, template, name = line.split()
        pattern = re.sub(r"\{resource\}", r"(?P<resource>.+)", template)
        pattern = re.sub(r"\{(function|alias)\}", r"(?P<\1>[^/]+)", pattern)
        table.setdefault(method, []).append((re.compile(pattern), name))
    return table


_TABLE = _compiled()


def split_reference(reference: str) -> tuple[str, str | None]:
    """Name and qualifier from a function's name, partial ARN or full ARN, each with or without a qualifier."""
    parts = reference.split(":")
    if "function" in parts[:-1]:
        parts = parts[parts.index("function") + 1 :]
    return parts[0], parts[1] if len(parts) > 1 else None


def read_call(method: str, target: bytes, headers: dict[str, str], body: bytes) -> Call:
    """Take a request apart.

    Args:
        method: HTTP method.
        target: path and query as received, percent-encoded.
        headers: names in lower case.
        body: the whole body.
    """
    raw_path, _, raw_query = target.decode("latin-1").partition("?")
    path = unquote(raw_path)
    query = {name: values[-1] for name, values in parse_qs(raw_query, keep_blank_values=True).items()}
    found = _SCOPE.search(headers.get("authorization", ""))
    dated = _DATED.match(path)
    rest = dated["rest"] if dated else ""
    if dated and rest.split("/")[0] in _LAMBDA_ROOTS:
        return _lambda_call(method, path, rest, query, headers, body, target)
    service = found["service"] if found else ""
    operation = _named_operation(method, path, service, headers, body, query)
    return Call(service, operation, method, path, query, headers, body, target)


def _lambda_call(  # noqa: PLR0917
    method: str, path: str, rest: str, query: dict[str, str], headers: dict[str, str], body: bytes, target: bytes
) -> Call:
    for pattern, name in _TABLE.get(method, []):
        found = pattern.fullmatch(rest)
        if not found:
            continue
        names = found.groupdict()
        function, qualifier = split_reference(names.get("function") or "")
        operation = name
        if name == "GetProvisionedConcurrencyConfig" and "List" in query:
            operation = "ListProvisionedConcurrencyConfigs"
        return Call(
            "lambda",
            operation,
            method,
            path,
            query,
            headers,
            body,
            target,
            function,
            query.get("Qualifier") or qualifier,
            names.get("alias") or "",
            names.get("resource") or "",
        )
    return Call("lambda", "", method, path, query, headers, body, target)


def _named_operation(  # noqa: PLR0917
    method: str, path: str, service: str, headers: dict[str, str], body: bytes, query: dict[str, str]
) -> str:
    """Operation of the other services: target header, RPC path, form field, or the verb where S3 has only that."""
    target = headers.get("x-amz-target", "")
    if target:
        return target.rpartition(".")[2]
    if "/operation/" in path:
        return path.rpartition("/")[2]
    if "x-www-form-urlencoded" in headers.get("content-type", ""):
        return parse_qs(body.decode("utf-8", "replace")).get("Action", [""])[0]
    if service == "s3" and path.count("/") > 1:
        return {"GET": "GetObject", "PUT": "PutObject", "HEAD": "HeadObject", "DELETE": "DeleteObject"}.get(method, "")
    return query.get("Action", "")
