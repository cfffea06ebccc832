"""What the actor pattern's types promise: steps add up, and sealing derives everything from the cause."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.unit.core.test_payloads import NOW, around
from vsm_core.actor import Claimed, Context, Decision, Fenced, Limits, Owner, Send, Step, Timer, seal
from vsm_core.channel import Channel
from vsm_core.envelope import LIFETIME, PATH_LIMIT, Priority
from vsm_core.facts import DependencyReleased, GenomeAdopted
from vsm_core.ids import derive_id
from vsm_core.payloads.control import TimerPurpose
from vsm_core.payloads.jobs import Job, MoveRef
from vsm_core.payloads.work import TaskPacket, TaskResultAck
from vsm_core.task import RepositoryRef

CAUSE = around(TaskPacket(id="t", directive_id="d", title="T"))
LATER = NOW + timedelta(seconds=1)
CONTEXT = Context(now=LATER, cause_id=CAUSE.id, seed=7, limits=Limits(), process="p1")
FACT = DependencyReleased(task_id="t", directive_id="d", dependency="u")
SEND = Send("root", Channel.MANAGEMENT_TO_OPERATION, TaskResultAck(task_id="t", execution_id="e"))
TIMER = Timer(id="timer_1", node="coder", due_at=LATER, purpose=TimerPurpose.RETRY, subject="t")
MOVE = MoveRef(
    repository=RepositoryRef(identity="r", location="here", base_commit="a" * 40),
    ref="refs/heads/vsm",
    commit="b" * 40,
)
JOB = Job(
    id="job_1",
    node="coder",
    subject="t",
    request=MOVE,
    deadline_seconds=5,
    started_at=NOW,
    cause_id="env_1",
    correlation_id="story",
)


def test_steps_add_up_in_order() -> None:
    one = Step(
        facts=(FACT,),
        sends=(SEND,),
        timers=(TIMER,),
        timers_cancelled=("x",),
        jobs=(JOB,),
        jobs_cancelled=("a",),
    )
    two = Step(timers_cancelled=("y",), jobs_cancelled=("b",))
    both = one + two
    assert (both.facts, both.sends, both.timers, both.jobs) == ((FACT,), (SEND,), (TIMER,), (JOB,))
    assert (both.timers_cancelled, both.jobs_cancelled) == (("x", "y"), ("a", "b"))
    assert Step() + one == one + Step() == one


def test_sealing_derives_ids_story_and_times_from_the_cause() -> None:
    decision = seal(Step(facts=(FACT, FACT), sends=(SEND, SEND)), "coder", "1" * 64, CAUSE, CONTEXT)
    assert [each.id for each in decision.facts] == [derive_id("fact", "coder", CAUSE.id, n) for n in (0, 1)]
    assert [each.id for each in decision.sends] == [derive_id("env", "coder", CAUSE.id, n) for n in (0, 1)]
    recorded, sent = decision.facts[0], decision.sends[0]
    assert (recorded.occurred_at, recorded.genome_id) == (LATER, "1" * 64)
    assert (recorded.correlation_id, recorded.causation_id) == (FACT.directive_id, CAUSE.id)
    assert (sent.source, sent.target, sent.channel) == ("coder", "root", SEND.channel)
    assert (sent.correlation_id, sent.causation_id) == (CAUSE.correlation_id, CAUSE.id)
    assert (sent.created_at, sent.expires_at) == (LATER, LATER + LIFETIME)
    assert (sent.organization, sent.genome_id, sent.path) == (CAUSE.organization, "1" * 64, ("coder",))


def test_a_fact_that_is_about_no_directive_belongs_to_the_story_of_its_cause() -> None:
    adopted = GenomeAdopted(genome_id="1" * 64)
    (recorded,) = seal(Step(facts=(adopted,)), "coder", "1" * 64, CAUSE, CONTEXT).facts
    assert recorded.correlation_id == CAUSE.correlation_id


def test_sealing_twice_makes_the_same_decision() -> None:
    step = Step(facts=(FACT,), sends=(SEND,), timers=(TIMER,), timers_cancelled=("x",), jobs=(JOB,))
    once = seal(step, "coder", "1" * 64, CAUSE, CONTEXT)
    assert once == seal(step, "coder", "1" * 64, CAUSE, CONTEXT)
    assert (once.timers, once.timers_cancelled, once.jobs) == ((TIMER,), ("x",), (JOB,))
    assert seal(Step(), "coder", "1" * 64, CAUSE, CONTEXT) == Decision()


def test_a_send_may_choose_its_story_and_its_end() -> None:
    chosen = replace(
        SEND,
        correlation_id="another",
        expires_at=LATER + timedelta(hours=1),
        priority=Priority.INTERRUPT,
        cancel_epoch=4,
    )
    (sent,) = seal(Step(sends=(chosen,)), "coder", "1" * 64, CAUSE, CONTEXT).sends
    assert (sent.correlation_id, sent.priority, sent.cancel_epoch) == ("another", Priority.INTERRUPT, 4)
    assert sent.expires_at == LATER + timedelta(hours=1)


def test_a_path_that_is_full_keeps_its_last_nodes() -> None:
    long = CAUSE.model_copy(update={"path": tuple(f"n{number}" for number in range(PATH_LIMIT))})
    (sent,) = seal(Step(sends=(SEND,)), "coder", "1" * 64, long, CONTEXT).sends
    assert sent.path == (*long.path[1:], "coder")


def test_losing_a_node_says_which() -> None:
    fenced = Fenced("chief", "version 4 is not 3")
    assert (fenced.stream, str(fenced)) == ("chief", "chief: version 4 is not 3")
    owner = Owner(host="here", pid=42, started="now", process="p1")
    claimed = Claimed("chief", owner)
    assert (claimed.node, claimed.owner) == ("chief", owner)
    assert "process 42 on here" in str(claimed)
    with pytest.raises(AttributeError):
        owner.pid = 1  # type: ignore[misc]
