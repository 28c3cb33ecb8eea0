"""What each command sends, prints and ends with."""

import json
from datetime import timedelta

import pytest
from inline_snapshot import snapshot
from ruamel.yaml import YAML

from orchestrator.domain.errors import (
    AccessDenied,
    Conflict,
    Drift,
    IllegalCommand,
    InvariantError,
    MissingTarget,
    NotFound,
    Throttled,
    TimedOut,
    Unavailable,
    UnknownPlugin,
)
from orchestrator.domain.release import Command, Image, Latest, Outcome, PublishedVersion, S3Object

ARTIFACTS = [
    (["--version", "42"], PublishedVersion(version="42")),
    (["--latest"], Latest()),
    (["--s3", "s3://code/a/b.zip"], S3Object(bucket="code", key="a/b.zip")),
    (["--s3", "s3://code/b.zip?versionId=x.1"], S3Object(bucket="code", key="b.zip", object_version="x.1")),
    (["--image", "1.ecr/checkout@sha256:ab"], Image(uri="1.ecr/checkout@sha256:ab")),
]


@pytest.mark.parametrize(("options", "artifact"), ARTIFACTS)
def test_start_sends_the_resolved_plan(sluice, states, options, artifact):
    ran = sluice(
        "start", "checkout", *options, "--reason", "#881", "--key", "k1", client=sluice.client(states.release())
    )
    submission = next(sent[1] for sent in ran.client.sent if sent[0] == "hand_in")
    request = submission.request
    assert (ran.code, ran.err) == (0, "")
    assert ran.out == "checkout:live 3f9a1c07d2e4 ● Baking step 2/3: Baking at 50 %; then promotes\n"
    assert request.artifact == artifact
    assert (request.reason, request.idempotency_key, request.actor.name) == ("#881", "k1", "anna")
    assert [step.kind for step in request.plan.steps] == ["shift", "shift", "promote"]
    assert (request.adopt, request.override_red_alarms, str(request.target)) == (False, False, "checkout:live")
    assert submission.on_busy == "reject"


def test_start_passes_its_switches(sluice, states):
    ran = sluice(
        *("start", "checkout", "--latest", "--adopt", "--override-red-alarms", "--on-busy", "queue"),
        client=sluice.client(states.release()),
    )
    submission = ran.client.sent[0][1]
    assert (submission.request.adopt, submission.request.override_red_alarms) == (True, True)
    assert submission.on_busy == "queue"
    assert submission.patience == timedelta(hours=24), "the limits are those of the settings"


def test_a_dry_run_sends_nothing(sluice):
    ran = sluice("start", "checkout", "--version", "42", "--dry-run", client=sluice.client())
    assert (ran.code, ran.err, ran.client.sent) == (0, "", [])
    assert "\n" + ran.out == snapshot("""\

target    checkout:live  eu-west-1/123456789012
strategy  canary
step  what     weight  bake
   1  shift      10 %  5m    holds up to 30m for data
   2  shift      50 %  5m    holds up to 30m for data
   3  promote   100 %  10m   watched at 100 %
checks    errors: canary against stable: errors and slow invocations, from 30 invocations on; rolls
          back
takes     at least 20m; rolled back after 3d in all, or 1d of pause or hold
releases  version 42, published already
""")


def test_plan_as_a_document(sluice):
    ran = sluice("plan", "checkout", "-o", "json")
    document = json.loads(ran.out)
    assert document["target"]["function"] == "checkout"
    assert [step["kind"] for step in document["plan"]["steps"]] == ["shift", "shift", "promote"]


def test_the_file_is_found_in_a_folder_above(sluice, tmp_path, monkeypatch):
    below = tmp_path / "src" / "app"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    assert sluice("plan", "checkout").code == 0


def test_no_file_anywhere_is_told(sluice, tmp_path):
    (tmp_path / "sluice.yaml").unlink()
    ran = sluice("plan", "checkout")
    assert ran.code == 2
    assert ran.err == (
        f"sluice: there is no sluice.yaml in {tmp_path} or any folder above: write one, or name it with --file\n"
    )


@pytest.mark.parametrize(
    ("argv", "sentence"),
    [
        (["start", "checkout"], "say what to release: exactly one of --version, --latest, --s3 and --image"),
        (
            ["start", "checkout", "--latest", "--version", "1"],
            "say what to release: exactly one of --version, --latest, --s3 and --image",
        ),
        (
            ["start", "checkout", "--version", "$LATEST"],
            "--version: `$LATEST` is no version number: published versions are 1, 2, 3 and so on",
        ),
        (
            ["start", "checkout", "--s3", "code/b.zip"],
            "--s3: `code/b.zip` is no S3 object: write s3://bucket/key or s3://bucket/key?versionId=...",
        ),
        (
            ["start", "chekout", "--latest"],
            "unknown target `chekout`; did you mean `checkout`? There is checkout in sluice.yaml",
        ),
        (["wait", "x", "--timeout", "5"], "--timeout: 5 has no unit: write `5s` for seconds or `5m` for minutes"),
        (["strat"], "there is no command `strat`; did you mean `sluice start`?"),
        (["zzz"], "there is no command `zzz`; `sluice --help` lists all"),
        (["start"], 'Command "start" parameter TARGET requires an argument; `sluice start --help` lists them'),
        (["get", "x", "--bogus"], "Unknown option: --bogus; `sluice get --help` lists them"),
        (
            ["get", "x", "-o", "xml"],
            'Invalid value "xml" for -o. Choose from: "text", "json", "yaml", "jsonl"; `sluice get --help` lists them',
        ),
    ],
)
def test_a_wrong_command_line_is_told(sluice, argv, sentence):
    ran = sluice(*argv, client=sluice.client())
    assert (ran.code, ran.out, ran.err) == (2, "", f"sluice: {sentence}\n")


def test_a_wrong_file_is_told_with_every_problem(sluice, tmp_path):
    (tmp_path / "sluice.yaml").write_text("targets: {}\nlimits: {hold: 5}\n")
    ran = sluice("start", "checkout", "--latest")
    assert ran.code == 2
    assert "\n" + ran.err == snapshot("""\

sluice: sluice.yaml has 2 problems
  sluice.yaml:1:10 targets: must not be empty
  sluice.yaml:2:16 limits.hold: 5 has no unit: write `5s` for seconds or `5m` for minutes
""")


def test_a_moving_tag_is_warned_of(sluice, states):
    ran = sluice("start", "checkout", "--image", "repo:prod", client=sluice.client(states.release()))
    assert ran.code == 0
    assert ran.err == (
        "warning: repo:prod is named by tag, and a tag may move; better name it by digest (@sha256:...)\n"
    )


@pytest.mark.parametrize("command", ["approve", "reject", "pause", "resume", "skip", "promote"])
def test_a_command_is_bound_to_the_step_that_was_seen(sluice, states, command):
    ran = sluice(
        command, "checkout:live", "--reason", "looks good", "--key", "k", client=sluice.client(states.release())
    )
    assert ran.client.sent[0] == ("get", "checkout:live")
    _, order, key = ran.client.sent[1]
    assert (order.command, order.step, order.release_id, order.reason, key) == (
        Command(command), 1, "3f9a1c07d2e4", "looks good", "k",
    )  # fmt: skip
    assert order.actor.name == "anna"
    assert (ran.code, ran.err) == (0, "")


@pytest.mark.parametrize("command", ["abort", "adopt", "restore"])
def test_what_is_right_at_any_step_names_none(sluice, states, command):
    ran = sluice(command, "x", client=sluice.client(states.release()))
    assert ran.client.sent[1][1].step is None
    assert len(ran.client.sent[1][2]) == 32


def test_a_step_may_be_named_as_it_is_shown(sluice, states):
    ran = sluice("approve", "x", "--step", "3", client=sluice.client(states.release()))
    assert ran.client.sent[1][1].step == 2


def test_rollback_names_actor_and_reason(sluice, states):
    ran = sluice("rollback", "x", "--reason", "slow", client=sluice.client(states.release()))
    sent = ran.client.sent[0]
    assert (ran.code, sent[:2], sent[2].name, sent[3]) == (0, ("rollback", "x"), "anna", "slow")


@pytest.mark.parametrize(
    ("error", "code", "sentence"),
    [
        (NotFound("there is no release x"), 1, "there is no release x; `sluice list` shows every release"),
        (
            Conflict("checkout:live is held by release 77"),
            6,
            "checkout:live is held by release 77; wait for it with `sluice wait`, or end it with `sluice abort`",
        ),
        (
            IllegalCommand("the release is at step 2 of 3 (50 %)"),
            6,
            "the release is at step 2 of 3 (50 %); `sluice get` shows where it is",
        ),
        (Unavailable("no server answers: start one"), 1, "no server answers: start one"),
        (Throttled("too many requests"), 1, "too many requests; try again in a minute"),
        (TimedOut("no answer"), 1, "no answer; look with `sluice get` before trying again"),
        (AccessDenied("not allowed"), 1, "not allowed; check the credentials and the role's policy"),
        (
            MissingTarget("no function f"),
            1,
            "no function f; check account, region and names in the release file",
        ),
        (
            Drift("the alias moved"),
            1,
            "the alias moved; `sluice adopt` accepts the alias as it is, `sluice restore` puts it back",
        ),
        (UnknownPlugin("unknown probe `x`; there is a, b"), 2, "unknown probe `x`; there is a, b"),
        (InvariantError("a rule is broken"), 1, "a rule is broken; this is a bug in Sluice: please report it"),
        (
            ZeroDivisionError("division by zero"),
            1,
            "unexpected ZeroDivisionError: division by zero; please report it with the output of --debug",
        ),
    ],
)
def test_every_error_is_one_sentence(sluice, error, code, sentence):
    ran = sluice("get", "x", client=sluice.client(error))
    assert (ran.code, ran.out, ran.err) == (code, "", f"sluice: {sentence}\n")


def test_debug_shows_where(sluice):
    ran = sluice("get", "x", "--debug", client=sluice.client(ZeroDivisionError("boom")))
    assert "Traceback (most recent call last)" in ran.err
    assert ran.code == 1


def test_get_shows_the_screen(sluice, states):
    ran = sluice("get", "checkout:live", client=sluice.client(states.release()))
    assert ran.code == 0
    assert "\n" + ran.out == snapshot("""\

checkout:live  v41 → v42   eu-west-1/123456789012   ● Baking   step 2/3   started 12m ago by anna
Baking at 50 %; then promotes
traffic   v41 █████████████████░░░░░░░░░░░░░░░░░ v42   50 / 50 %   observed 49.6 %   bake 04:12 left
 ✔ 10 % 5m    ● 50 % 10m    ○ 100 %
check    canary   baseline   limit   n       verdict
errors   0.31 %   0.28 %             1 204   ✔ pass
14:00:11 release of version 42 to checkout:live (by anna)
14:01:11 weight 0 → 10 % confirmed
14:02:11 weight 10 → 50 % confirmed
""")


def test_get_reads_a_release_that_failed_with_success(sluice, states):
    """The reading worked; only waiting for the end tells how it ended."""
    assert sluice("get", "x", client=sluice.client(states.ended(Outcome.FAILED))).code == 0


@pytest.mark.parametrize("form", ["json", "yaml", "jsonl"])
def test_documents_are_stable(sluice, states, form):
    ran = sluice("get", "x", "-o", form, client=sluice.client(states.release()))
    read = YAML(typ="safe").load if form == "yaml" else json.loads
    document = read(ran.out)
    assert document == states.release().model_dump(mode="json")
    assert document["schema_version"] == 1
    assert ran.out.count("\n") == 1 or form != "jsonl"


def test_list(sluice, states):
    ran = sluice("list", "--running", "--limit", "7", client=sluice.client(states.release(), states.ended()))
    assert ran.client.sent == [("list", 7, True)]
    assert "\n" + ran.out == snapshot("""\

release       target         versions   state       weight  step  age  by    reason
3f9a1c07d2e4  checkout:live  v41 → v42  ● Baking      50 %  2/3   12m  anna
3f9a1c07d2e4  checkout:live  v41 → v42  ✔ Promoted   100 %        12m  anna
""")
    many = sluice("list", "-o", "jsonl", client=sluice.client(states.release(), states.ended()))
    assert [json.loads(line)["phase"] for line in many.out.splitlines()] == ["BAKING", "DONE"]
    assert json.loads(sluice("list", "-o", "json", client=sluice.client()).out) == []
