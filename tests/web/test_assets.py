"""Nothing comes from elsewhere, nothing is written into the pages that a browser would have to trust."""

import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from orchestrator.web.assets import FOLDER, asset
from tests.api.place import Place, bearer

ROOT = Path(__file__).parents[2]
TEMPLATES = sorted((FOLDER.parent / "templates").iterdir())
STATIC = sorted(FOLDER.iterdir())
POLICY = {
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "connect-src 'self'",
    "img-src 'self'",
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
}
NAMESPACE = 'xmlns="http://www.w3.org/2000/svg"'


@pytest.mark.parametrize("path", [*TEMPLATES, *STATIC], ids=lambda path: path.name)
def test_no_file_names_an_address_elsewhere(path: Path) -> None:
    text = path.read_text().replace(NAMESPACE, "")
    assert re.findall(r"https?:|[\"'(=]//|@import|url\(|\bdata:", text) == []


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_no_template_writes_script_or_style_or_trusts_a_value(path: Path) -> None:
    text = path.read_text()
    assert re.findall(r"<style|\sstyle=|\son\w+=|javascript:|\|\s*safe\b|autoescape", text) == []
    assert all(
        re.fullmatch(r'<script type="module" src="[^"]+">', found) for found in re.findall(r"<script[^>]*>", text)
    )
    unquoted = re.findall(r"\s[\w-]+=\{\{", text)
    assert unquoted == [], "an attribute without quotes is not held together by escaping"


@pytest.mark.parametrize("path", [p for p in STATIC if p.suffix == ".js"], ids=lambda path: path.name)
def test_scripts_put_no_text_in_as_markup_and_import_what_is_there(path: Path) -> None:
    text = path.read_text()
    assert re.findall(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function", text) == []
    for name in re.findall(r'from "\./([^"]+)"', text):
        assert (FOLDER / name).exists()
    for name in re.findall(r'getElementById\("([^"]+)"\)', text):
        assert any(f'id="{name}"' in template.read_text() for template in TEMPLATES), name


@pytest.mark.parametrize("path", ["/", "/?fragment=true", "/releases/3f9a1c07d2e4"])
@pytest.mark.parametrize("who", ["viewer", None])
async def test_every_page_is_held_to_the_same_policy(site: Place, path: str, who: str | None) -> None:
    async with site.http(None) as http:
        answer = await http.get(path, headers=bearer(who) if who else {})
    assert set(answer.headers["Content-Security-Policy"].split("; ")) == POLICY
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "same-origin"
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert answer.headers["Cache-Control"] == "no-store"


async def test_assets_last_as_long_as_their_content(site: Place) -> None:
    kinds = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
    async with site.http(None) as http:
        for path in STATIC:
            answer = await http.get(asset(path.name))
            assert answer.status_code == 200
            assert answer.content == path.read_bytes()
            assert answer.headers["content-type"] == kinds[path.suffix]
            assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
        older = await http.get("/static/000000000000/sluice.css")
        assert (older.status_code, older.headers["Cache-Control"]) == (200, "no-cache")
        for nothing in ("/static/x/nothing.js", "/static/x/..%2Fassets.py", "/static/x/../assets.py", "/static/x"):
            assert (await http.get(nothing)).status_code == 404
        assert (await http.post(asset("sluice.css"))).status_code == 405


def test_the_wheel_carries_pages_and_assets(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    held = set(zipfile.ZipFile(wheel).namelist())
    assert {str(path.relative_to(ROOT)) for path in (*TEMPLATES, *STATIC)} <= held


LUMINANCE = (0.2126, 0.7152, 0.0722)
GROUNDS = ("ground", "paper", "needy")
INKS = ("ink", "quiet", "link", "good", "bad", "warn", "busy")


def _schemes() -> dict[str, dict[str, str]]:
    """The colours by name, in the light and in the dark scheme."""
    text = (FOLDER / "sluice.css").read_text()
    light, dark = re.findall(r":root \{(.*?)\}", text, re.DOTALL)
    return {name: dict(re.findall(r"--(\w+): (#\w{6});", block)) for name, block in (("light", light), ("dark", dark))}


def _contrast(one: str, other: str) -> float:
    """Source: WCAG 2.2, definitions of relative luminance and contrast ratio."""

    def luminance(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return sum(weight * part for weight, part in zip(LUMINANCE, linear, strict=True))

    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_can_be_read_on_every_ground(scheme: str) -> None:
    colours = _schemes()[scheme]
    pairs = [(ink, ground) for ink in INKS for ground in GROUNDS] + [("pressed", "press"), ("paper", "warn")]
    assert {pair: ratio for pair in pairs if (ratio := _contrast(colours[pair[0]], colours[pair[1]])) < 4.5} == {}
    bars = [("stable", "paper"), ("canary", "paper"), ("stable", "needy"), ("stable", "ground")]
    assert {pair: ratio for pair in bars if (ratio := _contrast(colours[pair[0]], colours[pair[1]])) < 2.5} == {}
