"""Commands that need nothing running."""

import json
from pathlib import Path

from inline_snapshot import snapshot

BAD = """\
targets:
  checkout: {account: "%", region: Ireland, strategy: canary, function: "f,:", alias: live}
"""


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
bad.yaml:2:23 targets.checkout.account: `%` does not fit: AWS account, 12 digits
bad.yaml:2:36 targets.checkout.region: `Ireland` does not fit: AWS region, e.g. eu-west-1
bad.yaml:2:73 targets.checkout.function: `f,:` does not fit: function name, without ARN
empty.yaml:1:1: the file is empty: it starts with `targets:`
""")


def test_validate_annotates_a_pull_request(sluice, tmp_path):
    (tmp_path / "bad.yaml").write_text(BAD)
    ran = sluice("validate", "bad.yaml", "--format", "github")
    assert ran.code == 2
    head, message = ran.out.splitlines()[0].split(",title=Release file::")
    assert head == "::error file=bad.yaml,line=2,col=23"
    assert message == "targets.checkout.account: `%25` does not fit: AWS account, 12 digits"
    assert len(ran.out.splitlines()) == 3


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


def test_sarif_has_what_scanners_need(sluice, tmp_path):
    (tmp_path / "bad.yaml").write_text(BAD)
    ran = sluice("validate", "sluice.yaml", "bad.yaml", "--format", "sarif")
    assert ran.code == 2
    log = json.loads(ran.out)
    assert (log["version"], log["$schema"].rsplit("/", 1)[1]) == ("2.1.0", "sarif-2.1.0.json")
    (run,) = log["runs"]
    driver = run["tool"]["driver"]
    assert driver["name"] == "sluice"
    assert [result["message"]["text"].split(":")[0] for result in run["results"]] == [
        "targets.checkout.account",
        "targets.checkout.region",
        "targets.checkout.function",
    ]
    for result in run["results"]:
        assert result["ruleId"] in {rule["id"] for rule in driver["rules"]}
        assert result["level"] == "error"
        (place,) = result["locations"]
        assert place["physicalLocation"]["artifactLocation"] == {"uri": "bad.yaml"}
        assert place["physicalLocation"]["region"]["startLine"] == 2
    good = sluice("validate", "--format", "sarif")
    assert (good.code, json.loads(good.out)["runs"][0]["results"]) == (0, [])
