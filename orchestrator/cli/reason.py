"""Why somebody does something, as it is taken from the command line."""

from typing import Annotated

from cyclopts import Parameter

LONGEST_REASON = 10_000
"""Characters. The whole reason is kept in the history, so it cannot be of any length; the API takes 1,000."""


def _not_a_report(_: object, reason: str) -> None:
    if len(reason) > LONGEST_REASON:
        raise ValueError(
            f"a reason of {len(reason)} characters is too long (at most {LONGEST_REASON}): say it shortly, and link to "
            "the report"
        )


Reason = Annotated[str, Parameter(help="Why, for the journal.", validator=_not_a_report)]
