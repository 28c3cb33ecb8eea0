"""The server of one process, stateless, beside any number of others: its limits, and the order in which it stops."""

import asyncio
import signal
from types import FrameType

import uvicorn
from fastapi import FastAPI

from orchestrator.api.app import begin_to_stop
from orchestrator.settings import Settings

MAX_HEAD_BYTES = 32_768
"""Past it the connection is closed; the gate refuses politely well before."""


class Server(uvicorn.Server):
    """Stops in this order: not ready, streams end, requests still come for a while, then no more, then the end."""

    def __init__(self, config: uvicorn.Config, app: FastAPI, drain: float) -> None:
        super().__init__(config)
        self._app = app
        self._drain = drain
        self._signals = 0

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to stop; a second signal, and Ctrl-C, do not wait for the drain."""
        self._signals += 1
        if sig == signal.SIGINT:
            begin_to_stop(self._app)
            super().handle_exit(sig, frame)
        else:  # a signal comes between any two steps of the loop: nothing is touched here
            asyncio.get_running_loop().call_soon_threadsafe(self._stop)

    def _stop(self) -> None:
        begin_to_stop(self._app)
        self.force_exit = self._signals > 1
        asyncio.get_running_loop().call_later(0 if self.force_exit else self._drain, self._close)

    def _close(self) -> None:
        self.should_exit = True


def server_of(settings: Settings, app: FastAPI) -> Server:
    """Return a server for the application, with every limit set."""
    config = uvicorn.Config(
        app,
        host=settings.api.host,
        port=settings.api.port,
        http="h11",
        h11_max_incomplete_event_size=MAX_HEAD_BYTES,
        proxy_headers=False,  # the gate needs the address that really calls, to know a proxy from anybody else
        server_header=False,
        date_header=True,
        access_log=False,
        log_config=None,
        timeout_keep_alive=15,
        timeout_graceful_shutdown=settings.api.grace,
        ws="none",
        lifespan="off",
    )
    return Server(config, app, settings.api.drain)
