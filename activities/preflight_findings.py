"""What a preflight finds: sentences that stop the release, and sentences that people should read before it runs."""

from typing import NamedTuple

from orchestrator.domain.release import Target


class Finding(NamedTuple):
    """One sentence: what is wrong, with what, and what to do next. `blocks` ends the release before any write."""

    blocks: bool
    sentence: str


def problem(sentence: str) -> Finding:
    """Return a finding that stops the release."""
    return Finding(blocks=True, sentence=sentence)


def warning(sentence: str) -> Finding:
    """Return a finding that is told and changes nothing."""
    return Finding(blocks=False, sentence=sentence)


def command(target: Target, operation: str, *arguments: str) -> str:
    """Return the AWS command on the target's function, in backticks, ready to paste."""
    words = ("aws lambda", operation, "--function-name", target.function, *arguments, "--region", target.region)
    return f"`{' '.join(words)}`"
