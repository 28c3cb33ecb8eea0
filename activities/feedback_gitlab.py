"""GitLab: commit statuses. It looks first, so that no state is told twice."""

from dataclasses import dataclass
from typing import Any

import httpx2

from activities.errors import translating
from activities.feedback_words import GITLAB_DESCRIPTION, page_of
from orchestrator.domain.errors import AccessDenied
from orchestrator.domain.intake import CiState, GitLabStatus, Standing
from orchestrator.domain.journal import cut

_STATE: dict[CiState, str] = {
    "queued": "pending",
    "in_progress": "running",
    "success": "success",
    "failure": "failed",
    "error": "failed",
    "inactive": "canceled",
}


@dataclass(frozen=True, repr=False)
class GitLabAccess:
    """Address and credentials; never printed."""

    api_url: str
    token: str | None = None
    public_url: str | None = None


class GitLab:
    """Tells GitLab through `http`."""

    def __init__(self, access: GitLabAccess, http: httpx2.AsyncClient) -> None:
        self._access = access
        self._http = http

    async def tell(self, to: GitLabStatus, standing: Standing) -> None:
        """Tell one standing; a second run changes nothing. Raises domain errors.

        GitLab takes each state once (`running` after `running` is refused), so only a change of state is told.
        """
        if not self._access.token:
            raise AccessDenied("GitLab is not told: set SLUICE_GITLAB__TOKEN")
        headers = {"PRIVATE-TOKEN": self._access.token}
        base = f"{self._access.api_url.rstrip('/')}/projects/{to.project}"
        page = page_of(standing, self._access.public_url)
        body: dict[str, Any] = {"state": _STATE[standing.state], "name": standing.context}
        body["description"] = cut(standing.description, GITLAB_DESCRIPTION)
        body |= {"target_url": page} if page else {}
        body |= {"ref": to.ref} if to.ref else {}
        with translating("tell GitLab"):
            asked = {"name": standing.context, "order_by": "id", "sort": "desc", "all": "true", "per_page": "1"}
            url = f"{base}/repository/commits/{to.sha}/statuses"
            found = (await self._http.get(url, params=asked, headers=headers)).raise_for_status().json()
            if found and found[0].get("status") == body["state"] and found[0].get("target_url") in (page, None):
                return
            (await self._http.post(f"{base}/statuses/{to.sha}", json=body, headers=headers)).raise_for_status()
