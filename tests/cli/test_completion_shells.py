"""Completion as somebody at a terminal meets it: a real shell, its script, and the Tab key."""

import os
import pty
import re
import select
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from orchestrator.cli.completion import SCRIPTS

SLUICE = Path(sys.executable).parent / "sluice"
PATIENCE = 30.0
STARTS = {
    "bash": ["bash", "--rcfile", "prepared", "-i"],
    "zsh": ["zsh", "-d", "-i"],
    "fish": ["fish", "--no-config", "--init-command", "source prepared", "-i"],
}
PREPARED = {
    "bash": "PS1='READY> '; source <(sluice completion bash)",
    "zsh": "PROMPT='READY> '; autoload -Uz compinit; compinit -u -D; source <(sluice completion zsh)",
    "fish": "function fish_prompt; echo -n 'READY> '; end; sluice completion fish | source",
}
STUB = """\
#!/bin/sh
if [ "$1" = completion ]; then exec {sluice} "$@"; fi
printf '%s\\n' "$@" > {asked}
printf '%s\\n' abort rollback checkout:live checkout-eu:live
"""


@pytest.fixture(params=SCRIPTS)
def shell(request):
    if shutil.which(request.param) is None:
        pytest.skip(f"there is no {request.param} here")
    return request.param


class Terminal:
    """A shell on a terminal of its own."""

    def __init__(self, shell: str, folder: Path, path: str) -> None:
        self._leader, follower = pty.openpty()
        for name in ("prepared", ".zshrc"):
            (folder / name).write_text(f"{PREPARED[shell]}\n")
        own = {"HOME": str(folder), "ZDOTDIR": str(folder), "XDG_DATA_HOME": str(folder)}
        environment = {**os.environ, **own, "PATH": path, "TERM": "dumb"}
        self._process = subprocess.Popen(
            STARTS[shell], stdin=follower, stdout=follower, stderr=follower, env=environment, cwd=folder,
            start_new_session=True,
        )  # fmt: skip
        os.close(follower)
        self.seen = ""

    def type(self, keys: str) -> None:
        os.write(self._leader, keys.encode())

    def until(self, pattern: str) -> re.Match[str]:
        """Read on until the pattern is there; what was read before it is forgotten."""
        deadline = time.monotonic() + PATIENCE
        while (found := re.search(pattern, self.seen)) is None:
            assert time.monotonic() < deadline, f"{pattern!r} is not in {self.seen!r}"
            if select.select([self._leader], [], [], 0.1)[0]:
                self.seen += os.read(self._leader, 65536).decode(errors="replace")
        self.seen = self.seen[found.end() :]
        return found

    def close(self) -> None:
        os.close(self._leader)
        self._process.kill()  # an interactive shell survives SIGTERM
        self._process.wait(10)


@pytest.fixture
def terminal(shell, tmp_path):
    """A shell with its script, before a `sluice` that knows four names and keeps what it was asked."""
    stub = tmp_path / "bin" / "sluice"
    stub.parent.mkdir()
    stub.write_text(STUB.format(sluice=SLUICE, asked=tmp_path / "asked"))
    stub.chmod(0o755)
    opened = Terminal(shell, tmp_path, f"{stub.parent}:{os.environ['PATH']}")
    opened.until("READY> ")
    yield opened
    opened.close()


@pytest.mark.parametrize(
    ("typed", "completed"),
    [
        ("sluice rol", "sluice rollback"),
        ("sluice abort checkout:", "sluice abort checkout:live"),
        ("sluice abort checkout:li", "sluice abort checkout:live"),
        ("sluice abort checkout-e", "sluice abort checkout-eu:live"),
        ("sluice get x -o ch", "sluice get x -o checkout"),
    ],
)
def test_tab_completes(terminal, tmp_path, typed, completed):
    """What is typed grows to what all candidates share, names with a colon too; the words asked for are those typed."""
    terminal.type(f"{typed}\t")
    time.sleep(0.5)
    terminal.type("\x01echo '<'\x05'>'\r")
    found = terminal.until(r"\r?\n< ?(sluice [^>\r\n]*?) ?>\r?\n")
    assert found[1] == completed
    assert (tmp_path / "asked").read_text().split("\n")[:-1] == ["__complete", *typed.split(" ")[1:]]
