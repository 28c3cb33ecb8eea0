"""What a release asks of IAM, as `deploy/iam/release-policy.json` grants it. Pure: `sluice doctor` has it simulated."""

from typing import Literal, NamedTuple

from orchestrator.domain.release import Target

On = Literal["function", "qualifier", "everything"]
"""The function itself, one of its versions or aliases, or no resource in particular."""


class Need(NamedTuple):
    """One action on one kind of resource; `only` says which releases need it, empty for every one.

    IAM matches a grant with function and qualifier together: one on the bare function covers unqualified calls alone,
    and calls about an alias are unqualified. Source: Lambda developer guide, "Fine-tuning the Resources and Conditions
    sections of policies".
    """

    action: str
    on: On
    only: str = ""


NEEDS = (
    Need("lambda:GetFunction", "function"),
    Need("lambda:GetFunction", "qualifier"),
    Need("lambda:GetAlias", "function"),
    Need("lambda:GetFunctionConcurrency", "function"),
    Need("lambda:GetPolicy", "function"),
    Need("lambda:GetPolicy", "qualifier"),
    Need("lambda:GetProvisionedConcurrencyConfig", "qualifier"),
    Need("lambda:ListAliases", "function"),
    Need("lambda:ListProvisionedConcurrencyConfigs", "function"),
    Need("lambda:ListEventSourceMappings", "everything"),
    Need("lambda:PublishVersion", "function"),
    Need("lambda:UpdateAlias", "function"),
    Need("lambda:InvokeFunction", "qualifier"),
    Need("cloudwatch:GetMetricData", "everything"),
    Need("cloudwatch:DescribeAlarms", "everything"),
    Need("lambda:UpdateFunctionCode", "function", "--s3 and --image"),
    Need("lambda:UpdateFunctionConfiguration", "function", "`configuration`"),
    Need("lambda:CreateAlias", "function", "--create"),
    Need("lambda:PutProvisionedConcurrencyConfig", "qualifier", "`provisioned_concurrency`"),
    Need("lambda:DeleteProvisionedConcurrencyConfig", "qualifier", "`provisioned_concurrency`"),
)


def resource(target: Target, on: On, partition: str = "aws") -> str:
    """Return the resource that IAM is asked about: an ARN, or `*`."""
    if on == "everything":
        return "*"
    function = f"arn:{partition}:lambda:{target.region}:{target.account}:function:{target.function}"
    return function if on == "function" else f"{function}:{target.alias}"
