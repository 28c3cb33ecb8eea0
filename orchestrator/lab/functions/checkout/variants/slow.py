"""A release that answers rightly and takes twice as long."""

RELEASE = "slow"
ERROR_RATE = 0.0
SECONDS = 0.016
