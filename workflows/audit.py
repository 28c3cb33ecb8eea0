"""An entry of the audit: a workflow that does nothing. Its memo is the entry; its id keeps it from being doubled."""

from temporalio import workflow

AUDIT_PREFIX = "audit/"
MEMO_ENTRY = "audit"


@workflow.defn(name="Audit")
class AuditWorkflow:
    """Completes at once. It is readable from the moment that Temporal has taken it, with or without a worker."""

    @workflow.run
    async def run(self) -> None:
        """Do nothing."""
