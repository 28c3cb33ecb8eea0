"""Provisioned and reserved concurrency."""

from collections.abc import Mapping

from activities.aws.calls import Calls
from activities.ports import Concurrency

NONE_HERE = ("ProvisionedConcurrencyConfigNotFoundException",)
GONE = (*NONE_HERE, "ResourceNotFoundException")


class ProvisionedConcurrency:
    """The concurrency part of LambdaPort."""

    _calls: Calls

    async def provisioned(self, function: str, qualifier: str) -> Concurrency | None:
        """Read the configuration of a version or alias; None where there is none. Raises MissingTarget."""
        answer = await self._calls.or_none(
            "get_provisioned_concurrency_config",
            f"read provisioned concurrency of {function}:{qualifier}",
            absent=NONE_HERE,
            FunctionName=function,
            Qualifier=qualifier,
        )
        if answer is None:
            return None
        return Concurrency(
            requested=answer["RequestedProvisionedConcurrentExecutions"],
            ready=answer.get("AvailableProvisionedConcurrentExecutions") or 0,
            status=answer["Status"],
            reason=answer.get("StatusReason") or "",
        )

    async def provision(self, function: str, qualifier: str, count: int) -> None:
        """Ask for `count` environments; a later call replaces an earlier one. Raises NotReleasable.

        Source: AWS refuses an alias with weights, `$LATEST`, and a version and its alias at once.
        """
        await self._calls(
            "put_provisioned_concurrency_config",
            f"provision {count} of {function}:{qualifier}",
            FunctionName=function,
            Qualifier=qualifier,
            ProvisionedConcurrentExecutions=count,
        )

    async def release_provisioned(self, function: str, qualifier: str) -> None:
        """Delete the qualifier's configuration; nothing happens where it, or the qualifier, is gone."""
        await self._calls.or_none(
            "delete_provisioned_concurrency_config",
            f"release provisioned concurrency of {function}:{qualifier}",
            absent=GONE,
            FunctionName=function,
            Qualifier=qualifier,
        )

    async def provisioned_total(self, function: str) -> Mapping[str, int]:
        """Requested environments by qualifier, all pages."""
        doing = f"list provisioned concurrency of {function}"
        pages = self._calls.pages("list_provisioned_concurrency_configs", doing, FunctionName=function)
        return {
            config["FunctionArn"].rpartition(":")[2]: config["RequestedProvisionedConcurrentExecutions"]
            async for page in pages
            for config in page.get("ProvisionedConcurrencyConfigs") or ()
        }

    async def reserved(self, function: str) -> int | None:
        """Reserved concurrency; None where the function shares the account's. 0 means that nothing may run."""
        answer = await self._calls(
            "get_function_concurrency", f"read reserved concurrency of {function}", FunctionName=function
        )
        reserved: int | None = answer.get("ReservedConcurrentExecutions")
        return reserved
