"""The commands that only look, or lay out: configuration, organizations, the machine, the sample, the record."""

import json
import os
import resource
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from vsm_system.cli.app import run_command_line
from vsm_system.crash import CRASH_POINTS
from vsm_system.organizations import load_organization
from vsm_system.organizations.loading import parse_organization
from vsm_system.sample.layout import sample_files

TIMEOUT_SECONDS = 100
HELP_SECONDS = 0.8
IMPORT_SECONDS = 0.2
Run = Callable[..., str]
Git = Callable[..., str]


@pytest.fixture
def vsm(
    tmp_path: Path, isolated_home: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Run:
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str, code: int = 0) -> str:
        capfd.readouterr()
        found = run_command_line(arguments)
        said = capfd.readouterr()
        assert found == code, (said.out, said.err)
        return said.out

    return run


def cpu_seconds(*arguments: str) -> float:
    """The least that one of three runs of a python command takes from the processor; what else runs does not count."""
    times = []
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(
            [sys.executable, *arguments], env=environment, check=True, capture_output=True, timeout=60
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        times.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(times)


def test_help_is_fast_and_the_package_is_cheap_to_import() -> None:
    nothing = cpu_seconds("-c", "pass")
    assert cpu_seconds("-m", "vsm_system", "--help") < HELP_SECONDS
    assert cpu_seconds("-c", "import vsm_system") - nothing < IMPORT_SECONDS


@pytest.mark.parametrize(
    "command",
    [
        *(
            [name]
            for name in (
                "run-directive",
                "diff",
                "apply",
                "discard",
                "runs",
                "logs",
                "why",
                "doctor",
                "clean",
            )
        ),
        *(
            ["ledger", name]
            for name in (
                "verify",
                "attribution",
                "tasks",
                "traces",
                "facts",
                "export",
                "replay",
                "rebuild",
                "prune",
                "migrate",
            )
        ),
        ["cost"],
        ["outcomes", "scan"],
        *(["genome", name] for name in ("show", "validate", "diff")),
        ["config", "show"],
        ["sample"],
    ],
    ids=" ".join,
)
def test_every_command_of_the_contract_explains_itself(vsm: Run, command: list[str]) -> None:
    assert "Usage: vsm " + " ".join(command) in vsm(*command, "--help")


def test_the_version_is_printed(vsm: Run) -> None:
    assert vsm("--version").startswith("vsm ")


def test_each_value_of_the_configuration_has_its_source(
    vsm: Run, monkeypatch: pytest.MonkeyPatch, git: Git
) -> None:
    git(Path(), "init", "--quiet")
    Path("vsm.toml").write_text('acceptance = ["make check"]\n')
    monkeypatch.setenv("VSM_JOBS", "4")
    document = json.loads(vsm("config", "show", "--json"))
    assert document["jobs"] == {"value": 4, "source": "VSM_JOBS"}
    assert document["acceptance"] == {"value": ["make check"], "source": "vsm.toml"}
    assert document["organization"] == {"value": "maintenance", "source": "default"}
    assert "make check" in vsm("config", "show")


def test_an_organization_is_shown_in_the_form_that_is_read(vsm: Run) -> None:
    written = vsm("genome", "show", "nested")
    assert parse_organization(written, source="shown") == load_organization("nested")
    assert json.loads(vsm("genome", "show", "--json"))["root_id"] == "maintenance"
    assert "linter" in vsm("genome", "show", "--tree")
    part = parse_organization(vsm("genome", "show", "--node", "engineering"), source="shown")
    assert set(part.nodes) == {"engineering", "linter", "moderniser", "formatter", "checker"}


def test_organizations_are_checked_and_compared(vsm: Run) -> None:
    text = vsm("genome", "show", "single-coder").replace("id: tester", "id: examiner")
    Path("own.yaml").write_text(text)
    assert "3 nodes" in vsm("genome", "validate", "own.yaml")
    assert vsm("genome", "diff", "single-coder", "single-coder") == ""
    difference = vsm("genome", "diff", "single-coder", "own.yaml", code=1)
    assert "-- id: tester" in difference
    assert "+- id: examiner" in difference
    Path("own.yaml").write_text("id: a\nchildren: [{id: b, operation: coding}]\n")
    assert "a has no testing leaf of its own" in vsm("genome", "validate", "own.yaml")


def test_the_doctor_looks_at_the_machine(vsm: Run) -> None:
    findings = {each["subject"]: each for each in json.loads(vsm("doctor", "--json"))}
    assert {"python", "git", "ruff", "pytest", "typos", "vulture", "bandit", "providers", "isolation"} <= set(
        findings
    )
    assert findings["git"]["standing"] == "ok"
    assert "isolation" in vsm("doctor")
    assert tuple(vsm("doctor", "--crash-points").split()) == CRASH_POINTS
    assert tuple(json.loads(vsm("doctor", "--crash-points", "--json"))) == CRASH_POINTS


def test_the_doctor_says_how_to_get_what_is_missing(
    vsm: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    told = vsm("doctor", code=1)
    assert "git is not installed" in told
    assert "install git 2.38 or newer" in told


def test_the_sample_is_a_repository_with_passing_tests_and_errors_to_mend(vsm: Run, git: Git) -> None:
    assert "Fix the lint errors" in vsm("sample", "my sample")
    root = Path("my sample")
    assert git(root, "status", "--porcelain") == ""
    assert git(root, "rev-list", "--count", "HEAD") == "1"
    assert len(git(root, "ls-files").splitlines()) == len(list(sample_files())) >= 8
    tests = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    subprocess.run(tests, cwd=root, env=environment, check=True, capture_output=True, timeout=TIMEOUT_SECONDS)
    linter = [
        sys.executable,
        "-m",
        "ruff",
        "check",
        "--isolated",
        "--no-cache",
        "--select",
        "F,I,UP",
        "--statistics",
    ]
    found = subprocess.run(
        linter, cwd=root, check=False, capture_output=True, text=True, timeout=TIMEOUT_SECONDS
    )
    for code in ("F401", "I001", "UP006", "UP008", "UP009", "UP031", "UP035"):
        assert code in found.stdout


def test_a_ledger_that_was_changed_is_found_out(vsm: Run) -> None:
    vsm("sample", "sample")
    words = (
        "run-directive",
        "Fix the lint errors",
        "--acceptance",
        "true",
        "--workspace",
        "sample",
        "--json",
    )
    assert json.loads(vsm(*words))["outcome"] == "completed"
    assert "the record is whole" in vsm("ledger", "verify", "--workspace", "sample")
    ledger = Path("sample/.git/vsm/ledger.db")
    with sqlite3.connect(ledger) as connection:
        connection.execute(
            "UPDATE facts SET body = replace(body, 'linter', 'winter') WHERE kind = 'TaskAssigned'"
        )
    connection.close()
    told = vsm("ledger", "verify", "--workspace", "sample", code=1)
    assert "found: edit at fact" in told
    assert "the record was changed" in told
    # also where the ledger is named as a file, and from anywhere
    assert vsm("ledger", "verify", "--ledger", str(ledger), code=1)


def test_without_a_run_there_is_nothing_to_list(vsm: Run) -> None:
    vsm("sample", "sample")
    assert "no directives yet" in vsm("runs", "--workspace", "sample")
    assert json.loads(vsm("runs", "--workspace", "sample", "--json")) == []
