"""What IAM has not told everybody yet, and credentials that are being renewed, are tried again."""

import pytest
from botocore.exceptions import ClientError

from activities.errors import to_application_error, translate
from orchestrator.domain.errors import IncompatibleVersions, NotReleasable, Unavailable

MESSAGE = "The role defined for the function cannot be assumed by Lambda."


def refused(code: str, message: str, operation: str, status: int = 400) -> ClientError:
    answer = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, operation)  # type: ignore[arg-type]


@pytest.mark.parametrize("operation", ["UpdateFunctionConfiguration", "UpdateFunctionCode", "PublishVersion"])
def test_case_18_role_not_yet_assumable_is_tried_again(operation: str) -> None:
    """Transient, so that the activity's own time decides when it is enough."""
    found = translate(refused("InvalidParameterValueException", MESSAGE, operation))
    assert type(found) is Unavailable
    assert not to_application_error(found).non_retryable
    assert str(found).endswith("a new role takes some seconds: it can be tried again later")


@pytest.mark.parametrize("code", ["ExpiredToken", "ExpiredTokenException"])
def test_an_expired_token_is_tried_again_with_new_credentials(code: str) -> None:
    """It ends no release that is half open."""
    found = translate(refused(code, "The security token included in the request is expired", "UpdateAlias", 403))
    assert type(found) is Unavailable
    assert "the credentials are being renewed" in str(found)


def test_other_words_about_a_role_keep_their_meaning() -> None:
    """Two versions that an alias cannot join, and a parameter that is wrong for good."""
    role = "must have the same execution role"
    assert type(translate(refused("InvalidParameterValueException", role, "UpdateAlias"))) is IncompatibleVersions
    wrong = refused("InvalidParameterValueException", "MemorySize is too large", "UpdateFunctionConfiguration")
    assert type(translate(wrong)) is NotReleasable
