"""A directive's story as facts, for the tests of results and reports."""

from datetime import UTC, datetime

from vsm_core import facts as f
from vsm_core import task as t
from vsm_core.payloads.work import Directive, TaskPacket, TaskResult
from vsm_core.task import Evidence, Outcome, Place, RepositoryRef, Role, Usage
from vsm_system.runs.result import Recorded

ID, BASE, TIP = "d-x", "a" * 40, "b" * 40
NOW = datetime(2026, 1, 1, tzinfo=UTC)
Facts = list[tuple[str, f.AnyFact]]


def recorded(facts: Facts) -> list[Recorded]:
    return [
        (
            stream,
            f.RecordedFact(
                id=f"fact_{number}",
                fact=fact,
                occurred_at=NOW,
                genome_id="0" * 64,
                correlation_id=ID,
                causation_id="cause",
            ),
        )
        for number, (stream, fact) in enumerate(facts)
    ]


def accepted() -> f.DirectiveAccepted:
    repository = RepositoryRef(identity="repo", location="/repo", base_commit=BASE, branch="main")
    return f.DirectiveAccepted(
        directive_id=ID, directive=Directive(id=ID, title="Fix it", repository=repository)
    )


def planned(
    task: str, parent: str | None = None, role: Role = Role.IMPLEMENT, verifies: str | None = None
) -> f.TaskPlanned:
    packet = TaskPacket(id=task, directive_id=ID, parent_task_id=parent, role=role, title=f"Do {task}")
    return f.TaskPlanned(task_id=task, directive_id=ID, mandate_id=ID, packet=packet, verifies=verifies)


def assigned(task: str, child: str, attempt: int = 1) -> f.TaskAssigned:
    return f.TaskAssigned(
        task_id=task,
        directive_id=ID,
        child=child,
        attempt=attempt,
        fencing_token=attempt,
        genome_id="0" * 64,
        assigned_at=NOW,
        admit_by=NOW,
    )


def finished(task: str, child: str, **fields: object) -> f.TaskFinished:
    result = TaskResult(
        task_id=task,
        attempt=1,
        fencing_token=1,
        execution_id="e",
        produced_by=child,
        outcome=Outcome.COMPLETED,
    )
    return f.TaskFinished(task_id=task, directive_id=ID, result=result.model_copy(update=fields))


def concluded(task: str, outcome: Outcome = Outcome.COMPLETED) -> f.TaskConcluded:
    return f.TaskConcluded(task_id=task, directive_id=ID, outcome=outcome)


def ran_tests(where: Place, passed: int, failed: int = 0) -> Evidence:
    counts = t.TestCounts(passed=passed, failed=failed)
    return Evidence(criterion="tests", argv=("pytest",), where=where, exit_code=int(failed > 0), tests=counts)


RUFF = Evidence(argv=("ruff",), exit_code=0)
STORY: Facts = [
    ("root", accepted()),
    ("root", planned("t1")),
    ("root", assigned("t1", "crew")),
    ("crew", planned("t2", "t1")),
    ("crew", assigned("t2", "linter")),
    (
        "crew",
        finished("t2", "linter", commit=TIP, evidence=(RUFF,), usage=Usage(tool_calls=1, worker_seconds=2.0)),
    ),
    ("crew", planned("t3", "t1", Role.TEST, "t2")),
    ("crew", assigned("t3", "checker")),
    ("crew", finished("t3", "checker", evidence=(ran_tests(Place.BASE, 3, 1), ran_tests(Place.RESULT, 4)))),
    ("crew", concluded("t3")),
    ("crew", concluded("t2")),
    ("crew", finished("t1", "crew", commit=TIP, usage=Usage(tool_calls=1, worker_seconds=2.0))),
    ("root", finished("t1", "crew", commit=TIP, usage=Usage(tool_calls=1, worker_seconds=2.0))),
    ("root", concluded("t1")),
    ("root", f.BranchMoved(directive_id=ID, ref=f"refs/heads/vsm/{ID}", commit=TIP)),
]
OVER = f.DirectiveFinished(
    directive_id=ID, outcome=Outcome.COMPLETED, branch=f"vsm/{ID}", commit=TIP, base=BASE, reason=""
)
