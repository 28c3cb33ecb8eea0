"""What a newcomer runs first, as a process of its own."""

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

SLUICE = Path(sys.executable).with_name("sluice")


def _descendants_of_the_lab(state: str) -> list[str]:
    """Command lines of processes that name the lab's own folder."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = entry.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if state in line:
            found.append(line)
    return found


@pytest.mark.timeout(150)
def test_demo_promotes_the_good_version_and_rolls_back_the_bad_one(tmp_path: Path) -> None:
    """Exit 0, both outcomes told, the comparison's numbers shown, nothing left running, within a minute and a half."""
    began = time.monotonic()
    ended = subprocess.run(
        [SLUICE, "demo"],
        capture_output=True,
        text=True,
        timeout=140,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        cwd=tmp_path,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    rows = re.findall(r"^v(\d+) → v(\d+) +(\w+) .*(yes|NO)$", ended.stdout, re.MULTILINE)
    assert rows == [("1", "2", "PROMOTED", "yes"), ("2", "3", "ROLLED_BACK", "yes")]
    numbers = r"[1-9]\d* of \d+ canary requests failed against \d+ of \d+ on the stable version"
    assert re.search(rf"rolling back \(verdict\): errors: {numbers}", ended.stdout)
    assert "Traceback" not in ended.stderr
    assert time.monotonic() - began < 90
    assert _descendants_of_the_lab(str(tmp_path)) == []
