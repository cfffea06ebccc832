"""Executions on real repositories, plain and odd: what the crew's work leaves, and that nothing stays behind."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.unit.worker.packets import RUFF, leaf, leftovers, packet, request, run_script, surroundings
from vsm_core.node import Effect, ToolSpec
from vsm_core.payloads.control import JobFinished
from vsm_core.payloads.jobs import JobOutcome, ProviderExit
from vsm_core.task import ExecutionOptions
from vsm_worker.errors import RepositoryUnreachable
from vsm_worker.execution import execute
from vsm_worker.report import result_of

MESSY = "import os, sys\nfrom typing import List\n\n\ndef f(x: List[int]) -> int:\n    return len(x)\n"


def blob(root: Path, name: str) -> bytes:
    """A file's bytes as git keeps them."""
    return subprocess.run(
        ["git", "-C", root, "cat-file", "blob", name], capture_output=True, check=True
    ).stdout


async def test_ruff_mends_a_repository_and_its_work_lies_under_the_attempts_ref(
    tmp_path, git_repository, git, refer
):
    root = git_repository(
        {"a.py": MESSY, "pyproject.toml": '[project]\nname="a"\nrequires-python=">=3.10"\n'}
    )
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


PART = "Q7ZT2LW2XC5VB4NM"
SECRETS = ("sk-ant-" + PART * 3, "AKIA" + PART, "ghp_" + PART * 3)


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("padding", [0, 180, 5_000])
async def test_no_secret_in_a_tools_output_leaves_an_execution(
    tmp_path, git_repository, refer, secret, padding
):
    root = git_repository({"a.py": "x = 1\n"})
    output = f"{'.' * padding} {secret}\n" * 2
    echo = ToolSpec(name="leak", argv=("printf", "%s", output), task_class="lint")
    words = ToolSpec(
        name="agent", argv=("sh", "-c", 'printf "%s" "$0"', output, "{prompt}"), task_class="lint"
    )
    failing = ToolSpec(name="bad", argv=("sh", "-c", 'printf "%s" "$0"; exit 3', output), task_class="lint")
    where, begun = surroundings(tmp_path), packet(leaf(tools=[echo, words, failing]), refer(root))
    report = await execute(request(begun), where)
    finished = JobFinished(job_id="job", subject="task_one", outcome=JobOutcome.DONE, report=report)
    told = result_of(begun, "coder", "execution_one", finished).model_copy(update={"evidence": ()})
    assert secret[:16] not in told.model_dump_json()
    assert [each.exit_code for each in report.evidence] == [0, 0, 3]
    assert ("[redacted: " in report.reason) is (padding < 5_000)  # redacted first, cut then
    for evidence in report.evidence:
        assert secret[4:] not in evidence.summary + evidence.output_tail
    for artifact in report.artifacts:
        assert secret.encode() not in where.artifacts.read(artifact.digest)
    stored = {each.digest for each in report.artifacts}
    assert not stored or stored == {each.output_digest for each in report.evidence}


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
    assert all(
        part in report.reason for part in ("provider: command", "{prompt}", "'coder'", "--organization")
    )


async def test_odd_names_survive(tmp_path, git_repository, git, refer):
    root = git_repository({"a b.py": MESSY, "naïve/ünï.py": MESSY}, name="a repository")
    (root / "a b.py").rename(root / os.fsdecode(b"caf\xe9 \n.py"))
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message", "odd")
    report = await execute(request(packet(leaf(tools=[RUFF]), refer(root))), surroundings(tmp_path))
    assert report.exit is ProviderExit.OK, report.reason
    assert "naïve/ünï.py" in report.files_touched
    write = {"run": ["sh", "-c", "printf y > \"$(printf 'new\\351.py')\""]}
    script_report = await run_script(tmp_path, refer(root), write, execution="execution_two")
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
    content = blob(root, f"{report.commit}:dos.py")
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
    report = await run_script(tmp_path, refer(root), *steps)
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
