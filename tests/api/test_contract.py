"""The API is what its description says: committed, complete, and true under random requests."""

import json
import re
from contextlib import suppress
from pathlib import Path
from typing import Any
from unittest import SkipTest

import httpx2
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import checks
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi import checks as openapi_checks

from orchestrator.api.app import openapi
from orchestrator.api.problems import KINDS, PREFIX
from tests.api.place import Place

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/reference/api.md").read_text()
CHECKED = [
    checks.not_a_server_error,
    openapi_checks.status_code_conformance,
    openapi_checks.content_type_conformance,
    openapi_checks.response_schema_conformance,
]
EXAMPLES = 12
"""Of each operation; all together stay under a minute."""


def test_the_committed_description_is_current() -> None:
    """Mend with: python -m orchestrator.api.app > docs/reference/openapi.json"""
    assert json.loads((ROOT / "docs/reference/openapi.json").read_text()) == openapi()


def test_every_path_problem_and_header_is_on_the_page() -> None:
    for path, methods in openapi()["paths"].items():
        for method in methods:
            assert f"`{method.upper()} {path}`" in PAGE
    assert set(re.findall(rf"`{PREFIX}([a-z-]+)`", PAGE)) == {kind.name for kind in KINDS}
    for name in ("Idempotency-Key", "Idempotent-Replayed", "ETag", "If-None-Match", "Last-Event-ID", "Retry-After"):
        assert f"`{name}`" in PAGE


def test_every_operation_documents_what_the_door_may_answer() -> None:
    for path, methods in openapi()["paths"].items():
        for method, operation in methods.items():
            if path not in {"/healthz", "/readyz"}:
                assert {"401", "429", "500"} <= operation["responses"].keys(), f"{method} {path}"


@pytest.mark.timeout(120)
@pytest.mark.parametrize("mode", list(GenerationMode))
async def test_random_requests_meet_only_documented_answers(place: Place, mode: GenerationMode) -> None:
    """No 5xx, no undocumented status, no body that breaks its own description."""
    asked = 0
    async with place.http("admin") as http:
        release_id = await place.promoted(http)
        for result in schemathesis.openapi.from_dict(openapi()).get_all_operations():
            operation = result.ok()
            if operation.path.endswith("/events"):  # streams are followed elsewhere
                continue
            for number, case in enumerate(cases_of(operation, mode)):
                if number % 3 == 0:  # an id that exists leads further in
                    case.path_parameters.update(
                        {n: release_id for n in ("ref", "release_id") if n in case.path_parameters}
                    )
                await ask(http, case)
                asked += 1
    assert asked > 13 * EXAMPLES / 2


def cases_of(operation: Any, mode: GenerationMode) -> list[Any]:
    found: list[Any] = []

    @settings(
        max_examples=EXAMPLES,
        phases=[Phase.generate],
        database=None,
        deadline=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def collect(case: Any) -> None:
        found.append(case)

    with suppress(Unsatisfiable, SkipTest):  # without parameters, nothing can be wrong
        collect()
    return found


async def ask(http: httpx2.AsyncClient, case: Any) -> None:
    wished = case.as_transport_kwargs(base_url="http://sluice")
    wished.pop("cookies", None)
    body = wished.pop("data", None)
    if body is not None:
        wished["content"] = body
    wished["headers"] = {**dict(wished["headers"]), **dict(http.headers)}
    case.validate_response(await http.request(**wished), checks=CHECKED)
