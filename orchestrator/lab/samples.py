"""The lab's sample functions: created, released at version 1 behind an alias, and given new code to release.

All calls go through an ordinary `aioboto3` client pointed at the lab.
"""

import asyncio
import io
import zipfile
from pathlib import Path
from typing import Any, Literal, get_args

Variant = Literal["v1", "v2", "fails_some", "fails_rarely", "fails_always", "slow"]
VARIANTS: tuple[Variant, ...] = get_args(Variant)
ROLE = "arn:aws:iam::000000000000:role/checkout"
_FOLDER = Path(__file__).with_name("functions") / "checkout"
_POLL_SECONDS = 0.05


def package(variant: Variant) -> bytes:
    """Deployment package of the checkout in one variant; equal variants give equal bytes."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, source in (("app.py", _FOLDER / "app.py"), ("variant.py", _FOLDER / "variants" / f"{variant}.py")):
            entry = zipfile.ZipInfo(name)  # a fixed date, so that the hash depends on the code alone
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, source.read_bytes())
    return packed.getvalue()


async def create(
    client: Any, name: str = "checkout", *, variant: Variant = "v1", alias: str = "live", **configuration: Any
) -> str:
    """Create the function, publish version 1 and point the alias at it.

    Args:
        client: Lambda client.
        name: of the function.
        variant: code of the first version.
        alias: that traffic uses.
        configuration: further arguments of CreateFunction, e.g. `Timeout`, `Role`.

    Returns:
        The published version.
    """
    wanted = {"Runtime": "python3.12", "Role": ROLE, "Handler": "app.handler", "Timeout": 10, **configuration}
    await client.create_function(FunctionName=name, Code={"ZipFile": package(variant)}, **wanted)
    await until_settled(client, name)
    version = await publish(client, name)
    await client.create_alias(FunctionName=name, Name=alias, FunctionVersion=version)
    return version


async def upload(client: Any, name: str = "checkout", *, variant: Variant) -> str:
    """Make a variant the code of `$LATEST` and wait until it is; returns its CodeSha256."""
    answer = await client.update_function_code(FunctionName=name, ZipFile=package(variant))
    await until_settled(client, name)
    return str(answer["CodeSha256"])


async def publish(client: Any, name: str = "checkout") -> str:
    """Publish `$LATEST`, wait until the version is active, return its number."""
    version = str((await client.publish_version(FunctionName=name))["Version"])
    await until_settled(client, name, version)
    return version


async def put_artifact(client: Any, bucket: str, key: str, *, variant: Variant) -> None:
    """Store a variant's package in S3, creating the bucket when it is missing.

    Args:
        client: S3 client.
        bucket: name of the bucket.
        key: of the object.
        variant: what to store.
    """
    found = {entry["Name"] for entry in (await client.list_buckets()).get("Buckets", [])}
    if bucket not in found:
        await client.create_bucket(Bucket=bucket)
    await client.put_object(Bucket=bucket, Key=key, Body=package(variant))


async def until_settled(client: Any, name: str, qualifier: str = "$LATEST") -> None:
    """Wait until a function or version is neither Pending nor being updated."""
    while True:
        answer = await client.get_function(FunctionName=name, Qualifier=qualifier)
        found = answer["Configuration"]
        if found["State"] != "Pending" and found["LastUpdateStatus"] != "InProgress":
            return
        await asyncio.sleep(_POLL_SECONDS)
