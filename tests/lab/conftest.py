"""One lab for all tests of this folder, emptied before each."""

from contextlib import AsyncExitStack
from types import SimpleNamespace

import aioboto3
import pytest
from aiobotocore.config import AioConfig

from orchestrator.lab.stack import Lab, LabOptions

SEED = 7


@pytest.fixture(scope="session")
async def running_lab():
    async with Lab(LabOptions(temporal=False, seed=SEED, faults_allowed=True)) as lab:
        yield lab


@pytest.fixture
async def lab(running_lab):
    await running_lab.admin.reset()
    return running_lab


@pytest.fixture
def admin(lab):
    return lab.admin


@pytest.fixture(scope="session")
async def clients(running_lab):
    """AWS clients that neither retry nor check their arguments, so that a test sees each answer."""
    session = aioboto3.Session(
        aws_access_key_id=running_lab.options.access_key_id,
        aws_secret_access_key=running_lab.options.secret_access_key,
        region_name=running_lab.options.region,
    )
    config = AioConfig(retries={"total_max_attempts": 1}, read_timeout=10, parameter_validation=False)
    async with AsyncExitStack() as stack:
        made = {
            name: await stack.enter_async_context(session.client(name, endpoint_url=running_lab.aws_url, config=config))
            for name in ("lambda", "cloudwatch", "s3", "sqs", "sts")
        }
        yield SimpleNamespace(functions=made.pop("lambda"), **made)


@pytest.fixture
def aws(lab, clients):
    return clients


@pytest.fixture
def functions(aws):
    return aws.functions


@pytest.fixture
def cloudwatch(aws):
    return aws.cloudwatch
