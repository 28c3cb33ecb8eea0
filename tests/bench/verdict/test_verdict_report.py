"""The benchmark's promises: kept in a small study, and noticed when broken."""

import numpy as np
import pytest

from tests.bench.verdict import report
from tests.bench.verdict.study import AUTO, KAYENTA, LIMIT, TIMED, run


@pytest.fixture(scope="module")
def results():
    return run(60, lambda text: None)


def test_a_small_study_has_the_shape_of_the_full_one(results):
    """Loose limits: sixty traces per cell are too few for the real ones."""
    for rule in report.OURS:
        assert report.false_rollbacks(results, rule)[0] < 0.01
    assert report.ratio(results, report.ARGO, TIMED) > 2.5
    assert report.ratio(results, report.FLAGGER, TIMED) > 2.5
    assert report.ratio(results, report.FIVE_PERCENT, TIMED) > 1.7
    assert report.ratio(results, KAYENTA, TIMED) > 1.4
    assert 1 < report.ratio(results, TIMED, LIMIT) < 1.5
    assert report.ratio(results, AUTO, TIMED) < 0.45


def test_the_tables_name_every_rule_and_the_command(results):
    """One row per rule in the main table."""
    text = report.markdown(results, "the command")
    assert "Made by `the command`: 180 cells of 60 simulated releases" in text
    for rule in (*report.RULES, *report.OURS, LIMIT, report.FLOOR):
        assert f"{rule}" in text
    assert "nan" not in text


def test_broken_promises_are_named(results):
    """A rule that cries wolf, and one that is slow, both fail the command."""
    spoiled = type(results)(results.traces, dict(results.rolled_back), dict(results.missed), dict(results.failed))
    spoiled.rolled_back[TIMED] = np.full_like(results.rolled_back[TIMED], 0.02)
    spoiled.failed[AUTO] = results.failed[TIMED]
    broken = report.broken_promises(spoiled)
    assert any(promise.startswith("Sluice timed rolls back 2.0% of good releases") for promise in broken)
    assert any(promise.startswith("auto serves 1.00 times") for promise in broken)
