"""`sluice webhook test`: whole screens."""

import json

import pytest

from orchestrator.cli.exits import Exit
from orchestrator.cli.main import main
from tests.intake.cloudtrail import event
from tests.intake.test_mapping import DEPLOYMENT, RULE, TARGETS


@pytest.fixture
def files(tmp_path):
    rules = TARGETS + "".join(f"    {line}\n" for line in RULE.splitlines())
    (tmp_path / "sluice.yaml").write_text(rules)
    (tmp_path / "event.json").write_text(json.dumps(DEPLOYMENT))
    return [str(tmp_path / "event.json"), "--file", str(tmp_path / "sluice.yaml")]


def test_what_would_be_started_is_printed(files, capsys):
    assert main(["webhook", "test", *files, "--provider", "github", "--event", "deployment"]) == Exit.OK
    assert capsys.readouterr().out == (
        "release   checkout:live  eu-west-1/123456789012\n"
        "artifact  $LATEST as it stands, published\n"
        "strategy  all_at_once\n"
        "actor     anna (github)\n"
        "reason    github deployment (it)\n"
        "on busy   queue\n"
        "told      github_deployment\n"
        "key       github/deployment/1/42\n"
    )


def test_nothing_to_start_says_why_and_ends_with_6(files, capsys):
    assert main(["webhook", "test", *files, "--event", "push"]) == Exit.REFUSED
    assert capsys.readouterr().err == "nothing: `push` starts no releases\n"


def test_machines_get_the_whole_intake(files, capsys):
    assert main(["webhook", "test", *files, "--event", "deployment", "-o", "json"]) == Exit.OK
    assert json.loads(capsys.readouterr().out)["submissions"][0]["on_busy"] == "queue"


@pytest.mark.parametrize("text", ["{", "[]", ""])
def test_a_file_that_is_no_event_is_a_usage_error(files, text, tmp_path, capsys):
    (tmp_path / "event.json").write_text(text)
    assert main(["webhook", "test", *files, "--event", "deployment"]) == Exit.USAGE
    assert "event.json is not" in capsys.readouterr().err


def test_a_changed_alias_needs_no_release_file(tmp_path, monkeypatch, capsys):
    """Neither here nor above: a process without rules tells releases of changes, and this tries one."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "event.json").write_text(json.dumps(event()))
    words = ["webhook", "test", "event.json", "--provider", "eventbridge", "--event"]
    assert main([*words, "lambda.alias_changed"]) == Exit.OK
    assert "told      the release that runs on checkout:live\n" in capsys.readouterr().out
    assert main([*words, "ecr.push"]) == Exit.USAGE
    assert f"there is no sluice.yaml in {tmp_path} or any folder above" in capsys.readouterr().err
