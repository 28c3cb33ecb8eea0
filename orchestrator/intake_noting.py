"""Telling a running release that somebody has changed its alias: fulfils `activities.noting.Told` on Temporal."""

import asyncio

from temporalio.client import Client, WorkflowUpdateFailedError, WorkflowUpdateRPCTimeoutOrCancelledError
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from orchestrator.domain.drift import AliasChange
from orchestrator.domain.errors import Unavailable
from workflows.notes import CHANGE_UPDATE

ANSWER_SECONDS = 10
"""How long a release may take to answer before it is told again."""


class RunningReleases:
    """The releases that run, each found by its target: its workflow id is made of it."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def tell(self, change: AliasChange) -> str:
        """Tell the release that runs on the target, once for each `change.id`, and return what it answers.

        An update and not a signal: one that the release has no use for (its own write, too old, too many) is refused
        before it is in its history. Raises Unavailable while no worker or no server answers.
        """
        handle = self._client.get_workflow_handle(change.target.workflow_id)
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                answer: str = await handle.execute_update(CHANGE_UPDATE, change, id=change.id, result_type=str)
                return answer
        except WorkflowUpdateFailedError as refused:
            why = refused.cause.message if isinstance(refused.cause, ApplicationError) else str(refused.cause)
            return f"not taken: {why}"
        except (TimeoutError, WorkflowUpdateRPCTimeoutOrCancelledError):
            raise Unavailable(f"the release of {change.target} did not answer in {ANSWER_SECONDS} s") from None
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return f"no release runs on {change.target}: there is nobody to tell"
            raise Unavailable(f"Temporal did not take the change of {change.target}: {error.message}") from None
