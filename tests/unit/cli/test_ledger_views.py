"""What `vsm ledger` prints of attempts, tasks and facts: for people on 80 and 160 columns, and for programs."""

import asyncio
import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.unit.ledger.attempts import traces, write
from tests.unit.ledger.story import DIRECTIVE, PART, tell
from vsm_ledger import open_journal
from vsm_system.cli.app import run_command_line
from vsm_system.cli.attributing import amounts, compact, rounded

COUNT = 200
Vsm = Callable[..., str]


async def lay_down(path: Path) -> None:
    journal = await open_journal(path)
    await tell(journal)
    await write(journal, "other", traces(COUNT))
    await journal.close()


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("views") / "ledger.db"
    asyncio.run(lay_down(path))
    return path


@pytest.fixture
def vsm(
    ledger: Path, isolated_home: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Vsm:
    monkeypatch.chdir(ledger.parent)

    def run(*arguments: str, code: int = 0, columns: int = 160) -> str:
        monkeypatch.setenv("COLUMNS", str(columns))
        capfd.readouterr()
        found = run_command_line(["ledger", *arguments, "--ledger", str(ledger)])
        said = capfd.readouterr()
        assert found == code, (said.out, said.err)
        assert said.err.count("\n") == (1 if code else 0)
        return said.err if code else said.out

    return run


@pytest.mark.parametrize("columns", [80, 160])
@pytest.mark.parametrize("command", ["attribution", "tasks", "traces"])
def test_a_table_fits_its_width_and_loses_no_number(command: str, columns: int, vsm: Vsm) -> None:
    lines = vsm(command, columns=columns).splitlines()
    assert max(map(len, lines)) <= columns
    assert len(lines) > 2
    assert not any("…" in line for line in lines)


def test_attribution_says_the_same_in_every_form(vsm: Vsm) -> None:
    told = json.loads(vsm("attribution", "--json"))
    listed = list(csv.DictReader(io.StringIO(vsm("attribution", "--csv"))))
    assert [row["name"] for row in told] == [row["name"] for row in listed]
    assert [str(row["own_attempts"]) for row in told] == [row["own_attempts"] for row in listed]
    root = next(row for row in told if row["name"] == "root")
    assert root["attempts"] == COUNT + 1
    assert root["low"] < root["success"] < root["high"]


def test_the_two_sources_say_the_same(vsm: Vsm) -> None:
    assert vsm("attribution", "--from", "rollups") == vsm("attribution", "--from", "traces")


@pytest.mark.parametrize("group", ["genome", "trial", "arm", "role", "class", "outcome", "hour", "day"])
def test_every_group_sums_up_to_all(group: str, vsm: Vsm) -> None:
    rows = json.loads(vsm("attribution", "--group-by", group, "--json"))
    assert sum(row["attempts"] for row in rows) == COUNT + 1


def test_rows_come_in_the_order_asked_for(vsm: Vsm) -> None:
    scores = [row["score"] for row in json.loads(vsm("attribution", "--sort", "score", "--json"))]
    assert scores == sorted(scores, reverse=True)
    upward = [row["score"] for row in json.loads(vsm("attribution", "--sort", "score:asc", "--json"))]
    assert upward == scores[::-1]
    assert len(json.loads(vsm("attribution", "--limit", "2", "--json"))) == 2
    slowest = json.loads(vsm("traces", "--sort", "latency_micros:desc", "-n", "5", "--json"))
    latencies = [row["latency_micros"] for row in slowest]
    assert latencies == sorted(latencies, reverse=True)


def test_tasks_of_the_newest_directive_come_in_the_order_of_the_plan(vsm: Vsm) -> None:
    rows = json.loads(vsm("tasks", "--json"))
    assert [row["task_id"] for row in rows] == ["task_whole", "task_other", "task_part", "task_check"]
    assert rows[3]["dependencies"] == ["task_part"]
    assert json.loads(vsm("tasks", DIRECTIVE, "--json")) == rows


def test_tasks_below_a_node_are_those_its_subtree_worked_on(vsm: Vsm) -> None:
    assert {row["task_id"] for row in json.loads(vsm("tasks", "--subtree", "team", "--json"))} == {
        "task_whole",
        PART,
    }
    assert [row["task_id"] for row in json.loads(vsm("tasks", "--node", "tester", "--json"))] == [
        "task_check"
    ]
    assert {row["task_id"] for row in json.loads(vsm("tasks", "--genome", "aaa", "--json"))} == {PART}


def test_traces_below_a_node(vsm: Vsm) -> None:
    below = json.loads(vsm("traces", "--subtree", "team", "--json"))
    assert {row["node"] for row in below} == {"coder", "tester", "deep"}
    assert all("team" in row["ancestors"].split("/") for row in below)
    assert len(json.loads(vsm("traces", "--task", PART, "--json"))) == 1


def test_groups_of_rows_are_counted(vsm: Vsm) -> None:
    kinds = {row["kind"]: row["count"] for row in json.loads(vsm("facts", "--group-by", "kind", "--json"))}
    assert kinds["TaskTraced"] == COUNT + 1
    assert vsm("tasks", "--group-by", "role", "--csv") == "role,count\nimplement,3\ntest,1\n"


def test_facts_are_lines_or_one_document(vsm: Vsm) -> None:
    lines = [json.loads(line) for line in vsm("facts", "--stream", "team", "--limit", "3").splitlines()]
    assert json.loads(vsm("facts", "--node", "team", "--limit", "3", "--json")) == lines
    assert [line["version"] for line in lines] == [1, 2, 3]
    assert lines[0]["fact"]["kind"] == "TaskAdmitted"


def test_a_window_leaves_out_what_is_outside(vsm: Vsm) -> None:
    assert json.loads(vsm("facts", "--since", "2026-02-03", "--json")) == []
    assert json.loads(vsm("attribution", "--until", "2026-01-02T03:04:05", "--json")) == []
    assert json.loads(vsm("attribution", "--since", "100w", "--json"))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["attribution", "--node", "roof"], "no node 'roof' in this ledger (did you mean 'root'?)"),
        (["attribution", "--subtree", "x"], "no node 'x'"),
        (["attribution", "--group-by", "nodes"], "did you mean 'node'?"),
        (["attribution", "--arm", "left"], "--arm can't be 'left'"),
        (["attribution", "--role", "chief"], "--role can't be 'chief'"),
        (["attribution", "--sort", "scores"], "did you mean 'score'?"),
        (["attribution", "--sort", "score:up"], "one of asc, desc"),
        (["attribution", "--since", "soon"], "--since 'soon' is no time"),
        (["attribution", "--from", "rollups", "--since", "2026-01-02T03:30"], "rollups count by the hour"),
        (["attribution", "--json", "--csv"], "choose one"),
        (["tasks", "no-such"], "no directive 'no-such'"),
        (["tasks", "--group-by", "body"], "--group-by can't be 'body'"),
        (["traces", "--task", "no-such"], "no task 'no-such'"),
        (["facts", "--kind", "TaskDone"], "--kind can't be 'TaskDone'"),
        (["facts", "--until", "99999999w"], "is no time"),
    ],
)
def test_what_cannot_be_answered_is_refused_in_one_line(arguments: list[str], said: str, vsm: Vsm) -> None:
    assert said in vsm(*arguments, code=2)


def test_numbers_are_short_and_keep_what_matters() -> None:
    assert [compact(each) for each in (0, 9_999, 12_345, 9_876_543, 5e9)] == [
        "0",
        "9999",
        "12.3k",
        "9.9M",
        "5.0G",
    ]
    assert [rounded(each) for each in (0, 0.0004, 0.25, 12.34, 1092.1)] == [
        "0.00",
        "0.0004",
        "0.25",
        "12.3",
        "1092",
    ]
    assert amounts({"EUR": 1.5, "USD": 0.25}) == "1.50 EUR + 0.25 USD"
    assert amounts({}) == "-"
