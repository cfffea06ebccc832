"""Exit codes: one table from outcome to code, and one from error to its line."""

from collections.abc import Mapping

from vsm_core.task import Outcome

LINE_LIMIT = 160  # characters of an error that quotes what it could not read
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


def exit_code_after(error: BaseException) -> int:
    """Return the exit code of an error that ended a command: usage, where its user can mend it by asking otherwise."""
    from vsm_system.errors import RecordChanged

    return USAGE if explained(error) is not None and not isinstance(error, RecordChanged) else FAILED


def explained(error: BaseException) -> str | None:
    """Return the one line that tells a user of an error they can mend; None for anything else."""
    from vsm_core.actor import Claimed
    from vsm_core.errors import CoreError
    from vsm_ledger.errors import FactUnreadable, LedgerError
    from vsm_system.errors import RecordChanged, UserError
    from vsm_worker.errors import WorkerError

    if isinstance(error, Claimed):
        return f"{error}: wait for it, or choose another --state"
    if isinstance(error, PermissionError) and error.filename is not None:
        return f"{error.filename} can't be used ({error.strerror}): it belongs to somebody else"
    if isinstance(error, FactUnreadable):
        return f"{_cut(str(error))}: see `vsm ledger verify`"
    if isinstance(error, UserError | RecordChanged | CoreError | LedgerError | WorkerError):
        return " ".join(str(error).split())
    return None


def _cut(words: str) -> str:
    line = " ".join(words.split())
    return line if len(line) <= LINE_LIMIT else f"{line[:LINE_LIMIT]}..."
