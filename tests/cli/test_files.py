"""Commands that need nothing running."""

import json
from pathlib import Path

from inline_snapshot import snapshot

BAD = "targets:\n  checkout: {account: 1, alias: '%,:'}\n"


def test_validate_a_good_file(sluice):
    ran = sluice("validate")
    assert (ran.code, ran.out, ran.err) == (0, "sluice.yaml: no problem, 1 target\n", "")


def test_validate_tells_every_problem_of_every_file(sluice, tmp_path):
    (tmp_path / "bad.yaml").write_text(BAD)
    (tmp_path / "empty.yaml").write_text("")
    ran = sluice("validate", "sluice.yaml", "bad.yaml", "empty.yaml")
    assert (ran.code, ran.err) == (2, "")
    assert "\n" + ran.out == snapshot("""\

sluice.yaml: no problem, 1 target
bad.yaml:2:3 targets.checkout.function: is missing: function name, without ARN
bad.yaml:2:3 targets.checkout.region: is missing: AWS region, e.g. eu-west-1
bad.yaml:2:3 targets.checkout.strategy: is missing: A name under `strategies`, a kind with its defaults, a predefined CodeDeploy name, or a mapping with `kind`
bad.yaml:2:23 targets.checkout.account: an account is 12 digits in quotes, or it may lose its leading zeros: write it like "012345678901"
bad.yaml:2:33 targets.checkout.alias: `%,:` does not fit: alias name; not a number (that is a version) and not $LATEST
empty.yaml:1:1: the file is empty: it starts with `targets:`
""")


def test_validate_annotates_a_pull_request(sluice, tmp_path):
    (tmp_path / "bad.yaml").write_text("targets: {checkout: {account: '%', region: a, function: f, alias: l}}\n")
    ran = sluice("validate", "bad.yaml", "--format", "github")
    assert ran.code == 2
    assert "\n" + ran.out == snapshot("""\

::error file=bad.yaml,line=1,col=11,title=Release file::targets.checkout.strategy: is missing: A name under `strategies`, a kind with its defaults, a predefined CodeDeploy name, or a mapping with `kind`
::error file=bad.yaml,line=1,col=31,title=Release file::targets.checkout.account: `%25` does not fit: AWS account, 12 digits
::error file=bad.yaml,line=1,col=44,title=Release file::targets.checkout.region: `a` does not fit: AWS region, e.g. eu-west-1
""")


def test_validate_a_file_that_is_not_there(sluice):
    ran = sluice("validate", "nowhere.yaml")
    assert (ran.code, ran.err) == (2, "sluice: cannot read nowhere.yaml: no such file or directory\n")


def test_schema_prints_what_is_committed(sluice):
    committed = Path(__file__).parents[2] / "docs/reference/release-file.schema.json"
    assert json.loads(sluice("schema").out) == json.loads(committed.read_text())


def test_version(sluice):
    ran = sluice("version")
    assert ran.code == 0
    assert ran.out.startswith("sluice ")
    assert sluice("--version").out == ran.out
