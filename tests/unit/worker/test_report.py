"""What an execution's end means: each way it can end, once."""

import pytest

from tests.unit.worker.packets import RUFF, leaf, packet
from vsm_core.node import Effect, ToolSpec
from vsm_core.payloads.control import JobFinished
from vsm_core.payloads.jobs import (
    ExecutionReport,
    GateKind,
    GateViolation,
    JobOutcome,
    Judgement,
    ProviderExit,
    Verdict,
)
from vsm_core.task import Evidence, FailureClass, Outcome, RepositoryRef, Role
from vsm_worker.report import OF_EXIT, OF_JOB, bounded, result_of, without_secrets

KEY = "AKIA" + "ABCDEFGHIJKLMNOP"
REPOSITORY = RepositoryRef(identity="repo-test", location="somewhere", base_commit="c" * 40)
COMMIT = "d" * 40
PROMPTED = ToolSpec(name="agent", argv=("agent", "-p", "{prompt}"), task_class="lint")
ANY_CLASS = ToolSpec(name="any", argv=("any",))
REPORTER = ToolSpec(name="look", argv=("look",), effect=Effect.REPORT)


def result(report=None, *, node=None, outcome=JobOutcome.DONE, repository=REPOSITORY, **fields):
    task = packet(node or leaf(tools=[RUFF]), repository, **fields)
    ended = JobFinished(job_id="job", subject=task.id, outcome=outcome, report=report)
    return result_of(task, "coder", "execution", ended)


def ok(**fields) -> ExecutionReport:
    return ExecutionReport(exit=ProviderExit.OK, **fields)


def test_work_that_left_a_commit_is_completed():
    done = result(ok(commit=COMMIT, files_touched=("a.py",)))
    assert (done.outcome, done.failure_class, done.commit) == (Outcome.COMPLETED, None, COMMIT)


def test_maintenance_that_finds_nothing_is_no_change():
    assert result(ok()).outcome is Outcome.NO_CHANGE


@pytest.mark.parametrize(
    "node",
    [
        leaf("scripted"),
        leaf("chat"),
        leaf(tools=[PROMPTED]),
        leaf(tools=[RUFF, PROMPTED]),
        leaf(tools=[ANY_CLASS]),
    ],
)
def test_a_claim_without_the_change_that_was_asked_for_is_a_phantom(node):
    claimed = result(ok(narration="all done"), node=node)
    assert (claimed.outcome, claimed.failure_class) == (Outcome.FAILED, FailureClass.PHANTOM_COMPLETION)


@pytest.mark.parametrize(
    ("node", "fields"),
    [
        (leaf("scripted"), {"role": Role.REVIEW}),
        (leaf("scripted"), {"role": Role.REPORT}),
        (leaf(tools=[REPORTER]), {}),
        (leaf("echo"), {"repository": None}),
    ],
)
def test_where_no_change_was_asked_for_none_is_needed(node, fields):
    assert result(ok(), node=node, **fields).outcome is Outcome.COMPLETED


def test_work_that_ran_into_a_gate_is_rejected_and_its_commit_is_not_handed_on():
    violation = GateViolation(kind=GateKind.SECRET, path="a.py", detail="AWS access key AKIA...")
    refused = result(ok(commit=COMMIT, violations=(violation,) * 7))
    assert (refused.outcome, refused.failure_class) == (Outcome.REJECTED, FailureClass.POLICY_DENIED)
    assert refused.commit is None
    assert "a.py: secret" in refused.reason
    assert "and 2 more" in refused.reason


@pytest.mark.parametrize("ended", [each for each in ProviderExit if each is not ProviderExit.OK])
def test_every_other_way_to_end_has_its_outcome_and_keeps_its_reason(ended):
    failed = result(ExecutionReport(exit=ended, reason="because"))
    assert (failed.outcome, failed.failure_class) == OF_EXIT[ended]
    assert failed.reason == "because"
    assert failed.outcome is not Outcome.COMPLETED


@pytest.mark.parametrize("ended", list(JobOutcome))
def test_a_job_without_a_report_has_its_outcome(ended):
    failed = result(outcome=ended)
    assert (failed.outcome, failed.failure_class) == OF_JOB[ended]
    assert failed.reason


@pytest.mark.parametrize(
    ("verdicts", "outcome", "failure"),
    [
        ("holds", Outcome.COMPLETED, None),
        ("holds needs_human", Outcome.NEEDS_HUMAN, FailureClass.USER_ACTION_REQUIRED),
        ("needs_human rejects holds", Outcome.REJECTED, FailureClass.TESTS_FAILED),
        ("", Outcome.NEEDS_HUMAN, FailureClass.USER_ACTION_REQUIRED),
    ],
)
def test_the_worst_judgement_is_the_result_of_a_verification(verdicts, outcome, failure):
    judgements = tuple(
        Judgement(criterion=f"c{order}", verdict=Verdict(verdict), reason=f"{verdict} it")
        for order, verdict in enumerate(verdicts.split())
    )
    judged = result(ok(judgements=judgements), role=Role.TEST)
    assert (judged.outcome, judged.failure_class) == (outcome, failure)
    if outcome is Outcome.REJECTED:
        assert judged.reason == "c1: rejects it"


def test_a_report_of_any_size_fits_into_an_envelope():
    evidence = Evidence(argv=("x",), output_tail="y" * 4_000)
    violation = GateViolation(kind=GateKind.SECRET, path="p" * 200, detail="d" * 200)
    huge = ok(
        reason="r" * 60_000,
        narration="n" * 60_000,
        files_touched=tuple(f"{'f' * 90}{number}" for number in range(5_000)),
        special_changes=("s" * 500,) * 5_000,
        violations=(violation,) * 5_000,
        evidence=(evidence,) * 500,
    )
    small = bounded(huge)
    assert len(small.model_dump_json()) < 240_000
    assert bounded(small) == small
    assert len(small.files_touched) > 500


def test_no_text_of_a_report_keeps_a_secret():
    said = f"key {KEY} leaked"
    leaking = ok(
        reason=said,
        narration=said,
        special_changes=(said,),
        evidence=(Evidence(argv=("x",), summary=said, output_tail=said),),
        violations=(GateViolation(kind=GateKind.ESCAPING_SYMLINK, path="a", detail=said),),
        judgements=(
            Judgement(criterion="x", verdict=Verdict.REJECTS, reason=said, changed_tests=(f"test[{KEY}]",)),
        ),
    )
    assert KEY not in bounded(leaking).model_dump_json()
    clean = without_secrets(leaking)
    assert clean.reason == "key [redacted: AWS access key] leaked"
    assert clean.judgements[0].changed_tests == ("test[[redacted: AWS access key]]",)
