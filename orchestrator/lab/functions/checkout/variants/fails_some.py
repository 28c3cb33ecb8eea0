"""A bad release: one call in five fails."""

RELEASE = "fails-some"
ERROR_RATE = 0.2
SECONDS = 0.008
