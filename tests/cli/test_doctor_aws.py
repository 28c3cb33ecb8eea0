"""What `sluice doctor` finds in AWS: each thing that a release would trip over, in one line that says what to do."""

import pytest

from activities.permissions import NEEDS, resource
from orchestrator.cli.doctor_aws import findings
from orchestrator.domain.errors import AccessDenied, NotReleasable, Throttled
from orchestrator.domain.release import Target
from orchestrator.domain.traffic import Routing, split
from orchestrator.releasefile.loading import Plugins, check
from tests.fakes.aws import FakeAws

FILE = """
checks:
  alarms: {kind: alarm, names: [checkout-5xx, checkout-any]}
targets:
  checkout: &it
    account: "123456789012"
    region: eu-west-1
    function: checkout
    alias: live
    strategy: {kind: canary, weights: [10], bake: 5m}
    checks: [errors, alarms]
  orders:
    <<: *it
    region: us-east-1
    function: orders
    checks: [errors]
"""
CHECKOUT = Target(account="123456789012", region="eu-west-1", function="checkout", alias="live")
ORDERS = CHECKOUT.model_copy(update={"region": "us-east-1", "function": "orders"})
FUNCTION = "arn:aws:lambda:eu-west-1:123456789012:function:checkout"
COUNT = len({need.action for need in NEEDS if not need.only})
OPTIONAL = {
    ("lambda:UpdateFunctionCode", FUNCTION): "not_allowed",
    ("lambda:PutProvisionedConcurrencyConfig", f"{FUNCTION}:live"): "not_allowed",
}


@pytest.fixture
def aws():
    aws = FakeAws()
    for target in (CHECKOUT, ORDERS):
        aws.add_function(target)
    for name in ("checkout-5xx", "checkout-any"):
        aws.cloudwatch(CHECKOUT).set_alarm(name, "OK")
    return aws


async def found(aws, *, needed=True, file=FILE):
    """Every line: good, name, words."""
    read, problems = check(file, "sluice.yaml", Plugins())
    assert read is not None, problems
    return [tuple(each) async for each in findings(aws, read.targets.values(), needed=needed)]


async def test_nothing_is_missing_and_nothing_is_written(aws):
    lines = await found(aws)
    caller = "arn:aws:sts::123456789012:assumed-role/sluice/test"
    assert lines == [
        (True, "aws credentials", f"123456789012/eu-west-1: {caller}"),
        (True, "alias", "checkout:live: readable, on version 1"),
        (True, "alarms", "checkout:live: checkout-5xx, checkout-any exist"),
        (True, "permissions", f"checkout:live: all {COUNT} actions, as IAM simulates them"),
        (True, "aws credentials", f"123456789012/us-east-1: {caller}"),
        (True, "alias", "orders:live: readable, on version 1"),
        (True, "permissions", f"orders:live: all {COUNT} actions, as IAM simulates them"),
    ]
    assert {call.operation for call in aws.journal} == {"caller", "get_function", "get_alias", "alarms", "simulated"}


@pytest.mark.parametrize(("needed", "good"), [(True, False), (False, None)])
async def test_without_credentials_nothing_else_is_asked(aws, needed, good):
    """On a machine that is no worker they need not be there."""
    aws.faults.refuse("caller", AccessDenied("there are no AWS credentials"), times=None)
    lines = await found(aws, needed=needed)
    words = "not checked here: there are no AWS credentials"
    assert lines == [
        (good, "aws credentials", f"123456789012/eu-west-1: {words}"),
        (good, "aws credentials", f"123456789012/us-east-1: {words}"),
    ]


async def test_credentials_of_another_account(aws):
    aws.region(CHECKOUT).account = "999999999999"
    lines = await found(aws)
    assert lines[0] == (
        False,
        "aws credentials",
        (
            "123456789012/eu-west-1: arn:aws:sts::999999999999:assumed-role/sluice/test is of another account: name a "
            "role of 123456789012 in SLUICE_AWS__ROLES, or take credentials of that account"
        ),
    )
    assert [name for _, name, _ in lines[1:]] == ["aws credentials", "alias", "permissions"], "the other region goes on"


@pytest.mark.parametrize(
    ("routing", "words"),
    [
        (Routing(primary="$LATEST"), "is on $LATEST, which cannot be returned to: release with `--create`"),
        (
            split("1", "2", 10),
            "is split, 10 % to version 2: wait for who does that, or release with `--adopt`",
        ),
    ],
)
async def test_an_alias_that_would_be_refused(aws, routing, words):
    function = aws.function(CHECKOUT)
    function.change_code("second")
    function.publish_now()
    aws.move(CHECKOUT, routing)
    assert (await found(aws))[1] == (False, "alias", f"checkout:live: {words}")


async def test_alias_and_function_that_do_not_exist(aws):
    del aws.function(CHECKOUT).aliases["live"]
    del aws.region(ORDERS).functions["orders"]
    lines = await found(aws)
    assert lines[1] == (
        False,
        "alias",
        "checkout:live: does not exist: a first release makes it (`sluice start ... --create`)",
    )
    assert lines[5] == (False, "alias", "orders:live: there is no function orders")


async def test_alarms_that_do_not_exist_and_alarms_that_are_red(aws):
    aws.cloudwatch(CHECKOUT).set_alarm("checkout-5xx", "ALARM")
    assert (await found(aws))[2] == (
        True,
        "alarms",
        (
            "checkout:live: checkout-5xx, checkout-any exist; red now: checkout-5xx "
            "(`--override-red-alarms` starts all the same)"
        ),
    )
    aws.cloudwatch(CHECKOUT).delete_alarm("checkout-any")
    assert (await found(aws))[2] == (
        False,
        "alarms",
        "checkout:live: checkout-any missing in 123456789012/eu-west-1: create them, or mend `names` of the check",
    )


async def test_actions_that_iam_refuses(aws):
    """What only some releases need is a remark until the release file asks for it."""
    decisions = aws.region(CHECKOUT).decisions
    decisions |= OPTIONAL
    assert (await found(aws))[3] == (
        True,
        "permissions",
        (
            f"checkout:live: all {COUNT} actions, as IAM simulates them; not lambda:UpdateFunctionCode, for "
            "--s3 and --image alone; not lambda:PutProvisionedConcurrencyConfig, for `provisioned_concurrency` alone"
        ),
    )
    wishes = FILE.replace("    alias: live\n", "    alias: live\n    provisioned_concurrency: 2\n", 1)
    good, _, words = (await found(aws, file=wishes))[3]
    assert (good, words.split(" (")[0]) == (
        False,
        "checkout:live: not allowed: lambda:PutProvisionedConcurrencyConfig",
    )
    decisions |= {
        ("lambda:UpdateAlias", resource(CHECKOUT, "function")): "denied",
        ("lambda:InvokeFunction", resource(CHECKOUT, "qualifier")): "not_allowed",
        ("cloudwatch:DescribeAlarms", "*"): "not_allowed",
    }
    assert (await found(aws))[3] == (
        False,
        "permissions",
        (
            "checkout:live: not allowed: lambda:InvokeFunction, cloudwatch:DescribeAlarms; denied by a policy: "
            "lambda:UpdateAlias (deploy/iam/release-policy.json allows all that a release needs)"
        ),
    )


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (
            AccessDenied("no"),
            "not checked: iam:SimulatePrincipalPolicy is denied (deploy/iam/doctor-policy.json)",
        ),
        (NotReleasable("IAM answers InvalidInput"), "not checked: IAM answers InvalidInput"),
        (Throttled("too many"), "not checked: too many"),
    ],
)
async def test_what_cannot_be_simulated_is_not_guessed(aws, error, words):
    aws.faults.refuse("simulated", error, times=None)
    assert (await found(aws))[3] == (None, "permissions", f"checkout:live: {words}")
