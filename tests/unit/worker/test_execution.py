"""Executions on real repositories: what they leave, what they refuse, and that nothing stays behind."""

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from tests.unit.worker.packets import (
    RUFF,
    assigned,
    leaf,
    leftovers,
    packet,
    request,
    script,
    surroundings,
)
from vsm_core.capability import PermissionSpec
from vsm_core.node import Effect, System5Policy, ToolSpec
from vsm_core.payloads.jobs import GateKind, ProviderExit
from vsm_core.task import AcceptanceCriterion, ExecutionOptions
from vsm_worker.errors import RepositoryUnreachable
from vsm_worker.execution import CRASH_POINTS, execute
from vsm_worker.janitor import reconcile
from vsm_worker.process import birth_of

MESSY = "import os, sys\nfrom typing import List\n\n\ndef f(x: List[int]) -> int:\n    return len(x)\n"
PROMPT_SECONDS = 2.0


def kinds(report) -> list[str]:
    return [each.kind for each in report.violations]


def alive(marker: str) -> list[int]:
    found = []
    for each in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if marker.encode() in each.read_bytes():
                found.append(int(each.parent.name))
        except OSError:
            continue
    return [pid for pid in found if birth_of(pid) is not None and pid != os.getpid()]


async def run_script(tmp_path, refer, root, *steps, **fields):
    node = leaf("scripted", model=script(tmp_path, *steps))
    return await execute(request(packet(node, refer(root), **fields)), surroundings(tmp_path))


# ------------------------------------------------------------------------------------------------ the crew's work


async def test_ruff_mends_a_repository_and_its_work_lies_under_the_attempts_ref(
    tmp_path, git_repository, git, refer
):
    root = git_repository({"a.py": MESSY, "pyproject.toml": '[project]\nname="a"\nrequires-python=">=3.10"\n'})
    task = packet(leaf(tools=[RUFF]), refer(root))
    report = await execute(request(task), surroundings(tmp_path))
    assert report.exit is ProviderExit.OK
    assert report.files_touched == ("a.py",)
    assert report.violations == ()
    assert git(root, "show", f"{report.commit}:a.py") == "def f(x: list[int]) -> int:\n    return len(x)"
    ref = "refs/vsm/attempts/tidy-up/task_one/1-execution_one"
    assert git(root, "rev-parse", ref) == report.commit
    assert git(root, "log", "-1", "--format=%an <%ae>%n%B", ref).split("\n") == [
        "VSM <vsm@localhost>",
        "Tidy the code up",
        "",
        "VSM-Directive: tidy-up",
        "VSM-Task: task_one",
        "VSM-Node: coder",
        f"VSM-Genome: {task.assignment.genome_id}",
    ]
    assert report.evidence[0].argv[-2:] == ("--target-version", "py310")
    assert leftovers(tmp_path) == []
    assert git(root, "worktree", "list").count("\n") == 0
    assert git(root, "status", "--porcelain") == ""


async def test_tools_that_find_nothing_leave_no_commit(tmp_path, git_repository, git, refer):
    root = git_repository({"a.py": "x = 1\n"})
    report = await execute(request(packet(leaf(tools=[RUFF]), refer(root))), surroundings(tmp_path))
    assert (report.exit, report.commit, report.diff.files_changed) == (ProviderExit.OK, None, 0)
    assert git(root, "for-each-ref", "refs/vsm") == ""


async def test_what_the_repository_configures_goes_before_the_crews_defaults(
    tmp_path, git_repository, git, refer
):
    root = git_repository({"a.py": MESSY, "ruff.toml": 'lint.select = ["F"]\n'})
    report = await execute(request(packet(leaf(tools=[RUFF]), refer(root))), surroundings(tmp_path))
    assert "--select" not in report.evidence[0].argv
    assert "List[int]" in git(root, "show", f"{report.commit}:a.py")


async def test_rules_the_user_chose_replace_the_defaults(tmp_path, git_repository, git, refer):
    root = git_repository({"a.py": MESSY})
    options = ExecutionOptions(rules=("UP006", "UP035"))
    task = packet(leaf(tools=[RUFF]), refer(root), options=options)
    report = await execute(request(task), surroundings(tmp_path))
    assert "import os, sys" in git(root, "show", f"{report.commit}:a.py")
    assert "list[int]" in git(root, "show", f"{report.commit}:a.py")


async def test_a_report_is_an_artifact_and_no_failure(tmp_path, git_repository, refer):
    root = git_repository({"a.py": MESSY})
    tool = ToolSpec(
        name="report", argv=("ruff", "check", "--select", "F", "."), effect=Effect.REPORT, task_class="lint"
    )
    where = surroundings(tmp_path)
    report = await execute(request(packet(leaf(tools=[tool]), refer(root))), where)
    assert report.exit is ProviderExit.OK
    assert report.evidence[0].exit_code == 1
    assert b"F401" in where.artifacts.read(report.artifacts[0].digest)
    assert report.commit is None


async def test_a_missing_tool_says_how_to_get_it(tmp_path, git_repository, refer, monkeypatch):
    root = git_repository({"a.py": "x = 1\n"})
    tool = ToolSpec(name="gone", argv=("no-such-tool",), task_class="lint")
    report = await execute(request(packet(leaf(tools=[tool]), refer(root))), surroundings(tmp_path))
    assert report.exit is ProviderExit.TOOL_MISSING
    assert "no-such-tool is not on PATH" in report.reason


async def test_echo_needs_no_repository_and_leaves_no_folder(tmp_path):
    report = await execute(request(packet(leaf("echo"), goal="hello")), surroundings(tmp_path))
    assert (report.exit, report.narration) == (ProviderExit.OK, "hello")
    assert not (tmp_path / "cache").exists()


async def test_auto_names_the_lines_that_would_enable_a_coding_agent(tmp_path, git_repository, refer):
    root = git_repository({"a.py": "x = 1\n"})
    report = await execute(request(packet(leaf("auto"), refer(root))), surroundings(tmp_path))
    assert report.exit is ProviderExit.NEEDS_HUMAN
    assert all(part in report.reason for part in ("provider: command", "{prompt}", "'coder'", "--organization"))


# ------------------------------------------------------------------------------------------------ odd repositories


async def test_odd_names_survive(tmp_path, git_repository, git, refer):
    root = git_repository({"a b.py": MESSY, "naïve/ünï.py": MESSY}, name="a repository")
    os.rename(root / "a b.py", os.fsencode(root) + b"/caf\xe9 \n.py")
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message", "odd")
    report = await execute(request(packet(leaf(tools=[RUFF]), refer(root))), surroundings(tmp_path))
    assert report.exit is ProviderExit.OK, report.reason
    assert "naïve/ünï.py" in report.files_touched
    script_report = await run_script(
        tmp_path, refer, root, {"run": ["sh", "-c", "printf y > \"$(printf 'new\\351.py')\""]}
    )
    assert script_report.files_touched == ("new\\xe9.py",)
    assert leftovers(tmp_path) == []


async def test_a_submodule_and_crlf_line_ends_are_kept(tmp_path, git_repository, git, refer):
    inner = git_repository({"lib.py": "import os\n"}, name="inner")
    root = git_repository({"dos.py": b"import os\r\nx = 1\r\n", "a.py": "x = 1\n"})
    git(root, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(inner), "vendor")
    git(root, "commit", "--quiet", "--message", "submodule")
    git(root, "config", "core.autocrlf", "true")
    report = await execute(request(packet(leaf(tools=[RUFF]), refer(root))), surroundings(tmp_path))
    assert report.files_touched == ("dos.py",)
    content = subprocess.run(
        ["git", "-C", root, "cat-file", "blob", f"{report.commit}:dos.py"], capture_output=True, check=True
    ).stdout
    assert content == b"x = 1\r\n"
    assert "160000" in git(root, "ls-tree", report.commit, "vendor")


async def test_a_detached_and_dirty_checkout_is_never_touched(tmp_path, git_repository, git, refer):
    root = git_repository({"a.py": MESSY, ".gitignore": "*.log\n"})
    git(root, "checkout", "--quiet", "--detach")
    (root / "a.py").write_text("dirty\n")
    (root / "new.txt").write_text("untracked\n")
    (root / "x.log").write_text("ignored\n")
    before = git(root, "status", "--porcelain", "--ignored")
    index = (root / ".git" / "index").read_bytes()
    report = await execute(request(packet(leaf(tools=[RUFF]), refer(root))), surroundings(tmp_path))
    assert report.files_touched == ("a.py",)
    assert (root / ".git" / "index").read_bytes() == index
    assert git(root, "status", "--porcelain", "--ignored") == before


async def test_ignored_files_are_not_committed(tmp_path, git_repository, refer):
    root = git_repository({"a.py": "x = 1\n", ".gitignore": "*.log\n"})
    steps = [{"write": {"path": "x.log", "text": "no"}}, {"write": {"path": "b.py", "text": "y = 2\n"}}]
    report = await run_script(tmp_path, refer, root, *steps)
    assert report.files_touched == ("b.py",)


async def test_hooks_signing_and_identity_of_the_user_play_no_part(tmp_path, git_repository, git, refer):
    root = git_repository({"a.py": MESSY})
    for name in ("pre-commit", "post-checkout", "reference-transaction"):
        hook = root / ".git" / "hooks" / name
        hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/hooked\nexit 1\n")
        hook.chmod(0o755)
    git(root, "config", "commit.gpgsign", "true")
    git(root, "config", "user.useConfigOnly", "true")
    report = await execute(request(packet(leaf(tools=[RUFF]), refer(root))), surroundings(tmp_path))
    assert report.commit is not None
    assert not (tmp_path / "hooked").exists()


async def test_a_location_that_is_no_repository_here_is_an_error_of_its_own(tmp_path, git_repository, refer):
    there = refer(git_repository({"a.py": "x = 1\n"}))
    gone = there.model_copy(update={"location": str(tmp_path / "nowhere")})
    other = there.model_copy(update={"base_commit": "b" * 40})
    for repository in (gone, other):
        with pytest.raises(RepositoryUnreachable):
            await execute(request(packet(leaf("scripted"), repository)), surroundings(tmp_path))


# ----------------------------------------------------------------------------------------- agents that misbehave


async def test_a_lying_agent_leaves_no_commit(tmp_path, git_repository, refer):
    root = git_repository({"a.py": "x = 1\n"})
    report = await run_script(tmp_path, refer, root, {"say": "I fixed everything, all tests pass."})
    assert (report.exit, report.commit) == (ProviderExit.OK, None)
    assert "fixed everything" in report.narration


async def test_work_of_a_failing_agent_is_rescued(tmp_path, git_repository, git, refer):
    root = git_repository({"a.py": "x = 1\n"})
    report = await run_script(
        tmp_path, refer, root, {"write": {"path": "half.py", "text": "y\n"}}, {"fail": "out of ideas"}
    )
    assert (report.exit, report.reason, report.commit) == (ProviderExit.FAILED, "out of ideas", None)
    assert report.rescue_ref == "refs/vsm/rescue/tidy-up/task_one/1-execution_one"
    assert git(root, "show", f"{report.rescue_ref}:half.py") == "y"
    assert leftovers(tmp_path) == []


async def test_an_agent_that_commits_by_itself_is_measured_all_the_same(tmp_path, git_repository, git, refer):
    root = git_repository({"a.py": "x = 1\n"})
    commit = 'printf "y = 2\\n" > b.py; git add -A; git -c user.name=x -c user.email=x@y commit -qm mine'
    report = await run_script(tmp_path, refer, root, {"run": ["sh", "-c", commit]})
    assert report.files_touched == ("b.py",)
    assert git(root, "log", "--format=%s", f"{report.commit}^..{report.commit}") == "Tidy the code up"


async def test_an_agent_that_replaces_the_git_folder_is_measured_all_the_same(
    tmp_path, git_repository, git, refer
):
    root = git_repository({"a.py": "x = 1\n"})
    report = await run_script(
        tmp_path, refer, root, {"run": ["sh", "-c", "rm .git; git init -q .; echo z > z.py; git add -A"]}
    )
    assert report.files_touched == ("z.py",)
    assert leftovers(tmp_path) == []
    assert git(root, "worktree", "list").count("\n") == 0


async def test_a_work_tree_deleted_under_a_running_task_ends_without_leftovers(
    tmp_path, git_repository, git, refer
):
    root = git_repository({"a.py": "x = 1\n"})
    remove = {"run": ["sh", "-c", f"rm -rf {root}/.git/worktrees/*; echo y > b.py"]}
    report = await run_script(tmp_path, refer, root, remove)
    assert report.files_touched == ("b.py",)
    assert leftovers(tmp_path) == []
    assert git(root, "worktree", "list").count("\n") == 0


async def test_what_an_agent_left_running_is_dead_before_its_work_is_committed(
    tmp_path, git_repository, refer
):
    root = git_repository({"a.py": "x = 1\n"})
    marker = f"sleep 98{os.getpid()}"
    late = f"(setsid {marker} &) ; echo y > b.py"
    report = await run_script(tmp_path, refer, root, {"run": ["sh", "-c", late]}, {"spawn": marker.split()})
    assert report.files_touched == ("b.py",)
    assert alive(marker.replace(" ", "\0")) == []


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


# ------------------------------------------------------------------------------------------------------ the gates

EDIT = {"write": {"path": "b.py", "text": "y = 2\n"}}
KEY = "AKIA" + "ABCDEFGHIJKLMNOP"


@pytest.mark.parametrize(
    ("steps", "fields", "expected"),
    [
        ([EDIT], {"scope": ["src"]}, GateKind.OUTSIDE_SCOPE),
        ([{"write": {"path": "vsm.toml", "text": ""}}], {}, GateKind.PROTECTED_PATH),
        ([{"write": {"path": ".husky/pre-commit", "text": ""}}], {}, GateKind.PROTECTED_PATH),
        ([{"link": {"path": "out", "target": "../../etc/passwd"}}], {}, GateKind.ESCAPING_SYMLINK),
        ([{"link": {"path": "out", "target": "/etc"}}], {}, GateKind.ESCAPING_SYMLINK),
        ([{"append": {"path": "a.py", "text": f"key = '{KEY}'\n"}}], {}, GateKind.SECRET),
        (
            [{"append": {"path": "check.py", "text": "pass\n"}}],
            {"acceptance": [AcceptanceCriterion(name="check", verifier=("python3", "-u", "check.py"))]},
            GateKind.PROTECTED_PATH,
        ),
    ],
)
async def test_a_gate_refuses(tmp_path, git_repository, refer, steps, fields, expected):
    root = git_repository({"a.py": "x = 1\n", "check.py": "print()\n"})
    report = await run_script(tmp_path, refer, root, *steps, **fields)
    assert kinds(report) == [expected]
    assert KEY not in report.model_dump_json()
    assert leftovers(tmp_path) == []


async def test_paths_that_policy_denies_or_protects_are_refused(tmp_path, git_repository, refer):
    root = git_repository({"a.py": "x = 1\n"})
    node = leaf(
        "scripted",
        model=script(tmp_path, EDIT, {"write": {"path": "ops/x", "text": "1"}}),
        permissions=PermissionSpec(denied_paths=("ops",)),
    ).model_copy(update={"system_5": System5Policy(protected_paths=("*.py",))})
    report = await execute(request(packet(node, refer(root))), surroundings(tmp_path))
    assert [(each.kind, each.path) for each in report.violations] == [
        (GateKind.DENIED_PATH, "ops/x"),
        (GateKind.PROTECTED_PATH, "b.py"),
    ]


async def test_a_leaf_that_may_not_write_leaves_no_diff(tmp_path, git_repository, refer):
    root = git_repository({"a.py": "x = 1\n"})
    node = leaf("scripted", model=script(tmp_path, EDIT), operation="reviewing")
    report = await execute(request(packet(node, refer(root))), surroundings(tmp_path))
    assert kinds(report) == [GateKind.NO_WRITE_CAPABILITY]


async def test_special_changes_are_listed_and_pass(tmp_path, git_repository, refer):
    root = git_repository({"a.sh": "true\n", "b.py": "x = 1\n"})
    steps = [
        {"run": ["chmod", "+x", "a.sh"]},
        {"link": {"path": "inside", "target": "b.py"}},
        {"run": ["sh", "-c", "printf 'a\\0b' > data.bin"]},
    ]
    report = await run_script(tmp_path, refer, root, *steps)
    assert report.violations == ()
    assert report.special_changes == (
        "mode 100644 -> 100755: a.sh",
        "binary: data.bin",
        "symbolic link: inside",
    )


async def test_a_secret_that_only_moves_is_no_new_secret(tmp_path, git_repository, refer):
    root = git_repository({"a.py": f"key = '{KEY}'\n"})
    report = await run_script(
        tmp_path, refer, root, {"write": {"path": "a.py", "text": f'key = "{KEY}"\n'}}
    )
    assert report.violations == ()


# --------------------------------------------------------------------------------------- cancellation and crashes


@pytest.mark.parametrize("delay", [0.0, 0.02, 0.1, 0.6])
async def test_a_cancelled_execution_leaves_no_work_tree_and_no_process(
    tmp_path, git_repository, git, refer, delay
):
    root = git_repository({"a.py": "x = 1\n"})
    marker = f"sleep 97{os.getpid()}"
    steps = [EDIT, {"run": ["sh", "-c", f"setsid {marker} & {marker}"]}]
    running = asyncio.create_task(run_script(tmp_path, refer, root, *steps))
    await asyncio.sleep(delay)
    begun = time.monotonic()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert time.monotonic() - begun < PROMPT_SECONDS
    assert alive(marker.replace(" ", "\0")) == []
    assert leftovers(tmp_path) == []
    assert git(root, "worktree", "list").count("\n") == 0


async def test_a_cancelled_execution_saves_its_work(tmp_path, git_repository, git, refer):
    root = git_repository({"a.py": "x = 1\n"})
    running = asyncio.create_task(run_script(tmp_path, refer, root, EDIT, {"sleep": 60}))
    while not list((tmp_path / "cache").glob("*/execution_one/b.py")):
        await asyncio.sleep(0.01)
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


@pytest.mark.parametrize("point", CRASH_POINTS)
async def test_after_a_kill_the_janitor_leaves_nothing_and_the_execution_can_be_taken_up(
    tmp_path, git_repository, git, refer, point
):
    root, marker = git_repository({"a.py": "x = 1\n"}), f"sleep 96{os.getpid()}"
    base = git(root, "rev-parse", "HEAD")
    argv = [sys.executable, "-c", textwrap.dedent(KILLED), str(root), str(tmp_path), point, marker, base]
    died = subprocess.run(argv, cwd=Path(__file__).parents[3], capture_output=True, check=False, timeout=60)
    assert died.returncode == -signal.SIGKILL, died.stderr.decode()
    await gone(marker.replace(" ", "\0"))
    if point == "worker.after_ref":
        report = await run_script(tmp_path, refer, root, {"fail": "it must not be asked again"})
        assert (report.exit, report.files_touched) == (ProviderExit.OK, ("b.py",))
    else:
        report = await run_script(tmp_path, refer, root, EDIT)
        assert report.files_touched == ("b.py",)
    await reconcile(tmp_path / "cache")
    assert leftovers(tmp_path) == []
    assert git(root, "worktree", "list").count("\n") == 0


async def gone(marker: str) -> None:
    until = time.monotonic() + PROMPT_SECONDS
    while alive(marker) and time.monotonic() < until:
        await asyncio.sleep(0.02)
    assert alive(marker) == []


async def test_the_janitor_rescues_what_a_dead_process_left_and_spares_the_living(
    tmp_path, git_repository, git, refer
):
    root, marker = git_repository({"a.py": "x = 1\n"}), f"sleep 95{os.getpid()}"
    argv = [sys.executable, "-c", textwrap.dedent(KILLED), str(root), str(tmp_path), "worker.after_commit", marker]
    argv.append(git(root, "rev-parse", "HEAD"))
    subprocess.run(argv, cwd=Path(__file__).parents[3], capture_output=True, check=False, timeout=60)
    living = asyncio.create_task(
        execute(
            request(packet(leaf("scripted", model=script(tmp_path, {"sleep": 2}, name="b.yaml")), refer(root)), "two"),
            surroundings(tmp_path),
        )
    )
    while not (tmp_path / "cache" / "repo-test" / "two").exists():
        await asyncio.sleep(0.01)
    (reclaimed,) = await reconcile(tmp_path / "cache")
    assert reclaimed.problem is None
    assert git(root, "show", f"{reclaimed.rescue_ref}:b.py") == "y = 2"
    assert (await living).exit is ProviderExit.OK
    assert leftovers(tmp_path) == []


async def test_a_second_attempt_has_a_ref_of_its_own(tmp_path, git_repository, git, refer):
    root = git_repository({"a.py": "x = 1\n"})
    node = leaf("scripted", model=script(tmp_path, EDIT))
    for attempt in (1, 2):
        task = packet(node, refer(root), assignment=assigned(node, attempt=attempt, token=attempt))
        await execute(request(task, f"e{attempt}"), surroundings(tmp_path))
    refs = git(root, "for-each-ref", "--format=%(refname)", "refs/vsm/attempts").split()
    assert refs == [f"refs/vsm/attempts/tidy-up/task_one/{n}-e{n}" for n in (1, 2)]
