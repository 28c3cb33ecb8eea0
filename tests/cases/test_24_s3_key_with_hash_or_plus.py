"""Case 24: an S3 address is no web address; no character of a key or of a version's id is lost."""

import pytest

from orchestrator.cli.artifacts import artifact_of
from orchestrator.domain.errors import InvalidSpec
from orchestrator.domain.intake import ArtifactRule
from orchestrator.domain.release import S3Object
from orchestrator.intake_mapping import artifact_of as artifact_of_event

UPLOADED = {
    "detail": {
        "bucket": {"name": "builds"},
        "object": {"key": "checkout/1.4.2+g6dcb09b.zip", "version-id": "IYV3p45BT0ac8hjHg1houSdS1a.Mro+e"},
    }
}


def on_the_command_line(written: str) -> object:
    return artifact_of(version=None, latest=False, s3=written, image=None)


@pytest.mark.parametrize(
    ("written", "key", "version"),
    [
        ("checkout#1.4.2.zip", "checkout#1.4.2.zip", None),
        ("what?.zip", "what?.zip", None),
        ("a.zip?other=1", "a.zip?other=1", None),
        ("a+b%20c.zip", "a+b%20c.zip", None),
        ("/a//b.zip", "/a//b.zip", None),
        ("a.zip?versionId=ab+cd", "a.zip", "ab+cd"),
        ("a.zip?versionId=ab%2Bcd==", "a.zip", "ab%2Bcd=="),
        ("what?.zip?versionId=x#y", "what?.zip", "x#y"),
        ("a?versionId=1.zip?versionId=2", "a?versionId=1.zip", "2"),
    ],
)
def test_case_24_s3_key_with_hash_or_plus(written, key, version):
    """All behind the bucket is the key, but for `?versionId=` at the end, and nothing is decoded; so in a template."""
    wanted = S3Object(bucket="builds", key=key, object_version=version)
    assert on_the_command_line(f"s3://builds/{written}") == wanted
    rule = ArtifactRule(kind="s3", template=f"s3://builds/{written}")
    assert artifact_of_event(rule, {}, "uploads") == wanted


def test_case_24_the_event_of_an_upload_names_what_was_uploaded():
    """EventBridge has keys and version ids as they are, unlike S3's own notifications."""
    rule = ArtifactRule(kind="s3", template="s3://builds/{detail.object.key}?versionId={detail.object.version-id}")
    assert artifact_of_event(rule, UPLOADED, "uploads") == S3Object(
        bucket="builds", key="checkout/1.4.2+g6dcb09b.zip", object_version="IYV3p45BT0ac8hjHg1houSdS1a.Mro+e"
    )


@pytest.mark.parametrize(
    "written",
    [
        "builds/a.zip",
        "https://builds/a.zip",
        "s3://builds",
        "s3://builds/",
        "s3:///a.zip",
        "s3://b/?versionId=1",
        "s3://b/a?versionId=",
    ],
)
def test_case_24_what_is_no_address_is_still_refused(written):
    """A version's id that is empty is a value that got lost, not a wish for the newest."""
    with pytest.raises(InvalidSpec, match="is no S3 object"):
        on_the_command_line(written)
