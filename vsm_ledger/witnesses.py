"""Witnesses: do the ledger's checkpoints and the copies outside it tell one story.

Pure judgement over checkpoints that somebody else read. A copy may lag behind the ledger, never lead it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from vsm_ledger.chain import GENESIS
from vsm_ledger.checkpoints import Checkpoint, is_genuine
from vsm_ledger.tampering import Finding, Tampering

Copies = Mapping[str, Sequence[Checkpoint]]  # where they lie -> what lies there
Keys = Mapping[str, bytes]  # key id -> public key


@dataclass(frozen=True, slots=True)
class StoredCheckpoint:
    """A row of ``checkpoints``: its number, and what its body says, if it can be read."""

    number: object
    checkpoint: Checkpoint | None


def signed_heads(
    stored: Sequence[StoredCheckpoint], copies: Copies, keys: Keys
) -> dict[str, dict[int, frozenset[str]]]:
    """Return what genuine checkpoints signed: stream -> version -> hashes; more than one hash is a contradiction."""
    told = [each.checkpoint for each in stored if each.checkpoint is not None]
    told += [copy for copied in copies.values() for copy in copied]
    heads: dict[str, dict[int, frozenset[str]]] = {}
    for checkpoint in told:
        if is_genuine(checkpoint, keys) is False:
            continue
        for head in checkpoint.heads:
            signed = heads.setdefault(head.stream, {})
            signed[head.version] = signed.get(head.version, frozenset()) | {head.hash}
    return heads


def judge_checkpoints(stored: Sequence[StoredCheckpoint], copies: Copies, keys: Keys) -> tuple[Finding, ...]:
    """Return the first bad checkpoint of the ledger and the first bad one of each copy."""
    judged = (
        _judge_stored(stored, keys),
        *(_judge_copy(stored, where, copies[where], keys) for where in copies),
    )
    return tuple(first for findings in judged if (first := next(findings, None)) is not None)


def _judge_stored(stored: Sequence[StoredCheckpoint], keys: Keys) -> Iterator[Finding]:
    previous = GENESIS
    for at, row in enumerate(stored, start=1):
        checkpoint = row.checkpoint
        if isinstance(row.number, int) and row.number > at:
            yield Finding(Tampering.MISSING_CHECKPOINT, None, at, "it is gone from the ledger")
        if checkpoint is None or checkpoint.number != row.number or is_genuine(checkpoint, keys) is False:
            yield Finding(Tampering.EDIT, None, at, "it is not what was signed")
            return
        if checkpoint.previous != previous:
            yield Finding(Tampering.FORK, None, at, "it follows another checkpoint than the one before it")
        previous = checkpoint.digest


def _judge_copy(
    stored: Sequence[StoredCheckpoint], where: str, copied: Sequence[Checkpoint], keys: Keys
) -> Iterator[Finding]:
    known = {each.checkpoint.number: each.checkpoint for each in stored if each.checkpoint is not None}
    previous: Checkpoint | None = None
    for copy in sorted(copied, key=lambda each: each.number):
        if is_genuine(copy, keys) is False:
            yield Finding(Tampering.EDIT, None, copy.number, f"its copy in {where} is not what was signed")
        elif copy.number not in known:
            yield Finding(
                Tampering.MISSING_CHECKPOINT, None, copy.number, f"{where} has it, the ledger has not"
            )
        elif known[copy.number].digest != copy.digest:
            yield Finding(Tampering.FORK, None, copy.number, f"{where} has another one than the ledger")
        if previous is not None and copy.number > previous.number + 1:
            yield Finding(Tampering.MISSING_CHECKPOINT, None, previous.number + 1, f"it is gone from {where}")
        previous = copy
