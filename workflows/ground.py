"""What all parts of a running release share: its request, logbook, intent, and what is known of the alias."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from orchestrator.domain.analysis import Window
    from orchestrator.domain.errors import InvariantError
    from orchestrator.domain.plan import Plan
    from orchestrator.domain.release import ReleaseRequest
    from orchestrator.domain.traffic import Routing, split, whole
    from orchestrator.domain.work import PreflightReport, Published, Restore
    from workflows.intent import Intent
    from workflows.logbook import Logbook
    from workflows.notes import Notes


RENEWED = "renewed"
"""Patch id of the order of calls of version 0.2. Each release asks once, at its start; every part that gives Temporal
other commands than version 0.1 did asks `Ground.renewed`. To be dropped when no release of 0.1 can be running."""


MAX_PAST = 20
"""Revisions that are remembered: AWS answers with one that is seconds old at most."""


@dataclass
class Ground:
    """A running release. `touched` and `promoting` are set before such a write is sent, never after."""

    request: ReleaseRequest
    log: Logbook
    renewed: bool = True
    """False in a release that began before `RENEWED`: it goes on by the order of calls that its history has."""
    intent: Intent = field(default_factory=Intent)
    notes: Notes = field(default_factory=Notes)
    report: PreflightReport = field(default_factory=PreflightReport)
    published: Published | None = None
    revision: str = ""
    """Of the alias, as this release has last read it; the next write is valid against it alone."""
    past: tuple[str, ...] = ()
    """The revisions before that, oldest first: a reading with one of them comes late."""
    touched: bool = False
    promoting: bool = False
    warmed: bool = False
    windows: tuple[Window, ...] = ()

    @property
    def plan(self) -> Plan:
        """The plan with the steps that are performed; before preflight, and where nothing is sized, as submitted."""
        plan = self.request.plan
        return plan if self.report.steps is None else plan.model_copy(update={"steps": self.report.steps})

    @property
    def stable(self) -> str:
        """The version recorded at the start, the only one that a rollback ever returns to."""
        if self.report.stable is None:
            raise InvariantError("the stable version is asked for before preflight has recorded it")
        return self.report.stable

    @property
    def canary(self) -> str:
        """The version on trial."""
        if self.published is None:
            raise InvariantError("the canary version is asked for before it is published")
        return self.published.version

    @property
    def known_canary(self) -> str | None:
        """The version on trial, None before it is published."""
        return self.published.version if self.published else None

    @property
    def settle(self) -> float:
        """Seconds that an invocation of either version may take."""
        return max(self.report.stable_timeout, self.published.timeout if self.published else 0)

    @property
    def has_news(self) -> bool:
        """Whether the alias is to be looked at. Before the first step that is the first write's business."""
        return self.notes.unseen and self.log.state.step is not None

    def to_weight(self, weight: float) -> Routing:
        """Return the routing that gives the canary `weight` per cent."""
        return whole(self.canary) if weight >= 100 else split(self.stable, self.canary, weight)

    def found(self, revision: str) -> None:
        """Note that the alias has been read with this revision."""
        if self.revision not in ("", revision):
            self.past = (*self.past, self.revision)[-MAX_PAST:]
        self.revision = revision

    def restoration(self, *, force: bool, stopped: bool) -> Restore:
        """Return the order to bring everything back to stable.

        Where somebody has `stopped` the canary by hand, a share that they have left it is theirs to settle.
        """
        return Restore(
            target=self.request.target,
            stable=self.stable,
            canary=self.known_canary,
            force=force,
            written=self.log.state.weight if stopped else 0,
            past=self.past,
            touched=self.touched,
            promoting=self.promoting,
        )

    def close_window(self) -> None:
        """The present weight ends now, before anything that changes it is sent."""
        if self.windows and self.windows[-1].end is None:
            last = self.windows[-1].model_copy(update={"end": workflow.now().timestamp()})
            self.windows = (*self.windows[:-1], last)

    def until(self, span: timedelta) -> datetime:
        """When a wait of that length ends if it begins now."""
        return workflow.now() + span
