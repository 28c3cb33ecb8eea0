"""The one translator: library error -> domain error -> Temporal."""

from datetime import timedelta

import botocore.exceptions
import httpx2
import pytest
from botocore.exceptions import ClientError
from temporalio.exceptions import ApplicationError

from activities import errors
from activities.errors import to_application_error, translate, translated, translating
from orchestrator.domain.errors import (
    AccessDenied,
    Drift,
    IncompatibleVersions,
    InvalidSpec,
    MissingTarget,
    NotReleasable,
    SluiceError,
    Stale,
    Throttled,
    TimedOut,
    Unavailable,
)


def aws(code, status=400, message="no", operation="UpdateAlias", **more):
    """A ClientError as botocore raises it."""
    answer = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}, **more}
    return ClientError(answer, operation)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (aws("PreconditionFailedException", 412), Stale),
        (aws("TooManyRequestsException", 429), Throttled),
        (aws("Throttling", 400), Throttled),
        (aws("ResourceConflictException", 409, "an update is in progress"), Unavailable),
        (aws("ResourceConflictException", 409, "currently in the following state: Failed"), NotReleasable),
        (aws("ResourceConflictException", 409, "Version is pointed by a Provisioned Concurrency alias"), NotReleasable),
        (aws("ResourceNotFoundException", 404), MissingTarget),
        (aws("AccessDeniedException", 403), AccessDenied),
        (aws("UnrecognizedClientException", 403), AccessDenied),
        (aws("ExpiredToken", 400), Unavailable),
        (aws("ServiceException", 500), Unavailable),
        (aws("InvalidParameterValueException", 400), NotReleasable),
        (aws("ValidationException", 400), NotReleasable),
        (aws("InvalidParameterValueException", 400, "must have the same execution role"), IncompatibleVersions),
        (aws("InvalidParameterValueException", 400, "different dead letter queue"), IncompatibleVersions),
        (aws("InvalidParameterValueException", 400, "The role cannot be assumed", "UpdateFunctionCode"), NotReleasable),
        (aws("InvalidParameterValueException", 400, "S3 Error Code: NoSuchKey.", "UpdateFunctionCode"), MissingTarget),
        (aws("KMSAccessDeniedException", 502, operation="Invoke"), NotReleasable),
        (aws("ResourceNotReadyException", 502, operation="Invoke"), Unavailable),
        (aws("SomethingNew", 409), Unavailable),
        (aws("SomethingNew", 503), Unavailable),
        (aws("SomethingNew", 418), NotReleasable),
        (aws("403", 403), AccessDenied),
        (botocore.exceptions.ReadTimeoutError(endpoint_url="https://x"), TimedOut),
        (botocore.exceptions.ConnectionClosedError(endpoint_url="https://x"), TimedOut),
        (botocore.exceptions.ConnectTimeoutError(endpoint_url="https://x"), Unavailable),
        (botocore.exceptions.EndpointConnectionError(endpoint_url="https://x"), Unavailable),
        (botocore.exceptions.NoCredentialsError(), AccessDenied),
        (botocore.exceptions.CredentialRetrievalError(provider="x", error_msg="y"), AccessDenied),
        (botocore.exceptions.ParamValidationError(report="Invalid length for S3Bucket"), NotReleasable),
        (TimeoutError(), TimedOut),
        (ConnectionResetError(), Unavailable),
        (httpx2.ReadTimeout("slow"), TimedOut),
        (httpx2.ConnectTimeout("slow"), Unavailable),
        (httpx2.ConnectError("refused"), Unavailable),
        (httpx2.InvalidURL("bad"), InvalidSpec),
        (httpx2.UnsupportedProtocol("ftp"), InvalidSpec),
    ],
)
def test_each_library_error_means_one_domain_error(error, kind):
    """The class says what it means; the message is one bounded sentence with a next action."""
    found = translate(error, "update alias checkout:live")
    assert type(found) is kind
    message = str(found)
    assert message.startswith("could not update alias checkout:live: ")
    assert "; " in message
    assert "\n" not in message
    assert len(message) <= errors.LONGEST_MESSAGE


def test_a_sentence_reads_well():
    """What happened, to what, what next."""
    error = aws("PreconditionFailedException", 412, "The RevisionId provided does not match the latest one.")
    assert str(translate(error, "update alias checkout:live")) == (
        "could not update alias checkout:live: AWS answered UpdateAlias with PreconditionFailedException "
        "(The RevisionId provided does not match the latest one); read it again before writing"
    )


def test_every_class_name_in_the_table_exists():
    """The tables go by name: a library that renames a class must fail here, not in production."""
    import aiohttp
    import botocore.parsers

    homes = {"botocore": botocore.exceptions, "httpx2": httpx2, "aiohttp": aiohttp}
    for known in errors._BY_CLASS:
        package, name = known.split(".")
        if name == "ResponseParserError":
            assert hasattr(botocore.parsers, name)
        elif package != "builtins":
            assert hasattr(homes[package], name), known


def test_every_aws_code_of_lambda_is_in_the_table():
    """A modelled Lambda error falls into the table by code, or is one that Sluice's calls cannot meet."""
    import botocore.session

    model = botocore.session.get_session().get_service_model("lambda")
    ours = "UpdateAlias GetAlias ListAliases GetFunction UpdateFunctionConfiguration UpdateFunctionCode PublishVersion"
    ours += " Invoke PutProvisionedConcurrencyConfig GetFunctionConcurrency ListEventSourceMappings GetPolicy"
    codes = {shape.name for name in ours.split() for shape in model.operation_model(name).error_shapes}
    elsewhere = {
        "CodeSigningConfigNotFoundException",
        "ProvisionedConcurrencyConfigNotFoundException",
        "UnsupportedMediaTypeException",
    }
    assert codes - set(errors._BY_CODE) - elsewhere == set()


@pytest.mark.parametrize(
    ("wish", "seconds"), [("3", 3), (2.5, 2.5), ("86400", 900), ("-5", 0), ("soon", None), (None, None), ("", None)]
)
def test_the_service_may_wish_for_a_pause(wish, seconds):
    """`retryAfterSeconds` becomes `retry_after`, within bounds; what cannot be read is no wish."""
    found = translate(aws("TooManyRequestsException", 429, retryAfterSeconds=wish))
    assert isinstance(found, Throttled)
    assert found.retry_after == (None if seconds is None else timedelta(seconds=seconds))


def test_a_throttle_tells_its_reason():
    """Control plane or data plane: the reason makes the difference to who reads."""
    found = translate(aws("TooManyRequestsException", 429, "Rate Exceeded.", Reason="CallerRateLimitExceeded"))
    assert "CallerRateLimitExceeded: Rate Exceeded" in str(found)


def test_an_http_answer_tells_host_and_status_but_no_path():
    """Paths and queries of webhooks are secrets."""
    request = httpx2.Request("POST", "https://hooks.example.com/services/T0/B0/s3cret?token=abc")
    answer = httpx2.Response(503, headers={"Retry-After": "7"}, request=request)
    found = translate(httpx2.HTTPStatusError("503 for url " + str(request.url), request=request, response=answer))
    assert isinstance(found, Unavailable)
    assert found.retry_after == timedelta(seconds=7)
    assert "hooks.example.com answered HTTP 503" in str(found)
    assert "s3cret" not in str(found)
    assert "abc" not in str(found)


@pytest.mark.parametrize(
    "secret",
    [
        "1 validation error detected: Value '{DB_PASSWORD=s3cret}' at 'environment' failed to satisfy constraint",
        "User: arn is not authorized. Encoded authorization failure message: s3cret",
        "The key AKIAS3CRETS3CRETAAAA is wrong".upper(),
        "GET https://user:s3cret@host/x failed",
        "GET https://host/x?X-Amz-Signature=s3cret failed",
        "password=s3cret",
        "Authorization: Bearer s3cret",
    ],
)
def test_no_secret_reaches_a_message(secret):
    """AWS repeats what it was sent; histories are kept for long and read by many."""
    for message in (str(translate(aws("ValidationException", 400, secret))), errors.clean(secret)):
        assert "s3cret" not in message.lower()


def test_a_long_answer_is_cut_and_keeps_what_to_do():
    """The advice stands at the end and is never cut away."""
    message = str(translate(aws("ValidationException", 400, "x" * 10_000), "y" * 500))
    assert len(message) <= 500
    assert message.endswith("; change what is refused and start a new release")


def test_translating_lets_bugs_pass():
    """A KeyError is nobody's answer; a domain error stays itself."""
    with pytest.raises(KeyError), translating("read"):
        raise KeyError("x")
    drift = Drift("moved")
    with pytest.raises(Drift) as seen, translating("read"):
        raise drift
    assert seen.value is drift
    with pytest.raises(TimedOut), translating("read"):
        raise TimeoutError


def every_error(base=SluiceError):
    yield base
    for kind in base.__subclasses__():
        yield from every_error(kind)


@pytest.mark.parametrize("kind", sorted(set(every_error()), key=lambda k: k.__name__), ids=lambda k: k.__name__)
def test_only_transient_errors_may_be_retried(kind):
    """The class decides; Temporal sees its name."""
    from orchestrator.domain.errors import TransientError

    found = to_application_error(kind("a sentence"))
    assert found.type == kind.__name__
    assert found.message == "a sentence"
    assert found.non_retryable is not issubclass(kind, TransientError)


def test_evidence_and_wish_travel_along():
    """Drift says what it found; a throttle says when to come back."""
    drift = to_application_error(Drift("moved", expected="version 1", found="version 3"))
    assert drift.details == ({"expected": "version 1", "found": "version 3"},)
    throttled = to_application_error(Throttled("slow down", retry_after=timedelta(seconds=4)))
    assert throttled.next_retry_delay == timedelta(seconds=4)
    assert throttled.details == ()


async def test_an_activity_raises_application_errors_only_for_our_errors():
    """Signature and hints stay for Temporal; bugs pass; no cause travels."""
    from temporalio import activity

    class Room:
        @activity.defn(name="enter")
        @translated
        async def enter(self, how: str) -> int:
            if how == "bug":
                raise ValueError(how)
            if how == "stale":
                with translating("enter"):
                    raise aws("PreconditionFailedException", 412)
            return 1

    assert await Room().enter("well") == 1
    with pytest.raises(ValueError, match="bug"):
        await Room().enter("bug")
    with pytest.raises(ApplicationError) as seen:
        await Room().enter("stale")
    assert seen.value.type == "Stale"
    assert seen.value.__cause__ is None
    definition = activity._Definition.must_from_callable(Room().enter)
    assert definition.arg_types == [str]
    assert definition.ret_type is int
