"""`vsm ledger rebuild|replay|prune|export|verify FILE`, `vsm cost` and `vsm outcomes scan` as their user meets them."""

import asyncio
import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.unit.system.organized import genome, organized_run
from vsm_system.cli.app import run_command_line
from vsm_system.organizations.writing import organization_yaml

Vsm = Callable[..., str]


@pytest.fixture
def vsm(
    tmp_path: Path, isolated_home: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Vsm:
    ledger = tmp_path / "ledger.db"
    asyncio.run(organized_run(ledger, tmp_path, directives=2))
    (tmp_path / "organization.yaml").write_text(organization_yaml(genome()))
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str, code: int = 0, own: bool = True, columns: int = 80) -> str:
        monkeypatch.setenv("COLUMNS", str(columns))
        capfd.readouterr()
        found = run_command_line([*arguments, *(("--ledger", str(ledger)) if own else ())])
        said = capfd.readouterr()
        assert found == code, (said.out, said.err)
        assert said.err.count("\n") <= 1
        return said.err if code == 2 else said.out

    return run


def test_rebuild_says_how_many_facts_it_read(vsm: Vsm, tmp_path: Path) -> None:
    told = vsm("ledger", "attribution", "--json")
    said = vsm("ledger", "rebuild")
    assert "read models made again from" in said
    assert vsm("ledger", "attribution", "--json") == told
    missing = str(tmp_path / "none.db")
    assert "no ledger at" in vsm("ledger", "rebuild", "--ledger", missing, code=2, own=False)
    assert not Path(missing).exists()


def test_replay_of_an_untouched_ledger_and_of_a_changed_one(vsm: Vsm) -> None:
    said = vsm("ledger", "replay", "--organization", "organization.yaml")
    assert said.count("all came out the same") == 2
    told = json.loads(
        vsm("ledger", "replay", "--organization", "organization.yaml", "--node", "root", "--json")
    )
    assert [each["node"] for each in told] == ["root"]
    assert told[0]["decisions"] > 0
    change = "UPDATE facts SET body = replace(body, 'fencing_token\":1', 'fencing_token\":7') WHERE stream = 'root'"
    subprocess.run(
        [
            "python3",
            "-c",
            f"import sqlite3; c = sqlite3.connect('ledger.db'); c.execute({change!r}); c.commit()",
        ],
        check=True,
    )
    said = vsm("ledger", "replay", "--organization", "organization.yaml", code=1)
    assert "found: decision" in said
    assert "fencing_token was 7; now 1" in said


def test_replay_needs_the_organization_that_decided(vsm: Vsm) -> None:
    assert "--organization" in vsm("ledger", "replay", code=2)
    assert "no node 'x'" in vsm("ledger", "replay", "--node", "x", "-o", "organization.yaml", code=2)
    assert "no metasystem" in vsm("ledger", "replay", "--node", "root", code=2)


def test_prune_says_what_would_go_and_what_went(vsm: Vsm) -> None:
    assert "would forget 0 inbox entries" in vsm("ledger", "prune", "--dry-run")
    would = vsm("ledger", "prune", "--dry-run", "--older-than", "0")
    did = vsm("ledger", "prune", "--older-than", "0")
    assert would.replace("would forget", "forgot").splitlines()[0] == did.splitlines()[0]
    assert ", now " in did
    assert "passed over" in vsm("ledger", "replay", "-o", "organization.yaml")
    assert "the record is whole" in vsm("ledger", "verify")


def test_receipts_are_exported_and_verified_elsewhere(vsm: Vsm, tmp_path: Path) -> None:
    printed = vsm("ledger", "export", "--ndjson")
    said = vsm("ledger", "export", "--output", "receipts.ndjson")
    *receipts, end = map(json.loads, printed.splitlines())
    assert said == f"receipts.ndjson: {len(receipts)} receipts\n"
    assert {each["outcome"] for each in receipts} == {"completed"}
    assert all(
        len(each[name]) == 64 for each in receipts for name in ("prompt_hash", "policy_hash", "genome_id")
    )
    assert len({each["prompt_hash"] for each in receipts}) == len(receipts)
    assert end["receipts"] == len(receipts)
    assert "the receipts are whole" in vsm("ledger", "verify", "receipts.ndjson", own=False)
    one = vsm("ledger", "export", "--directive", "d-1")
    assert {json.loads(line).get("directive_id") for line in one.splitlines()[:-1]} == {"d-1"}
    file = tmp_path / "receipts.ndjson"
    file.write_bytes(file.read_bytes().replace(b"completed", b"failed", 1))
    said = vsm("ledger", "verify", "receipts.ndjson", code=1, own=False)
    assert "found: edit at receipt 1" in said
    assert "the receipts were changed" in said
    told = json.loads(vsm("ledger", "verify", "receipts.ndjson", "--json", code=1, own=False))
    assert told["findings"][0].startswith("edit")


def test_receipts_are_compared_with_the_keys_one_trusts(vsm: Vsm, tmp_path: Path) -> None:
    from vsm_ledger import load_signer

    vsm("ledger", "export", "--output", "receipts.ndjson")
    load_signer(tmp_path / "ours")
    load_signer(tmp_path / "theirs", tmp_path / "secret")
    said = vsm("ledger", "verify", "receipts.ndjson", "--keys", "ours/keys", own=False)
    assert "note" not in said
    said = vsm("ledger", "verify", "receipts.ndjson", "--keys", "theirs", code=1, own=False)
    assert "none of those trusted" in said
    (tmp_path / "empty").mkdir()
    assert "no public key" in vsm("ledger", "verify", "receipts.ndjson", "--keys", "empty", code=2, own=False)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["ledger", "export", "--directive", "nobody"], "no directive 'nobody'"),
        (["ledger", "export", "--output", "no/such/folder"], "can't be written"),
        (["ledger", "verify", "no-such-file"], "can't be read"),
        (["ledger", "prune", "--older-than", "-1"], "--older-than"),
        (["cost", "--by", "people"], "--by can't be 'people'"),
        (["cost", "--directive", "nobody"], "no directive 'nobody'"),
        (["cost", "--json", "--csv"], "choose one"),
        (["outcomes", "scan"], "is not in a git repository"),
    ],
)
def test_what_cannot_be_done_is_refused_in_one_line(arguments: list[str], said: str, vsm: Vsm) -> None:
    assert said in vsm(*arguments, code=2)


@pytest.mark.parametrize("columns", [80, 160])
@pytest.mark.parametrize("by", ["node", "genome", "task", "model"])
def test_cost_fits_its_width_and_comes_in_every_form(by: str, columns: int, vsm: Vsm) -> None:
    lines = vsm("cost", "--by", by, columns=columns).splitlines()
    assert lines[0].startswith(by)
    assert max(map(len, lines)) <= columns
    rows = json.loads(vsm("cost", "--by", by, "--json"))
    assert sum(row["attempts"] for row in rows) == 2
    assert vsm("cost", "--by", by, "--csv").splitlines()[0].startswith("name,attempts,late,silent")
    assert len(lines) == len(rows) + 1


def test_outcomes_of_a_repository(vsm: Vsm, tmp_path: Path) -> None:
    task = json.loads(vsm("ledger", "traces", "--node", "echo", "--json") or "[]") or json.loads(
        vsm("ledger", "traces", "--node", "twin", "--json")
    )
    folder = tmp_path / "repository"
    git = ["git", "-C", str(folder), "-c", "user.name=Ada", "-c", "user.email=ada@localhost"]
    subprocess.run(["git", "init", "-q", str(folder)], check=True)
    (folder / "a").write_text("a")
    subprocess.run([*git, "add", "."], check=True)
    trailer = f"VSM-Task: {task[0]['task_id']}"
    for message in ("Begin", f"Do it\n\n{trailer}"):
        subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", message], check=True)
    head = subprocess.run(
        [*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True
    ).stdout.strip()
    undone = f"Undo it\n\nThis reverts commit {head}."
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", undone], check=True)
    here = ("--workspace", str(folder))
    assert "would record 1 outcome from 3 commits" in vsm("outcomes", "scan", "--dry-run", *here)
    said = vsm("outcomes", "scan", *here)
    assert said.startswith("reverted  ")
    assert "recorded 1 outcome from 3 commits, 1 of them the organization's" in said
    told = json.loads(vsm("outcomes", "scan", "--json", *here))
    assert (told["recorded"], told["known"]) == ([], 1)
    assert "names no commit" in vsm("outcomes", "scan", "--ref", "nowhere", *here, code=2)
    rows = json.loads(vsm("ledger", "attribution", "--json"))
    assert sum(row["own_reverted"] for row in rows) == 1
