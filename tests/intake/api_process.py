"""The routes in a process of their own, to be killed: `python -m tests.intake.api_process ADDRESS FILE WHEN`.

WHEN is `before` or `after`: hang right before or right after Temporal has taken the delivery; anything else answers.
"""

import asyncio
import sys

import uvicorn
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from orchestrator.api.app import create_app
from orchestrator.intake import Intake
from orchestrator.settings import ApiSettings, HookSettings, Settings
from tests.intake.world import SECRET


class Hanging(Intake):
    """Never answers."""

    when = ""

    async def _start(self, *words):
        if self.when == "before":
            print("received", flush=True)
            await asyncio.sleep(60)
        started = await super()._start(*words)
        if self.when == "after":
            print("received", flush=True)
            await asyncio.sleep(60)
        return started


async def main(address: str, file: str, when: str) -> None:
    client = await Client.connect(address, data_converter=pydantic_data_converter)
    settings = Settings(
        _env_file=None, api=ApiSettings(release_file=file), hooks=HookSettings(github_secrets=(SECRET,))
    )
    Hanging.when = when
    app = create_app(settings, client, intake=Hanging.of(client, settings))
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error"))
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    print(server.servers[0].sockets[0].getsockname()[1], flush=True)
    await serving


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:4]))
