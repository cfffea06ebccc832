"""The leaf's decisions, as given (facts), when (a payload), then (facts, envelopes, timers, jobs)."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.unit.worker.packets import GENOME, NOW, RUFF, assigned, leaf, packet
from vsm_core.actor import Context, Limits
from vsm_core.capability import AuthorityLink, Capability, PermissionSpec
from vsm_core.channel import Channel
from vsm_core.envelope import CLOCK_SKEW, LIFETIME, Envelope
from vsm_core.node import ToolSpec
from vsm_core.payloads import PAYLOAD_CLASSES
from vsm_core.payloads.control import (
    Cancel,
    CancelScope,
    HostStarted,
    JobFinished,
    LeaseOf,
    LeaseRevoked,
    TimerFired,
    TimerPurpose,
)
from vsm_core.payloads.jobs import ExecutionReport, JobOutcome, ProviderExit
from vsm_core.payloads.work import TaskProgress, TaskResult, TaskResultAck
from vsm_core.task import Budget, FailureClass, Outcome, RepositoryRef
from vsm_worker.actor import HANDLERS, IGNORED, LeafActor
from vsm_worker.state import CLAIMS_REMEMBERED

ACTOR = LeafActor("coder", "root", "acme")
CONTEXT = Context(now=NOW, cause_id="cause", seed=1, limits=Limits(), process="process-1")
REPOSITORY = RepositoryRef(identity="repo-test", location="somewhere", base_commit="c" * 40)
NODE = leaf(tools=[RUFF])
INTERNAL = frozenset({"timer_fired", "job_finished"})
CHANNELS = {"cancel": Channel.COMMAND, "lease_revoked": Channel.COORDINATION}
CHANNELS |= {"task_result_ack": Channel.MANAGEMENT_TO_OPERATION, "task_packet": Channel.RESOURCE_BARGAINING}


def envelope(payload, *, source=None, channel=None, name="env_one") -> Envelope:
    inside = payload.payload_type in INTERNAL or payload.payload_type == "host_started"
    return Envelope(
        id=name,
        schema_version=1,
        organization="acme",
        genome_id=GENOME,
        channel=channel or (Channel.INTERNAL if inside else CHANNELS[payload.payload_type]),
        source=source or ("coder" if inside else "root"),
        target="coder",
        payload_type=payload.payload_type,
        payload=payload,
        correlation_id="tidy-up",
        causation_id="cause",
        created_at=NOW,
        expires_at=NOW + LIFETIME,
    )


class Play:
    """A leaf in a test: what it decides is folded into its state at once."""

    def __init__(self) -> None:
        self.state = ACTOR.initial()
        self.count = 0

    def when(self, payload, *, context=CONTEXT, **how):
        self.count += 1
        caused = envelope(payload, **{"name": f"env_{self.count}", **how})
        decision = ACTOR.decide(self.state, caused, context)
        for recorded in decision.facts:
            self.state = ACTOR.evolve(self.state, recorded.fact)
        return decision


@pytest.fixture
def play() -> Play:
    return Play()


def task(**fields):
    return packet(NODE, REPOSITORY, **fields)


def kinds(decision) -> list[str]:
    return [recorded.fact.kind for recorded in decision.facts]


def sent(decision):
    (only,) = decision.sends
    assert (only.target, only.channel) == ("root", Channel.MANAGEMENT_TO_OPERATION)
    return only.payload


def finished(job_id: str, report: ExecutionReport | None = None, outcome=JobOutcome.DONE) -> JobFinished:
    return JobFinished(job_id=job_id, subject="task_one", outcome=outcome, report=report)


DONE = ExecutionReport(exit=ProviderExit.OK, commit="d" * 40, files_touched=("a.py",))


# ----------------------------------------------------------------------------------------------------- admission


def test_an_admitted_packet_becomes_a_fact_a_sign_of_life_a_job_and_a_heartbeat(play):
    decision = play.when(task())
    assert kinds(decision) == ["TaskAdmitted"]
    progress = sent(decision)
    assert isinstance(progress, TaskProgress)
    (job,), (timer,) = decision.jobs, decision.timers
    assert progress.execution_id == job.request.execution_id == decision.facts[0].fact.execution_id
    assert (job.subject, job.deadline_seconds) == ("task_one", 3_600)
    assert (timer.purpose, timer.due_at) == (TimerPurpose.HEARTBEAT, NOW + timedelta(seconds=10))


def test_the_execution_id_tells_processes_and_deliveries_apart_and_repeats_itself():
    def execution_id(context):
        return Play().when(task(), context=context).jobs[0].request.execution_id

    assert execution_id(CONTEXT) == execution_id(CONTEXT)
    others = (replace(CONTEXT, process="process-2"), replace(CONTEXT, delivery_attempt=2))
    assert len({execution_id(context) for context in (CONTEXT, *others)}) == 3


def test_a_job_lasts_no_longer_than_the_task_may(play):
    soon = task(deadline=NOW + timedelta(seconds=30), budget=Budget(worker_seconds=12.5))
    assert play.when(soon).jobs[0].deadline_seconds == 12


def link(**fields) -> AuthorityLink:
    return AuthorityLink.model_validate({"id": "root", "has_children": True, **fields})


def with_chain(*links, **fields):
    own = fields.pop("own", NODE.as_link(has_children=False))
    assignment = assigned(NODE).model_copy(update={"authority": (*links, own)})
    return task(assignment=assignment, **fields)


REFUSED = [
    (task(assignment=assigned(leaf().model_copy(update={"id": "other"}))), "policy_denied", "names other"),
    (with_chain(own=link(id="other")), "policy_denied", "does not end"),
    (with_chain(own=NODE.as_link(has_children=True)), "policy_denied", "has children"),
    (task(required_capabilities=[Capability.DELEGATE]), "policy_denied", "lacks delegate"),
    (
        with_chain(link(denied_capabilities=[Capability.WRITE_CODE]), required_capabilities=["write_code"]),
        "policy_denied",
        "lacks write_code",
    ),
    (task(deadline=NOW), "timeout", "deadline"),
    (
        with_chain(link(permissions=PermissionSpec(allowed_paths=("docs",))), scope=("src",)),
        "policy_denied",
        "outside the allowed paths of root",
    ),
    (with_chain(link(permissions=PermissionSpec(denied_tools=("ruff-lint",)))), "policy_denied", "ruff-lint"),
    (task(budget=Budget(worker_seconds=0)), "budget_exhausted", "no worker_seconds left"),
]


@pytest.mark.parametrize(("refused", "failure", "reason"), REFUSED, ids=[each[2] for each in REFUSED])
def test_a_packet_is_refused_with_a_reason(play, refused, failure, reason):
    decision = play.when(refused)
    assert kinds(decision) == ["TaskRefused"]
    result = sent(decision)
    assert (result.outcome, result.failure_class) == (Outcome.REFUSED, failure)
    assert reason in result.reason
    assert not decision.jobs
    assert play.state.executions == {}


def test_a_packet_that_comes_too_late_is_refused(play):
    late = replace(CONTEXT, now=NOW + CLOCK_SKEW + timedelta(hours=1))
    assert "admitted by" in sent(play.when(task(), context=late)).reason


def test_a_packet_from_anyone_but_the_parent_goes_to_dead_letters(play):
    for how in ({"source": "sibling"}, {"channel": Channel.COORDINATION, "source": "x"}):
        decision = play.when(task(), **how)
        assert kinds(decision) == ["EnvelopeRefused"]
        assert decision.refusal
        assert not decision.sends
        assert not decision.jobs


def test_tools_of_another_class_do_not_stand_in_the_way(play):
    other = ToolSpec(name="denied", argv=("x",), task_class="format")
    node = leaf(tools=[RUFF, other], permissions=PermissionSpec(denied_tools=("denied",)))
    assert kinds(play.when(packet(node, REPOSITORY))) == ["TaskAdmitted"]


def test_the_same_claim_again_changes_nothing(play):
    play.when(task())
    before = play.state
    for _ in range(2):
        decision = play.when(task())
        assert not any((decision.facts, decision.sends, decision.jobs, decision.timers, decision.refusal))
    assert play.state == before


def test_an_older_claim_is_refused_and_a_newer_one_replaces_the_running_execution(play):
    first = play.when(task(assignment=assigned(NODE, attempt=2, token=5)))
    older = play.when(task(assignment=assigned(NODE, attempt=1, token=4)))
    assert sent(older).failure_class is FailureClass.LEASE_LOST
    newer = play.when(task(assignment=assigned(NODE, attempt=2, token=6)))
    assert kinds(newer) == ["ExecutionRevoked", "TaskAdmitted"]
    assert newer.jobs_cancelled == (first.jobs[0].id,)
    assert len(play.state.executions) == 1


def test_claims_are_remembered_up_to_a_bound(play):
    for number in range(CLAIMS_REMEMBERED + 3):
        decision = play.when(task(id=f"task_{number}"))
        play.when(
            LeaseRevoked(
                of=LeaseOf.TASK, task_id=f"task_{number}", execution_id=decision.sends[0].payload.execution_id
            )
        )
    assert len(play.state.newest) == CLAIMS_REMEMBERED
    assert play.state.executions == {}


# ----------------------------------------------------------------------------------------------------- the work


def begun(play):
    return play.when(task()).jobs[0]


def test_a_jobs_end_becomes_a_result_that_is_sent_until_it_is_acknowledged(play):
    job = begun(play)
    ended = play.when(finished(job.id, DONE))
    assert kinds(ended) == ["TaskFinished"]
    result = sent(ended)
    assert isinstance(result, TaskResult)
    assert (result.outcome, result.commit) == (Outcome.COMPLETED, "d" * 40)
    (resend,) = ended.timers
    assert resend.purpose is TimerPurpose.RESEND_RESULT
    again = play.when(fired(resend))
    assert sent(again) == result
    assert again.timers[0].id == resend.id
    acknowledged = play.when(TaskResultAck(task_id="task_one", execution_id=result.execution_id))
    assert kinds(acknowledged) == ["ResultAcknowledged"]
    assert acknowledged.timers_cancelled == (resend.id,)
    assert play.state.executions == {}
    assert not play.when(fired(resend)).sends


def fired(timer) -> TimerFired:
    return TimerFired(timer_id=timer.id, purpose=timer.purpose, subject=timer.subject, token=timer.token)


def test_a_heartbeat_beats_while_the_work_lasts_and_only_for_this_claim(play):
    decision = play.when(task())
    (timer,) = decision.timers
    beat = play.when(fired(timer))
    assert isinstance(sent(beat), TaskProgress)
    assert beat.timers[0].id == timer.id
    stale = fired(timer).model_copy(update={"token": 9})
    assert not play.when(stale).sends
    play.when(finished(decision.jobs[0].id, DONE))
    assert not play.when(fired(timer)).sends


def test_the_end_of_an_unknown_job_is_nobodys_business(play):
    job = begun(play)
    for unknown in (finished("other", DONE), finished(job.id, DONE).model_copy(update={"subject": "other"})):
        assert not play.when(unknown).facts
    play.when(finished(job.id, DONE))
    assert not play.when(finished(job.id, DONE)).facts


def test_an_acknowledgement_of_something_else_changes_nothing(play):
    job = begun(play)
    ack = TaskResultAck(task_id="task_one", execution_id=job.request.execution_id)
    assert not play.when(ack).facts  # there is no result yet
    play.when(finished(job.id, DONE))
    assert not play.when(ack.model_copy(update={"execution_id": "other"})).facts


# ------------------------------------------------------------------------------------------------------ stopping


@pytest.mark.parametrize(
    "cancel",
    [
        Cancel(scope=CancelScope.TASK, subject="task_one"),
        Cancel(scope=CancelScope.DIRECTIVE, subject="tidy-up"),
        Cancel(scope=CancelScope.SUBTREE, subject="root", cancel_epoch=1),
    ],
)
def test_a_cancel_stops_what_it_means_and_refuses_what_comes_after_it(play, cancel):
    job = begun(play)
    decision = play.when(cancel)
    assert kinds(decision) == ["CancelRequested", "ExecutionRevoked"]
    assert decision.jobs_cancelled == (job.id,)
    assert len(decision.timers_cancelled) == 1
    assert not play.when(finished(job.id, outcome=JobOutcome.CANCELLED)).facts
    late = play.when(task(assignment=assigned(NODE, token=2)))
    assert sent(late).outcome is Outcome.REFUSED


def test_a_cancel_of_something_else_stops_nothing(play):
    begun(play)
    decision = play.when(Cancel(scope=CancelScope.TASK, subject="other"))
    assert kinds(decision) == ["CancelRequested"]
    assert not decision.jobs_cancelled
    assert kinds(play.when(Cancel(scope=CancelScope.SUBTREE, subject="root", cancel_epoch=0))) == [
        "CancelRequested"
    ]


def test_a_revoked_lease_stops_its_execution_and_no_other(play):
    job = begun(play)
    revoked = LeaseRevoked(of=LeaseOf.TASK, task_id="task_one", execution_id="other")
    assert not play.when(revoked).facts
    own = revoked.model_copy(update={"execution_id": job.request.execution_id})
    assert play.when(own).jobs_cancelled == (job.id,)
    assert not play.when(own).facts


def test_a_revocation_that_names_no_execution_means_claims_up_to_its_token(play):
    play.when(task(assignment=assigned(NODE, token=3)))
    revoked = LeaseRevoked(of=LeaseOf.TASK, task_id="task_one", fencing_token=2)
    assert not play.when(revoked).facts
    assert kinds(play.when(revoked.model_copy(update={"fencing_token": 3}))) == ["ExecutionRevoked"]


def test_a_revocation_of_finished_work_ends_its_resending(play):
    job = begun(play)
    ended = play.when(finished(job.id, DONE))
    decision = play.when(LeaseRevoked(of=LeaseOf.TASK, task_id="task_one"))
    assert decision.timers_cancelled == (ended.timers[0].id,)
    assert decision.jobs_cancelled == ()


# -------------------------------------------------------------------------------------------------- completeness


def test_every_payload_type_has_a_handler_or_is_ignored_on_purpose():
    assert set(HANDLERS) | IGNORED == set(PAYLOAD_CLASSES)
    assert not set(HANDLERS) & IGNORED


def test_what_is_ignored_changes_nothing(play):
    decision = play.when(HostStarted(process="process-1", nodes=("coder",)))
    assert not any((decision.facts, decision.sends, decision.refusal))


def test_the_state_is_a_fold_of_the_facts(play):
    told = []
    for payload in (
        task(),
        finished("x"),
        Cancel(scope=CancelScope.TASK, subject="other"),
        task(id="task_two"),
    ):
        told += [recorded.fact for recorded in play.when(payload).facts]
    state = ACTOR.initial()
    for fact in told:
        state = ACTOR.evolve(state, fact)
    assert state == play.state
