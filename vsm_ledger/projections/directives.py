"""Directives as rows: what was asked, where it stands, what came of it."""

from vsm_core.facts import BranchMoved, DirectiveAccepted, DirectiveFinished
from vsm_ledger.projections.change import Cell, Cells, Change, Changes, Origin


def accepted(fact: DirectiveAccepted, origin: Origin) -> Changes:
    """Begin a row on the stream of the root that took the directive on."""
    asked = fact.directive
    cells: Cells = {
        "stream": origin.stream,
        "title": asked.title,
        "origin": asked.origin,
        "risk": asked.risk.value,
        "repository": asked.repository.identity if asked.repository else None,
        "state": "accepted",
        "outcome": None,
        "reason": "",
        "branch": None,
        "commit": None,
        "base": asked.repository.base_commit if asked.repository else None,
        "accepted_at": origin.occurred_at,
        "finished_at": None,
    }
    return (Change("directives", {"directive_id": fact.directive_id}, cells, whole=True),)


def moved(fact: BranchMoved, origin: Origin) -> Changes:
    """Note the branch that holds the work so far."""
    return (of_directive(fact.directive_id, origin, branch=fact.ref, commit=fact.commit),)


def finished(fact: DirectiveFinished, origin: Origin) -> Changes:
    """Note the outcome; what the fact leaves out stays as it was."""
    cells: Cells = {"state": "finished", "outcome": fact.outcome.value, "reason": fact.reason}
    named = {"branch": fact.branch, "commit": fact.commit, "base": fact.base}
    cells.update({name: value for name, value in named.items() if value is not None})
    return (of_directive(fact.directive_id, origin, finished_at=origin.occurred_at, **cells),)


def of_directive(directive_id: str, origin: Origin, **cells: Cell) -> Change:
    """Return a change of a directive's row, which finds none unless the stream is the root's."""
    return Change("directives", {"directive_id": directive_id, "stream": origin.stream}, cells)
