"""A good target, to be spoilt in one place at a time."""

import textwrap

import pytest

from orchestrator.releasefile.loading import check

TARGET = """\
targets:
  checkout:
    account: "123456789012"
    region: eu-west-1
    function: checkout
    alias: live
    strategy: careful
"""
STRATEGY = """\
strategies:
  careful: {kind: canary, weights: [10, 50]}
"""


@pytest.fixture
def good():
    """A file without a problem."""
    return TARGET + STRATEGY


@pytest.fixture
def told():
    """Return the problems of a text, one line each."""

    def problems(text, *plugins):
        found, listed = check(textwrap.dedent(text), "sluice.yaml", *plugins)
        assert (found is None) == bool(listed)
        return [str(problem) for problem in listed]

    return problems


@pytest.fixture
def target_with():
    """Return a file whose target has more lines, or other values for its keys; sections may follow."""

    def text(more="", sections=STRATEGY, **instead):
        lines = TARGET.splitlines()
        for key, value in instead.items():
            lines = [f"    {key}: {value}" if line.startswith(f"    {key}:") else line for line in lines]
        return "\n".join([*lines, *([f"    {more}"] if more else []), ""]) + sections

    return text
