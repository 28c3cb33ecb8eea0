"""What every test run needs."""

import time

import pytest


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Give the Temporal SDK's threads a moment: a process that exits at once after using it may abort.

    Source: temporalio/sdk-python issue 300; measured there and here, a third of a second is enough.
    """
    time.sleep(0.5)
