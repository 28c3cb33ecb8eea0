"""A bad release: every call fails."""

RELEASE = "fails-always"
ERROR_RATE = 1.0
SECONDS = 0.008
