"""Executions that are cancelled or killed: no work tree, no process, no lost work, and it can be taken up again."""

import asyncio
import signal
import time

import pytest

from tests.unit.worker.packets import (
    assigned,
    leaf,
    leftovers,
    packet,
    request,
    run_script,
    script,
    surroundings,
)
from tests.unit.worker.processes import PROMPT_SECONDS, alive, gone, python, sleeper, until
from vsm_core.payloads.jobs import ProviderExit
from vsm_worker.execution import CRASH_POINTS, execute
from vsm_worker.git import exclusive
from vsm_worker.janitor import reconcile
from vsm_worker.workspace import probe

EDIT = {"write": {"path": "b.py", "text": "y = 2\n"}}


@pytest.mark.parametrize("delay", [0.0, 0.02, 0.1, 0.6])
async def test_a_cancelled_execution_leaves_no_work_tree_and_no_process(
    tmp_path, git_repository, git, refer, delay
):
    root = git_repository({"a.py": "x = 1\n"})
    marker = sleeper(97)
    steps = [EDIT, {"run": ["sh", "-c", f"setsid {marker} & {marker}"]}]
    running = asyncio.create_task(run_script(tmp_path, refer(root), *steps))
    await asyncio.sleep(delay)
    begun = time.monotonic()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert time.monotonic() - begun < PROMPT_SECONDS
    assert alive(marker) == []
    assert leftovers(tmp_path) == []
    assert git(root, "worktree", "list").count("\n") == 0


async def test_a_cancelled_execution_saves_its_work(tmp_path, git_repository, git, refer):
    root = git_repository({"a.py": "x = 1\n"})
    running = asyncio.create_task(run_script(tmp_path, refer(root), EDIT, {"sleep": 60}))
    await until(lambda: list((tmp_path / "cache").glob("*/execution_one/b.py")))
    running.cancel()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert git(root, "show", "refs/vsm/rescue/tidy-up/task_one/1-execution_one:b.py") == "y = 2"
    assert leftovers(tmp_path) == []


KILLED = """
    import asyncio, os, signal, sys
    from pathlib import Path
    from tests.unit.worker.packets import *
    root, tmp, point, marker = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], sys.argv[4]
    steps = [{"write": {"path": "b.py", "text": "y = 2\\n"}}, {"spawn": ["sh", "-c", f"setsid {marker} & {marker}"]}]
    steps += [{"sleep": 0.3}, {"say": "done"}]
    from dataclasses import replace
    from vsm_worker.execution import execute

    def crash(here):
        if here == point:
            os.kill(os.getpid(), signal.SIGKILL)

    node = leaf("scripted", model=script(tmp, *steps))
    task = packet(node, reference(root, sys.argv[5]))
    asyncio.run(execute(request(task), replace(surroundings(tmp), crash=crash)))
"""


@pytest.fixture
def killed(tmp_path, git_repository, git):
    """`killed(point)` lets an execution in another process die at a crash point; returns the repository."""

    def at(point: str, marker: str):
        root = git_repository({"a.py": "x = 1\n"})
        died = python(KILLED, str(root), str(tmp_path), point, marker, git(root, "rev-parse", "HEAD"))
        _, complaint = died.communicate(timeout=60)
        assert died.returncode == -signal.SIGKILL, complaint.decode()
        return root

    return at


@pytest.mark.parametrize("point", CRASH_POINTS)
async def test_after_a_kill_nothing_is_left_and_the_execution_can_be_taken_up(
    tmp_path, killed, git, refer, point
):
    marker = sleeper(96)
    root = killed(point, marker)
    await gone(marker)
    if point == "worker.after_ref":
        report = await run_script(tmp_path, refer(root), {"fail": "it must not be asked again"})
        assert report.exit is ProviderExit.OK
    else:
        report = await run_script(tmp_path, refer(root), EDIT)
    assert report.files_touched == ("b.py",)
    await reconcile(tmp_path / "cache")
    assert leftovers(tmp_path) == []
    assert git(root, "worktree", "list").count("\n") == 0


async def test_the_janitor_rescues_what_a_dead_process_left_and_spares_the_living(
    tmp_path, killed, git, refer
):
    root = killed("worker.after_commit", sleeper(95))
    node = leaf("scripted", model=script(tmp_path, {"sleep": 2}, name="b.yaml"))
    living = asyncio.create_task(execute(request(packet(node, refer(root)), "two"), surroundings(tmp_path)))
    await until((tmp_path / "cache" / "repo-test" / "two").exists)
    (reclaimed,) = await reconcile(tmp_path / "cache")
    assert reclaimed.problem is None
    assert git(root, "show", f"{reclaimed.rescue_ref}:b.py") == "y = 2"
    assert (await living).exit is ProviderExit.OK
    assert leftovers(tmp_path) == []


PROBING = """
    import asyncio, os, signal, sys
    from pathlib import Path
    from vsm_worker.workspace import probe

    async def probing():
        async with probe(Path(sys.argv[1])) as scratch:
            (scratch.home / "file").write_text("x")
            os.kill(os.getpid(), signal.SIGKILL)

    asyncio.run(probing())
"""


async def test_the_janitor_removes_the_probes_of_the_dead_and_folders_with_nothing_in_them(tmp_path):
    cache = tmp_path / "cache"
    for repository in ("dead", "living"):
        died = python(PROBING, str(cache / repository))
        died.communicate(timeout=60)
    assert len(leftovers(tmp_path)) == 2
    (cache / "doctor").mkdir()
    async with probe(cache / "living") as scratch:
        await reconcile(cache)
        assert scratch.home.is_dir()
        assert len(leftovers(tmp_path)) == 1
        assert sorted(each.name for each in cache.iterdir()) == ["doctor", "living"]
    await reconcile(cache)
    assert [each.name for each in cache.iterdir()] == ["doctor"]


async def test_a_lock_that_somebody_holds_or_waits_for_is_kept_or_made_anew(tmp_path):
    lock, others = tmp_path / "cache" / "repo" / "lock", []

    async def waiting() -> None:
        async with exclusive(lock):
            others.append(lock.exists())

    async with exclusive(lock):
        await reconcile(tmp_path / "cache")
        assert lock.exists()
        waiter = asyncio.create_task(waiting())
        await asyncio.sleep(0.05)
        lock.unlink()
        lock.parent.rmdir()
    await waiter
    assert others == [True]


async def test_a_second_attempt_has_a_ref_of_its_own(tmp_path, git_repository, git, refer):
    root = git_repository({"a.py": "x = 1\n"})
    node = leaf("scripted", model=script(tmp_path, EDIT))
    for attempt in (1, 2):
        task = packet(node, refer(root), assignment=assigned(node, attempt=attempt, token=attempt))
        await execute(request(task, f"e{attempt}"), surroundings(tmp_path))
    refs = git(root, "for-each-ref", "--format=%(refname)", "refs/vsm/attempts").split()
    assert refs == [f"refs/vsm/attempts/tidy-up/task_one/{n}-e{n}" for n in (1, 2)]
