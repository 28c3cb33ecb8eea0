"""The house rules that a linter does not know."""

import ast
import re
import statistics
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("orchestrator", "workflows", "activities")
SOURCES = sorted(p for package in PACKAGES for p in (ROOT / package).rglob("*.py"))
MAX_FILE, MEDIAN_FILE, MAX_FUNCTION = 400, 120, 50
BANNED_NAMES = re.compile(r"(manager|helper|util)", re.IGNORECASE)


def _functions(path: Path) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    tree = ast.parse(path.read_text())
    return [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]


def test_no_file_is_over_its_budget() -> None:
    """A file that keeps growing wants another room."""
    files = [*SOURCES, *(ROOT / "tests").rglob("*.py")]
    assert {str(p.relative_to(ROOT)): n for p in files if (n := len(p.read_text().splitlines())) > MAX_FILE} == {}


def test_the_median_file_is_short() -> None:
    """Most files fit a screen or two."""
    assert statistics.median(len(p.read_text().splitlines()) for p in SOURCES) <= MEDIAN_FILE


def test_no_function_is_over_its_budget() -> None:
    """Docstring and signature included."""
    long = {
        f"{p.relative_to(ROOT)}:{f.lineno} {f.name}": f.end_lineno - f.lineno + 1
        for p in SOURCES
        for f in _functions(p)
        if f.end_lineno is not None and f.end_lineno - f.lineno >= MAX_FUNCTION
    }
    assert long == {}


def test_no_class_or_module_is_a_wastebasket() -> None:
    """Names say what a thing does."""
    classes = [n.name for p in SOURCES for n in ast.walk(ast.parse(p.read_text())) if isinstance(n, ast.ClassDef)]
    assert [n for n in (*classes, *(p.stem for p in SOURCES)) if BANNED_NAMES.search(n)] == []


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_public_names_have_docstrings(path: Path) -> None:
    """Every public module, class and function says what it is for."""
    tree = ast.parse(path.read_text())
    missing = [] if ast.get_docstring(tree) or not tree.body else ["module"]
    for node in tree.body:
        public = isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and node.name[0] != "_"
        if public and not ast.get_docstring(node):
            missing.append(node.name)
    assert missing == []


def test_error_tree_is_drawn_as_it_is() -> None:
    """The drawing at the head of domain/errors.py and its classes agree."""
    tree = ast.parse((ROOT / "orchestrator/domain/errors.py").read_text())
    drawn = re.findall(r"^( +)(\w+)$", ast.get_docstring(tree, clean=False) or "", re.MULTILINE)
    parents: dict[str, str] = {}
    stack: list[tuple[int, str]] = []
    for indent, name in drawn:
        while stack and stack[-1][0] >= len(indent):
            stack.pop()
        parents[name] = stack[-1][1] if stack else "Exception"
        stack.append((len(indent), name))
    classes = {
        n.name: n.bases[0].id for n in tree.body if isinstance(n, ast.ClassDef) and isinstance(n.bases[0], ast.Name)
    }
    assert parents == classes


def test_lock_carries_hashes_and_no_addresses() -> None:
    """Where packages come from is the installer's business; what they are is ours."""
    text = (ROOT / "requirements.lock").read_text()
    pins = [line for line in text.splitlines() if re.match(r"^[a-z0-9]", line)]
    assert pins
    assert all(line.endswith("\\") for line in pins)
    assert "://" not in text
