"""Whatever a leaf publishes holds no secret, wherever the secret was planted."""

import subprocess
from pathlib import Path

import pytest

from tests.unit.system.stage import until
from tests.unit.worker.packets import (
    guard,
    leaf,
    packet,
    run_script,
    script,
    surroundings,
    verification,
)
from tests.unit.worker.planted import RANDOM
from tests.unit.worker.test_actor import CONTEXT, Play, finished
from vsm_core.envelope import BODY_LIMIT
from vsm_core.node import ToolSpec
from vsm_core.payloads.control import JobFinished
from vsm_core.payloads.jobs import ExecutionReport, GateKind, JobOutcome, ProviderExit
from vsm_core.payloads.work import TaskPacket
from vsm_core.task import Artifact, Evidence, Outcome, Role, WorkerFact
from vsm_system.crash import never
from vsm_system.jobs import Jobs
from vsm_worker.errors import STDERR_SHOWN, GitError
from vsm_worker.execution import execute
from vsm_worker.report import bounded, result_of, without_secrets

PLACES = ("title", "goal", "argv", "stdout", "stderr", "diff", "name", "error", "label")
SECRET = {place: f"sk-ant-{place}{RANDOM}" for place in PLACES}
SPEAKS = f"echo {SECRET['stdout']}; echo {SECRET['stderr']} >&2; "


def published(play: Play, *decisions: object) -> str:
    """Return the bytes of all that a leaf sent, and the facts it recorded about results."""
    sends = [send.encoded().decode() for decision in decisions for send in decision.sends]
    facts = [
        recorded.fact.model_dump_json()
        for decision in decisions
        for recorded in decision.facts
        if recorded.fact.kind != "TaskAdmitted"  # its packet is the controller's own words, and stays here
    ]
    assert sends
    return "\n".join(sends + facts)


async def played(task: TaskPacket, tmp_path: Path) -> tuple[str, ExecutionReport]:
    """Let a leaf take a task on, do it, and report."""
    play = Play()
    begun = play.when(task, context=CONTEXT)
    report = await execute(begun.jobs[0].request, surroundings(tmp_path))
    ended = play.when(finished(begun.jobs[0].id, report))
    return published(play, begun, ended), report


def assert_clean(told: str, *expected: str) -> None:
    assert [place for place, secret in SECRET.items() if secret[:24] in told] == []
    assert RANDOM not in told
    for words in expected:
        assert words in told


def objects(root: Path) -> bytes:
    """Return the content of every object that a ref of ours leads to."""
    listed = subprocess.run(
        ["git", "-C", root, "rev-list", "--objects", "--glob=refs/vsm"], capture_output=True, check=True
    ).stdout
    names = b"".join(line.split()[0] + b"\n" for line in listed.splitlines())
    contents = subprocess.run(
        ["git", "-C", root, "cat-file", "--batch"], input=names, capture_output=True, check=True
    )
    return listed + contents.stdout


@pytest.mark.parametrize("exit_code", [0, 3])
async def test_prompt_argv_and_output_are_published_without_secrets(
    tmp_path, git_repository, refer, exit_code
):
    root = git_repository({"a.py": "x = 1\n"})
    code = f"{SPEAKS} echo y >> a.py; exit {exit_code}"
    tools = [
        ToolSpec(name="say", argv=("sh", "-c", code, SECRET["argv"], "{prompt}"), task_class="lint"),
    ]
    task = packet(leaf(tools=tools), refer(root), title=f"Use {SECRET['title']}", goal=SECRET["goal"])
    told, report = await played(task, tmp_path)
    assert_clean(told + report.model_dump_json(), "[redacted: model provider key]")
    assert RANDOM.encode() not in objects(root)
    for stored in (tmp_path / "artifacts").rglob("*"):
        assert not stored.is_file() or RANDOM.encode() not in stored.read_bytes()


async def test_a_secret_in_a_diff_or_in_a_new_name_is_refused_and_not_told(tmp_path, git_repository, refer):
    root = git_repository({"a.py": "x = 1\n"})
    for path, text in ((f"keys/{SECRET['name']}.txt", "x"), ("b.py", SECRET["diff"])):
        write = {"write": {"path": path, "text": text}}
        report = await run_script(tmp_path, refer(root), write, {"say": SECRET["stdout"]}, execution=path[:4])
        assert [each.kind for each in report.violations] == [GateKind.SECRET]
        assert report.commit is None
        told = result_of(packet(leaf()), "coder", "execution_one", finished("job", report))
        assert_clean(report.model_dump_json() + told.model_dump_json())
        assert told.outcome is Outcome.REJECTED
    assert objects(root) == b""


async def test_the_gates_measure_the_names_as_they_are(tmp_path, git_repository, refer):
    name = f"keys/{SECRET['name']}.txt"
    root = git_repository({name: "x\n"})
    append = {"append": {"path": name, "text": "y\n"}}
    allowed = await run_script(tmp_path, refer(root), append, scope=[name])
    assert (allowed.violations, allowed.commit is not None) == ((), True)
    assert allowed.files_touched == ("keys/[redacted: model provider key].txt",)
    refused = await run_script(tmp_path, refer(root), append, execution="two", scope=["keys/other"])
    assert [each.kind for each in refused.violations] == [GateKind.OUTSIDE_SCOPE]
    assert_clean(refused.model_dump_json() + allowed.model_dump_json())


async def test_a_verification_is_published_without_secrets(tmp_path, git_repository, git, refer):
    test = f"import pytest\n@pytest.mark.parametrize('key', ['{SECRET['name']}'])\ndef test_it(key):\n    "
    root = git_repository({"test_a.py": f"{test}assert key\n"})
    repository = refer(root)
    git_repository({"test_a.py": f"{test}raise ValueError(key + '{SECRET['error']}')\n"})
    criteria = (
        guard("pytest", name=f"tests {SECRET['label']}"),
        guard("sh", "-c", f"{SPEAKS} exit 2", SECRET["argv"], name="says"),
        guard(f"no-{SECRET['argv']}", name="missing"),
    )
    subject = git(root, "rev-parse", "HEAD")
    task = verification(repository, subject, *criteria, title=SECRET["title"])
    told, report = await played(task, tmp_path)
    assert len(report.judgements) == 3
    assert_clean(told + report.model_dump_json(), "tests [redacted: model provider key]")


async def test_an_error_of_gits_is_published_without_secrets(tmp_path, git_repository, refer):
    root = git_repository({"a.py": "x = 1\n"}, name=SECRET["error"])
    lost = refer(root).model_copy(update={"base_commit": "e" * 40})
    task = packet(leaf("scripted", model=script(tmp_path)), lost, title=SECRET["title"])
    told: list[JobFinished] = []
    jobs = Jobs({"execute": lambda asked: execute(asked, surroundings(tmp_path))}, never)
    play = Play()
    begun = play.when(task)
    jobs.start(begun.jobs[0], lambda _job, ended: told.append(ended))
    await until(lambda: told)
    assert told[0].outcome is JobOutcome.FAILED
    assert_clean(published(play, begun, play.when(told[0])) + told[0].model_dump_json(), "is not in")


@pytest.mark.parametrize("padding", range(STDERR_SHOWN - 60, STDERR_SHOWN + 10, 7))
def test_an_error_is_cut_only_after_its_secrets_are_gone(padding):
    error = GitError(("fetch",), 128, f"fatal: no {SECRET['error']} {'.' * padding}\n")
    assert RANDOM[8:] not in str(error)
    assert SECRET["error"][-30:] not in str(error)


def test_a_failed_jobs_reason_is_redacted_whoever_gave_it():
    reason = f"GitError: git fetch ended with 1: {SECRET['error']}"
    failed = JobFinished(job_id="job", subject="task_one", outcome=JobOutcome.FAILED, reason=reason)
    assert_clean(result_of(packet(leaf()), "coder", "execution_one", failed).model_dump_json())


def test_every_text_of_a_value_is_redacted_and_fits_its_field():
    said = f"x {SECRET['label']} y"
    report = ExecutionReport(
        exit=ProviderExit.OK,
        rescue_ref=said,
        evidence=(Evidence(criterion=said, argv=(said,), interpreter=said),),
        artifacts=(
            Artifact(
                name="a" * 179 + " AKIA" + "ABCDEFGHIJKLMNOP", digest="a" * 64, size_bytes=1, inline=said
            ),
        ),
    )
    clean = without_secrets(report)
    assert ExecutionReport.model_validate_json(clean.model_dump_json()) == clean
    assert_clean(clean.model_dump_json() + bounded(report).model_dump_json())
    told = result_of(packet(leaf()), "coder", "execution_one", finished("job", report))
    assert_clean(told.model_dump_json())
    facts = (WorkerFact(kind="noted", detail=said, occurred_at=CONTEXT.now),)
    assert_clean(without_secrets(told.model_copy(update={"worker_facts": facts})).model_dump_json())
    assert (told.task_id, told.execution_id, told.produced_by) == ("task_one", "execution_one", "coder")


def test_a_long_command_line_is_cut_in_evidence():
    long = ExecutionReport(
        exit=ProviderExit.OK, evidence=(Evidence(argv=("x", *("y" * 60_000,) * 100)),) * 20
    )
    assert len(bounded(long).model_dump_json()) < BODY_LIMIT


def test_a_refusals_reason_is_redacted():
    play = Play()
    refused = play.when(packet(leaf(), scope=[f"keys/{SECRET['name']}"], assignment=None))
    task = packet(leaf(), scope=[f"keys/{SECRET['name']}"], role=Role.IMPLEMENT)
    denied = task.assignment.node.permissions.model_copy(update={"denied_paths": ("keys",)})
    node = task.assignment.node.model_copy(update={"permissions": denied})
    kept_out = Play().when(packet(node, scope=[f"keys/{SECRET['name']}"]))
    assert_clean(published(play, refused, kept_out), "keys/")
