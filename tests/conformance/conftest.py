"""One suite for every AWS that the gateway, or a test, may meet.

    pytest tests/conformance                       # fake, moto, lab
    pytest tests/conformance --aws real --aws-region eu-west-1 --aws-account 123456789012 \
        --aws-function conformance --aws-alias live
"""

import pytest

from orchestrator.domain.release import Target
from tests.conformance.deviations import deviation

WORLDS = ("fake", "moto", "lab")


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("aws", "conformance with a real account")
    group.addoption("--aws", choices=["real"], help="run against a real account; the function named is changed")
    for name in ("account", "region", "function", "alias"):
        group.addoption(f"--aws-{name}", help=f"{name} to use with --aws real")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "any_world" in metafunc.fixturenames:
        real = metafunc.config.getoption("--aws", default=None) == "real"
        metafunc.parametrize("any_world", ["real"] if real else WORLDS, indirect=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        callspec = getattr(item, "callspec", None)
        world = callspec.params.get("any_world") if callspec else None
        if world is not None:
            case = "-".join(part for part in callspec.id.split("-") if part != world)
            reason = deviation(world, item.originalname, case)
            if reason is not None:
                item.add_marker(pytest.mark.xfail(reason=reason, strict=True))


@pytest.fixture(scope="session")
async def moto_world():
    from moto.core.config import default_user_config
    from moto.server import ThreadedMotoServer

    from tests.conformance.wire_world import MotoWorld

    default_user_config["lambda"] = {"use_docker": False}
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    async with MotoWorld(f"http://{host}:{port}", "123456789012", "eu-west-1") as world:
        yield world
    server.stop()


@pytest.fixture(scope="session")
async def lab_world():
    from orchestrator.lab.stack import Lab, LabOptions
    from tests.conformance.lab_world import LabWorld

    async with Lab(LabOptions(temporal=False, faults_allowed=True)) as lab, LabWorld(lab) as world:
        yield world


@pytest.fixture(scope="session")
async def real_world(request):
    from tests.conformance.real_world import RealWorld

    names = {name: request.config.getoption(f"--aws-{name}") for name in ("account", "region", "function", "alias")}
    if None in names.values():
        pytest.skip("--aws real needs --aws-account, --aws-region, --aws-function and --aws-alias")
    async with RealWorld(Target(**names)) as world:
        yield world


@pytest.fixture
def any_world(request):
    """The world named by the parameter; only it is started."""
    if request.param == "fake":
        from tests.conformance.fake_world import FakeWorld

        return FakeWorld()
    return request.getfixturevalue(f"{request.param}_world")


@pytest.fixture
async def world(any_world):
    """One AWS, arranged by nobody yet."""
    await any_world.begin()
    return any_world
