"""Claims: which process runs a node, and when another may take it over.

A claim holds until its time to live is over or its owner is dead. Only an owner on this machine can be known to be
dead: its pid is gone, or belongs to a process that started at another time. The epoch, not the claim, is what keeps
two writers apart, so taking over a process that is merely slow is safe.
"""

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import orjson

from vsm_core.actor import Claimed, Owner
from vsm_core.codec import canonical_bytes

_START_FIELD = 22  # of /proc/PID/stat: the start time in clock ticks since the machine's own start


@dataclass(frozen=True, slots=True)
class Claim:
    """Who holds a node, and until when if it is not renewed."""

    owner: Owner
    until: datetime


def utc_now() -> datetime:
    """Return the time of this machine, in UTC."""
    return datetime.now(UTC)


def check_claim(node: str, held: Claim | None, by: Owner, now: datetime) -> None:
    """Raise Claimed if ``held`` keeps ``by`` from taking the node over now."""
    if held is None or held.until <= now or _same_process(held.owner, by):
        return
    if held.owner.host == by.host and not is_alive(held.owner):
        return
    raise Claimed(node, held.owner)


def _same_process(one: Owner, other: Owner) -> bool:
    return (one.host, one.pid, one.started, one.process) == (
        other.host,
        other.pid,
        other.started,
        other.process,
    )


def is_alive(owner: Owner) -> bool:
    """Say whether an owner on this machine still runs; where its start time can't be read, its pid decides."""
    if not _pid_exists(owner.pid):
        return False
    started = start_of(owner.pid)
    return not (started and owner.started) or started == owner.started


def start_of(pid: int) -> str:
    """Return when a process started, as the operating system counts; nothing where it does not tell."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    after_name = status.rpartition(")")[2].split()  # the name, field 2, may hold spaces and brackets
    return after_name[_START_FIELD - 3] if len(after_name) > _START_FIELD - 3 else ""


def _pid_exists(pid: int) -> bool:
    if pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


def owner_text(owner: Owner) -> str:
    """Return an owner as a ledger stores it."""
    fields = {"host": owner.host, "pid": owner.pid, "started": owner.started, "process": owner.process}
    return canonical_bytes({**fields, "labels": dict(owner.labels)}).decode()


def owner_of(text: str) -> Owner:
    """Return the owner that ``owner_text`` stored."""
    fields = orjson.loads(text)
    return Owner(fields["host"], fields["pid"], fields["started"], fields["process"], fields["labels"])
