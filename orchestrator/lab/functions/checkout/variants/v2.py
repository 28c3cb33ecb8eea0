"""A good release."""

RELEASE = "v2"
ERROR_RATE = 0.0
SECONDS = 0.008
