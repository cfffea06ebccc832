"""Exit codes: one table from outcome to code, and one from error to its line."""

from collections.abc import Mapping

from vsm_core.task import Outcome

OK, FAILED, USAGE, HUMAN, INTERRUPTED = 0, 1, 2, 3, 130

EXIT_CODES: Mapping[Outcome, int] = {
    Outcome.COMPLETED: OK,
    Outcome.NO_CHANGE: OK,
    Outcome.FAILED: FAILED,
    Outcome.REJECTED: FAILED,
    Outcome.REFUSED: FAILED,
    Outcome.TIMED_OUT: FAILED,
    Outcome.LOST: FAILED,
    Outcome.NEEDS_HUMAN: HUMAN,
    Outcome.THROTTLED: HUMAN,
    Outcome.BUDGET_EXHAUSTED: HUMAN,
    Outcome.CANCELLED: INTERRUPTED,
}


def exit_code_of(outcome: Outcome) -> int:
    """Return the exit code of a directive's outcome."""
    return EXIT_CODES[outcome]


def explained(error: BaseException) -> str | None:
    """Return the one line that tells a user of an error they can mend; None for anything else."""
    from vsm_core.actor import Claimed
    from vsm_core.errors import CoreError
    from vsm_ledger.errors import LedgerError
    from vsm_system.errors import UserError
    from vsm_worker.errors import WorkerError

    if isinstance(error, Claimed):
        return f"{error}: wait for it, or choose another --state"
    if isinstance(error, UserError | CoreError | LedgerError | WorkerError):
        return " ".join(str(error).split())
    return None
