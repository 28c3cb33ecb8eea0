"""A bad release that needs patience to be found: one call in twenty fails."""

RELEASE = "fails-rarely"
ERROR_RATE = 0.05
SECONDS = 0.008
