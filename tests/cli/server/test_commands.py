"""The real command before a real server: words, exit codes, credentials."""

import asyncio
import json
import os
import signal
import stat

from orchestrator.domain.release import Phase
from tests.api.place import token_of
from tests.cli.server.conftest import SLUICE


async def test_a_ci_job_waits_and_is_told_the_truth(connected, place, run):
    """One line per event, no colour, and the code of the release: here an operator aborts it."""
    async with connected() as at:
        waiting = asyncio.create_task(
            run("start", "checkout", "--latest", "--wait", SLUICE_URL=at.url, SLUICE_TOKEN=token_of("ci"))
        )
        mine = f"/v1/releases?function={place.function}"
        while not (listed := (await at.http.get(mine)).json()["releases"]):
            await asyncio.sleep(0.1)
        release_id = listed[0]["release_id"]
        await place.until(release_id, lambda s: s.phase is Phase.BAKING)
        aborted = await run(
            "abort", str(place.target), "--reason", "enough", SLUICE_URL=at.url, SLUICE_TOKEN=token_of("operator")
        )
        assert aborted.code == 0
        assert aborted.err == f"the abort of release {release_id} of {place.target} was taken\n"
        waited = await waiting
    assert waited.code == 4
    assert "\x1b" not in waited.out
    lines = waited.out.splitlines()
    assert "weight 0 → 10 % confirmed" in waited.out
    assert lines[-1].startswith(f"{place.target} {release_id} ✖ Rolled back (abort): operator: enough")
    assert len(lines) == len(set(lines))
    assert f"release {release_id} of {place.target} was accepted" in waited.err


async def test_ctrl_c_leaves_the_release_running(connected, place):
    async with connected() as at:
        pipe = asyncio.subprocess.PIPE
        environment = {**os.environ, "SLUICE_URL": at.url, "SLUICE_TOKEN": token_of("ci")}
        words = (SLUICE, "start", "checkout", "--latest", "--wait", "-o", "jsonl")
        process = await asyncio.create_subprocess_exec(*words, stdout=pipe, stderr=pipe, env=environment)
        first = json.loads(await process.stdout.readline())
        await place.until(first["release_id"], lambda s: s.phase is Phase.BAKING)
        process.send_signal(signal.SIGINT)
        _, err = await process.communicate()
        assert process.returncode == 130
        assert f"left: release {first['release_id']} of {place.target} goes on" in err.decode()
        assert not (await place.service.get(first["release_id"])).done
        await at.http.post(f"/v1/releases/{first['release_id']}/abort", json={"reason": "end"})


async def test_login_whoami_logout(connected, place, run, tmp_path):
    async with connected() as at:
        environment = {"SLUICE_URL": at.url}
        nobody = await run("list", **environment)
        assert nobody.code == 1
        assert nobody.err.startswith(f"sluice: {at.url} asks who you are: `sluice auth login` stores a token")
        wrong = await run("auth", "login", given="sluice_wrong", **environment)
        assert (wrong.code, "nothing was stored" in wrong.err) == (1, True)
        token = token_of("operator")
        right = await run("auth", "login", given=f"{token}\n", **environment)
        file = tmp_path / "xdg" / "sluice" / "tokens.json"
        assert (right.code, right.err) == (0, f"logged in to {at.url} as operator; kept in {file}\n")
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert json.loads(file.read_text()) == {at.url: token}
        who = await run("auth", "whoami", **environment)
        assert "\n" + who.out == (
            f"\noperator at {at.url}\n"
            "by the token that `sluice auth login` stored, without an end\n"
            f"  operate on 123456789012/*/{place.function}:live\n"
        )
        refused = await run("start", "checkout", "--latest", **environment)
        assert refused.code == 1
        assert "operator lacks the role `start`" in refused.err
        assert "`sluice auth whoami` shows what you may do" in refused.err
        shown = await run("config", "show", **environment)
        assert token not in shown.out
        assert "`sluice auth login`" in shown.out
        assert (await run("auth", "logout", **environment)).code == 0
        assert json.loads(file.read_text()) == {}


async def test_doctor_finds_everything_in_order(connected, place, run):
    async with connected() as at:
        ran = await run("doctor", SLUICE_URL=at.url, SLUICE_TOKEN=token_of("viewer"))
        assert (ran.code, ran.err) == (0, "")
        assert ran.out.replace(at.url, "URL") == (
            "○ release file       none here: the server's own is used\n"
            "✔ server             URL answers\n"
            "✔ clock              less than 5 s apart\n"
            "✔ temporal           answers\n"
            "✔ worker             polls\n"
            "✔ credentials        viewer, by the token of SLUICE_TOKEN\n"
            "✔ search attributes  releases can be found by them\n"
        )
        stranger = await run("doctor", SLUICE_URL=at.url)
        assert stranger.code == 1
        assert "✖ credentials" in stranger.out
    direct = await run("doctor", SLUICE_TEMPORAL__ADDRESS=place.settings.temporal.address)
    assert direct.code == 1
    assert [line[:21] for line in direct.out.splitlines()] == [
        "✖ release file       ",
        "✔ temporal           ",
        "✔ worker             ",
        "✔ search attributes  ",
        "○ clock              ",
    ]


async def test_bash_completes_live_names(connected, place, run, tmp_path):
    async with connected() as at:
        release_id = await place.baking(at.http)
        (tmp_path / "sluice").symlink_to(SLUICE)
        script = (
            'source <(sluice completion bash); try() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_LINE="$*"; '
            'COMP_POINT=${#COMP_LINE}; _sluice; echo "${COMPREPLY[@]}"; }; '
            "try sluice ab; try sluice abort ''; sleep 3; try sluice abort ''; try sluice start ''; sleep 3; "
            "try sluice start ''"
        )
        environment = {
            **os.environ,
            "PATH": f"{tmp_path}:{os.environ['PATH']}",
            "SLUICE_URL": at.url,
            "SLUICE_TOKEN": token_of("ci"),
        }
        process = await asyncio.create_subprocess_exec(
            "bash", "-c", script, env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        out, err = await process.communicate()
        lines = out.decode().splitlines()
        assert (lines[0], err.decode()) == ("abort", "")
        assert set(lines[2].split()) == {release_id, str(place.target)}
        assert set(lines[4].split()) == {"checkout", "instant"}
        await at.http.post(f"/v1/releases/{release_id}/abort", json={"reason": "end"})
