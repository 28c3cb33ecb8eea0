"""Completion: quick, silent, and in scripts that their shells accept."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from orchestrator.cli.completion import SCRIPTS
from orchestrator.cli.main import COMMANDS, main

SLUICE = Path(sys.executable).parent / "sluice"
RELEASE_FILE = (
    "targets:\n  {name}: {{account: '123456789012', region: eu-west-1, function: f, alias: live, strategy: linear}}\n"
)


def complete(*words, **environment):
    began = time.monotonic()
    done = subprocess.run(
        [SLUICE, "__complete", *words],
        capture_output=True, text=True, timeout=30, check=False, env={**os.environ, **environment},
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.split(), time.monotonic() - began


@pytest.fixture(autouse=True)
def _alone(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "xdg"))
    monkeypatch.delenv("SLUICE_URL", raising=False)


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["ro"], ["rollback"]),
        (["auth", ""], ["login", "logout", "whoami"]),
        (["auth", "login", ""], []),
        (["abort", "x", "--r"], ["--reason"]),
        (["list", "-o", ""], ["text", "json", "yaml", "jsonl"]),
        (["wait", "x", "--for", "p"], ["promoted", "paused"]),
        (["validate", ""], []),
    ],
)
def test_words(words, found, capsys):
    assert main(["__complete", *words]) == 0
    assert capsys.readouterr().out.split() == found


def test_every_thing_to_wait_for_is_offered():
    from orchestrator.cli.awaited import NAMES
    from orchestrator.cli.completing import _VALUES

    assert _VALUES["--for"] == NAMES


def test_every_command_is_offered(capsys):
    main(["__complete", ""])
    assert capsys.readouterr().out.split() == list(COMMANDS)


def test_nobody_there_is_silence():
    found, seconds = complete("abort", "", SLUICE_URL="http://127.0.0.1:9")
    assert found == []
    assert seconds < 5, "0.5 s of patience and the start of a process, on a machine with other work"


def test_names_of_targets_are_kept_for_a_while(tmp_path):
    file = tmp_path / "sluice.yaml"
    file.write_text(RELEASE_FILE.format(name="first"))
    deadline = time.monotonic() + 20
    while (found := complete("start", "")[0]) != ["first"]:
        assert found == []
        assert time.monotonic() < deadline
    (kept,) = (tmp_path / "cache" / "sluice").glob("names-*.json")
    while time.time() - kept.stat().st_mtime < 2:  # every Tab before has asked, and the last answer may still come
        time.sleep(0.1)
    file.write_text(RELEASE_FILE.format(name="second"))
    assert complete("start", "")[0] == ["first"]
    os.utime(kept, (time.time() - 31, time.time() - 31))
    while (found := complete("start", "")[0]) != ["second"]:
        assert found == ["first"], "old names are better than none"
        assert time.monotonic() < deadline


@pytest.mark.parametrize("shell", SCRIPTS)
def test_a_shell_accepts_its_script(shell, capsys, tmp_path):
    assert main(["completion", shell]) == 0
    script = capsys.readouterr().out
    assert script == SCRIPTS[shell]
    if shutil.which(shell) is None:
        pytest.skip(f"there is no {shell} here")
    subprocess.run([shell, "-n", "/dev/stdin"], input=script, text=True, check=True, timeout=20)
