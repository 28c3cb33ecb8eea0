"""The JSON Schema of release files, for editors and for checks outside Sluice.

It says what a schema can say. That names exist, weights ascend and keys stand once is told by `loading.check` alone.
"""

from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema

from orchestrator.domain.analysis import Query
from orchestrator.registry import Registry
from orchestrator.releasefile.codedeploy import SPELLINGS
from orchestrator.releasefile.loading import STRATEGIES, Plugins
from orchestrator.releasefile.model import CHECKS, Asking, Sections, TargetEntry
from orchestrator.releasefile.webhooks import WebhookEntry
from orchestrator.strategies import format_duration

Schema = dict[str, Any]


class _Generate(GenerateJsonSchema):
    """Spells durations as people write them, and gives no titles that only repeat the key."""

    def encode_default(self, dft: Any) -> Any:
        if isinstance(dft, BaseModel):
            return dft.model_dump(mode="json", exclude_none=True)
        return format_duration(dft) if isinstance(dft, timedelta) else super().encode_default(dft)

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002  the signature is pydantic's
        return False


def json_schema(plugins: Plugins = Plugins()) -> Schema:  # noqa: B008  immutable
    """Return the schema (2020-12) of a release file, with the options of every kind of probe and gate that is given."""
    defs: dict[str, Schema] = {}
    schema = _of(Sections, defs)
    target = _of(TargetEntry, defs)
    target["properties"]["strategy"] = {
        "description": target["properties"]["strategy"]["description"],
        "anyOf": [
            {"type": "string", "examples": [*STRATEGIES.names, *SPELLINGS]},
            _kinds(defs, "strategy", {name: STRATEGIES[name].spec for name in STRATEGIES.names}),
        ],
    }
    entries = {
        "targets": target,
        "strategies": _kinds(defs, "strategy", {name: STRATEGIES[name].spec for name in STRATEGIES.names}),
        "checks": _checks(defs, plugins.metrics),
        "probes": _plugin(defs, "probe", plugins.probes),
        "gates": _plugin(defs, "gate", plugins.gates, _of(Asking, defs)["properties"]),
        "webhooks": _of(WebhookEntry, defs),
    }
    for section, entry in entries.items():
        schema["properties"][section]["additionalProperties"] = entry
        schema["properties"][section].pop("default", None)
    schema["properties"]["strategies"]["propertyNames"] = {"not": {"enum": list(SPELLINGS)}}
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Sluice release file"}
    return {**head, **schema, "$defs": dict(sorted(defs.items()))}


def _of(model: type[BaseModel], defs: dict[str, Schema]) -> Schema:
    """Return the model's schema; the models inside it go to `defs`."""
    schema = model.model_json_schema(schema_generator=_Generate)
    for name, part in schema.pop("$defs", {}).items():
        if defs.setdefault(name, part) != part:
            raise ValueError(f"two different models are called {name}")
    schema.pop("title", None)
    return schema


def _kinds(
    defs: dict[str, Schema],
    noun: str,
    models: Mapping[str, type[BaseModel]],
    more: Mapping[str, Any] = MappingProxyType({}),
) -> Schema:
    """Return `one of these kinds`; `more` are keys that every kind has beside its own."""
    for kind, model in models.items():
        schema = _of(model, defs)
        own = {k: v for k, v in schema.get("properties", {}).items() if k not in {"kind", "name"}}
        required = [k for k in schema.get("required", []) if k not in {"kind", "name"}]
        keys = {"kind": {"const": kind}, **own, **more}
        defs[f"{noun}.{kind}"] = {**schema, "properties": keys, "required": ["kind", *required]}
    return {
        "type": "object",
        "required": ["kind"],
        "properties": {"kind": {"enum": list(models)}},
        "oneOf": [{"$ref": f"#/$defs/{noun}.{kind}"} for kind in models],
    }


def _checks(defs: dict[str, Schema], metrics: Registry | None) -> Schema:
    """Return Sluice's own kinds, and one per metric provider: what every query has, with the provider's options."""
    own = _kinds(defs, "check", CHECKS)
    if metrics is None:
        return own
    asked = _of(Query, defs)
    common = {k: v for k, v in asked["properties"].items() if k not in {"kind", "name", "provider", "options"}}
    models = {kind: metrics[kind].Options for kind in metrics.names}
    more = _kinds(defs, "check", models, common)
    for kind in models:
        defs[f"check.{kind}"]["required"].append("query")
    kinds = {"kind": {"enum": [*own["properties"]["kind"]["enum"], *models]}}
    return {**own, "properties": kinds, "oneOf": [*own["oneOf"], *more["oneOf"]]}


def _plugin(
    defs: dict[str, Schema], noun: str, kinds: Registry | None, more: Mapping[str, Any] = MappingProxyType({})
) -> Schema:
    if kinds is None:
        return {"type": "object", "required": ["kind"], "properties": {"kind": {"type": "string"}, **more}}
    return _kinds(defs, noun, {kind: kinds[kind].Options for kind in kinds.names}, more)
