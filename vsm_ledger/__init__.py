"""Facts that stay: journal, hash chain, history and views.

The names below load on first use, so that importing the package costs no database library.
"""

from importlib import import_module

_HOMES = {
    "chain": "Head",
    "checkpoints": "Checkpoint Signer load_signer",
    "connect": "open_history open_journal",
    "errors": (
        "CommitTooLarge FactUnreadable LedgerClosed LedgerError LedgerLocked LedgerMissing LedgerTooNew LedgerTooOld "
        "LedgerUnavailable NotALedger UnsupportedLedger WrongOrganization"
    ),
    "history": "History",
    "journal": "SqlJournal",
    "memory": "Keep MemoryJournal MemoryLedger",
    "tampering": "Finding Tampering",
    "verification": "Verification verify",
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names.split()}

__all__ = sorted(_HOME_OF)  # noqa: PLE0605 - the table above is the list


def __getattr__(name: str) -> object:
    """Load a public name from its home on first use."""
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(import_module(f"{__name__}.{home}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    """List the public names."""
    return list(__all__)
