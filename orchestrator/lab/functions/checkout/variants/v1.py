"""The release in service."""

RELEASE = "v1"
ERROR_RATE = 0.0
SECONDS = 0.008
