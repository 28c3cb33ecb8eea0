"""Lambda's function configuration in Sluice's words, and back. Pure: no client library, so that fakes use it too."""

from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from activities.ports import FunctionVersion
from orchestrator.domain.release import Configuration

API_PATHS: Mapping[str, tuple[str, ...]] = {
    "description": ("Description",),
    "runtime": ("Runtime",),
    "handler": ("Handler",),
    "role": ("Role",),
    "memory": ("MemorySize",),
    "timeout": ("Timeout",),
    "environment": ("Environment", "Variables"),
    "layers": ("Layers",),
    "tracing": ("TracingConfig", "Mode"),
    "dead_letter_queue": ("DeadLetterConfig", "TargetArn"),
    "ephemeral_storage": ("EphemeralStorage", "Size"),
}
"""Where each field of `Configuration` stands in UpdateFunctionConfiguration and in a function's configuration."""

_FROZEN = (
    "Architectures",
    "DeadLetterConfig",
    "Description",
    "Environment",
    "EphemeralStorage",
    "FileSystemConfigs",
    "Handler",
    "ImageConfigResponse",
    "KMSKeyArn",
    "Layers",
    "LoggingConfig",
    "MemorySize",
    "PackageType",
    "Role",
    "Runtime",
    "SnapStart",
    "Timeout",
    "TracingConfig",
    "VpcConfig",
)


def request_fields(change: Configuration) -> dict[str, Any]:
    """What UpdateFunctionConfiguration takes for `change`, by API name; empty when nothing changes."""
    fields: dict[str, Any] = {}
    for name, value in change.changes().items():
        outer, *inner = API_PATHS[name]
        plain = list(value) if isinstance(value, tuple) else value
        fields[outer] = {inner[0]: plain} if inner else plain
    return fields


def function_version(configuration: Mapping[str, Any]) -> FunctionVersion:
    """Read the `Configuration` of GetFunction, or the answer of an update or publish call.

    A configuration without State is one that Lambda created before states existed: it is Active.
    """
    runtime = configuration.get("RuntimeVersionConfig") or {}
    return FunctionVersion(
        version=configuration["Version"],
        state=configuration.get("State") or "Active",
        state_reason=configuration.get("StateReason") or "",
        last_update=configuration.get("LastUpdateStatus") or "Successful",
        last_update_reason=configuration.get("LastUpdateStatusReason") or "",
        revision=configuration.get("RevisionId") or "",
        code_sha256=configuration["CodeSha256"],
        role=configuration["Role"],
        dead_letter_queue=_inner(configuration, "DeadLetterConfig", "TargetArn") or None,
        runtime=configuration.get("Runtime"),
        runtime_version=runtime.get("RuntimeVersionArn"),
        handler=configuration.get("Handler"),
        memory=configuration.get("MemorySize", 128),
        timeout=configuration.get("Timeout", 3),
        snap_start=_inner(configuration, "SnapStart", "ApplyOn") == "PublishedVersions",
        settings=frozen_settings(configuration),
    )


def frozen_settings(configuration: Mapping[str, Any]) -> dict[str, Any]:
    """Everything but the code that a published version keeps for good, by API name; empty values are left out.

    Environment values may be secrets: each stands as the hexadecimal SHA-256 of its text.

    Source: AWS Lambda developer guide, "Manage Lambda function versions" (what counts as a change).
    """
    settings = {name: _comparable(name, configuration.get(name)) for name in _FROZEN}
    return {name: value for name, value in settings.items() if value not in (None, "", [], {})}


def _comparable(name: str, value: Any) -> Any:
    """Drop what differs between `$LATEST` and a version although nobody changed it."""
    if not value:
        return None
    if name == "Environment":
        variables = value.get("Variables") or {}
        return {key: sha256(text.encode()).hexdigest() for key, text in sorted(variables.items())}
    if name == "Layers":
        return [layer["Arn"] if isinstance(layer, Mapping) else layer for layer in value]
    if name == "SnapStart":
        return value["ApplyOn"] if value.get("ApplyOn") != "None" else None
    if isinstance(value, Mapping):
        return {key: inner for key, inner in value.items() if inner not in (None, "", [], {})}
    return value


def _inner(configuration: Mapping[str, Any], outer: str, inner: str) -> Any:
    return (configuration.get(outer) or {}).get(inner)
