"""The activity `tell_ci`: one standing to one CI system."""

from temporalio import activity

from activities.errors import translated
from activities.feedback_github import GitHub
from activities.feedback_gitlab import GitLab
from orchestrator.domain.intake import GitLabStatus, Tell


class CiFeedback:
    """Credentials are in `github` and `gitlab`; what a workflow sends holds none."""

    def __init__(self, github: GitHub, gitlab: GitLab) -> None:
        self._github = github
        self._gitlab = gitlab

    @activity.defn(name="tell_ci")
    @translated
    async def tell_ci(self, work: Tell) -> None:
        """Tell the standing. A second run finds that it has been told and does nothing."""
        if isinstance(work.to, GitLabStatus):
            await self._gitlab.tell(work.to, work.standing)
        else:
            await self._github.tell(work.to, work.standing)
