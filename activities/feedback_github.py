"""GitHub: deployment statuses, check runs and commit statuses. Each looks first, so that no state is told twice."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import gidgethub
import httpx2
from gidgethub.apps import get_installation_access_token
from gidgethub.httpx import GitHubAPI
from jwt import PyJWTError

from activities.errors import LONGEST_WISH, asks_to_wait, translating, wish_of
from activities.feedback_words import buttons, page_of, summary, title
from orchestrator.domain.errors import AccessDenied, MissingTarget, NotReleasable, SluiceError, Throttled, Unavailable
from orchestrator.domain.intake import CiState, GitHubCheck, GitHubDeployment, GitHubStatus, Standing

REQUESTER = "sluice"
RENEW_BEFORE = 300
"""Seconds before its end that an installation's token is no longer used; it lives an hour."""
UNNAMED_WAIT = timedelta(minutes=1)
"""Until the next try where GitHub tells of a limit and names no wait.

**Source:** GitHub's manual, "Rate limits for the REST API".
"""

_STATUS: dict[CiState, str] = {
    "queued": "pending",
    "in_progress": "pending",
    "success": "success",
    "failure": "failure",
    "error": "error",
    "inactive": "error",
}
_CONCLUSION: dict[CiState, str] = {
    "success": "success",
    "failure": "failure",
    "error": "failure",
    "inactive": "neutral",
}


@dataclass(frozen=True, repr=False)
class GitHubAccess:
    """Address and credentials; never printed."""

    api_url: str
    token: str | None = None
    app_id: str | None = None
    private_key: str | None = None
    public_url: str | None = None


Destination = GitHubDeployment | GitHubCheck | GitHubStatus


class GitHub:
    """Tells GitHub through `http`; installation tokens are kept in this process alone."""

    def __init__(self, access: GitHubAccess, http: httpx2.AsyncClient, clock: Callable[[], float] = time.time) -> None:
        self._access = access
        self._http = http
        self._clock = clock
        self._tokens: dict[int, tuple[str, float]] = {}

    async def tell(self, to: Destination, standing: Standing) -> None:
        """Tell one standing; a second run changes nothing. Raises domain errors, transient ones where it may help."""
        with _translating():
            api = await self._api(to.installation)
            match to:
                case GitHubDeployment():
                    await self._deployment(api, to, standing)
                case GitHubCheck():
                    await self._check(api, to, standing)
                case GitHubStatus():
                    await self._status(api, to, standing)

    async def _deployment(self, api: GitHubAPI, to: GitHubDeployment, standing: Standing) -> None:
        url = f"/repos/{to.repository}/deployments/{to.deployment}/statuses"
        body: dict[str, Any] = {"state": standing.state, "description": title(standing)}
        newest = await api.getitem(f"{url}?per_page=1")
        if newest and all(newest[0].get(key) == value for key, value in body.items()):
            return
        if page := page_of(standing, self._access.public_url):
            body |= {"log_url": page, "environment_url": page}
        await api.post(url, data=body)

    async def _status(self, api: GitHubAPI, to: GitHubStatus, standing: Standing) -> None:
        body: dict[str, Any] = {"state": _STATUS[standing.state], "description": title(standing)}
        body["context"] = standing.context
        told = await api.getitem(f"/repos/{to.repository}/commits/{to.sha}/statuses?per_page=100")
        ours = [each for each in told if each.get("context") == standing.context]
        if ours and all(ours[0].get(key) == value for key, value in body.items()):
            return
        if page := page_of(standing, self._access.public_url):
            body["target_url"] = page
        await api.post(f"/repos/{to.repository}/statuses/{to.sha}", data=body)

    async def _check(self, api: GitHubAPI, to: GitHubCheck, standing: Standing) -> None:
        output = {"title": title(standing), "summary": summary(standing)}
        actions = buttons(standing.release)
        body: dict[str, Any] = {"external_id": standing.release_id, "output": output, "actions": actions}
        if standing.done:
            body |= {"status": "completed", "conclusion": _CONCLUSION[standing.state]}
        else:
            body["status"] = standing.state
        if page := page_of(standing, self._access.public_url):
            body["details_url"] = page
        name = standing.context.replace("/", "%2F").replace(":", "%3A")
        found = await api.getitem(
            f"/repos/{to.repository}/commits/{to.sha}/check-runs?check_name={name}&filter=all&per_page=100"
        )
        runs = [run for run in found.get("check_runs", ()) if run.get("external_id") == standing.release_id]
        if runs:
            await api.patch(f"/repos/{to.repository}/check-runs/{int(runs[0]['id'])}", data=body)
        else:
            body |= {"name": standing.context, "head_sha": to.sha}
            await api.post(f"/repos/{to.repository}/check-runs", data=body)

    async def _api(self, installation: int | None) -> GitHubAPI:
        access = self._access
        if access.app_id and access.private_key and installation is not None:
            token = await self._installed(installation)
        elif access.token:
            token = access.token
        else:
            raise AccessDenied("GitHub is not told: set SLUICE_GITHUB__TOKEN, or the App's id and private key")
        return GitHubAPI(self._http, REQUESTER, oauth_token=token, base_url=access.api_url)

    async def _installed(self, installation: int) -> str:
        token, until = self._tokens.get(installation, ("", 0.0))
        if self._clock() < until - RENEW_BEFORE:
            return token
        api = GitHubAPI(self._http, REQUESTER, base_url=self._access.api_url)
        assert self._access.app_id is not None
        assert self._access.private_key is not None
        try:
            answer = await get_installation_access_token(
                api,
                installation_id=str(installation),
                app_id=self._access.app_id,
                private_key=self._access.private_key,
            )
        except (ValueError, PyJWTError):  # their words may repeat parts of the key
            raise AccessDenied("SLUICE_GITHUB__PRIVATE_KEY is not an RSA key in PEM form") from None
        ends = datetime.fromisoformat(answer["expires_at"])
        self._tokens[installation] = (answer["token"], ends.timestamp())
        return str(answer["token"])


@contextmanager
def _translating() -> Iterator[None]:
    """Raise domain errors that carry the status alone: GitHub's own words may repeat what was sent."""
    try:
        with translating("tell GitHub"):
            yield
    except gidgethub.RateLimitExceeded as error:
        wait = wish_of(error.headers.get("retry-after")) or error.rate_limit.reset_datetime - datetime.now(UTC)
        wish = min(max(wait, timedelta(seconds=1)), LONGEST_WISH)
        raise Throttled("GitHub's rate limit is used up; it is told later", retry_after=wish) from None
    except gidgethub.HTTPException as error:
        raise _limited(error) or _of_status(int(error.status_code)) from None
    except gidgethub.GitHubException as error:
        raise Unavailable(f"GitHub's answer could not be read ({type(error).__name__})") from None


def _limited(error: gidgethub.HTTPException) -> Throttled | None:
    """A 403 is a limit too (a secondary one) when it names a wait or its words say so; a 429 always is."""
    status = int(error.status_code)
    if status != 429 and not (status == 403 and asks_to_wait(error.headers, str(error))):
        return None
    wish = wish_of(error.headers.get("retry-after"))
    if wish is None and asks_to_wait({}, str(error)):
        wish = UNNAMED_WAIT
    return Throttled(f"GitHub answered HTTP {status}: too many requests; it is told later", retry_after=wish)


def _of_status(status: int) -> SluiceError:
    said = f"GitHub answered HTTP {status}"
    if status in (401, 403):
        return AccessDenied(f"{said}: check the token, or the App's permissions (deployments, statuses, checks: write)")
    if status == 404:
        return MissingTarget(f"{said}: the repository, deployment or commit is not there for this token")
    return Unavailable(f"{said}; it is told again") if status >= 500 else NotReleasable(f"{said}: it is not told")
