"""The study as Markdown, and the promises it must keep."""

import numpy as np

from tests.bench.verdict.peers import RULES
from tests.bench.verdict.study import AUTO, FLOOR, GATED, KAYENTA, LIMIT, STRICT, TIMED, Results
from tests.bench.verdict.traces import BASES, EFFECTS, NOISES, RATES

FROM_ONE = 1
"""Index of the first traffic, 1 request/s, at which detection is compared."""
OURS = (TIMED, STRICT, GATED, AUTO)
WORKSHOP, COUNT, ONE_PERCENT, FIVE_PERCENT, ARGO, FLAGGER = list(RULES)[:6]
LARGEST_FALSE_ROLLBACKS = 0.01
AT_LEAST = {FIVE_PERCENT: 2.0, FLAGGER: 3.0, ARGO: 3.3, KAYENTA: 1.6}
"""Failed requests served, ours timed = 1, geometric mean over cells."""
LIMIT_AT_MOST = 1.35
AUTO_AT_MOST = 0.4
EFFECT_NAMES = ("+0.5 pp", "+1 pp", "+5 pp", "50 %", "100 %")


def ratio(results: Results, rule: str, other: str, effect: int | None = None) -> float:
    """Return the geometric mean over bad cells from 1 request/s of failed requests served, ``rule`` over ``other``."""
    chosen = slice(1, None) if effect is None else slice(effect, effect + 1)
    # Half a failure more per cell on both sides keeps an empty cell finite and moves the others by nothing.
    half = 0.5 / results.traces
    above, below = (results.failed[name][FROM_ONE:, :, :, chosen] + half for name in (rule, other))
    return float(np.exp(np.mean(np.log(above / below))))


def false_rollbacks(results: Results, rule: str) -> tuple[float, float]:
    """Return mean and worst share of good releases rolled back, over all 30 good cells."""
    good = results.rolled_back[rule][..., 0]
    return float(good.mean()), float(good.max())


def broken_promises(results: Results) -> list[str]:
    """List every promise that this run did not keep; empty when all hold."""
    broken = []
    for rule in OURS:
        worst = false_rollbacks(results, rule)[1]
        if worst > LARGEST_FALSE_ROLLBACKS:
            broken.append(f"{rule} rolls back {worst:.1%} of good releases in one cell (limit 1 %)")
    for rule, least in AT_LEAST.items():
        measured = ratio(results, rule, TIMED)
        if measured < least:
            broken.append(f"{rule} serves only {measured:.2f} times our failed requests (at least {least})")
    to_limit, auto = ratio(results, TIMED, LIMIT), ratio(results, AUTO, TIMED)
    if to_limit > LIMIT_AT_MOST:
        broken.append(f"timed serves {to_limit:.2f} times the failed requests of the limit (at most {LIMIT_AT_MOST})")
    if auto > AUTO_AT_MOST:
        broken.append(f"auto serves {auto:.2f} times the failed requests of timed (at most {AUTO_AT_MOST})")
    return broken


def markdown(results: Results, command: str) -> str:
    """Render all tables; every figure is of this run."""
    return "\n".join(
        [
            *_head(results, command),
            *_main_table(results),
            *_false_table(results),
            *_example_table(results),
            *_time_table(results),
            *_limits(results),
        ]
    )


def _head(results: Results, command: str) -> list[str]:
    cells = len(RATES) * len(BASES) * len(NOISES) * len(EFFECTS)
    return [
        "# Verdict benchmark",
        "",
        f"Made by `{command}`: {cells} cells of {results.traces:,} simulated releases, fixed seeds. Nothing here is",
        "typed by hand; the command fails when a promise of the last section is broken.",
        "",
        "Each release: 15 minutes, weights 10, 50 and 100 % for 5 minutes each, Poisson traffic of 0.1, 1, 10, 100",
        "or 1000 requests/s, normal error rate 0, 0.1 or 1 % on both versions. A bad canary fails a further 0.5, 1,",
        "5, 50 or 100 % of its requests. Noise is none, or shared: each minute's error rate times a gamma variable",
        "(coefficient of variation 1) and 5 percentage points more in 3 % of the minutes, on both versions alike.",
        "Metrics become visible 1 to 3 minutes late. A rule decides each minute on what is visible; failed requests",
        "count until the rollback, or to the end where there is none. *Gated* and *auto* keep their own clock:",
        "steps end by proof, at the latest after 30 minutes unless suspicious; 5 minutes at 100 % are charged.",
        "",
    ]


def _main_table(results: Results) -> list[str]:
    names, others = " | ".join(EFFECT_NAMES), "v gated | v auto | v limit"
    lines = [
        "## Rules compared",
        "",
        "False rollbacks: mean and worst of the 30 good cells. Missed: share of bad releases that reached 100 %.",
        "Failed requests served: geometric mean over cells from 1 request/s, *Sluice timed* = 1; then each rule",
        "over gated, auto and the limit. The limit is Wald's test told both true error rates of every minute; the",
        "floor rolls back at the first visible minute without looking.",
        "",
        f"| rule | false rollbacks, mean / worst | missed +0.5 / +1 / +5 pp | {names} | all | {others} |",
        "|---|---|---|" + "---|" * (len(EFFECT_NAMES) + 4),
    ]
    for rule in (*RULES, *OURS, LIMIT, FLOOR):
        mean, worst = false_rollbacks(results, rule)
        false = f"{mean:.2%} / {worst:.1%}" if rule not in (LIMIT, FLOOR) else "-"
        missed = " / ".join(f"{results.missed[rule][FROM_ONE:, :, :, e].mean():.2f}" for e in (1, 2, 3))
        by_effect = " | ".join(f"{ratio(results, rule, TIMED, e):.2f}" for e in range(1, len(EFFECTS)))
        overall = " | ".join(f"{ratio(results, rule, other):.2f}" for other in (TIMED, GATED, AUTO, LIMIT))
        shown = f"**{rule}**" if rule in OURS else rule
        lines.append(f"| {shown} | {false} | {missed} | {by_effect} | {overall} |")
    return [*lines, ""]


def _false_table(results: Results) -> list[str]:
    rates = " | ".join(f"{rate:g} requests/s" for rate in RATES)
    lines = ["## False rollbacks by traffic, 0.1 % normal errors, no shared noise", "", f"| rule | {rates} |"]
    lines.append("|---|" + "---|" * len(RATES))
    for rule in (*RULES, *OURS):
        row = " | ".join(f"{value:.1%}" for value in results.rolled_back[rule][:, 1, 0, 0])
        lines.append(f"| {rule} | {row} |")
    lines += [
        "",
        "Mean over traffic, by normal error rate (no shared noise): 0, 0.1 and 1 %.",
        "",
        "| rule | 0 | 0.1 % | 1 % |",
    ]
    lines.append("|---|---|---|---|")
    for rule in (*RULES, *OURS):
        row = " | ".join(f"{value:.2%}" for value in results.rolled_back[rule][:, :, 0, 0].mean(axis=0))
        lines.append(f"| {rule} | {row} |")
    return [*lines, ""]


def _example_table(results: Results) -> list[str]:
    lines = [
        "## Example: failed requests served, 0.1 % normal errors, shared noise",
        "",
        "| rule | 10/s: +1 pp | +5 pp | 50 % | 100/s: +1 pp | +5 pp | 50 % |",
        "|---|---|---|---|---|---|---|",
    ]
    for rule in (*RULES, *OURS, LIMIT, FLOOR):
        row = " | ".join(f"{results.failed[rule][traffic, 1, 1, e]:,.0f}" for traffic in (2, 3) for e in (2, 3, 4))
        lines.append(f"| {rule} | {row} |")
    return [*lines, ""]


def _time_table(results: Results) -> list[str]:
    rates = " | ".join(f"{rate:g} requests/s" for rate in RATES)
    lines = ["## Minutes until a good release reaches 100 % (the clock: 10)", "", "Median / 90th percentile.", ""]
    lines += [f"| strategy | {rates} |", "|---|" + "---|" * len(RATES)]
    for rule in (GATED, AUTO):
        row = " | ".join(f"{np.median(v):.0f} / {np.quantile(v, 0.9):.0f}" for v in results.minutes_to_full[rule])
        lines.append(f"| {rule} | {row} |")
    return [*lines, ""]


def _limits(results: Results) -> list[str]:
    low = f"{results.missed[LIMIT][0, :, :, 3].mean():.0%}"
    floors = "; ".join(f"{rule}: {least:g}" for rule, least in AT_LEAST.items())
    return [
        "## What this does and does not show",
        "",
        "Synthetic traces and error counts only. Peers run at the example settings of their own documentation, not",
        "tuned to a service; Flagger's halting is not credited; Kayenta is given its points without lag, five at",
        "the first verdict and ten at the second, while its authors ask for fifty. An alarm on any error serves",
        "fewer failed requests than our timed rule where it does not matter how often good releases go back: see",
        "the first two rows, and their false rollbacks. Failed requests include those of the normal error rate. The",
        "advantage of *auto* over *timed* is smaller exposure, which a peer could configure as well; good releases",
        "pay for it with the minutes above.",
        f"At 0.1 requests/s and 5 percentage points, {low} of the bad releases reached 100 % even under the limit:",
        "no rule sees much there.",
        "",
        "Promises checked by the command:",
        "",
        "- at most 1 % false rollbacks of ours in every good cell;",
        f"- failed requests served, *Sluice timed* = 1, at least: {floors};",
        f"- timed at most {LIMIT_AT_MOST} times the limit, auto at most {AUTO_AT_MOST} times timed.",
        "",
    ]
