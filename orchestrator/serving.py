"""Composition root of the server: the API, the webhooks and the pages as one application."""

from fastapi import FastAPI
from temporalio.client import Client

from orchestrator.api.app import create_app
from orchestrator.api.auth import check
from orchestrator.api.server import server_of
from orchestrator.domain.errors import Unavailable
from orchestrator.settings import Settings
from orchestrator.telemetry import configure_logs
from orchestrator.temporal import connect_temporal
from orchestrator.web.pages import add_pages


def application(settings: Settings, client: Client) -> FastAPI:
    """Return everything that one process answers.

    Raises InvalidSpec when a setting, or the release file that one names, is wrong.
    """
    app = create_app(settings, client)
    add_pages(app)
    return app


async def serve() -> None:
    """Answer the HTTP API and the pages until SIGTERM or Ctrl-C."""
    settings = Settings()
    check(settings)
    configure_logs()
    client = await connect_temporal(settings.temporal)
    server = server_of(settings, application(settings, client))
    await server.serve()
    if not server.started:
        raise Unavailable(f"cannot listen on {settings.api.host} port {settings.api.port}: is it taken?")
