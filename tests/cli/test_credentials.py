"""Who the command line says it is, and to whom it may say so."""

import base64
import json
import stat
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest

from orchestrator.cli import credentials
from orchestrator.cli.credentials import Credentials
from orchestrator.domain.errors import InvalidSpec, Unavailable
from orchestrator.settings import Settings


@pytest.fixture(autouse=True)
def _at_home(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    for name in ("SLUICE_TOKEN", "SLUICE_URL", "ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"):
        monkeypatch.delenv(name, raising=False)


def settings(**given):
    return Settings(**{"url": "https://s.example", **given})


def jwt(seconds):
    body = base64.urlsafe_b64encode(json.dumps({"exp": time.time() + seconds}).encode()).decode().rstrip("=")
    return f"e30.{body}.c2ln"


@pytest.fixture
def github(monkeypatch):
    """The endpoint that GitHub gives a job; `tokens` are handed out one after another."""
    asked, tokens = [], []

    class Endpoint(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append((parse_qs(urlsplit(self.path).query), self.headers["Authorization"]))
            body = json.dumps({"value": tokens.pop(0)}).encode() if tokens else b"no"
            self.send_response(200 if body != b"no" else 500)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Endpoint) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_URL", f"http://127.0.0.1:{server.server_port}/x?api-version=2")
        monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "pass")
        server.asked, server.tokens = asked, tokens
        yield server
        server.shutdown()


async def test_a_job_on_github_asks_for_its_token(github):
    first, second, third = jwt(600), jwt(30), jwt(600)
    github.tokens[:] = [first, second, third]
    held = Credentials(settings(oidc_audience="sluice"))
    assert held.renewable
    assert await held.headers() == {"Authorization": f"Bearer {first}"}
    assert await held.headers() == {"Authorization": f"Bearer {first}"}
    assert github.asked == [({"api-version": ["2"], "audience": ["sluice"]}, "Bearer pass")]
    assert await held.headers(fresh=True) == {"Authorization": f"Bearer {second}"}
    assert await held.headers() == {"Authorization": f"Bearer {third}"}, "the second one is about to end"


async def test_a_job_without_the_permission_is_told():
    with pytest.raises(InvalidSpec, match="permissions: id-token: write"):
        await Credentials(settings(oidc_audience="sluice")).headers()


async def test_github_out_of_reach_is_told(github):
    with pytest.raises(Unavailable, match="GitHub gave this job no token"):
        await Credentials(settings(oidc_audience="sluice")).headers()


async def test_the_first_credential_counts():
    credentials.store("https://s.example", "stored")
    assert await Credentials(settings()).headers() == {"Authorization": "Bearer stored"}
    assert await Credentials(settings(id_token="job")).headers() == {"Authorization": "Bearer job"}
    assert await Credentials(settings(id_token="job", token="own")).headers() == {"Authorization": "Bearer own"}
    assert await Credentials(settings(url="https://other.example")).headers() == {}


@pytest.mark.parametrize("url", ["http://s.example", "http://127.0.0.1.evil.example"])
def test_no_credential_leaves_unencrypted(url):
    with pytest.raises(InvalidSpec, match="is not encrypted"):
        Credentials(settings(url=url, token="t"))
    assert Credentials(settings(url=url)).words == ""


def test_the_file_is_its_owners_alone(tmp_path):
    path = credentials.store("https://a", "1")
    path.chmod(0o644)
    credentials.store("https://b", "2")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert json.loads(path.read_text()) == {"https://a": "1", "https://b": "2"}
    assert list(path.parent.iterdir()) == [path]


def test_a_broken_file_is_told(tmp_path):
    credentials.store("https://a", "1").write_text("{")
    with pytest.raises(InvalidSpec, match="delete it, and log in again"):
        credentials.stored("https://a")
