"""Case 20: the version that a release publishes has the description that was asked for."""

import pytest
from temporalio.testing import ActivityEnvironment

from activities.versions import Versions
from orchestrator.domain.release import Configuration, Latest, PublishedVersion, Target
from orchestrator.domain.work import Publish
from tests.fakes.aws import FakeAws
from tests.fakes.clock import FakeClock

TARGET = Target(account="123456789012", region="eu-west-1", function="checkout", alias="live")
RELEASE = "f8248aac8039"


async def published(aws, artifact, asked):
    """Return what `publish` answers, and the description of the version that it answers."""
    work = Publish(
        release_id=RELEASE,
        target=TARGET,
        artifact=artifact,
        configuration=Configuration(description=asked, memory=256),
        stable="1",
    )
    answer = await ActivityEnvironment().run(Versions(aws).publish, work)
    found = await aws.functions(TARGET).get_function(TARGET.function, answer.version)
    return answer, found.settings["Description"]


@pytest.fixture
def aws():
    aws = FakeAws(FakeClock())
    aws.add_function(TARGET)
    return aws


@pytest.mark.parametrize(
    ("asked", "shown"),
    [
        ("tax rules 2027", f"tax rules 2027 (sluice {RELEASE})"),
        (None, f"sluice {RELEASE}"),
        ("", f"sluice {RELEASE}"),
        ("ü" * 234, "ü" * 234 + f" (sluice {RELEASE})"),
        ("ü" * 235, "ü" * 233 + f"… (sluice {RELEASE})"),
        ("x" * 256, "x" * 233 + f"… (sluice {RELEASE})"),
    ],
)
async def test_case_20_description_overwritten(aws, asked, shown):
    """The text stands first, and behind it how Sluice knows its own again; of 256 characters the mark is never cut."""
    answer, found = await published(aws, Latest(), asked)
    assert found == shown
    assert len(found) <= 256
    assert answer.new


@pytest.mark.parametrize(
    ("description", "ours"),
    [
        (f"sluice {RELEASE}", True),
        (f"tax rules 2027 (sluice {RELEASE})", True),
        ("tax rules 2027 (sluice 000000000000)", False),
        ("tax rules 2027", False),
    ],
)
async def test_case_20_its_own_version_is_known_by_the_mark(aws, description, ours):
    """The mark alone is what a release of an older Sluice has written; another release's version is not new."""
    function = aws.functions(TARGET)
    aws.region(TARGET).function(TARGET.function).change(Configuration(memory=512))
    latest = await function.get_function(TARGET.function)
    made = await function.publish_version(
        TARGET.function, revision=latest.revision, code_sha256=latest.code_sha256, description=description
    )
    answer, _ = await published(aws, PublishedVersion(version=made.version), None)
    assert answer.new is ours
