"""The one translator: errors of client libraries -> Sluice's own -> what Temporal understands.

Libraries are recognised by the names of their exception classes, so that this module imports none of them: activities
are imported by workflows, and no workflow may load a network client.
"""

import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from temporalio.exceptions import ApplicationError

from orchestrator.domain.errors import (
    AccessDenied,
    IncompatibleVersions,
    InvalidSpec,
    InvariantError,
    MissingTarget,
    NotReleasable,
    SluiceError,
    Stale,
    Throttled,
    TimedOut,
    TransientError,
    Unavailable,
)

P = ParamSpec("P")
R = TypeVar("R")

LONGEST_MESSAGE = 500
"""Characters of a message; Temporal keeps each in a history that is limited in size."""
LONGEST_WISH = timedelta(minutes=15)
"""A longer `Retry-After` is cut to this: a release has better things to do than to wait for a broken header."""
LONGEST_ANSWER = 2000
"""Characters of a refusal that are searched for words about a limit."""
_LIMITED = re.compile(r"rate.?limit|abuse detection|too many requests", re.IGNORECASE)

_CODES: Mapping[type[SluiceError], str] = {
    Stale: "PreconditionFailedException PreconditionFailed",
    Throttled: "TooManyRequestsException Throttling ThrottlingException ThrottledException RequestThrottled "
    "RequestThrottledException RequestLimitExceeded BandwidthLimitExceeded SlowDown EC2ThrottledException",
    AccessDenied: "AccessDenied AccessDeniedException UnrecognizedClientException InvalidClientTokenId AuthFailure "
    "InvalidSignatureException SignatureDoesNotMatch IncompleteSignature MissingAuthenticationToken "
    "MissingAuthenticationTokenException InvalidAccessKeyId OptInRequired NotAuthorized UnauthorizedOperation",
    MissingTarget: "ResourceNotFoundException ResourceNotFound NoSuchBucket NoSuchKey",
    Unavailable: "ResourceConflictException ServiceException InternalFailure InternalError InternalServerError "
    "InternalServiceError InternalServiceFault ServiceUnavailable ServiceUnavailableException "
    "ResourceNotReadyException SnapStartNotReadyException SubnetIPAddressLimitReachedException "
    "ENILimitReachedException EFSMountConnectivityException CodeArtifactUserPendingException "
    "ExpiredToken ExpiredTokenException RequestExpired RequestTimeTooSkewed",
    TimedOut: "RequestTimeout RequestTimeoutException SnapStartTimeoutException EFSMountTimeoutException",
    NotReleasable: "InvalidParameterValueException InvalidParameterValue InvalidParameterCombination "
    "ValidationException ValidationError InvalidZipFileException InvalidRuntimeException CodeStorageExceededException "
    "CodeVerificationFailedException InvalidCodeSignatureException SnapStartException "
    "RecursiveInvocationException SnapStartRegenerationFailureException RequestTooLargeException "
    "SerializedRequestEntityTooLargeException InvalidRequestContentException "
    "ServiceQuotaExceededException KMSAccessDeniedException KMSDisabledException KMSInvalidStateException "
    "KMSNotFoundException EC2AccessDeniedException EC2UnexpectedException EFSIOException "
    "EFSMountFailureException InvalidSecurityGroupIDException InvalidSubnetIDException "
    "RuntimeVersionDeletedException CodeArtifactUserDeletedException NoPublishedVersionException "
    "ModeNotSupportedException",
}
"""AWS's error codes. **Source:** the API reference of Lambda, CloudWatch and STS, and recorded answers."""

_BY_CODE = {code: kind for kind, codes in _CODES.items() for code in codes.split()}

_CLOCK = "RequestTimeTooSkewed|RequestExpired"
_SIGNATURE = "InvalidSignatureException|SignatureDoesNotMatch"
_TIME = r"\bexpired\b|earlier than|later than|skew|request time"
"""Words by which AWS refuses the time of a signature, and not the key that it was made with."""
_UNASSUMABLE = r"\brole\b.*cannot be assumed by Lambda"

_BY_MESSAGE: tuple[tuple[str, str, str, type[SluiceError]], ...] = (
    ("(Update|Create)Alias", "InvalidParameterValueException", r"\brole\b|dead.?letter", IncompatibleVersions),
    ("", "InvalidParameterValueException", r"NoSuch(Key|Bucket|Version)|image .*does not exist", MissingTarget),
    ("", "InvalidParameterValueException", r"S3 Error Code: AccessDenied", AccessDenied),
    ("", "ResourceConflictException", r"provisioned concurrency|provisioned version|'?failed\b", NotReleasable),
    ("", "InvalidParameterValueException", _UNASSUMABLE, Unavailable),
    ("", _SIGNATURE, _TIME, Unavailable),
)
"""Where one code says two things: operation, code and message (patterns, any case) and the error they mean."""

_NEXT_BY_MESSAGE: tuple[tuple[str, str, str], ...] = (
    (
        "ExpiredToken(Exception)?",
        "",
        "the credentials are being renewed and it is tried again; if this stays, renew those of the worker",
    ),
    (_CLOCK, "", "set the clock of the worker's host (NTP)"),
    (_SIGNATURE, _TIME, "set the clock of the worker's host (NTP)"),
    ("InvalidParameterValueException", _UNASSUMABLE, "a new role takes some seconds: it can be tried again later"),
)
"""Where an error that passes has a next action of its own: code and message (patterns) of an Unavailable."""

_STAMPS = re.compile(r"(\d{8}T\d{6}Z) is (?:now earlier|still later) than \S+ \((\d{8}T\d{6}Z)")
"""The time of the signature, which is the worker's, and AWS's own, as AWS tells both."""

_BY_CLASS: Mapping[str, tuple[type[SluiceError], str]] = {
    "builtins.TimeoutError": (TimedOut, "no answer came in time"),
    "builtins.ConnectionError": (Unavailable, "the connection failed"),
    "botocore.ReadTimeoutError": (TimedOut, "no answer came in time"),
    "botocore.ConnectionClosedError": (TimedOut, "the connection broke before the answer was there"),
    "botocore.ResponseStreamingError": (TimedOut, "the connection broke within the answer"),
    "botocore.IncompleteReadError": (TimedOut, "the connection broke within the answer"),
    "botocore.ConnectTimeoutError": (Unavailable, "no connection in time"),
    "botocore.EndpointConnectionError": (Unavailable, "the endpoint could not be reached"),
    "botocore.NoCredentialsError": (AccessDenied, "there are no AWS credentials"),
    "botocore.PartialCredentialsError": (AccessDenied, "the AWS credentials are incomplete"),
    "botocore.CredentialRetrievalError": (AccessDenied, "the AWS credentials could not be fetched"),
    "botocore.RefreshWithMFAUnsupportedError": (AccessDenied, "the AWS credentials need a code to be refreshed"),
    "botocore.TokenRetrievalError": (AccessDenied, "the AWS sign-in token could not be fetched"),
    "botocore.SSOError": (AccessDenied, "the AWS sign-in has ended"),
    "botocore.ProfileNotFound": (AccessDenied, "the AWS profile does not exist"),
    "botocore.ParamValidationError": (NotReleasable, "the request does not fit AWS's model"),
    "botocore.ResponseParserError": (Unavailable, "the answer is not one of AWS"),
    "botocore.BotoCoreError": (Unavailable, "the AWS client failed"),
    "aiohttp.ClientPayloadError": (TimedOut, "the connection broke within the answer"),
    "aiohttp.ClientError": (Unavailable, "the connection failed"),
    "httpx2.ConnectTimeout": (Unavailable, "no connection in time"),
    "httpx2.PoolTimeout": (Unavailable, "all connections were busy"),
    "httpx2.TimeoutException": (TimedOut, "no answer came in time"),
    "httpx2.UnsupportedProtocol": (InvalidSpec, "the address is not http or https"),
    "httpx2.TransportError": (Unavailable, "the connection failed"),
    "httpx2.HTTPError": (Unavailable, "the answer could not be read"),
    "httpx2.InvalidURL": (InvalidSpec, "the address is not a URL"),
}
"""Exceptions without an answer of the service, by top-level package and class; bases stand for their subclasses."""

_NEXT: Mapping[type[SluiceError], str] = {
    Stale: "read it again before writing",
    Throttled: "it can be tried again later",
    Unavailable: "it can be tried again later",
    TimedOut: "it may have taken effect, so read before trying again",
    AccessDenied: "check the credentials, the role and what it allows",
    MissingTarget: "check the name, the account and the region",
    IncompatibleVersions: "give both versions the same role and dead-letter queue, or use strategy all_at_once",
    NotReleasable: "change what is refused and start a new release",
    InvalidSpec: "correct the release file",
    InvariantError: "this is a bug in Sluice, please report it",
}

_SECRETS = tuple(
    (re.compile(pattern, re.IGNORECASE), instead)
    for pattern, instead in (
        (r"value '.*?' (?=at '|failed)", "value "),  # validation errors repeat what was sent, environment included
        (r"value: .*?,? (?=type:|valid )", ""),  # so does the client's own validation
        (r"\b(A[KS]IA)[A-Z0-9]{12,}", r"\1***"),
        (r"(authorization failure message:? ?)\S+", r"\1***"),
        (
            r"((?:secret|token|password|signature|credential|api.?key|authorization)[\w-]*\s*[=:]\s*)(?:bearer )?\S+",
            r"\1***",
        ),
        (r"(https?://)[^\s/@]+@", r"\1"),
        (r"(https?://[^\s?]+)\?\S+", r"\1"),
    )
)


def translate(error: BaseException, doing: str = "call AWS") -> SluiceError:
    """Return the domain error for `error`; a SluiceError is returned as it is.

    `doing` completes "could not ...", e.g. `update alias checkout:live`. The message is one sentence of at most 500
    characters without secrets. An exception that no table knows is an InvariantError: most callers want
    `translating`, which lets those pass.
    """
    if isinstance(error, SluiceError):
        return error
    if _is_answer_of_aws(error):
        return _of_aws(error, doing)
    if _is_http_status(error):
        return _of_http(error, doing)
    known = _known_class(error)
    if known is None:
        return _made(InvariantError, doing, f"{type(error).__name__} was not expected")
    kind, said = known
    detail = clean(str(error)) if kind is NotReleasable else ""
    return _made(kind, doing, f"{said} ({detail})" if detail else said)


@contextmanager
def translating(doing: str) -> Iterator[None]:
    """Raise the domain error for whatever a client library raises within; other exceptions are bugs and pass."""
    try:
        yield
    except SluiceError:
        raise
    except Exception as error:
        if _is_answer_of_aws(error) or _is_http_status(error) or _known_class(error) is not None:
            raise translate(error, doing) from error
        raise


def to_application_error(error: SluiceError) -> ApplicationError:
    """Return what an activity raises to Temporal: type is the class name, only a TransientError may be retried.

    Evidence in fields (of Drift and InvalidSpec) becomes the first detail, a dict.
    """
    evidence = {name: value for name, value in vars(error).items() if name not in ("retry_after", "__notes__")}
    return ApplicationError(
        _cut(clean(str(error)), LONGEST_MESSAGE),
        *([evidence] if evidence else []),
        type=type(error).__name__,
        non_retryable=not isinstance(error, TransientError),
        next_retry_delay=error.retry_after if isinstance(error, TransientError) else None,
    )


def translated(run: Callable[P, Awaitable[R]]) -> Callable[P, Awaitable[R]]:
    """Let an activity raise its SluiceErrors as ApplicationErrors; stands below `@activity.defn`.

    Other exceptions pass unchanged: they are bugs, and Temporal retries them until somebody has repaired them.
    """

    @wraps(run)
    async def run_translated(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return await run(*args, **kwargs)
        except SluiceError as error:
            raise to_application_error(error) from None  # a cause would carry the library's own words into history

    return run_translated


def clean(text: str) -> str:
    """Return `text` on one line, without anything that looks like a secret."""
    for pattern, instead in _SECRETS:
        text = pattern.sub(instead, text)
    return " ".join(text.split())


def _is_answer_of_aws(error: BaseException) -> bool:
    return isinstance(getattr(error, "response", None), Mapping) and hasattr(error, "operation_name")


def _of_aws(error: Any, doing: str) -> SluiceError:
    answer: Mapping[str, Any] = error.response
    details = answer.get("Error") or {}
    code, message = str(details.get("Code", "")), str(details.get("Message", ""))
    metadata = answer.get("ResponseMetadata") or {}
    status = int(metadata.get("HTTPStatusCode") or 0)
    kind = _kind(str(error.operation_name), code, message, status)
    name = code if code and not code.isdigit() else f"HTTP {status}"
    said = f"AWS answered {error.operation_name} with {name}"
    reason = details.get("Reason") or answer.get("Reason")
    words = clean(": ".join(str(part) for part in (reason, message) if part)).rstrip(".")
    wish = answer.get("retryAfterSeconds") or (metadata.get("HTTPHeaders") or {}).get("retry-after")
    advice = _advice(code, message) if kind is Unavailable else None
    return _made(kind, doing, f"{said} ({words})" if words else said, wish_of(wish), advice)


def _advice(code: str, message: str) -> str | None:
    for codes, pattern, advice in _NEXT_BY_MESSAGE:
        if re.fullmatch(codes, code) and re.search(pattern, message, re.IGNORECASE):
            return advice + _off(message)
    return None


def _off(message: str) -> str:
    """Say how far the worker's clock is from AWS's, where AWS tells both."""
    stamps = _STAMPS.search(message)
    if stamps is None:
        return ""
    try:
        ours, theirs = (datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC) for stamp in stamps.groups())
    except ValueError:
        return ""
    seconds = round((ours - theirs).total_seconds())
    return f": it is {abs(seconds)} s {'ahead of' if seconds > 0 else 'behind'} AWS's"


def _kind(operation: str, code: str, message: str, status: int) -> type[SluiceError]:
    for operations, wanted, pattern, kind in _BY_MESSAGE:
        if (
            re.fullmatch(wanted, code)
            and re.match(operations, operation)
            and re.search(pattern, message, re.IGNORECASE)
        ):
            return kind
    return _BY_CODE.get(code) or _by_status(status, otherwise=NotReleasable)


def _by_status(status: int, otherwise: type[SluiceError]) -> type[SluiceError]:
    known: dict[int, type[SluiceError]] = {401: AccessDenied, 403: AccessDenied, 404: MissingTarget, 408: TimedOut}
    known |= {409: Unavailable, 412: Stale, 425: Unavailable, 429: Throttled, 504: TimedOut}
    if status in known:
        return known[status]
    return otherwise if 400 <= status < 500 else Unavailable


def _is_http_status(error: BaseException) -> bool:
    return "HTTPStatusError" in (base.__name__ for base in type(error).__mro__)


def _of_http(error: Any, doing: str) -> SluiceError:
    response = error.response
    kind = _by_status(response.status_code, otherwise=InvalidSpec)
    if response.status_code == 403 and asks_to_wait(response.headers, _text(response)):
        kind = Throttled
    host = clean(str(error.request.url.host))  # paths and queries of webhooks are secrets
    return _made(
        kind, doing, f"{host} answered HTTP {response.status_code}", wish_of(response.headers.get("retry-after"))
    )


def asks_to_wait(headers: Mapping[str, str], words: str) -> bool:
    """Whether a refusal (HTTP 403) passes by itself: it names a wait, or its words tell of a limit of the rate."""
    return wish_of(headers.get("retry-after")) is not None or _LIMITED.search(words) is not None


def _text(response: Any) -> str:
    try:
        return str(response.text)[:LONGEST_ANSWER]
    except RuntimeError:  # a stream that nobody has read
        return ""


def _known_class(error: BaseException) -> tuple[type[SluiceError], str] | None:
    for base in type(error).__mro__:
        known = _BY_CLASS.get(f"{base.__module__.partition('.')[0]}.{base.__name__}")
        if known is not None:
            return known
    return None


def _made(
    kind: type[SluiceError], doing: str, said: str, wish: timedelta | None = None, advice: str | None = None
) -> SluiceError:
    start, end = f"could not {_cut(clean(doing), 120)}: ", f"; {advice or _NEXT[kind]}"
    message = start + _cut(said, LONGEST_MESSAGE - len(start) - len(end)) + end
    return kind(message, retry_after=wish) if issubclass(kind, TransientError) else kind(message)


def wish_of(value: Any) -> timedelta | None:
    """Read a Retry-After, seconds or a date, as 0 to 15 minutes; None for what is neither."""
    if value is None or value == "":
        return None
    try:
        wish = timedelta(seconds=float(value))
    except (ValueError, OverflowError):
        try:
            wish = parsedate_to_datetime(str(value)) - datetime.now(UTC)
        except (ValueError, TypeError):
            return None
    return min(max(wish, timedelta()), LONGEST_WISH)


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"
