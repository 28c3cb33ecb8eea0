"""One folder has one lab."""

import fcntl

from orchestrator.cli.exits import Exit
from orchestrator.lab.command import lab


async def test_a_second_lab_in_the_same_folder_says_one_sentence_and_changes_nothing(tmp_path, capsys):
    """The files of the lab that runs, and what others have read from them, stay as they are."""
    (tmp_path / "sluice.yaml").write_text("of the lab that runs")
    with (tmp_path / "lock").open("a") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert await lab(state=tmp_path) is Exit.REFUSED
    assert {each.name: each.read_text() for each in tmp_path.iterdir()} == {
        "lock": "",
        "sluice.yaml": "of the lab that runs",
    }
    told = "".join(capsys.readouterr())
    assert told == (
        f"a lab runs in {tmp_path} already: use it, end it with Ctrl-C, or name another folder with --state\n"
    )
