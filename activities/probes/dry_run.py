"""Ask Lambda whether the version may be invoked, without running it."""

from typing import Annotated

from pydantic import Field

from activities.probes import ProbePorts
from orchestrator.domain.errors import TargetError
from orchestrator.domain.release import Target
from orchestrator.domain.traffic import Frozen
from orchestrator.domain.work import ProbeAnswer


class DryRunOptions(Frozen):
    """A dry run sends no payload."""

    max_seconds: Annotated[float, Field(gt=0, le=60, description="seconds in which Lambda must answer")] = 10


class DryRun:
    """Passes when the version exists and the worker's role may invoke it by number; the code does not run."""

    Options = DryRunOptions

    async def ask(self, options: DryRunOptions, target: Target, version: str, ports: ProbePorts) -> ProbeAnswer:
        """Ask once. Raises TransientError when Lambda gives no answer."""
        try:
            answer = await ports.functions.invoke(
                target.function, version, b"{}", timeout=options.max_seconds, dry_run=True
            )
        except TargetError as refusal:
            return ProbeAnswer(
                name="dry_run", passed=False, sentence=f"version {version} may not be invoked: {refusal}"
            )
        if answer.status == 204:
            return ProbeAnswer(name="dry_run", passed=True, sentence=f"version {version} may be invoked")
        sentence = f"a dry run of version {version} was answered with status {answer.status}, expected 204"
        return ProbeAnswer(name="dry_run", passed=False, sentence=sentence)


PLUGIN = DryRun()
