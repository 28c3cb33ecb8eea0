"""What to release, as it is written on the command line and as it is read back."""

from orchestrator.cli.output import say
from orchestrator.domain.errors import InvalidSpec
from orchestrator.domain.release import Artifact, Image, Latest, PublishedVersion, S3Object


def artifact_of(*, version: str | None, latest: bool, s3: str | None, image: str | None) -> Artifact:
    """Return what the options name. Raises InvalidSpec unless it is exactly one, and written as it should be."""
    given = [option for option in (version, latest or None, s3, image) if option is not None]
    if len(given) != 1:
        raise InvalidSpec("say what to release: exactly one of --version, --latest, --s3 and --image")
    if version is not None:
        if not version.isdecimal():
            raise InvalidSpec(f"--version: `{version}` is no version number: published versions are 1, 2, 3 and so on")
        return PublishedVersion(version=version)
    if s3 is not None:
        return _s3_object(s3)
    if image is not None:
        if "@sha256:" not in image:
            say(f"warning: {image} is named by tag, and a tag may move; better name it by digest (@sha256:...)")
        return Image(uri=image)
    return Latest()


def words(artifact: Artifact) -> str:
    """Return the artifact in words, e.g. `version 42, published already`."""
    match artifact:
        case PublishedVersion(version=version):
            return f"version {version}, published already"
        case S3Object(bucket=bucket, key=key, object_version=object_version):
            return f"s3://{bucket}/{key}" + (f" (version {object_version})" if object_version else " as it is by then")
        case Image(uri=uri):
            return f"image {uri}"
        case Latest():
            return "$LATEST as it stands, published"


def _s3_object(written: str) -> S3Object:
    found = S3Object.at(written)
    if found is None:
        raise InvalidSpec(f"--s3: `{written}` is no S3 object: write s3://bucket/key or s3://bucket/key?versionId=...")
    return found
