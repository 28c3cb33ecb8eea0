"""Entry point of ``python -m tests.bench.verdict``."""

import sys

from tests.bench.verdict.run import main

sys.exit(main())
