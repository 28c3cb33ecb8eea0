"""The command as a whole: quick, complete, and true at its end."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from orchestrator.cli.exits import Exit
from orchestrator.cli.main import COMMANDS, main, root_help

PAGE = (Path(__file__).parents[2] / "docs/reference/cli.md").read_text()
SLOW = {
    "temporalio",
    "aioboto3",
    "aiobotocore",
    "botocore",
    "rich",
    "pydantic",
    "cyclopts",
    "ruamel",
    "httpx2",
    "fastapi",
}


def test_help_imports_nothing_slow():
    """Measured by modules, not by time: the overview must come at once on any machine."""
    program = (
        "import sys; from orchestrator.cli.main import main; code = main(['--help']); "
        "print(' '.join(sorted({m.split('.')[0] for m in sys.modules})), file=sys.stderr); sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=True)
    assert "Usage: sluice COMMAND" in done.stdout
    assert SLOW & set(done.stderr.split()) == set()


def test_a_usage_error_needs_no_temporal():
    program = (
        "import sys; from orchestrator.cli.main import main; main(['start', 'x']); "
        "print(*sorted({m.split('.')[0] for m in sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=True)
    assert {"temporalio", "aioboto3"} & set(done.stdout.split()) == set()


@pytest.mark.parametrize("argv", [[], ["--help"], ["-h"], ["help"]])
def test_the_overview(argv, capsys):
    assert main(argv) == 0
    assert capsys.readouterr().out == root_help() + "\n"


def test_the_overview_fits_a_small_terminal():
    assert max(map(len, root_help().splitlines())) <= 100
    assert root_help().isascii()


ELSEWHERE = {"worker", "lab", "demo"}


@pytest.mark.parametrize("name", sorted(COMMANDS.keys() - ELSEWHERE))
def test_every_command_has_help(name, capsys):
    assert main([name, "--help"]) == 0
    assert f"sluice {name}" in capsys.readouterr().out


def test_every_command_is_documented():
    assert [name for name in COMMANDS if not re.search(rf"^\| `sluice {name}[ `]", PAGE, re.MULTILINE)] == []


def test_every_exit_code_is_documented():
    rows = {int(code): name for code, name in re.findall(r"^\| (\d+) \| (\w+) \|", PAGE, re.MULTILINE)}
    assert rows == {code.value: code.name for code in Exit}


def test_the_lab_says_what_it_needs(capsys, monkeypatch):
    monkeypatch.setitem(COMMANDS, "lab", COMMANDS["lab"]._replace(path="orchestrator.lab.nowhere:lab"))
    assert main(["lab"]) == 1
    assert capsys.readouterr().err == (
        "sluice: `sluice lab` needs more packages: pip install 'sluice[lab]' (Cannot import module "
        "'orchestrator.lab.nowhere' from 'orchestrator.lab.nowhere:lab')\n"
    )


@pytest.mark.parametrize(("preload", "code"), [("", 2), ("import temporalio;", 2)])
def test_the_exit_code_survives_the_temporal_sdk(preload, code):
    """With the SDK loaded the interpreter's own shutdown is passed over, and nothing printed is lost."""
    program = f"import sys; {preload} sys.argv = ['sluice', 'nonsense']; from orchestrator.cli.main import run; run()"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == code
    assert done.stderr == "sluice: there is no command `nonsense`; `sluice --help` lists all\n"


def test_a_wrong_setting_is_told(capsys, monkeypatch):
    monkeypatch.setenv("SLUICE_TEMPORAL__CONNECT_TIMEOUT", "-1")
    assert main(["get", "x"]) == 2
    assert capsys.readouterr().err == (
        "sluice: a setting is wrong: mend the environment, .env or sluice.toml\n"
        "  SLUICE_TEMPORAL__CONNECT_TIMEOUT: Input should be greater than 0\n"
    )


def test_a_reader_that_has_gone_is_no_success():
    """`sluice wait x | head -1` must not claim a promotion."""
    program = "import sys, time; from orchestrator.cli.main import main; time.sleep(0.5); sys.exit(main(['schema']))"
    command = f'{sys.executable} -c "{program}" | true; echo ${{PIPESTATUS[0]}}'
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=60, check=True)
    assert (done.stdout, done.stderr) == ("1\n", "")
