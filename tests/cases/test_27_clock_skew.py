"""A clock that is off passes: it is no refusal of the credentials."""

import pytest
from botocore.exceptions import ClientError

from activities.errors import translate
from orchestrator.domain.errors import AccessDenied, Unavailable

LATE = "Signature expired: 20261120T100000Z is now earlier than 20261120T100200Z (20261120T100700Z - 5 min.)"
EARLY = "Signature not yet current: 20261120T100700Z is still later than 20261120T100500Z (20261120T100000Z + 5 min.)"


def refused(code: str, message: str) -> ClientError:
    answer = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": 403}}
    return ClientError(answer, "UpdateAlias")  # type: ignore[arg-type]


@pytest.mark.parametrize("code", ["InvalidSignatureException", "SignatureDoesNotMatch"])
@pytest.mark.parametrize(("message", "off"), [(LATE, "420 s behind AWS's"), (EARLY, "420 s ahead of AWS's")])
def test_case_27_clock_skew_ends_a_release_no_more(code: str, message: str, off: str) -> None:
    """Temporal retries it; the sentence names the clock and how far it is off."""
    found = translate(refused(code, message), "update alias checkout:live")
    assert type(found) is Unavailable
    assert str(found).endswith(f"set the clock of the worker's host (NTP): it is {off}")


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("RequestTimeTooSkewed", "The difference between the request time and the current time is too large."),
        ("RequestExpired", "Request has expired."),
        ("InvalidSignatureException", "Signature expired: 20269920T100000Z is now earlier than then (20261120T100700Z"),
    ],
)
def test_a_time_that_cannot_be_compared_still_names_the_clock(code: str, message: str) -> None:
    found = translate(refused(code, message))
    assert type(found) is Unavailable
    assert str(found).endswith("set the clock of the worker's host (NTP)")


def test_a_signature_that_is_wrong_is_refused_for_good() -> None:
    """Without a word of time it is the key."""
    words = "The request signature we calculated does not match the signature you provided. Check your AWS Secret Key"
    for code in ("InvalidSignatureException", "SignatureDoesNotMatch"):
        assert type(translate(refused(code, words))) is AccessDenied
