"""Code, settings and versions of functions."""

from typing import Any

from activities.aws.calls import Calls
from activities.aws.configuration import function_version, request_fields
from activities.ports import FunctionVersion
from orchestrator.domain.errors import InvariantError
from orchestrator.domain.release import Artifact, Configuration, Image, S3Object

LONGEST_DESCRIPTION = 256
"""Characters of a version's description. Source: PublishVersion, API reference."""


class Versions:
    """The version half of LambdaPort."""

    _calls: Calls

    async def get_function(self, function: str, qualifier: str = "$LATEST") -> FunctionVersion:
        """Read `$LATEST`, a version, or the primary version of an alias. Raises MissingTarget.

        Source: GetFunction has a limit of 100 requests/s of its own; GetFunctionConfiguration shares the 15.
        """
        answer = await self._calls(
            "get_function", f"read {function}:{qualifier}", FunctionName=function, Qualifier=qualifier
        )
        return function_version(answer["Configuration"])

    async def update_configuration(self, function: str, change: Configuration, *, revision: str) -> FunctionVersion:
        """Change `$LATEST`; the answer is still InProgress. Raises Stale, Unavailable while another change runs."""
        answer = await self._calls(
            "update_function_configuration",
            f"change the settings of {function}",
            FunctionName=function,
            RevisionId=revision,
            **request_fields(change),
        )
        return function_version(answer)

    async def update_code(self, function: str, artifact: Artifact, *, revision: str) -> FunctionVersion:
        """Upload to `$LATEST` without publishing; the answer is still InProgress.

        Raises Stale, MissingTarget where there is no such object, InvariantError for an artifact without code.
        """
        answer = await self._calls(
            "update_function_code",
            f"upload code to {function}",
            FunctionName=function,
            RevisionId=revision,
            Publish=False,
            **_code(artifact),
        )
        return function_version(answer)

    async def publish_version(
        self, function: str, *, revision: str, code_sha256: str, description: str
    ) -> FunctionVersion:
        """Publish `$LATEST`. A second run is refused as Stale, or gives the same version when nothing changed.

        Source: the hash guards the code alone and is refused with 400 (NotReleasable); the revision guards both.
        """
        answer = await self._calls(
            "publish_version",
            f"publish {function}",
            FunctionName=function,
            RevisionId=revision,
            CodeSha256=code_sha256,
            Description=description[:LONGEST_DESCRIPTION],
        )
        return function_version(answer)


def _code(artifact: Artifact) -> dict[str, Any]:
    if isinstance(artifact, S3Object):
        version = {} if artifact.object_version is None else {"S3ObjectVersion": artifact.object_version}
        return {"S3Bucket": artifact.bucket, "S3Key": artifact.key} | version
    if isinstance(artifact, Image):
        return {"ImageUri": artifact.uri}
    raise InvariantError(f"artifact {artifact.kind} has no code to upload")
