"""The command line from a directive to an applied branch: what is printed, where, and with which exit code."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from vsm_system.cli.app import run_command_line

TIMEOUT_SECONDS = 100
STOP_SECONDS = 10
POLL_SECONDS = 0.05
LINT = "Fix the lint errors; the tests must still pass"
KEYS = [
    "directive_id",
    "outcome",
    "reason",
    "branch",
    "commit",
    "base",
    "tasks",
    "evidence",
    "usage",
    "ledger",
]
TASK_KEYS = ["id", "role", "node", "outcome", "attempts", "commit", "files_touched"]
EVIDENCE_KEYS = ["argv", "exit_code", "where", "duration_seconds", "summary"]
Git = Callable[..., str]


class Vsm:
    """Commands in this process, on one sample repository."""

    def __init__(self, root: Path, capfd: pytest.CaptureFixture[str]) -> None:
        self.root = root
        self._capfd = capfd

    def __call__(self, *arguments: str, code: int = 0) -> str:
        self._capfd.readouterr()
        found = run_command_line([*arguments, "--workspace", str(self.root)])
        said = self._capfd.readouterr()
        assert found == code, (said.out, said.err)
        self.errors = said.err
        return said.out

    def document(self, *arguments: str, code: int = 0) -> dict[str, object]:
        return json.loads(self("run-directive", *arguments, "--json", code=code))


@pytest.fixture
def vsm(tmp_path: Path, isolated_home: Path, capfd: pytest.CaptureFixture[str]) -> Vsm:
    root = tmp_path / "a sample"
    assert run_command_line(["sample", str(root)]) == 0
    return Vsm(root, capfd)


def test_a_directive_from_words_to_an_applied_branch(vsm: Vsm, git: Git) -> None:
    base = git(vsm.root, "rev-parse", "main")
    # when it is run
    document = vsm.document(LINT)
    # then the document says all, and nothing of the user's has moved
    assert list(document) == KEYS
    assert (document["outcome"], document["base"]) == ("completed", base)
    assert all(list(task) == TASK_KEYS for task in document["tasks"])
    assert {"engineering", "linter", "checker", "verifier"} == {task["node"] for task in document["tasks"]}
    assert all(list(each) == EVIDENCE_KEYS for each in document["evidence"])
    assert {each["where"] for each in document["evidence"]} == {"base", "result"}
    assert git(vsm.root, "rev-parse", str(document["branch"])) == document["commit"]
    assert git(vsm.root, "rev-parse", "main") == base
    assert git(vsm.root, "status", "--porcelain") == ""
    # and asking again prints the same and runs nothing
    started = time.monotonic()
    assert vsm.document(LINT) == document
    assert time.monotonic() - started < 5
    told = vsm("run-directive", LINT)
    assert "completed" in told
    assert "nothing was run" in told
    assert "before 13 passed   after 13 passed" in told
    # and the records answer
    directive, task = str(document["directive_id"]), document["tasks"][1]
    assert directive in vsm("runs")
    assert json.loads(vsm("runs", "--json"))[0]["directive_id"] == directive
    assert len(json.loads(vsm("ledger", "tasks", directive, "--json"))) == len(document["tasks"])
    assert "ruff check" in vsm("logs", task["id"])
    assert "linter" in vsm("why", task["id"][:16])
    assert "the record is whole (compared: facts, heads and checkpoints)" in vsm("ledger", "verify")
    assert json.loads(vsm("ledger", "verify", "--json"))["findings"] == []
    assert '"kind":"DirectiveFinished"' in vsm("ledger", "facts", "--kind", "DirectiveFinished")
    # and the result can be taken, once
    assert "main is at" in vsm("apply", directive)
    assert git(vsm.root, "rev-parse", "main") == document["commit"]
    assert git(vsm.root, "status", "--porcelain") == ""
    assert "already" in vsm("apply", directive)
    assert "deleted" in vsm("discard", directive, "--yes")
    assert (
        git(vsm.root, "for-each-ref", "--format=%(refname)", "refs/heads", "refs/vsm/attempts")
        == "refs/heads/main"
    )
    assert "no branch and no refs" in vsm("discard", directive)


def test_apply_at_once_and_nothing_left_to_do(vsm: Vsm, git: Git) -> None:
    told = vsm("run-directive", LINT, "--apply")
    assert "main is at" in vsm.errors
    assert " apply d-" not in told
    head = git(vsm.root, "rev-parse", "main")
    assert git(vsm.root, "rev-list", "--count", "main") != "1"
    # the same words on the new commit are another directive, and there is nothing left to do
    again = vsm.document(LINT)
    assert (again["outcome"], again["branch"], again["base"]) == ("no_change", None, head)


def test_what_is_in_the_way_of_applying_is_one_line_and_the_result_stays(vsm: Vsm, git: Git) -> None:
    (vsm.root / "tally" / "report.py").write_text("mine = 1\n")
    told = vsm("run-directive", LINT, "--apply", code=1)
    lines = vsm.errors.splitlines()
    assert any("1 changed file is not committed" in line for line in lines)
    assert any(
        line.startswith("vsm: not applied: your own changes are in the way: tally/report.py")
        for line in lines
    )
    assert " apply d-" in told
    assert (vsm.root / "tally" / "report.py").read_text() == "mine = 1\n"


def test_again_is_a_directive_of_its_own(vsm: Vsm) -> None:
    first = vsm.document(LINT, "--acceptance", "true")
    second = vsm.document(LINT, "--acceptance", "true", "--again")
    assert str(second["directive_id"]).startswith(f"{first['directive_id']}-")
    assert second["outcome"] == first["outcome"] == "completed"


def test_a_chosen_id_names_the_branch_and_can_be_asked_for_alone(vsm: Vsm) -> None:
    document = vsm.document(LINT, "--directive", "tidy-up", "--acceptance", "true")
    assert document["branch"] == "vsm/tidy-up"
    assert vsm.document("--directive", "tidy-up") == document
    vsm("run-directive", "Sort the imports", "--directive", "tidy-up", code=2)
    assert "is known already as" in vsm.errors


def test_what_needs_a_model_needs_a_human(vsm: Vsm) -> None:
    document = vsm.document("Add an export to PDF", code=3)
    assert document["outcome"] == "needs_human"
    assert "vsm genome show > organization.yaml" in str(document["reason"])
    told = vsm("run-directive", "Add an export to PDF", code=3)
    assert "needs_human" in told
    directive = str(document["directive_id"])
    assert f"run-directive --directive {directive} " in told
    assert "--again" in told
    anew = vsm.document("--directive", directive, "--again", code=3)
    assert str(anew["directive_id"]).startswith(f"{directive}-")
    assert anew["reason"] == document["reason"]


def test_a_plan_runs_nothing(vsm: Vsm, git: Git) -> None:
    plan = json.loads(
        vsm("run-directive", "Fix the lint errors and modernise the syntax", "--dry-run", "--json")
    )
    (task,) = plan["tasks"]
    assert (task["node"], [each["node"] for each in task["tasks"]]) == (
        "engineering",
        ["linter", "moderniser"],
    )
    assert task["tasks"][1]["waits_for"] == [0]
    assert plan["acceptance"] == [["pytest"]]
    assert git(vsm.root, "for-each-ref", "--format=%(refname)") == "refs/heads/main"
    assert not (vsm.root / ".git" / "vsm").exists()


def test_plain_lines_say_what_happens(vsm: Vsm) -> None:
    told = vsm("run-directive", LINT, "--acceptance", "true")
    lines = told.splitlines()
    assert lines[0].startswith("directive d-")
    assert any('linter          completed: "Fix what the linter can fix safely"' in line for line in lines)
    assert "\x1b" not in told
    assert all(line == line.rstrip() for line in lines)


def test_the_state_may_lie_elsewhere(vsm: Vsm, tmp_path: Path) -> None:
    where = ("--state", str(tmp_path / "state"), "--ledger", str(tmp_path / "records" / "own.db"))
    document = vsm.document(LINT, "--acceptance", "true", *where)
    assert document["ledger"] == str(tmp_path / "records" / "own.db")
    assert not (vsm.root / ".git" / "vsm").exists()
    assert "the record is whole" in vsm("ledger", "verify", *where)
    assert str(document["directive_id"]) in vsm("runs", *where)


def test_clean_takes_away_what_is_over(vsm: Vsm, git: Git) -> None:
    vsm.document(LINT, "--acceptance", "true")
    assert "refs/vsm/attempts/" in git(vsm.root, "for-each-ref", "--format=%(refname)")
    assert "attempts and rescues" in vsm("clean", "--dry-run")
    assert "refs/vsm/attempts/" in git(vsm.root, "for-each-ref", "--format=%(refname)")
    vsm("clean", "--yes")
    assert "refs/vsm/attempts/" not in git(vsm.root, "for-each-ref", "--format=%(refname)")
    assert (vsm.root / ".git" / "vsm" / "ledger.db").exists()
    vsm("clean", "--yes", "--state-too")
    assert not (vsm.root / ".git" / "vsm").exists()


@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGTERM], ids=["interrupt", "terminate"])
def test_an_interrupted_run_leaves_nothing_and_goes_on(
    vsm: Vsm, git: Git, tmp_path: Path, signal_number: int
) -> None:
    go_on = tmp_path / "go-on"
    acceptance = ("--acceptance", f"sh -c 'test -e {go_on} || exec sleep 61'")
    # given a run whose verification takes too long
    with started(LINT, "--workspace", str(vsm.root), "--json", *acceptance) as process:
        deadline = time.monotonic() + TIMEOUT_SECONDS
        while not (pids := running("sleep 61")):
            assert time.monotonic() < deadline
            assert process.poll() is None
            time.sleep(POLL_SECONDS)
        # when it is interrupted
        interrupted = time.monotonic()
        process.send_signal(signal_number)
        output, errors = process.communicate(timeout=STOP_SECONDS)
    # then it ends in time, with its document, and nothing is left
    assert time.monotonic() - interrupted < 5
    assert process.returncode == 130, errors
    assert json.loads(output)["outcome"] == "cancelled"
    assert not [pid for pid in pids if Path(f"/proc/{pid}").exists()]
    assert git(vsm.root, "worktree", "list", "--porcelain").count("worktree ") == 1
    # and the same directive goes on, once its verification can end
    go_on.touch()
    again = vsm.document(LINT, *acceptance)
    assert (again["outcome"], again["directive_id"]) == ("completed", json.loads(output)["directive_id"])


@contextmanager
def started(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A run in a process of its own, dead at the end whatever happens."""
    process = subprocess.Popen(
        [sys.executable, "-m", "vsm_system", "run-directive", *arguments],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def running(command: str) -> list[int]:
    """The processes that run a command."""
    found = []
    for each in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = each.read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
        except OSError:
            continue
        if words == command:
            found.append(int(each.parent.name))
    return found
