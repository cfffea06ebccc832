"""A run that is killed anywhere and started again ends as if nothing had happened, with each effect once."""

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from vsm_ledger.verification import verify
from vsm_system.crash import CRASH_POINTS

SECONDS = 90
DIRECTIVE = "Fix the lint errors and modernise the syntax"
# Early and late passings: the first ones are the directive's intake, later ones its results and its end.
PASSINGS = {
    "host.before_commit": (1, 9, 20),
    "host.after_commit": (2, 6, 17, 24),
    "host.after_ack": (3, 12),
    "ref.after_move": (1, 2),
    "job.after_end": (1, 3),
}
CASES = [(point, count) for point in CRASH_POINTS for count in PASSINGS.get(point, (1,))]


def vsm(repository: Path, *, crash: str = "") -> tuple[int, str]:
    """Run the directive on a repository; return the exit code and what it printed."""
    environment = {**os.environ, "VSM_CRASH_AT": crash} if crash else dict(os.environ)
    command = [sys.executable, "-m", "vsm_system", "run-directive", DIRECTIVE, "--json"]
    command += ["--acceptance", "true", "--workspace", str(repository)]
    ended = subprocess.run(
        command,
        env=environment,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    return ended.returncode, ended.stdout if ended.returncode == 0 else ended.stderr


def git(repository: Path, *words: str) -> str:
    """Return what a git command prints."""
    command = ["git", "-C", str(repository), *words]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=SECONDS).stdout


@pytest.fixture(scope="session")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Lay out the sample repository once."""
    place = tmp_path_factory.mktemp("original") / "sample"
    command = [sys.executable, "-m", "vsm_system", "sample", str(place)]
    subprocess.run(command, check=True, capture_output=True, timeout=SECONDS)
    return place


@pytest.fixture
def sample(original: Path, tmp_path: Path) -> Path:
    """Return a copy of the sample repository."""
    return shutil.copytree(original, tmp_path / "sample")


@pytest.mark.parametrize(("point", "count"), CASES, ids=str)
async def test_a_killed_run_is_finished_by_the_next_one(sample: Path, point: str, count: int) -> None:
    # given a run that is killed at a crash point
    code, _ = vsm(sample, crash=f"{point}:{count}")
    assert code == -signal.SIGKILL or (count > 1 and code == 0)
    # when it is run again
    code, printed = vsm(sample)
    # then it is finished, and every effect is there once
    assert code == 0, printed
    document = json.loads(printed)
    assert document["outcome"] == "completed"
    assert_each_effect_once(sample, document)
    assert_nothing_is_left(sample)
    await assert_the_ledger_holds(Path(str(document["ledger"])))


def assert_each_effect_once(repository: Path, document: dict[str, object]) -> None:
    """Check that the branch holds the work of each task exactly once, on top of the untouched base."""
    branch, base = str(document["branch"]), str(document["base"])
    assert git(repository, "rev-parse", branch).strip() == document["commit"]
    assert git(repository, "rev-parse", "HEAD").strip() == base
    trailers = git(repository, "log", "--format=%(trailers:key=VSM-Task,valueonly)", f"{base}..{branch}")
    tasks = trailers.split()
    assert len(tasks) == len(set(tasks)) == 2  # the linter's and the moderniser's
    assert git(repository, "status", "--porcelain") == ""


def assert_nothing_is_left(repository: Path) -> None:
    """Check that no work tree is left, here or in the cache."""
    assert len(git(repository, "worktree", "list").strip().split("\n")) == 1
    cache = Path(os.environ.get("XDG_CACHE_HOME", str(Path.home() / ".cache"))) / "vsm"
    assert [path for path in cache.glob("*/*") if (path / ".git").exists()] == []


async def assert_the_ledger_holds(path: Path) -> None:
    """Check the chain, and that every task and the directive ended exactly once."""
    verified = await verify(path)
    assert verified.findings == ()
    with closing(sqlite3.connect(path)) as ledger:
        ended = ledger.execute(
            "select coalesce(task_id, directive_id), count(*) from facts "
            "where kind in ('TaskConcluded', 'DirectiveFinished') group by 1"
        ).fetchall()
        planned = ledger.execute("select count(*) from facts where kind = 'TaskPlanned'").fetchone()[0]
    assert {count for _, count in ended} == {1}
    assert len(ended) == planned + 1  # all tasks, and the directive


@pytest.mark.parametrize("begun", ["", "pragma journal_mode = wal"], ids=["no bytes", "no tables"])
async def test_a_ledger_whose_making_was_cut_short_is_made_anew(sample: Path, begun: str) -> None:
    # given a run that was killed while it made its ledger
    state = sample / ".git" / "vsm"
    state.mkdir()
    (state / "ledger.db").touch()
    with closing(sqlite3.connect(state / "ledger.db")) as ledger:
        ledger.execute(begun)
    # when it is run again
    code, printed = vsm(sample)
    # then it begins where nothing had been begun
    assert code == 0, printed
    await assert_the_ledger_holds(state / "ledger.db")
