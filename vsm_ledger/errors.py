"""The errors of the ledger, each definite or indefinite.

*Definite*: what was asked for certainly did not happen. *Indefinite*: it may have happened; asking again is safe,
because a commit that was written after all comes back as Fenced.
"""

from typing import ClassVar


class LedgerError(Exception):
    """The root of every error raised by vsm_ledger; Fenced and Claimed are the domain's own."""

    definite: ClassVar[bool] = True


class UnsupportedLedger(LedgerError):
    """A ledger address names a database this version can't use."""

    def __init__(self, scheme: str) -> None:
        super().__init__(
            f"a ledger at {scheme}:// is not supported; name a SQLite file, sqlite:///FILE or postgresql://..."
        )
        self.scheme = scheme


class DriverMissing(LedgerError):
    """A ledger address is right, but what speaks to its database is not installed."""

    def __init__(self, scheme: str, extra: str) -> None:
        super().__init__(
            f"a ledger at {scheme}:// needs the extra `{extra}`: pip install 'vsm-kernel[{extra}]'"
        )
        self.scheme = scheme
        self.extra = extra


class LedgerAddressWrong(LedgerError):
    """A URL of a server can't be taken apart."""

    def __init__(self, place: str) -> None:
        super().__init__(
            f"the address {place} can't be read: percent-encode what is special in user and password"
        )
        self.place = place


class LedgerMissing(LedgerError):
    """There is no ledger to read."""

    def __init__(self, place: str, detail: str = "") -> None:
        super().__init__(f"no ledger at {place}{f': {detail}' if detail else ''}")
        self.place = place


class NotALedger(LedgerError):
    """A file exists, but holds something else, or is too damaged to tell."""

    def __init__(self, place: str, detail: str) -> None:
        super().__init__(f"{place} is not a ledger: {detail}")
        self.place = place


class LedgerTooNew(LedgerError):
    """A newer version of this program wrote the ledger."""

    def __init__(self, place: str, found: int, known: int) -> None:
        super().__init__(
            f"{place} has schema {found}, this program knows schemas up to {known}: install a newer version"
        )
        self.place = place
        self.found = found


class LedgerTooOld(LedgerError):
    """An older version of this program wrote the ledger, and it must be migrated first."""

    def __init__(self, place: str, found: int, known: int) -> None:
        super().__init__(f"{place} has schema {found}, not {known}: run `vsm ledger migrate`")
        self.place = place
        self.found = found


class WrongOrganization(LedgerError):
    """The ledger belongs to another organization."""

    def __init__(self, place: str, found: str, expected: str) -> None:
        super().__init__(f"{place} is the ledger of {found!r}, not of {expected!r}")
        self.found = found
        self.expected = expected


class LedgerClosed(LedgerError):
    """The ledger was closed before it was asked; nothing was written."""

    def __init__(self, place: str) -> None:
        super().__init__(f"{place} is closed")
        self.place = place


class LedgerLocked(LedgerError):
    """Another process held the ledger's write lock for longer than we wait; nothing was written."""

    def __init__(self, place: str, waited_seconds: float) -> None:
        super().__init__(f"{place} is locked by another process since {waited_seconds:g} s or more")
        self.place = place
        self.waited_seconds = waited_seconds


class LedgerUnavailable(LedgerError):
    """The disk or the server failed while writing: nothing is acknowledged, and what was asked may have happened."""

    definite: ClassVar[bool] = False

    def __init__(self, place: str, detail: str) -> None:
        super().__init__(f"{place} can't be written: {detail}")
        self.place = place
        self.detail = detail


class LedgerUnreachable(LedgerUnavailable):
    """The ledger's server can't be reached, or was lost on the way: it says nothing of what was asked."""


class CommitTooLarge(LedgerError):
    """A commit, or one fact in it, is over the limit; nothing was written."""

    def __init__(self, what: str, size_bytes: int, limit_bytes: int) -> None:
        super().__init__(f"{what} has {size_bytes} bytes, over the limit of {limit_bytes}")
        self.size_bytes = size_bytes
        self.limit_bytes = limit_bytes


class FactUnreadable(LedgerError):
    """A stored fact can't be read by this version: it was damaged, or written by a newer one."""

    def __init__(self, stream: str, version: int, detail: str) -> None:
        super().__init__(f"fact {version} of {stream}: {detail}")
        self.stream = stream
        self.version = version
