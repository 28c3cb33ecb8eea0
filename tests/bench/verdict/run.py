"""Command line of the verdict benchmark: ``python -m tests.bench.verdict`` or this file itself.

Exits 1 when a promise is broken, naming it on stderr. The full run rewrites ``docs/verdict-benchmark.md``; ``--quick``
prints the tables instead, unless given ``--output``.
"""

import argparse
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT))

from tests.bench.verdict.report import broken_promises, markdown  # noqa: E402  (runnable as a plain file)
from tests.bench.verdict.study import run  # noqa: E402

FULL, QUICK = 2000, 400
"""Traces per cell."""


def main() -> int:
    """Run the study, write the tables, and say which promises are broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.verdict", description=__doc__)
    parser.add_argument("--quick", action="store_true", help=f"{QUICK} traces per cell instead of {FULL}")
    parser.add_argument("--output", type=Path, help="file for the tables")
    arguments = parser.parse_args()
    began = time.monotonic()

    def tell(text: str) -> None:
        sys.stderr.write(f"{time.monotonic() - began:6.1f} s  {text}\n")

    results = run(QUICK if arguments.quick else FULL, tell)
    command = "python -m tests.bench.verdict" + (" --quick" if arguments.quick else "")
    text = markdown(results, command)
    output = arguments.output or (None if arguments.quick else ROOT / "docs" / "verdict-benchmark.md")
    if output:
        output.write_text(text, encoding="utf-8")
    else:
        sys.stdout.write(text)
    broken = broken_promises(results)
    for promise in broken:
        tell(f"BROKEN: {promise}")
    tell(f"done, {len(broken)} promises broken" + (f", tables in {output}" if output else ""))
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
