"""Which of several settings counts, and that it can be found out."""

import json

import pytest

from orchestrator.cli import config
from orchestrator.cli.main import main
from orchestrator.domain.errors import InvalidSpec


@pytest.fixture
def home(monkeypatch, tmp_path):
    """A project in a folder below, and a user's folder; nothing is set."""
    for name in ("SLUICE_URL", "SLUICE_TOKEN", "SLUICE_ACTOR", "SLUICE_TEMPORAL__ADDRESS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "xdg"))
    (tmp_path / "xdg" / "sluice").mkdir(parents=True)
    (tmp_path / "project" / "src").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "project" / "src")
    config.flags.clear()
    yield tmp_path
    config.flags.clear()


def source_of(name):
    return next((each.value, each.source) for each in config.effective() if each.name == name)


def test_each_layer_outranks_the_next(home, monkeypatch):
    assert source_of("url") == (None, "default")
    user = home / "xdg" / "sluice" / "config.toml"
    user.write_text('url = "http://user"\n[temporal]\naddress = "user:1"\nnamespace = "mine"\n')
    assert source_of("url") == ("http://user", str(user))
    near = home / "project" / "sluice.toml"
    near.write_text('url = "http://near/"\n[temporal]\naddress = "near:1"\n')
    assert source_of("url") == ("http://near", str(near))
    assert source_of("temporal.address") == ("near:1", str(near))
    assert source_of("temporal.namespace") == ("mine", str(user))
    (home / "project" / "src" / ".env").write_text("SLUICE_URL=http://dotenv\n")
    assert source_of("url") == ("http://dotenv", ".env")
    monkeypatch.setenv("SLUICE_URL", "http://environment")
    assert source_of("url") == ("http://environment", "SLUICE_URL")
    config.flags["url"] = "http://flag"
    assert source_of("url") == ("http://flag", "--server")


def test_an_empty_variable_switches_the_server_off(home, monkeypatch):
    (home / "project" / "sluice.toml").write_text('url = "http://near"\n')
    monkeypatch.setenv("SLUICE_URL", "")
    assert config.settings().url is None


@pytest.mark.parametrize(
    ("written", "sentence"),
    [
        ('urll = "x"', "there is no setting `urll`; did you mean `url`?"),
        ('[temporal]\nadress = "x"', "there is no setting `temporal.adress`; did you mean `temporal.address`?"),
        ('token = "sluice_x"', "`token` does not belong into a file that others read: `sluice auth login` stores it"),
        ("url = ", "cannot read"),
        ('url = "sluice.example.com"', "`sluice.example.com` is no address of a server: it begins with https://"),
    ],
)
def test_a_wrong_file_is_told(home, written, sentence, capsys):
    (home / "project" / "sluice.toml").write_text(written)
    with pytest.raises(InvalidSpec, match=r"sluice\.toml|SLUICE_URL"):
        config.settings()
    assert main(["list"]) == 2
    assert sentence in capsys.readouterr().err


def test_show_masks_secrets(home, monkeypatch, capsys):
    monkeypatch.setenv("SLUICE_TOKEN", "sluice_canary")
    token = {"name": "ci", "sha256": "a" * 64, "roles": ["start"], "targets": ["*"]}
    monkeypatch.setenv("SLUICE_AUTH__TOKENS", json.dumps([token]))
    monkeypatch.setenv("SLUICE_AUTH__PROXY__ADDRESSES", '["10.0.0.0/8"]')
    assert main(["config", "show", "--all", "--server", "https://s.example"]) == 0
    out = capsys.readouterr().out
    assert "sluice_canary" not in out
    assert "a" * 64 not in out
    rows = {row.split()[0]: row.split()[1:] for row in out.splitlines()}
    assert rows["token"] == ["********", "SLUICE_TOKEN"]
    assert rows["url"] == ["https://s.example", "--server"]
    assert rows["temporal.namespace"] == ["default", "default"]
    assert rows["auth.proxy.addresses"] == ['["10.0.0.0/8"]', "SLUICE_AUTH__PROXY__ADDRESSES"]


@pytest.mark.parametrize("argv", [["list", "--server"], ["--server=", "list"]])
def test_a_flag_without_a_server_is_told(argv, capsys):
    assert main(argv) == 2
    assert capsys.readouterr().err == ("sluice: --server names no server: write --server https://sluice.example.com\n")
