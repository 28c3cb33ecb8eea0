"""Deployment packages: read, described as AWS describes them, and made ready for the emulator."""

import base64
import hashlib
import io
import zipfile
from pathlib import Path

from orchestrator.lab.gateway.upstream import Upstream
from orchestrator.lab.gateway.wire import Document, invalid

RUNTIME_HANDLER = "_lab_runtime.serve"
_TIMEOUT_GRACE = 30
_RUNTIME_SOURCE = Path(__file__).with_name("runtime.py")


async def read_package(upstream: Upstream, code: Document) -> bytes | None:
    """The zip that CreateFunction or UpdateFunctionCode names, or None for a container image.

    Raises:
        AwsError: `InvalidParameterValueException` when nothing is named, it cannot be read, or it is no zip.
    """
    if code.get("ZipFile"):
        package = base64.b64decode(code["ZipFile"])
    elif code.get("S3Bucket") and code.get("S3Key"):
        package = await upstream.stored_object(code["S3Bucket"], code["S3Key"], code.get("S3ObjectVersion"))
    elif code.get("ImageUri"):
        return None
    else:
        raise invalid("Please provide a source for function code.")
    if not zipfile.is_zipfile(io.BytesIO(package)):
        raise invalid("Could not unzip uploaded file. Please check your file, then try to upload again.")
    return package


def describe(package: bytes) -> Document:
    """`CodeSize` and `CodeSha256` (base64 of the zip's SHA-256)."""
    return {"CodeSize": len(package), "CodeSha256": base64.b64encode(hashlib.sha256(package).digest()).decode()}


def for_our_runtime(configuration: Document) -> Document:
    """Configuration as the emulator gets it: our handler, and its own timeout later than the one we enforce."""
    changed = dict(configuration)
    if changed.get("Handler"):
        changed["Handler"] = RUNTIME_HANDLER
    if changed.get("Timeout"):
        changed["Timeout"] += _TIMEOUT_GRACE
    return changed


def runs_on_our_runtime(configuration: Document) -> bool:
    """Whether invocations go through the lab's runtime: Python in a zip."""
    return str(configuration.get("Runtime", "")).startswith("python") and configuration.get("PackageType") != "Image"


def with_runtime(package: bytes, handler: str) -> str:
    """The zip with the lab's runtime beside the code, base64."""
    packed = io.BytesIO(package)
    with zipfile.ZipFile(packed, "a") as archive:
        archive.writestr("_lab_runtime.py", _RUNTIME_SOURCE.read_text())
        archive.writestr("_lab_handler.py", f"HANDLER = {handler!r}\n")
    return base64.b64encode(packed.getvalue()).decode()
