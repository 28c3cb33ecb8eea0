"""Every problem of the API has its exit code and its sentence."""

import httpx2
import pytest
from inline_snapshot import snapshot

from orchestrator.api.problems import KINDS, Fault, ProblemError
from orchestrator.cli.exits import explain
from orchestrator.cli.problems import error_of

URL = "https://s.example"
ASKS = (
    f"1 {URL} asks who you are: `sluice auth login` stores a token, SLUICE_TOKEN gives one, and in CI "
    "SLUICE_OIDC_AUDIENCE asks for the job's own"
)


def told(status, credential="the token of SLUICE_TOKEN", **answer):
    code, sentences = explain(error_of(httpx2.Response(status, **answer), URL, credential))
    return f"{code.value} {' / '.join(sentences)}"


def problem(kind, **fields):
    answer = ProblemError(kind, "What happened", **fields).response("r1")
    return {"content": answer.body, "headers": {"content-type": answer.media_type}}


def test_every_problem():
    assert {kind.name: told(kind.status, **problem(kind)) for kind in KINDS} == snapshot(
        {
            "malformed": "2 What happened",
            "unauthenticated": (
                "1 the token of SLUICE_TOKEN is not in force at https://s.example: it may have expired, or is meant "
                "for another server; `sluice auth login` stores another one (request id r1)"
            ),
            "forbidden": "1 What happened; `sluice auth whoami` shows what you may do",
            "cross-site": "1 What happened",
            "not-found": "1 What happened; `sluice list` shows every release",
            "method-not-allowed": "2 What happened",
            "busy": "6 What happened; wait for it with `sluice wait`, or end it with `sluice abort`",
            "illegal-command": "6 What happened; `sluice get` shows where it is",
            "too-large": "2 What happened",
            "path-too-long": "2 What happened",
            "unsupported-media-type": "2 What happened",
            "invalid-request": "2 What happened",
            "invalid-plan": "2 What happened",
            "key-reused": "2 What happened (--key)",
            "too-many-requests": "1 What happened; try again in a minute",
            "headers-too-large": "2 What happened",
            "internal": "1 What happened (request id r1); this is a bug in Sluice: please report it",
            "unavailable": "1 What happened",
        }
    )


def test_faults_are_listed():
    kind = next(kind for kind in KINDS if kind.name == "invalid-request")
    faults = [Fault(location="body.step", detail="too small"), Fault(location="body", detail="What happened")]
    assert told(422, **problem(kind, problems=faults)) == "2 What happened / body.step: too small"


@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        (401, ASKS),
        (404, f"2 {URL} does not answer like Sluice (404 Not Found): check SLUICE_URL"),
        (302, f"2 {URL} does not answer like Sluice (302 Found): check SLUICE_URL"),
        (429, f"1 what stands before Sluice at {URL} limits requests; try again in a minute"),
        (502, f"1 what stands before Sluice at {URL} answers 502 (Bad Gateway)"),
    ],
)
def test_what_is_not_sluices_own(status, sentence):
    assert told(status, "", text="<html>") == sentence


def test_the_wish_to_wait_is_kept():
    answer = httpx2.Response(503, headers={"Retry-After": "7"}, text="")
    assert error_of(answer, URL, "").retry_after.total_seconds() == 7
