"""Every mistake is told in a whole sentence, with its place.

The cases stand in `problems/*.txt`: a file's lines after `|`, then what is said of it; `{KINDS}` are all strategies.
"""

from pathlib import Path

import pytest

from orchestrator.releasefile.loading import STRATEGIES, check

KINDS = ", ".join(STRATEGIES.names)


def cases():
    for path in sorted((Path(__file__).parent / "problems").glob("*.txt")):
        for i, block in enumerate(path.read_text().strip().split("\n\n"), start=1):
            lines = block.splitlines()
            text = "\n".join(line[2:] for line in lines if line.startswith("|"))
            said = [line.replace("{KINDS}", KINDS) for line in lines if not line.startswith("|")]
            yield pytest.param(text + "\n", said, id=f"{path.stem}-{i}")


@pytest.mark.parametrize(("text", "said"), list(cases()))
def test_a_mistake_is_told_with_its_place(text, said):
    found, problems = check(text)
    assert [str(problem) for problem in problems] == said
    assert found is None


def test_a_good_file_has_no_problem(told, good):
    assert told(good) == []


def test_a_broken_part_is_told_once_where_it_stands(told, target_with):
    """Its name exists, so the target that names it has no problem of its own."""
    lines = told(target_with(sections="strategies:\n  careful: {kind: canary, weights: [0]}\n"))
    assert [line.split(": ", 1)[0] for line in lines] == ["sluice.yaml:9:37 strategies.careful.weights.0"]


def test_anchors_and_merges_are_understood(told):
    text = """\
    targets:
      a: &base {account: "123456789012", region: eu-west-1, function: f, alias: live, strategy: blue_green}
      b:
        <<: *base
        alias: next
    """
    assert told(text) == []
