"""No credential reaches a log, a journal, a Temporal history, a metric or an error."""

import io
import json
import logging
import sys
from collections.abc import Callable

import pytest
import structlog

from orchestrator.settings import AuthSettings, AwsOptions, ClaimRule, IssuerEntry, TemporalSettings
from orchestrator.telemetry import REDACTED, configure_logs, redacted
from tests.api.issuer import issuer
from tests.api.place import LATEST, Place, token_of

CANARY = "cAnArY"


@pytest.fixture
def logs(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """Everything that this process logs, as `sluice serve` writes it."""
    written = io.StringIO()
    monkeypatch.setattr(sys, "stderr", written)
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    configure_logs()
    yield written
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))


async def histories(place: Place) -> str:
    """Every history that names this place's functions, as text."""
    texts = []
    async for execution in place.temporal.list_workflows(f"SluiceFunction = '{place.function}'"):
        texts.append(str(await execution.memo()))
        handle = place.temporal.get_workflow_handle(execution.id, run_id=execution.run_id)
        texts.append((await handle.fetch_history()).to_json())
    assert texts
    return "\n".join(texts)


async def test_canaries_stay_where_they_were_put(new_place: Callable[..., Place], logs: io.StringIO) -> None:
    with issuer() as ci:
        rule = ClaimRule(name="x", claims={"repository_id": "4711"}, roles=("admin",), targets=("*",))
        entry = IssuerEntry(name="ci", issuer=ci.url, rules=(rule,))
        place = new_place(auth=AuthSettings(issuers=(entry,)))
        jwt, bad = ci.token(), ci.token(aud="other")
        wrong = f"sluice_{CANARY}{'w' * 40}"
        said = []
        async with place.http(None) as http:

            async def ask(credential: str, method: str, url: str, **more: object) -> dict[str, object]:
                headers = {"Authorization": f"Bearer {credential}", "Cookie": f"session={CANARY}"}
                answer = await http.request(method, url, headers=headers, **more)  # type: ignore[arg-type]
                said.append(f"{answer.text} {answer.headers}")
                return answer.json()  # type: ignore[no-any-return]

            for credential in (wrong, bad, f"{CANARY}.{CANARY}.{CANARY}"):
                await ask(credential, "GET", f"/v1/releases?token={CANARY}")
            leak = f"my token is {token_of('admin')} and {jwt}, url https://me:{CANARY}@host/"
            start = {"target": "checkout", "artifact": LATEST, "reason": leak}
            release_id = (await ask(token_of("admin"), "POST", "/v1/releases", json=start))["release_id"]
            await place.until(str(release_id), lambda s: s.phase == "BAKING")
            await ask(jwt, "POST", f"/v1/releases/{release_id}/pause", json={"reason": leak})
            await ask(jwt, "POST", f"/v1/releases/{release_id}/approve", json={"reason": leak, "step": 5})
            await ask(jwt, "POST", "/v1/releases", json={"target": {"target": CANARY}, "artifact": {"kind": CANARY}})
            for path in (f"releases/{release_id}", f"releases/{release_id}/journal", "audit", "settings"):
                await ask(jwt, "GET", f"/v1/{path}")
            await ask(token_of("admin"), "GET", "/openapi.json")
        everything = {
            "answers": "\n".join(said),
            "logs": logs.getvalue(),
            "histories": await histories(place),
            "metrics": place.app.state.parts.telemetry.exposition().decode(),
        }
        for where, text in everything.items():
            for secret in (CANARY, token_of("admin"), jwt, jwt.rsplit(".", 1)[-1], bad.rsplit(".", 1)[-1]):
                assert secret not in text, where
        assert REDACTED in everything["histories"], "the reason is kept, without what was in it"


def test_every_log_line_is_json_with_its_request(logs: io.StringIO) -> None:
    with structlog.contextvars.bound_contextvars(request_id="r1"):
        structlog.get_logger("sluice.x").warning("told", authorization=f"Bearer {CANARY}", deep={"api_key": CANARY})
        logging.getLogger("library").error("failed with Bearer %s", CANARY)
        try:
            int(f"https://me:{CANARY}@host/")
        except ValueError:
            structlog.get_logger("sluice.x").exception("broken")
    lines = [json.loads(line) for line in logs.getvalue().splitlines()]
    assert [line["event"] for line in lines] == ["told", f"failed with Bearer {REDACTED}", "broken"]
    assert {line["request_id"] for line in lines} == {"r1"}
    assert lines[0]["authorization"] == lines[0]["deep"]["api_key"] == REDACTED
    assert CANARY not in logs.getvalue()
    assert f"https://{REDACTED}@host/" in lines[2]["exception"]


def test_ordinary_words_are_left_alone() -> None:
    for text in ("release 3f9a1c07d2e4 of checkout:live", "https://host/path?x=1", "tokens are made by sluice token"):
        assert redacted(text) == text


async def test_settings_show_no_secret(place: Place) -> None:
    changes = {
        "aws": AwsOptions(external_id=CANARY, endpoint_url=f"https://me:{CANARY}@host"),  # type: ignore[arg-type]
        "temporal": TemporalSettings(api_key=CANARY),  # type: ignore[arg-type]
    }
    object.__setattr__(place.app.state.parts, "settings", place.settings.model_copy(update=changes))
    async with place.http() as http:
        answer = await http.get("/v1/settings")
        assert CANARY not in answer.text
        assert place.tokens()[0].sha256 not in answer.text
        assert answer.json()["settings"]["api"]["max_body"] == 65536
