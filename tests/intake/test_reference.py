"""The reference page and the events that are understood agree; so do the two lists of them."""

import re
from pathlib import Path

import pytest

from orchestrator import intake_senders
from orchestrator.api import hooks_described
from orchestrator.releasefile import webhooks

PAGE = (Path(__file__).parents[2] / "docs/reference/webhooks.md").read_text()
SECTIONS = {"github": "GitHub", "gitlab": "GitLab", "eventbridge": "EventBridge over SQS"}


@pytest.mark.parametrize("provider", SECTIONS)
def test_every_event_is_documented_and_no_other(provider: str) -> None:
    section = PAGE.split(f"## {SECTIONS[provider]}\n")[1].split("\n## ")[0]
    documented = set(re.findall(r"^\| `([\w.]+)` \|", section, re.MULTILINE)) - {"ping", "event"}
    assert documented == set(intake_senders.EVENTS[provider]) == set(webhooks.EVENTS[provider])


def test_every_answer_is_documented() -> None:
    said = {int(status) for status in re.findall(r"^\| (\d{3})\b", PAGE, re.MULTILINE)}
    assert said == hooks_described.ANSWERS.keys()


def test_every_default_is_documented() -> None:
    for provider in ("github", "gitlab"):
        section = PAGE.split(f"## {SECTIONS[provider]}\n")[1].split("\n## ")[0]
        for event, kind in intake_senders.EVENTS[provider].items():
            if event == intake_senders.BUTTON:
                continue
            row = next(line for line in section.splitlines() if line.startswith(f"| `{event}` |"))
            told = row.rstrip("| ").rsplit("|", 1)[1].strip()
            assert told == (", ".join(f"`{each}`" for each in kind.feedback) or "nowhere"), event
