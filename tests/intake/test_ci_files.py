"""The GitHub Action and the GitLab component: well-formed, and true to how `sluice` ends (a fake one on the path)."""

import os
import re
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

DEPLOY = Path(__file__).parents[2] / "deploy"
ACTION = DEPLOY / "github-action"
SLUICE = """#!/bin/bash
echo "$SLUICE_TOKEN $*" >> "$CALLS"
case "$1" in
  start) [ "$START" = 0 ] && echo '{"release_id": "3f9a1c07d2e4"}'; exit "$START" ;;
  wait) echo "10 %: baking"; echo "50 %: baking"; [ -n "$HANG" ] && sleep 20
        if [ -n "$SLICES" ] && [ "$(grep -c ' wait ' "$CALLS")" -lt "$SLICES" ]; then exit 5; fi; exit "$END" ;;
  get) echo "release 3f9a1c07d2e4" ;;
esac
"""
CURL = """#!/bin/bash
echo "{\\"value\\": \\"token-$RANDOM$RANDOM\\"}"
echo "$*" >> "$ASKED"
"""
PIP = "#!/bin/bash\nexit 0\n"


def load(path: Path) -> list[Any]:
    return list(YAML(typ="safe").load_all(path.read_text()))


class Runner:
    """What a CI job finds: a fake `sluice`, its files, and its variables."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name, text in (("sluice", SLUICE), ("curl", CURL), ("pip", PIP)):
            tool = folder / "bin" / name
            tool.parent.mkdir(exist_ok=True)
            tool.write_text(text)
            tool.chmod(0o755)
        names = ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY", "CALLS", "ASKED")
        self.files = {name: folder / name.lower() for name in names}
        for path in self.files.values():
            path.write_text("")
        self.environment = {
            **{name: str(path) for name, path in self.files.items()},
            "PATH": f"{folder / 'bin'}:{os.environ['PATH']}",
            "RUNNER_TEMP": str(folder),
            "GITHUB_REPOSITORY": "acme/checkout",
            "GITHUB_SHA": "a" * 40,
            "ACTIONS_ID_TOKEN_REQUEST_URL": "https://token.example.com?api=1",
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "request-token",
            "START": "0",
            "END": "0",
            "SLICES": "",
            "HANG": "",
        }

    def action(self, **inputs: str) -> "subprocess.Popen[str]":
        """Run the action's step with these inputs, the others by default."""
        (action,) = load(ACTION / "action.yml")
        given = {"url": "https://s.example.com", "target": "checkout", "latest": "true"} | inputs
        values = {name: str(each.get("default", "")) for name, each in action["inputs"].items()} | given
        step = action["runs"]["steps"][1]
        environment = {}
        for name, template in step["env"].items():
            text = re.sub(r"\$\{\{ inputs\.([\w-]+) \}\}", lambda m: values[m.group(1)], template)
            text = text.replace("${{ github.action_path }}", str(ACTION))
            environment[name] = re.sub(r"\$\{\{ github\.(\w+) \}\}", r"\1", text)
        return subprocess.Popen(
            ["bash", "-c", step["run"]],
            env=self.environment | environment,
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def read(self, name: str) -> str:
        return self.files[name].read_text()

    @property
    def outputs(self) -> dict[str, str]:
        return dict(line.split("=", 1) for line in self.read("GITHUB_OUTPUT").splitlines())


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    return Runner(tmp_path)


def test_the_action_is_well_formed() -> None:
    (action,) = load(ACTION / "action.yml")
    wanted = {"url", "target", "version", "s3", "image", "latest", "wait", "timeout", "on-cancel", "audience"}
    assert wanted <= action["inputs"].keys()
    assert all(each.get("description") for each in action["inputs"].values())
    assert {"release-id", "result"} <= action["outputs"].keys()
    assert action["runs"]["using"] == "composite"
    assert all(step["shell"] == "bash" for step in action["runs"]["steps"])


def test_no_input_is_pasted_into_a_script() -> None:
    """A value with a quote in it would be code: inputs come by environment."""
    (action,) = load(ACTION / "action.yml")
    assert [step["run"] for step in action["runs"]["steps"] if "${{" in step["run"]] == []


def test_the_key_is_the_same_for_a_repeated_step_and_new_for_a_new_attempt() -> None:
    (action,) = load(ACTION / "action.yml")
    key = action["runs"]["steps"][1]["env"]["KEY"]
    assert key.startswith("${{ github.repository_id }}-${{ github.run_id }}-${{ github.run_attempt }}")


@pytest.mark.parametrize(
    ("start", "end", "code", "result"),
    [
        (0, 0, 0, "promoted"),
        (0, 3, 3, "rolled_back"),
        (0, 4, 4, "aborted"),
        (0, 6, 6, "refused"),
        (0, 7, 7, "failed"),
        (0, 1, 1, "error"),
        (6, 0, 6, "refused"),
        (2, 0, 2, "error"),
    ],
)
def test_the_action_ends_as_the_release_does(runner: Runner, start: int, end: int, code: int, result: str) -> None:
    runner.environment |= {"START": str(start), "END": str(end)}
    run = runner.action()
    text, _ = run.communicate(timeout=30)
    assert (run.returncode, runner.outputs["result"]) == (code, result), text
    assert ("release-id" in runner.outputs) == (start == 0)
    assert result in runner.read("GITHUB_STEP_SUMMARY")
    if start == 0:
        assert text.index("::group::") < text.index("10 %: baking") < text.index("::endgroup::")
        assert runner.outputs["url"] == "https://s.example.com/releases/3f9a1c07d2e4"


def test_a_long_release_gets_a_fresh_token_for_every_slice_and_shows_each_line_once(runner: Runner) -> None:
    runner.environment["SLICES"] = "3"
    run = runner.action()
    text, _ = run.communicate(timeout=30)
    assert run.returncode == 0
    calls = runner.read("CALLS").splitlines()
    waits = [call for call in calls if " wait " in call]
    assert len(waits) == 3
    assert len({call.split()[0] for call in calls}) == len(calls)
    assert text.count("50 %: baking") == 1
    masked = set(re.findall(r"::add-mask::(\S+)", text))
    assert {call.split()[0] for call in waits} <= masked
    assert "&audience=sluice" in runner.read("ASKED")


def test_without_waiting_it_ends_at_once(runner: Runner) -> None:
    run = runner.action(wait="false")
    run.communicate(timeout=30)
    assert (run.returncode, runner.outputs["result"]) == (0, "running")
    assert " wait " not in runner.read("CALLS")


def test_time_is_up_and_the_release_goes_on(runner: Runner) -> None:
    run = runner.action(timeout="0")
    run.communicate(timeout=30)
    assert (run.returncode, runner.outputs["result"]) == (5, "running")


@pytest.mark.parametrize(("on_cancel", "result"), [("abort", "aborted"), ("leave", "running")])
def test_a_cancelled_job_does_what_it_was_told(runner: Runner, on_cancel: str, result: str) -> None:
    runner.environment["HANG"] = "yes"
    run = runner.action(**{"on-cancel": on_cancel})
    deadline = time.monotonic() + 20
    while " wait " not in runner.read("CALLS") and time.monotonic() < deadline:
        time.sleep(0.05)
    run.send_signal(signal.SIGTERM)
    run.wait(timeout=10)
    assert (run.returncode, runner.outputs["result"]) == (130, result)
    aborts = [call.split(" ", 1)[1] for call in runner.read("CALLS").splitlines() if " abort " in call]
    expected = ["abort 3f9a1c07d2e4 --reason the GitHub job was cancelled"] if on_cancel == "abort" else []
    assert aborts == expected
    run.stdout.close()


def test_a_value_with_quotes_stays_one_word(runner: Runner) -> None:
    nasty = 'x"; touch hacked; echo "$(touch hacked)'
    run = runner.action(latest="false", image=nasty)
    run.communicate(timeout=30)
    assert f"--image {nasty}" in runner.read("CALLS")
    assert not (runner.folder / "hacked").exists()


def test_without_permission_for_a_token_it_says_which(runner: Runner) -> None:
    del runner.environment["ACTIONS_ID_TOKEN_REQUEST_URL"]
    run = runner.action()
    text, _ = run.communicate(timeout=30)
    assert run.returncode == 1
    assert "permissions: id-token: write" in text


def component(runner: Runner, **inputs: str) -> "subprocess.CompletedProcess[str]":
    spec, job = load(DEPLOY / "gitlab/component.yml")
    (body,) = job.values()
    given = {"url": "https://s.example.com", "target": "checkout", "latest": "true"} | inputs
    known = {name: str(each.get("default", "")).lower() for name, each in spec["spec"]["inputs"].items()} | given
    variables = {
        name: re.sub(r"\$\[\[ inputs\.([\w-]+) \]\]", lambda m: known[m.group(1)], str(text))
        for name, text in body["variables"].items()
    }
    environment = runner.environment | variables | {"SLUICE_ID_TOKEN": "id-token", "CI_PROJECT_ID": "1"}
    environment |= {"CI_PIPELINE_ID": "2", "CI_JOB_ID": "3", "CI_PROJECT_PATH": "a/b", "CI_COMMIT_SHORT_SHA": "c"}
    script = "set -e\n" + "\n".join(body["script"])
    return subprocess.run(
        ["sh", "-c", script],
        env=environment,
        cwd=runner.folder,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_the_component_is_well_formed() -> None:
    spec, job = load(DEPLOY / "gitlab/component.yml")
    (body,) = job.values()
    assert {"url", "target", "version", "wait", "timeout", "audience"} <= spec["spec"]["inputs"].keys()
    assert body["id_tokens"] == {"SLUICE_ID_TOKEN": {"aud": "$[[ inputs.audience ]]"}}
    assert [line for line in body["script"] if "$[[" in line] == []


@pytest.mark.parametrize(
    ("start", "end", "code", "result"), [(0, 0, 0, "promoted"), (0, 3, 3, "rolled_back"), (0, 5, 5, "running")]
)
def test_the_component_ends_as_the_release_does(runner: Runner, start: int, end: int, code: int, result: str) -> None:
    runner.environment |= {"START": str(start), "END": str(end)}
    run = component(runner)
    assert run.returncode == code, run.stderr
    told = dict(line.split("=") for line in (runner.folder / "sluice.env").read_text().splitlines())
    assert told == {"SLUICE_RELEASE_ID": "3f9a1c07d2e4", "SLUICE_RELEASE_RESULT": result}
    assert "--key 1-2-3-checkout --reason a/b@c --latest" in runner.read("CALLS")


def test_the_component_ends_with_a_refusal(runner: Runner) -> None:
    runner.environment["START"] = "6"
    assert component(runner).returncode == 6
