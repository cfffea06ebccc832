"""What a caller does to a run from outside: branches that are gone, streams that are closed or full, early signals."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from vsm_system.cli.app import run_command_line

TIMEOUT_SECONDS = 100
ROOT = Path(__file__).parents[2]
LINT = ("Fix the lint errors", "--acceptance", "true")
DETACH = ("checkout", "--quiet", "--detach")
Git = Callable[..., str]
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def sample(tmp_path: Path, isolated_home: Path) -> Path:
    root = tmp_path / "sample"
    assert run_command_line(["sample", str(root)]) == 0
    return root


@pytest.fixture
def vsm(sample: Path, capfd: pytest.CaptureFixture[str]) -> Run:
    def run(*arguments: str) -> tuple[int, str, str]:
        capfd.readouterr()
        code = run_command_line([*arguments, "--workspace", str(sample)])
        return code, *capfd.readouterr()

    return run


def test_a_discarded_result_is_gone_and_can_be_made_anew(vsm: Run) -> None:
    first = json.loads(vsm("run-directive", *LINT, "--json")[1])
    directive = first["directive_id"]
    assert vsm("discard", directive, "--yes")[0] == 0
    # then what needs the branch refuses in one line
    gone = f"the branch vsm/{directive} is gone: it was discarded"
    for command in ("apply", "diff"):
        code, output, errors = vsm(command, directive)
        assert (code, output) == (2, "")
        assert errors.startswith(f"vsm: {gone}")
        assert errors.count("\n") == 1
    # and the recorded result is printed with a line that says so
    code, output, errors = vsm("run-directive", *LINT, "--json")
    assert (code, json.loads(output)) == (0, first)
    assert gone in errors
    code, output, errors = vsm("run-directive", *LINT)
    assert code == 0
    assert gone in " ".join(output.split())
    assert f" diff {directive}" not in output
    # and it is done anew where that is asked
    code, output, _ = vsm("run-directive", "--directive", directive, "--again", "--json")
    assert (code, json.loads(output)["outcome"]) == (0, "completed")


def test_a_detached_head_is_not_moved(vsm: Run, sample: Path, git: Git) -> None:
    git(sample, *DETACH)
    code, output, errors = vsm("run-directive", *LINT, "--apply")
    assert code == 1
    assert "not applied: directive" in errors
    assert " apply d-" not in output
    assert "git merge vsm/d-" in output


def shell(line: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run vsm as a shell would, in a process of its own."""
    return subprocess.run(
        ["sh", "-c", line.replace("vsm ", f"{sys.executable} -m vsm_system ", 1)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )


@pytest.mark.parametrize("where", [">&-", ">/dev/full", ">/dev/full 2>/dev/full", "<&- >&- 2>&-"])
def test_an_output_that_takes_nothing_stops_no_work(sample: Path, git: Git, where: str) -> None:
    for extra in ("", "--json"):
        finished = shell(f"vsm run-directive 'Fix the lint errors' --acceptance true {extra} {where}", sample)
        assert finished.returncode == 0, finished.stderr
        assert "rror" not in finished.stderr
    assert "vsm/d-" in git(sample, "branch", "--list", "vsm/*")


def test_what_is_only_looked_at_says_that_it_can_not_be_written(sample: Path) -> None:
    finished = shell("vsm config show >/dev/full", sample)
    assert finished.returncode == 1
    assert finished.stderr == "vsm: the output can't be written: No space left on device\n"


def handles(pid: int, number: int) -> bool:
    """Whether a process has a handler for a signal."""
    status = Path(f"/proc/{pid}/status").read_text()
    (caught,) = (line.split()[1] for line in status.splitlines() if line.startswith("SigCgt"))
    return bool(int(caught, 16) >> (number - 1) & 1)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["interrupt", "terminate"])
def test_a_signal_right_at_the_start_is_answered_with_the_document(sample: Path, number: int) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "vsm_system", "run-directive", *LINT, "--json"],
        cwd=sample,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        while not handles(process.pid, signal.SIGTERM):
            assert process.poll() is None
            time.sleep(0.001)
        process.send_signal(number)
        output, errors = process.communicate(timeout=TIMEOUT_SECONDS)
    assert process.returncode == 130, errors
    assert json.loads(output)["outcome"] == "cancelled"
    assert "Traceback" not in errors
