"""GitHub says "wait a minute": it is told a minute later, not never."""

from datetime import timedelta
from typing import Any

import httpx2
import pytest

from activities.errors import translate
from activities.feedback_github import GitHub, GitHubAccess
from orchestrator.domain.errors import AccessDenied, SluiceError, Throttled
from orchestrator.domain.intake import GitHubStatus, Standing
from orchestrator.domain.release import Target

WORDS = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
LEFT = {"x-ratelimit-limit": "5000", "x-ratelimit-remaining": "4211", "x-ratelimit-reset": "1900000000"}

STANDING = Standing(
    release_id="a" * 12,
    target=Target(account="123456789012", region="eu-west-1", function="checkout", alias="live"),
    state="success",
    key="k",
    description="version 2 serves 100 %",
)


async def told(status: int, headers: dict[str, str], message: str) -> SluiceError:
    """Tell a commit status to a GitHub that answers the POST so; return what is raised."""

    def answer(request: httpx2.Request) -> httpx2.Response:
        if request.method == "GET":
            return httpx2.Response(200, json=[])
        return httpx2.Response(status, headers=headers, json={"message": message})

    async with httpx2.AsyncClient(transport=httpx2.MockTransport(answer)) as http:
        github = GitHub(GitHubAccess("https://api.github.com", token="t"), http)
        with pytest.raises(SluiceError) as seen:
            await github.tell(GitHubStatus(repository="acme/checkout", sha="a" * 40), STANDING)
    return seen.value


@pytest.mark.parametrize("status", [403, 429])
@pytest.mark.parametrize(
    ("headers", "message", "wait"),
    [
        ({**LEFT, "retry-after": "60"}, WORDS, 60),
        ({"retry-after": "60"}, "Slow down", 60),
        (LEFT, WORDS, 60),
        ({}, "You have triggered an abuse detection mechanism", 60),
        ({"retry-after": "86400"}, WORDS, 900),
    ],
)
async def test_case_10_github_secondary_rate_limit_is_told_later(
    status: int, headers: dict[str, Any], message: str, wait: int
) -> None:
    """Throttled, with the wait that GitHub names; a minute, as GitHub's manual asks, where it names none."""
    found = await told(status, headers, message)
    assert isinstance(found, Throttled)
    assert found.retry_after == timedelta(seconds=wait)


async def test_a_403_that_tells_of_no_limit_is_final() -> None:
    """The App lacks a permission: no wait helps."""
    assert isinstance(await told(403, LEFT, "Resource not accessible by integration"), AccessDenied)


@pytest.mark.parametrize(
    ("headers", "body", "kind"),
    [
        ({"retry-after": "60"}, "", Throttled),
        ({}, WORDS, Throttled),
        ({}, "forbidden", AccessDenied),
    ],
)
def test_a_403_of_another_service_is_read_the_same_way(
    headers: dict[str, str], body: str, kind: type[SluiceError]
) -> None:
    request = httpx2.Request("POST", "https://forge.example.com/x")
    answer = httpx2.Response(403, headers=headers, text=body, request=request)
    found = translate(httpx2.HTTPStatusError("403", request=request, response=answer))
    assert type(found) is kind
    if "retry-after" in headers:
        assert isinstance(found, Throttled)
        assert found.retry_after == timedelta(seconds=60)
