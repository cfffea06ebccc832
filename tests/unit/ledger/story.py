"""A directive over two levels, as the ledger of its organization sees it.

The root plans one task and gives it to the metasystem `team`; team splits it into work for `coder` and a check by
`tester`, whose own journals are elsewhere, and reports up. Every envelope names what caused it.
"""

from datetime import timedelta

from tests.contract.journals import COMMIT, GENOME, START, TTL_SECONDS, Journal, entry, envelope, owner
from vsm_core.actor import Commit
from vsm_core.envelope import Envelope
from vsm_core.facts import (
    AnyFact,
    DirectiveAccepted,
    DirectiveFinished,
    RecordedFact,
    TaskAdmitted,
    TaskAssigned,
    TaskConcluded,
    TaskFinished,
    TaskIntegrated,
    TaskPlanned,
    TaskTraced,
    TaskVerified,
)
from vsm_core.payloads.work import Directive, TaskPacket, TaskResult
from vsm_core.task import Evidence, Outcome, Role, TaskTrace, Usage
from vsm_core.value import Money

DIRECTIVE = "fix-docs"
WHOLE, PART, CHECK, OTHER = "task_whole", "task_part", "task_check", "task_other"


class Story:
    """Writes one decision after the other, each a second later, as hosts would."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self.versions: dict[str, int] = {}
        self.now = START

    async def begin(self) -> None:
        for node in ("root", "team"):
            await self.journal.claim(node, owner(), TTL_SECONDS)
            self.versions[node] = 0

    async def decide(
        self, node: str, cause: Envelope, *facts: AnyFact, sends: tuple[Envelope, ...] = ()
    ) -> None:
        self.now += timedelta(seconds=1)
        recorded = tuple(
            RecordedFact(
                id=f"fact_{node}_{self.versions[node] + ordinal}",
                fact=fact,
                occurred_at=self.now,
                genome_id=GENOME,
                correlation_id=DIRECTIVE,
                causation_id=cause.id,
            )
            for ordinal, fact in enumerate(facts, start=1)
        )
        entries = (entry(cause, facts=len(facts), sends=len(sends)),)
        await self.journal.commit(
            Commit(node, 1, self.versions[node], entries=entries, facts=recorded, sends=sends)
        )
        self.versions[node] += len(facts)


def packet(task_id: str, role: Role = Role.IMPLEMENT, **changes: object) -> TaskPacket:
    made = TaskPacket(id=task_id, directive_id=DIRECTIVE, role=role, title=f"do {task_id}")
    return made.model_copy(update=changes)


def planned(task_id: str, mandate_id: str, role: Role = Role.IMPLEMENT, **changes: object) -> TaskPlanned:
    verifies = changes.pop("verifies", None)
    what = packet(task_id, role, **changes)
    return TaskPlanned(
        task_id=task_id, directive_id=DIRECTIVE, mandate_id=mandate_id, packet=what, verifies=verifies
    )


def assigned(task_id: str, child: str, attempt: int = 1) -> TaskAssigned:
    return TaskAssigned(
        task_id=task_id,
        directive_id=DIRECTIVE,
        child=child,
        attempt=attempt,
        fencing_token=attempt,
        genome_id=GENOME,
        assigned_at=START,
        admit_by=START,
        reason="it is free",
    )


def admitted(task_id: str, node: str, took: TaskPacket | None = None) -> TaskAdmitted:
    return TaskAdmitted(
        task_id=task_id,
        directive_id=DIRECTIVE,
        attempt=1,
        fencing_token=1,
        execution_id=f"execution_{task_id}",
        node=node,
        process="process-1",
        packet=took,
    )


def finished(task_id: str, node: str, tokens: int, *, evidence: tuple[Evidence, ...] = ()) -> TaskFinished:
    result = TaskResult(
        task_id=task_id,
        attempt=1,
        fencing_token=1,
        execution_id=f"execution_{task_id}",
        produced_by=node,
        outcome=Outcome.COMPLETED,
        commit=COMMIT,
        files_touched=("docs/a.md", "docs/ü.md"),
        evidence=evidence,
        usage=Usage(
            input_tokens=tokens, output_tokens=1, tool_calls=2, money=Money(amount="0.25"), worker_seconds=1.5
        ),
    )
    return TaskFinished(task_id=task_id, directive_id=DIRECTIVE, result=result)


def traced(task_id: str, node: str, *ancestors: str) -> TaskTraced:
    trace = TaskTrace(
        task_id=task_id,
        directive_id=DIRECTIVE,
        attempt=1,
        node=node,
        ancestors=ancestors,
        genome_id=GENOME,
        role=Role.IMPLEMENT,
        outcome=Outcome.COMPLETED,
    )
    return TaskTraced(task_id=task_id, directive_id=DIRECTIVE, trace=trace)


def concluded(task_id: str, outcome: Outcome = Outcome.COMPLETED) -> TaskConcluded:
    return TaskConcluded(task_id=task_id, directive_id=DIRECTIVE, outcome=outcome)


EVIDENCE = Evidence(criterion="tests", argv=("pytest", "-q"), exit_code=0, summary="12 passed")


async def tell(journal: Journal) -> Story:
    """Write the whole story."""
    story = Story(journal)
    await story.begin()
    await report(story, await work(story))
    return story


async def work(story: Story) -> Envelope:
    """From the directive to the coder's result; returns the packet of the check."""
    asked = envelope("asked", target="root")
    directive = Directive(id=DIRECTIVE, title="Fix the docs")
    to_team = envelope("to_team", source="root", target="team", causation_id=asked.id)
    await story.decide(
        "root",
        asked,
        DirectiveAccepted(directive_id=DIRECTIVE, directive=directive),
        planned(WHOLE, DIRECTIVE),
        planned(OTHER, DIRECTIVE),
        assigned(WHOLE, "team"),
        sends=(to_team,),
    )
    to_coder = envelope("to_coder", source="team", target="coder", causation_id=to_team.id)
    await story.decide(
        "team",
        to_team,
        admitted(WHOLE, "team", packet(WHOLE)),
        planned(PART, WHOLE, parent_task_id=WHOLE),
        assigned(PART, "coder"),
        sends=(to_coder,),
    )
    from_coder = envelope("from_coder", source="coder", target="team", causation_id=to_coder.id)
    to_tester = envelope("to_tester", source="team", target="tester", causation_id=from_coder.id)
    await story.decide(
        "team",
        from_coder,
        finished(PART, "coder", 100, evidence=(EVIDENCE,)),
        traced(PART, "coder", "team", "root"),
        planned(CHECK, WHOLE, Role.TEST, parent_task_id=WHOLE, verifies=PART, dependencies=(PART,)),
        assigned(CHECK, "tester"),
        sends=(to_tester,),
    )
    return to_tester


async def report(story: Story, to_tester: Envelope) -> None:
    """From the check to the directive's end."""
    from_tester = envelope("from_tester", source="tester", target="team", causation_id=to_tester.id)
    up = envelope("up", source="team", target="root", causation_id=from_tester.id)
    await story.decide(
        "team",
        from_tester,
        finished(CHECK, "tester", 10),
        concluded(CHECK),
        TaskVerified(
            task_id=PART,
            directive_id=DIRECTIVE,
            verifier_task_id=CHECK,
            verifier_node="tester",
            evidence=(EVIDENCE,),
        ),
        TaskIntegrated(task_id=PART, directive_id=DIRECTIVE, tip=COMMIT),
        concluded(PART),
        finished(WHOLE, "team", 110),
        sends=(up,),
    )
    await story.decide(
        "root",
        up,
        finished(WHOLE, "team", 110),
        TaskIntegrated(task_id=WHOLE, directive_id=DIRECTIVE, tip=COMMIT),
        concluded(WHOLE),
        concluded(OTHER, Outcome.NO_CHANGE),
        DirectiveFinished(
            directive_id=DIRECTIVE, outcome=Outcome.COMPLETED, branch="vsm/fix-docs", commit=COMMIT
        ),
    )
