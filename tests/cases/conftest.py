"""The stage of the workflow tests, for cases that were seen on a running release."""

from tests.workflows.conftest import stage, temporal, unstaffed  # noqa: F401
