"""Agents that lie, fail, hang, flood, and tamper with what they were given."""

from tests.unit.worker.packets import leaf, leftovers, packet, request, run_script, surroundings
from tests.unit.worker.processes import alive, sleeper
from vsm_core.node import ToolSpec
from vsm_core.payloads.jobs import ProviderExit
from vsm_worker.execution import execute


async def test_a_lying_agent_leaves_no_commit(tmp_path, git_repository, refer):
    root = git_repository({"a.py": "x = 1\n"})
    report = await run_script(tmp_path, refer(root), {"say": "I fixed everything, all tests pass."})
    assert (report.exit, report.commit) == (ProviderExit.OK, None)
    assert "fixed everything" in report.narration


async def test_work_of_a_failing_agent_is_rescued(tmp_path, git_repository, git, refer):
    root = git_repository({"a.py": "x = 1\n"})
    report = await run_script(
        tmp_path, refer(root), {"write": {"path": "half.py", "text": "y\n"}}, {"fail": "out of ideas"}
    )
    assert (report.exit, report.reason, report.commit) == (ProviderExit.FAILED, "out of ideas", None)
    assert report.rescue_ref == "refs/vsm/rescue/tidy-up/task_one/1-execution_one"
    assert git(root, "show", f"{report.rescue_ref}:half.py") == "y"
    assert leftovers(tmp_path) == []


async def test_an_agent_that_commits_by_itself_is_measured_all_the_same(tmp_path, git_repository, git, refer):
    root = git_repository({"a.py": "x = 1\n"})
    commit = 'printf "y = 2\\n" > b.py; git add -A; git -c user.name=x -c user.email=x@y commit -qm mine'
    report = await run_script(tmp_path, refer(root), {"run": ["sh", "-c", commit]})
    assert report.files_touched == ("b.py",)
    assert git(root, "log", "--format=%s", f"{report.commit}^..{report.commit}") == "Tidy the code up"


async def test_an_agent_that_replaces_the_git_folder_is_measured_all_the_same(
    tmp_path, git_repository, git, refer
):
    root = git_repository({"a.py": "x = 1\n"})
    report = await run_script(
        tmp_path, refer(root), {"run": ["sh", "-c", "rm .git; git init -q .; echo z > z.py; git add -A"]}
    )
    assert report.files_touched == ("z.py",)
    assert leftovers(tmp_path) == []
    assert git(root, "worktree", "list").count("\n") == 0


async def test_a_work_tree_deleted_under_a_running_task_ends_without_leftovers(
    tmp_path, git_repository, git, refer
):
    root = git_repository({"a.py": "x = 1\n"})
    remove = {"run": ["sh", "-c", f"rm -rf {root}/.git/worktrees/*; echo y > b.py"]}
    report = await run_script(tmp_path, refer(root), remove)
    assert report.files_touched == ("b.py",)
    assert leftovers(tmp_path) == []
    assert git(root, "worktree", "list").count("\n") == 0


async def test_what_an_agent_left_running_is_dead_before_its_work_is_committed(
    tmp_path, git_repository, refer
):
    root = git_repository({"a.py": "x = 1\n"})
    marker = sleeper(98)
    late = f"(setsid {marker} &) ; echo y > b.py"
    report = await run_script(tmp_path, refer(root), {"run": ["sh", "-c", late]}, {"spawn": marker.split()})
    assert report.files_touched == ("b.py",)
    assert alive(marker) == []


async def test_a_flood_of_output_ends_the_tool(tmp_path, git_repository, refer):
    root = git_repository({"a.py": "x = 1\n"})
    tool = ToolSpec(name="flood", argv=("yes",), task_class="lint")
    report = await execute(request(packet(leaf(tools=[tool]), refer(root))), surroundings(tmp_path))
    assert (report.exit, leftovers(tmp_path)) == (ProviderExit.FAILED, [])
    assert "flooded" in report.reason


async def test_a_tool_that_waits_for_input_gets_none(tmp_path, git_repository, refer):
    root = git_repository({"a.py": "x = 1\n"})
    tool = ToolSpec(name="cat", argv=("cat",), task_class="lint", timeout_seconds=20)
    report = await execute(request(packet(leaf(tools=[tool]), refer(root))), surroundings(tmp_path))
    assert report.exit is ProviderExit.OK


async def test_a_hanging_tool_is_stopped_at_its_time_limit(tmp_path, git_repository, refer):
    root = git_repository({"a.py": "x = 1\n"})
    tool = ToolSpec(name="hang", argv=("sleep", "60"), task_class="lint", timeout_seconds=1)
    report = await execute(request(packet(leaf(tools=[tool]), refer(root))), surroundings(tmp_path))
    assert report.exit is ProviderExit.TIMED_OUT
    assert report.evidence[0].exit_code is None
