"""What the canary runs on, and whether that has changed: AWS may put a newer runtime under a published version."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from orchestrator.domain.journal import EventKind
    from workflows.ground import Ground


def on_runtime(arn: str | None) -> dict[str, str]:
    """Return what an event's data says of the runtime: nothing where AWS has told none, as of a container image."""
    return {"runtime_version": arn} if arn else {}


def note_runtime_change(ground: Ground, promoted: str | None) -> None:
    """Note that the canary was promoted on another runtime than it was published with; no reading is no change."""
    published = ground.published.runtime_version if ground.published else None
    if not published or not promoted or published == promoted:
        return
    ground.log.note(
        EventKind.WARNING,
        f"AWS has changed the runtime under version {ground.canary} during the release, from {published} to "
        f"{promoted}: numbers from before and after the change compare different runtimes",
        data={"runtime_at_publish": published, "runtime_at_promote": promoted},
    )
