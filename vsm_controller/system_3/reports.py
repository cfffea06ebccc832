"""System 3, reports: what a client is told of its directive."""

from collections import Counter
from decimal import Decimal

from vsm_controller.state.mandate import MandateState
from vsm_controller.state.task import TaskState
from vsm_core.actor import Send
from vsm_core.channel import Channel
from vsm_core.payloads.signals import DirectiveReport, DirectiveState, TaskReport
from vsm_core.task import Evidence, Usage
from vsm_core.value import Money

EVIDENCE_LIMIT = 20  # pieces of evidence one report carries
FILES_REPORTED = 100  # file names per task


def report_to(
    mandate: MandateState,
    standing: DirectiveState,
    *,
    tasks: tuple[TaskState, ...] = (),
    target: str | None = None,
) -> tuple[Send, ...]:
    """Return the report of a mandate to its client, or nothing where nobody asked for one."""
    asked = mandate.directive.reply_to if mandate.directive else None
    receiver = target or asked
    if receiver is None:
        return ()
    payload = DirectiveReport(
        directive_id=mandate.directive_id,
        state=standing,
        outcome=mandate.outcome,
        reason=mandate.reason,
        branch=branch_of(mandate) if mandate.published else None,
        commit=mandate.published,
        base=mandate.base,
        tasks=tuple(_task_report(task) for task in tasks),
        evidence=_evidence(tasks),
        usage=total_usage(tasks),
        counts=dict(Counter(task.status.value for task in tasks)),
    )
    return (Send(target=receiver, channel=Channel.OPERATION_TO_ENVIRONMENT, payload=payload),)


def branch_of(mandate: MandateState) -> str:
    """Return the integration branch of a directive, without ``refs/heads/``."""
    return f"vsm/{mandate.directive_id}"


def total_usage(tasks: tuple[TaskState, ...]) -> Usage:
    """Return what the newest attempts of some tasks spent together."""
    spent = [task.result.usage for task in tasks if task.result]
    return Usage(
        input_tokens=sum(each.input_tokens for each in spent),
        output_tokens=sum(each.output_tokens for each in spent),
        tool_calls=sum(each.tool_calls for each in spent),
        money=_money(spent),
        worker_seconds=sum(each.worker_seconds for each in spent),
    )


def _money(spent: list[Usage]) -> Money | None:
    """Add up what is in one currency; amounts in several are left to the ledger, which keeps them apart."""
    amounts = [each.money for each in spent if each.money]
    currencies = {each.currency for each in amounts}
    if len(currencies) != 1:
        return None
    return Money(amount=sum((each.amount for each in amounts), Decimal(0)), currency=currencies.pop())


def _evidence(tasks: tuple[TaskState, ...]) -> tuple[Evidence, ...]:
    found = [each for task in tasks for each in task.evidence]
    return tuple(each.model_copy(update={"output_tail": ""}) for each in found[-EVIDENCE_LIMIT:])


def _task_report(task: TaskState) -> TaskReport:
    result = task.result
    return TaskReport(
        id=task.id,
        role=task.packet.role,
        node=task.child,
        title=task.packet.title,
        state=task.status.value,
        outcome=task.outcome,
        attempts=task.assignments,
        commit=result.commit if result else None,
        files_touched=result.files_touched[:FILES_REPORTED] if result else (),
        reason=task.reason,
    )
