"""`sluice doctor` before the lab: AWS's own wire, real functions and alarms, and nothing but reads."""

import re
from pathlib import Path

from activities.permissions import NEEDS
from orchestrator.lab.whole import WholeLab
from tests.e2e.conftest import Command
from tests.e2e.test_bad_input import release_file, told, writes

COUNT = len({need.action for need in NEEDS if not need.only})
CHECKS = "    checks: [errors, alarms]\nchecks:\n  alarms: {{kind: alarm, names: [{names}]}}\n"


def with_alarms(folder: Path, *names: str) -> Path:
    with folder.joinpath("sluice.yaml").open("a") as file:
        file.write(CHECKS.format(names=", ".join(names)))
    return folder


async def test_doctor_looks_at_every_target(lab: WholeLab, sluice: Command, tmp_path: Path) -> None:
    await lab.add_function("healthy")
    await lab.lab.admin.set_alarm("healthy-errors", "OK")
    before = await writes(lab, "healthy")
    folder = with_alarms(release_file(tmp_path, "healthy"), "healthy-errors")
    ended = await sluice("doctor", cwd=folder)
    assert ended.code == 0, told(ended)
    assert [re.sub(r"arn:\S+", "ARN", line) for line in ended.out.splitlines()[-4:]] == [
        "✔ aws credentials    000000000000/us-east-1: ARN",
        "✔ alias              healthy:live: readable, on version 1",
        "✔ alarms             healthy:live: healthy-errors exist",
        f"✔ permissions        healthy:live: all {COUNT} actions, as IAM simulates them",
    ]
    assert await writes(lab, "healthy") == before
    left_out = await sluice("doctor", "--no-aws", cwd=folder)
    assert "aws credentials" not in left_out.out


async def test_doctor_names_what_is_missing_and_what_it_could_not_ask(
    lab: WholeLab, sluice: Command, tmp_path: Path
) -> None:
    await lab.add_function("lacking")
    await lab.client.delete_alias(FunctionName="lacking", Name="live")
    await lab.lab.admin.inject("SimulatePrincipalPolicy", "fail", code="AccessDenied", status=403)
    try:
        ended = await sluice("doctor", cwd=with_alarms(release_file(tmp_path, "lacking"), "no-such-alarm"))
    finally:
        await lab.lab.admin.clear_faults()
    assert ended.code == 1
    alias, alarms, permissions = ended.out.splitlines()[-3:]
    assert alias == (
        "✖ alias              lacking:live: does not exist: a first release makes it (`sluice start ... --create`)"
    )
    assert alarms == (
        "✖ alarms             lacking:live: no-such-alarm missing in 000000000000/us-east-1: create them, or mend "
        "`names` of the check"
    )
    assert permissions == (
        "○ permissions        lacking:live: not checked: iam:SimulatePrincipalPolicy is denied "
        "(deploy/iam/doctor-policy.json)"
    )


async def test_doctor_asks_nobody_elses_account(lab: WholeLab, sluice: Command, tmp_path: Path) -> None:
    ended = await sluice("doctor", cwd=release_file(tmp_path, "healthy", account="123456789012"))
    assert ended.code == 1
    assert "is of another account: name a role of 123456789012 in SLUICE_AWS__ROLES" in ended.out.splitlines()[-1]


async def test_doctor_without_credentials(lab: WholeLab, sluice: Command, tmp_path: Path) -> None:
    """By itself that is no fault: the worker has its own."""
    nowhere = str(tmp_path / "none")
    none = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_EC2_METADATA_DISABLED": "true"}
    none |= {"AWS_SHARED_CREDENTIALS_FILE": nowhere, "AWS_CONFIG_FILE": nowhere}
    folder = release_file(tmp_path, "healthy")
    ended = await sluice("doctor", cwd=folder, **none)
    assert ended.code == 0, told(ended)
    assert ended.out.splitlines()[-1].startswith("○ aws credentials    000000000000/us-east-1: not checked here: ")
    asked = await sluice("doctor", "--aws", cwd=folder, **none)
    assert asked.code == 1
    assert asked.out.splitlines()[-1].startswith("✖ aws credentials ")
