"""Style sheet, scripts and icon: read once, served from memory under a path that changes with their content."""

import hashlib
from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import Response

from orchestrator.api.problems import NOT_FOUND, ProblemError

FOLDER = Path(__file__).with_name("static")
PREFIX = "/static"
_KINDS = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
_FILES = {path.name: path.read_bytes() for path in sorted(FOLDER.iterdir()) if path.suffix in _KINDS}
_DIGEST = hashlib.sha256(b"".join(name.encode() + content for name, content in _FILES.items())).hexdigest()[:12]

router = APIRouter(prefix=PREFIX, include_in_schema=False)


def asset(name: str) -> str:
    """Return the path of a file; scripts import each other beside it. Raises KeyError for one that is not there."""
    if name not in _FILES:
        raise KeyError(name)
    return f"{PREFIX}/{_DIGEST}/{name}"


@router.get("/{digest}/{name}")
async def static(digest: str, name: str) -> Response:
    """Open to everybody, since the page that says how to log in needs them and nothing in them is secret."""
    if name not in _FILES:
        raise ProblemError(NOT_FOUND, f"there is no file `{name}`: reload the page")
    # While a new version is rolled out, a page of one process may ask another for its files.
    lasting = "public, max-age=31536000, immutable" if digest == _DIGEST else "no-cache"
    return Response(_FILES[name], media_type=_KINDS[Path(name).suffix], headers={"Cache-Control": lasting})
