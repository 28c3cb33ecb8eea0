"""Whatever is wrong from outside gives one clear sentence and a documented exit code, and writes nothing."""

import asyncio
import socket
from pathlib import Path

import pytest

from orchestrator.domain.traffic import split, whole
from orchestrator.lab.whole import WholeLab
from tests.e2e.conftest import Command, Ended

FILE = """\
sampling: {{period: 1s, lag: 1s, interval: 1s}}
targets:
  it:
    account: "{account}"
    region: {region}
    function: {function}
    alias: live
    strategy: {{kind: canary, weights: [10], bake: 60s, final_bake: 0s}}
"""


def release_file(folder: Path, function: str, *, region: str = "us-east-1", account: str = "000000000000") -> Path:
    folder.joinpath("sluice.yaml").write_text(FILE.format(account=account, region=region, function=function))
    return folder


def told(ended: Ended) -> str:
    """All that was said, checked to be words and not a stack trace."""
    text = ended.out + ended.err
    assert "Traceback" not in text
    return text


async def writes(lab: WholeLab, function: str) -> int:
    calls = await lab.lab.admin.calls(function=function)
    return sum(c.operation in {"UpdateAlias", "PublishVersion", "UpdateFunctionConfiguration"} for c in calls)


async def test_missing_function_is_refused_with_its_place(lab: WholeLab, sluice: Command, tmp_path: Path) -> None:
    """The region may be wrong: the sentence names it."""
    ended = await sluice("start", "it", "--latest", "--wait", cwd=release_file(tmp_path, "nobody"))
    assert ended.code == 6
    assert "nobody" in told(ended)
    assert "us-east-1" in told(ended)


async def test_alias_on_latest_is_refused(lab: WholeLab, sluice: Command, tmp_path: Path) -> None:
    """No canary is possible over $LATEST."""
    await lab.add_function("on-latest")
    await lab.client.update_alias(FunctionName="on-latest", Name="live", FunctionVersion="$LATEST")
    before = await writes(lab, "on-latest")
    ended = await sluice("start", "it", "--latest", "--wait", cwd=release_file(tmp_path, "on-latest"))
    assert ended.code == 6
    assert "$LATEST" in told(ended)
    assert await writes(lab, "on-latest") == before


async def test_alias_that_is_split_is_refused_unless_adopted(lab: WholeLab, sluice: Command, tmp_path: Path) -> None:
    """Somebody's canary may be under way."""
    target = await lab.add_function("halfway")
    await lab.upload("halfway", "v2")
    await lab.client.publish_version(FunctionName="halfway")
    alias = await lab.alias(target)
    await lab.aws.functions(target).update_alias("halfway", "live", split("1", "2", 5), revision=alias.revision)
    before = await writes(lab, "halfway")
    ended = await sluice("start", "it", "--latest", "--wait", cwd=release_file(tmp_path, "halfway"))
    assert ended.code == 6
    assert "--adopt" in told(ended)
    assert await writes(lab, "halfway") == before


async def test_wrong_account_is_refused_before_anything_is_read(lab: WholeLab, sluice: Command, tmp_path: Path) -> None:
    """A worker of one account must never release in another: nobody serves that queue, and `get` says so."""
    folder = release_file(tmp_path, "checkout", account="111111111111")
    started = await sluice("start", "it", "--latest", "-o", "json", cwd=folder)
    assert started.code == 0
    for _ in range(60):
        ended = await sluice("get", "checkout:live", cwd=folder)
        if "no worker" in ended.out:
            break
        await asyncio.sleep(0.25)
    assert "no worker has taken `preflight`" in ended.out
    assert "111111111111/us-east-1" in ended.out
    assert (await sluice("abort", "checkout:live", "--reason", "wrong account")).code == 0


async def test_second_release_of_a_target_is_refused_with_the_first_one_named(
    lab: WholeLab, sluice: Command, tmp_path: Path
) -> None:
    """One release at a time holds a target."""
    target = await lab.add_function("busy")
    await lab.upload("busy", "v2")
    folder = release_file(tmp_path, "busy")
    first = await sluice("start", "it", "--latest", cwd=folder)
    assert first.code == 0
    ended = await sluice("start", "it", "--latest", cwd=folder)
    assert ended.code == 6
    assert "holds busy:live" in told(ended)
    assert (await sluice("abort", "busy:live", "--reason", "test over")).code == 0
    assert (await sluice("wait", "busy:live")).code == 4
    assert (await lab.alias(target)).routing == whole("1")


async def test_no_temporal_server_is_told_with_the_setting(sluice: Command, tmp_path: Path) -> None:
    """The address that was tried, and what to do."""
    ended = await sluice("list", SLUICE_TEMPORAL__ADDRESS="127.0.0.1:1")
    assert ended.code == 1
    answer = "no Temporal server answers at 127.0.0.1:1: start one (`sluice lab` does) or set SLUICE_TEMPORAL__ADDRESS"
    assert told(ended).splitlines() == [f"sluice: {answer}"]


async def test_taken_port_is_told_by_the_lab(sluice: Command, tmp_path: Path) -> None:
    """One sentence that names the port; nothing is left running."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ended = await sluice("lab", "--aws-port", str(port), cwd=tmp_path)
    assert ended.code == 1
    assert str(port) in told(ended)


async def test_missing_credentials_are_told_with_what_to_do(
    lab: WholeLab, sluice: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker's credentials are asked for first; the release is refused with a sentence, not a stack trace."""
    from activities.aws.session import AwsClients, AwsSettings
    from orchestrator.domain.errors import AccessDenied

    target = await lab.add_function("anonymous")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    clients = AwsClients(AwsSettings(endpoint_url=lab.lab.aws_url))
    with pytest.raises(AccessDenied, match="credentials"):
        await clients.functions(target).account()
    await clients.aclose()


async def test_first_release_creates_the_alias_when_it_is_allowed_to(
    lab: WholeLab, sluice: Command, tmp_path: Path
) -> None:
    """Without --create the sentence names it; with it, the alias serves the version that was published."""
    target = await lab.add_function("newborn")
    await lab.client.delete_alias(FunctionName="newborn", Name="live")
    await lab.upload("newborn", "v2")
    folder = release_file(tmp_path, "newborn")
    refused = await sluice("start", "it", "--latest", "--wait", cwd=folder)
    assert refused.code == 6
    assert "--create" in told(refused)
    ended = await sluice("start", "it", "--latest", "--wait", "--create", cwd=folder)
    assert ended.code == 0, told(ended)
    assert (await lab.alias(target)).routing == whole("2")
