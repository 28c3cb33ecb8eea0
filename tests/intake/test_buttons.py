"""A button commands the release that its check run tells of: only that, only at its step, and only by who may."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from orchestrator.audit import Audit, AuditEntry
from orchestrator.domain.plan import Approval, Bake, Plan, Promote
from orchestrator.domain.release import Actor, Latest, Outcome, Phase, ReleaseRequest
from orchestrator.service import new_release_id
from tests.intake.world import HELD, PATIENCE, World

OTHER = "mallory/checkout"


async def awaiting(world: World, feedback: str = "[check]") -> tuple[str, int]:
    """Start a release by an event and wait for its approval; its id, and the step."""
    world.write(strategy=HELD, feedback=feedback)
    release_id = (await world.github(world.deployment())).json()["release_id"]
    state = await world.until(release_id, lambda s: s.phase is Phase.AWAITING_APPROVAL)
    assert state.step is not None
    return release_id, state.step


async def audited(world: World, release_id: str, count: int) -> list[AuditEntry]:
    """What the audit has of the release's commands, once it lists that many."""
    async with asyncio.timeout(PATIENCE):
        while True:
            entries, _ = await Audit(world.client).page("WorkflowType = 'Audit'", limit=100, token=b"")
            found = [entry for entry in entries if entry.release == release_id]
            if len(found) >= count:
                return found
            await asyncio.sleep(0.1)


async def test_a_button_approves_the_step_that_it_was_made_for(world: World) -> None:
    release_id, step = await awaiting(world)
    stranger = await world.press(release_id, f"approve:{step}", sender="mallory")
    assert stranger.json()["ignored"] == "no rule under `webhooks` fits it"
    answer = await world.press(release_id, f"approve:{step}")
    assert answer.json() == {
        "delivery": answer.json()["delivery"],
        "releases": [],
        "commands": [f"approve {release_id}"],
    }
    ended = await world.ended(release_id)
    assert ended.outcome is Outcome.PROMOTED
    assert any(e.actor == "anna" and "approve by anna" in e.text for e in ended.events)
    target = f"{world.target.place}/{world.target}"
    entries = await audited(world, release_id, 1)
    assert [(e.action, e.outcome, e.target) for e in entries] == [("approve", "accepted", target)]


@pytest.mark.parametrize("pressed", [{"repository": OTHER}, {"sha": "b" * 40}, {"repository": OTHER, "sha": "b" * 40}])
async def test_a_forged_check_run_commands_nobody_elses_release(world: World, pressed: dict[str, Any]) -> None:
    """Anybody whom the App serves may make a check run whose external id is a release of somebody else."""
    release_id, step = await awaiting(world)
    where = f"{pressed.get('repository', 'acme/checkout')} at {pressed.get('sha', 'a' * 40)[:12]}"
    for button in (f"approve:{step}", "abort"):
        answer = await world.press(release_id, button, **pressed)
        command = button.partition(":")[0]
        assert answer.status_code == 200
        assert answer.json()["ignored"] == (
            f"{command} of release {release_id} was refused: its check run is not the one of {where} on which the "
            "button was pressed; press it there, or use `sluice`"
        )
    entries = await audited(world, release_id, 2)
    target = f"{world.target.place}/{world.target}"
    assert {(e.action, e.outcome, e.principal, e.target) for e in entries} == {
        ("approve", "refused", "github:anna", target),
        ("abort", "refused", "github:anna", target),
    }
    assert all(where in e.why for e in entries)
    state = await world.releases.get(release_id)
    assert (state.phase, state.step) == (Phase.AWAITING_APPROVAL, step)
    assert not [e for e in state.events if "anna" in e.text and e.kind == "command"]
    assert (await world.press(release_id, "abort")).status_code == 202
    assert (await world.ended(release_id)).outcome is Outcome.ROLLED_BACK


async def test_a_release_without_a_check_run_has_no_buttons(world: World) -> None:
    """It is told elsewhere, or was started by hand: a check run that names it is not Sluice's."""
    told, step = await awaiting(world, "[deployment, status]")
    assert f"approve of release {told} was refused" in (await world.press(told, f"approve:{step}")).json()["ignored"]
    await world.abort(told)
    await world.ended(told)
    by_hand = ReleaseRequest(
        release_id=new_release_id(),
        target=world.target,
        artifact=Latest(),
        plan=Plan(strategy="t", steps=(Approval(), Promote(bake=Bake(duration=0))), checks=()),
        actor=Actor(name="bob"),
        submitted_at=datetime.now(UTC),
    )
    await world.releases.submit(by_hand)
    await world.until(by_hand.release_id, lambda s: s.phase is Phase.AWAITING_APPROVAL)
    assert "was refused" in (await world.press(by_hand.release_id, "approve:0")).json()["ignored"]
    await world.abort(by_hand.release_id)


async def test_a_release_that_nobody_knows_is_refused(world: World) -> None:
    answer = await world.press("0123456789ab", "abort")
    assert answer.json()["ignored"].startswith("abort of release 0123456789ab was refused")
