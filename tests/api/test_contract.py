"""The API is what its description says: committed, complete, and true under random requests."""

import json
import re
from collections import Counter
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
from orchestrator.api.problems import KINDS, MEDIA_TYPE, PREFIX
from tests.api.place import HOOK_SECRET, SIGNING, Place
from tests.intake.test_signatures import signed
from tests.intake.world import github_headers

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/reference/api.md").read_text()
CHECKED = [
    checks.not_a_server_error,
    openapi_checks.status_code_conformance,
    openapi_checks.content_type_conformance,
    openapi_checks.response_schema_conformance,
]
PROBLEM_FIELDS = ["type", "title", "status", "detail", "request_id"]
EXAMPLES = 12
"""Of each operation; all together stay under a minute."""


def test_the_committed_description_is_current() -> None:
    """Mend with: python -m orchestrator.api.app > docs/reference/openapi.json"""
    assert json.loads((ROOT / "docs/reference/openapi.json").read_text()) == openapi()


async def test_the_server_serves_the_committed_description(place: Place) -> None:
    async with place.http("viewer") as http:
        assert (await http.get("/openapi.json")).json() == openapi()


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
            if path.startswith("/hooks/"):
                assert {"401", "413", "422", "500", "503"} <= operation["responses"].keys(), f"{method} {path}"
                assert "bearer" not in str(operation["security"])
            elif path not in {"/healthz", "/readyz"}:
                assert {"401", "429", "500"} <= operation["responses"].keys(), f"{method} {path}"
                assert operation["security"] == [{"bearer": []}]
            else:
                assert "security" not in operation


def test_every_problem_is_described_as_it_is_sent() -> None:
    """Under its media type, with its schema, and by the name of its kind."""
    described = openapi()
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            for status, answer in operation["responses"].items():
                if status >= "400" and path != "/readyz":
                    assert answer["content"] == {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
                    names = re.findall("`([a-z-]+)`", answer["description"])
                    assert {str(kind.status) for kind in KINDS if kind.name in names} == {status}, f"{method} {path}"
    assert described["components"]["schemas"]["Problem"]["required"] == PROBLEM_FIELDS


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
    assert asked > 16 * EXAMPLES / 2


async def test_random_deliveries_meet_only_documented_answers(place: Place) -> None:
    """With a signature that fits: whatever else is wrong with one is told, and no release starts."""
    met: Counter[int] = Counter()
    async with place.http(None) as http:
        for result in schemathesis.openapi.from_dict(openapi()).include(path_regex="^/hooks/").get_all_operations():
            for mode in GenerationMode:
                for case in cases_of(result.ok(), mode):
                    case.path_parameters.update({"name": "builds"} if "name" in case.path_parameters else {})
                    met[await ask(http, case, genuine=True)] += 1
    assert met[200]
    assert met[422]
    assert not met.keys() - {200, 401, 422}, "401: what is no text is signed by nobody"


async def test_an_unsigned_delivery_is_refused_as_described(place: Place) -> None:
    schema = schemathesis.openapi.from_dict(openapi())
    async with place.http("admin") as http:
        for path, there in (("github",) * 2, ("gitlab",) * 2, ("standard/{name}", "standard/builds")):
            answer = await http.post(f"/hooks/{there}", json={"type": "x"})
            schema[f"/hooks/{path}"]["POST"].validate_response(answer)
            assert answer.status_code == 401, "a token of the API is no signature"
            assert answer.json()["type"] == f"{PREFIX}unauthenticated"


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


async def ask(http: httpx2.AsyncClient, case: Any, *, genuine: bool = False) -> int:
    wished = case.as_transport_kwargs(base_url="http://sluice")
    wished.pop("cookies", None)
    body = wished.pop("data", None)
    if body is not None:
        wished["content"] = body
    wished["headers"] = {**dict(wished["headers"]), **dict(http.headers)}
    request = http.build_request(**wished)
    if genuine:
        sign(case.path, request)
    answer = await http.send(request)
    case.validate_response(answer, checks=CHECKED)
    return int(answer.status_code)


def sign(path: str, request: httpx2.Request) -> None:
    """Prove the request genuine, whatever is in it; what GitHub does not sign stays as it is."""
    body = request.read()
    if path == "/hooks/github":
        request.headers["X-Hub-Signature-256"] = github_headers(body, "x", secret=HOOK_SECRET)["X-Hub-Signature-256"]
    else:
        request.headers.update(signed(SIGNING, body=body))
