"""Facts that stay: journal, hash chain, history and views.

The names below load on first use, so that importing the package costs no database library.
"""

from vsm_core.lazy import loader, names_in

_HOMES = {
    "chain": "Head",
    "checkpoints": "Checkpoint Signer load_signer",
    "connect": "migrate open_history open_journal shown",
    "errors": (
        "CommitTooLarge DriverMissing FactUnreadable LedgerAddressWrong LedgerClosed LedgerError LedgerLocked "
        "LedgerMissing LedgerTooNew LedgerTooOld LedgerUnavailable LedgerUnreachable NotALedger UnsupportedLedger "
        "WrongOrganization"
    ),
    "history": "History",
    "journal": "SqlJournal",
    "memory": "Keep MemoryJournal MemoryLedger",
    "tampering": "Finding Tampering",
    "verification": "Verification verify",
}

__all__ = names_in(_HOMES)  # noqa: PLE0605 - the table above is the list
__getattr__ = loader(__name__, _HOMES)


def __dir__() -> list[str]:
    """List the public names."""
    return list(__all__)
