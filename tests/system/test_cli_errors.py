"""Every error a user can make is one line with the mend, exit code 2, nothing on the output and no traceback."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from vsm_system.cli.app import run_command_line

TIMEOUT_SECONDS = 60
ROOT = Path(__file__).parents[2]
WHERE = "import vsm_system.__main__, vsm_core, os; print(os.path.dirname(vsm_core.__file__))"
Lay = Callable[..., Path]
FILES = {"pkg/a.py": "import os\n", "tests/test_a.py": "def test_a(): pass\n"}
DIRECTIVE = ("run-directive", "Fix the lint errors")


@dataclass
class Finished:
    """How a command ended."""

    returncode: int
    stdout: str
    stderr: str


Vsm = Callable[..., Finished]


@pytest.fixture
def vsm(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Vsm:
    """Run a command in this process: what a process of its own would add is time."""

    def run(*arguments: str, folder: Path, environment: Mapping[str, str] | None = None) -> Finished:
        capfd.readouterr()
        with monkeypatch.context() as patch:
            patch.chdir(folder)
            for name, value in (environment or {}).items():
                patch.setenv(name, value)
            code = run_command_line(arguments)
        return Finished(code, *capfd.readouterr())

    return run


def assert_refused(finished: Finished, *expected: str) -> None:
    assert finished.returncode == 2, (finished.stdout, finished.stderr)
    assert finished.stdout == ""
    lines = finished.stderr.splitlines()
    assert len(lines) == 1, finished.stderr
    assert lines[0].startswith("vsm: ")
    assert all(part in lines[0] for part in expected), lines[0]


@pytest.fixture
def repository(git_repository: Lay) -> Path:
    return git_repository(FILES)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((), "say what to do"),
        (("   ",), "say what to do"),
        (("Fix it", "--organization", "maintenence"), "did you mean 'maintenance'"),
        (("Fix it", "--organization", "no.yaml"), "no.yaml: No such file"),
        (("Fix it", "--directive", "No Good"), "an id has 1 to 48"),
        (("--directive", "unknown-one"), "no directive 'unknown-one' is known here"),
        (("Fix it", "--acceptance", "pytest 'x"), "no closing quotation"),
        (("Fix it", "--acceptance", ""), "acceptance is empty"),
        (("Fix it", "--python", "no-such-python"), "no such program on PATH"),
        (("Fix it", "--python", "no/such/python"), "there is no interpreter at"),
        (("Fix it", "--rules", "not-a-rule"), "--rules"),
        (("Fix it", "--jobs", "0"), "--jobs"),
        (("Fix it", "--jobs", "many"), "--jobs"),
        (("Fix it", "--timeout", "-1"), "--timeout"),
        (("Fix it", "--timeout", "inf"), "--timeout"),
        (("Fix it", "--timeout", "1e12"), "--timeout"),
        (("--again",), "say what to do"),
        (("--no-wait", "--apply", "--timeout", "5"), "say what to do"),
        (("--again", "--directive", "unknown-one"), "no directive 'unknown-one' is known here"),
        (("Fix it", "--no-such-option"), "run-directive --help"),
        (("Fix it", "and that"), "run-directive --help"),
        (("Fix it", "--workspace", "no/such/folder"), "no/such/folder is not a folder"),
        (("Fix it", "--ledger", "mysql://localhost/x"), "not supported"),
    ],
)
def test_a_run_that_is_asked_for_wrongly(
    vsm: Vsm, repository: Path, arguments: tuple[str, ...], expected: str
) -> None:
    for extra in ((), ("--json",), ("--dry-run",)):
        assert_refused(vsm("run-directive", *arguments, *extra, folder=repository), expected)
    assert not (repository / ".git" / "vsm" / "ledger.db").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        DIRECTIVE,
        ("runs",),
        ("diff", "x"),
        ("apply", "x"),
        ("discard", "x"),
        ("cancel", "x"),
        ("clean",),
        ("ledger", "verify"),
    ],
)
def test_a_folder_that_is_no_repository(
    vsm: Vsm, tmp_path: Path, isolated_home: Path, arguments: tuple[str, ...]
) -> None:
    assert_refused(vsm(*arguments, folder=tmp_path), "not in a git repository: git init")


def test_a_repository_without_a_commit(vsm: Vsm, git_repository: Lay) -> None:
    assert_refused(vsm(*DIRECTIVE, folder=git_repository()), "no commit yet: commit something first")


def test_a_branch_in_the_way(vsm: Vsm, repository: Path, git: Callable[..., str]) -> None:
    git(repository, "branch", "vsm")
    assert_refused(vsm(*DIRECTIVE, folder=repository), "the branch 'vsm'", "git branch -m vsm NEW-NAME")


def test_a_git_that_is_missing_or_too_old(vsm: Vsm, repository: Path, tmp_path: Path) -> None:
    programs = tmp_path / "programs"
    programs.mkdir()
    assert_refused(
        vsm(*DIRECTIVE, folder=repository, environment={"PATH": str(programs)}), "git is not installed"
    )
    old = programs / "git"
    old.write_text("#!/bin/sh\necho git version 2.25.1\n")
    old.chmod(0o755)
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"
    assert_refused(vsm(*DIRECTIVE, folder=repository, environment={"PATH": path}), "git is too old", "2.38")


def test_bad_yaml_is_named_with_line_and_column(vsm: Vsm, repository: Path, tmp_path: Path) -> None:
    file = tmp_path / "crew.yaml"
    file.write_text("id: crew\nchildren:\n- {id: a, operaton: coding}\n")
    for arguments in (DIRECTIVE, ("genome", "validate"), ("genome", "show")):
        refused = vsm(*arguments, "--organization", str(file), folder=repository)
        assert_refused(
            refused, "crew.yaml:3:11: node 'a': unknown field 'operaton' (did you mean 'operation'?)"
        )


def test_a_root_without_children(vsm: Vsm, repository: Path, tmp_path: Path) -> None:
    file = tmp_path / "alone.yaml"
    file.write_text("id: alone\noperation: coding\n")
    assert_refused(vsm(*DIRECTIVE, "--organization", str(file), folder=repository), "a root without children")
    assert vsm("genome", "validate", str(file), folder=repository).returncode == 0


@pytest.mark.parametrize("group", ["genome", "ledger", "config"])
def test_a_group_without_a_command(vsm: Vsm, repository: Path, group: str) -> None:
    assert_refused(vsm(group, folder=repository), "missing command", f"vsm {group} --help")


def test_an_unknown_node(vsm: Vsm, repository: Path) -> None:
    refused = vsm("genome", "show", "--node", "lintr", folder=repository)
    assert_refused(refused, "unknown node 'lintr' (did you mean 'linter'?)")


def test_a_state_that_can_not_be_written(vsm: Vsm, repository: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    refused = vsm(*DIRECTIVE, "--state", str(tmp_path / "file" / "state"), folder=repository)
    assert_refused(refused, "the state folder", "choose another with --state DIR")


def test_a_ledger_that_is_none(vsm: Vsm, repository: Path, tmp_path: Path) -> None:
    (tmp_path / "ledger.db").write_text(
        "no database, but long enough to look like a file of some kind\n" * 20
    )
    for arguments in (DIRECTIVE, ("runs",), ("why", "task_x")):
        assert_refused(
            vsm(*arguments, "--ledger", str(tmp_path / "ledger.db"), folder=repository), "not a ledger"
        )


def test_configuration_that_does_not_fit(vsm: Vsm, repository: Path) -> None:
    (repository / "vsm.toml").write_text("job = 3\n")
    for arguments in (DIRECTIVE, ("config", "show"), ("runs",)):
        assert_refused(
            vsm(*arguments, folder=repository), "vsm.toml: unknown key 'job' (did you mean 'jobs'?)"
        )
    (repository / "vsm.toml").unlink()
    refused = vsm("config", "show", folder=repository, environment={"VSM_JOBS": "many"})
    assert_refused(refused, "VSM_JOBS: input should be a valid integer")


@pytest.mark.parametrize(
    "arguments",
    [("diff", "x"), ("apply", "x"), ("discard", "x"), ("cancel", "x"), ("why", "x"), ("logs", "x")],
)
def test_records_that_are_not_there(vsm: Vsm, repository: Path, arguments: tuple[str, ...]) -> None:
    assert_refused(vsm(*arguments, folder=repository), "no ledger at")


def test_a_workspace_that_is_no_folder(vsm: Vsm, repository: Path) -> None:
    for where in ("no/such", "pkg/a.py"):
        for arguments in (("config", "show"), ("runs",), ("cancel", "x")):
            refused = vsm(*arguments, "--workspace", where, folder=repository)
            assert_refused(refused, f"{where} is not a folder")


def test_facts_of_what_is_not_there(vsm: Vsm, repository: Path) -> None:
    assert vsm(*DIRECTIVE, "--acceptance", "true", "--directive", "mine", folder=repository).returncode == 0
    for arguments, said in (
        (("--kind", "TaskFinishd"), "--kind can't be 'TaskFinishd' (did you mean 'TaskFinished'?)"),
        (("--stream", "lintr"), "no node 'lintr' in this ledger"),
        (("--directive", "mien"), "no directive 'mien' in this ledger"),
        (("--task", "task_none"), "no task 'task_none' in this ledger"),
    ):
        assert_refused(vsm("ledger", "facts", *arguments, folder=repository), said)
    first = json.loads(vsm("ledger", "tasks", "--json", folder=repository).stdout)[0]["task_id"]
    assert vsm("ledger", "facts", "--task", first, folder=repository).stdout.count("\n") > 1


def test_a_directive_of_another_repository(vsm: Vsm, git_repository: Lay, repository: Path) -> None:
    other = git_repository({"b.py": "import os\n"}, name="an other")
    state = ("--state", str(repository / ".git" / "vsm"))
    ended = vsm(*DIRECTIVE, *state, "--acceptance", "true", "--directive", "there", folder=other)
    assert ended.returncode == 0, ended.stderr
    for command in ("diff", "apply", "discard"):
        refused = vsm(command, "there", folder=repository)
        assert_refused(refused, "is about another repository", f"--workspace '{other}'")
    assert vsm("apply", "there", *state, folder=other).returncode == 0


def test_a_sample_over_something(vsm: Vsm, repository: Path) -> None:
    assert_refused(vsm("sample", str(repository), folder=repository), "is not empty: name a new folder")
    assert_refused(vsm("sample", str(repository / "pkg" / "a.py"), folder=repository), "can't be written")


def test_an_unknown_crash_point_and_an_unknown_command(vsm: Vsm, repository: Path) -> None:
    refused = vsm(*DIRECTIVE, folder=repository, environment={"VSM_CRASH_AT": "nowhere:1"})
    assert_refused(refused, "unknown crash point 'nowhere'", "vsm doctor --crash-points")
    assert_refused(vsm("run-directve", folder=repository), "run-directve")


def test_nothing_is_asked_where_nobody_can_answer(vsm: Vsm, repository: Path) -> None:
    assert vsm("sample", "demo", folder=repository).returncode == 0
    refused = vsm("clean", "--workspace", "demo", folder=repository)
    assert refused.returncode == 2
    assert refused.stderr == "vsm: nobody is there to ask: add --yes\n"


def test_the_current_folder_can_not_put_its_modules_in_our_place(repository: Path) -> None:
    for name in ("yaml", "pydantic", "select", "typer", "rich", "sqlalchemy", "orjson", "vsm_core"):
        (repository / f"{name}.py").write_text("raise SystemExit('taken over')\n")
    program = Path(sys.executable).with_name("vsm")
    run = [[sys.executable, "-m", "vsm_system"], *([[str(program)]] if program.exists() else [])]
    for command in run:
        finished = subprocess.run(
            [*command, "run-directive", "Fix the lint errors", "--dry-run"],
            cwd=repository,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_SECONDS,
            check=False,
        )
        assert (finished.returncode, finished.stderr) == (0, "")
        assert "linter" in finished.stdout


def test_a_source_checkout_runs_from_its_own_folder(tmp_path: Path) -> None:
    for package in ROOT.glob("vsm_*"):
        shutil.copytree(package, tmp_path / package.name, ignore=shutil.ignore_patterns("__pycache__"))
    finished = subprocess.run(
        [sys.executable, "-c", WHERE],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    assert finished.stdout.strip() == str(tmp_path / "vsm_core"), finished.stderr
