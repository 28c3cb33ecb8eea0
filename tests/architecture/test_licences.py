"""Licences of everything that is installed with Sluice."""

import re
from importlib.metadata import Distribution, distributions
from pathlib import Path

ROOT = Path(__file__).parents[2]
PERMISSIVE = re.compile(
    r"\b(MIT|MIT-0|BSD|Apache|ISC|PSF|Python Software Foundation|MPL|Mozilla Public|0BSD|Zlib|Unlicense|CC0|HPND)\b",
    re.IGNORECASE,
)


def _locked() -> set[str]:
    names = re.findall(r"^([a-z0-9._-]+)(?:\[.*\])?==", (ROOT / "requirements.lock").read_text(), re.MULTILINE)
    return {re.sub(r"[-_.]+", "-", n).lower() for n in names}


def _licence(found: Distribution) -> str:
    meta = found.metadata
    declared = [meta.get("License-Expression"), *meta.get_all("Classifier", []), meta.get("License")]
    return " ".join(d for d in declared if d and ("License" in d or "::" not in d))[:400]


def test_every_locked_dependency_is_permissively_licensed() -> None:
    """Nothing with a copyleft beyond the file level comes along."""
    locked = _locked()
    licences = {d.metadata["Name"]: _licence(d) for d in distributions() if d.metadata["Name"]}
    installed = {re.sub(r"[-_.]+", "-", n).lower(): licence for n, licence in licences.items()}
    assert len(locked & installed.keys()) > 80
    assert {n: installed[n] for n in locked & installed.keys() if not PERMISSIVE.search(installed[n])} == {}
