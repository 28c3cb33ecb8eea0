"""The lab serves the API beside its worker, and tells the command line where."""

import asyncio
import os
import signal

import httpx2

from tests.cli.server.conftest import SLUICE


async def test_the_lab_has_an_api(tmp_path, run):
    folder = tmp_path / "lab"
    process = await asyncio.create_subprocess_exec(
        SLUICE, "lab", "--state", folder, "--rate", "2", stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        env=dict(os.environ),
    )  # fmt: skip
    try:
        async with asyncio.timeout(45):
            while not (folder / "environment").exists():
                assert process.returncode is None
                await asyncio.sleep(0.1)
        written = (folder / "environment").read_text().replace("export ", "").splitlines()
        environment = dict(row.split("=", 1) for row in written)
        assert environment["SLUICE_URL"].startswith("http://127.0.0.1:")
        who = await run("auth", "whoami", **environment)
        assert (who.code, who.out.splitlines()[0]) == (0, f"lab at {environment['SLUICE_URL']}")
        assert (await run("doctor", **environment)).code == 0
        assert (await run("plan", "checkout", **environment)).code == 0
        async with httpx2.AsyncClient() as http:
            board = await http.get(environment["SLUICE_URL"])
        assert "<h1>Releases</h1>" in board.text
    finally:
        process.send_signal(signal.SIGINT)
        out, err = await process.communicate()
    assert (process.returncode, out) == (0, b"")
    assert f"{environment['SLUICE_URL']}/ in a browser" in err.decode()
    assert err.decode().endswith("stopping ...\n")
