"""Receipts: a file that says for each attempt what was asked, who did it and what came of it, verifiable by itself.

Theory of operation. One line of canonical JSON per receipt. Each is numbered and holds the hash of the one before; the
first holds zeros. The last line is the end: how many receipts there are, the hash of the last, and a signature over
that by the key that signs the ledger's checkpoints, whose public half it names. So whoever has only the file can tell
whether a receipt was edited, taken out, put in or moved, or the file cut short. What nobody can tell from the file
alone is whether somebody made all of it anew and signed it with another key: compare the key with one that you know.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

import orjson

from vsm_core.codec import canonical_bytes
from vsm_core.errors import CanonicalError
from vsm_ledger.chain import GENESIS
from vsm_ledger.checkpoints import KEY_ID_LENGTH, Signer
from vsm_ledger.tampering import Finding, Link, StoredHead, Tampering, judge_stream

FORMAT = 1
MOVES_TRIED = 64  # numbers up and down, to learn where a receipt stood before
EXPLAINED = 64  # receipts that this is tried for
_FACT, _RECEIPT = "fact", "receipt"
Receipt = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class ReceiptsVerified:
    """What a file of receipts holds, and what was found; notes are no findings."""

    receipts: int
    organization: str | None
    key_id: str | None
    findings: tuple[str, ...]
    notes: tuple[str, ...]


# -------------------------------------------------------------------------------------------------------- writing


class Writing:
    """A file of receipts while it is being written, line by line."""

    def __init__(self) -> None:
        self._count, self._head = 0, GENESIS

    def line(self, receipt: Receipt) -> bytes:
        """Return the next receipt as a line, chained to the one before."""
        chained = {**receipt, "format": FORMAT, "number": self._count + 1, "previous_hash": self._head}
        self._count, self._head = self._count + 1, _hash_of(chained)
        return canonical_bytes({**chained, "hash": self._head}) + b"\n"

    def end(self, organization: str, signer: Signer, now: str) -> bytes:
        """Return the signed last line."""
        end: dict[str, object] = {
            "end": True,
            "format": FORMAT,
            "organization": organization,
            "receipts": self._count,
            "head": self._head,
            "exported_at": now,
            "key_id": signer.key_id,
            "public_key": signer.private.public_key().public_bytes_raw().hex(),
        }
        return canonical_bytes({**end, "signature": signer.private.sign(canonical_bytes(end)).hex()}) + b"\n"


def _hash_of(receipt: Receipt) -> str:
    return sha256(
        canonical_bytes({name: cell for name, cell in receipt.items() if name != "hash"})
    ).hexdigest()


# ------------------------------------------------------------------------------------------------------ verifying


def verify_receipts(lines: Iterable[bytes], keys: Mapping[str, bytes]) -> ReceiptsVerified:
    """Verify the lines of a file, of any bytes; ``keys`` are public keys that the reader trusts, by id."""
    rows = [_read(line) for line in lines if line.strip()]
    at = next((number for number, row in enumerate(rows) if row is not None and "end" in row), None)
    end = rows[at] if at is not None else None
    receipts = rows if at is None else rows[:at]
    findings = [*_judged(receipts, end), *_behind(rows, at)]
    unsigned, unknown = _judge_signature(end, keys) if end is not None else (None, None)
    return ReceiptsVerified(
        receipts=len(receipts),
        organization=_text(end, "organization"),
        key_id=_text(end, "key_id"),
        findings=(*findings, *filter(None, [unsigned])),
        notes=tuple(filter(None, [unknown])),
    )


def _read(line: bytes) -> Receipt | None:
    try:
        found = orjson.loads(line)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _judged(receipts: Sequence[Receipt | None], end: Receipt | None) -> Iterator[str]:
    """Judge the chain as a stream of facts is judged: the end is its head."""
    for number, receipt in enumerate(receipts, start=1):
        if receipt is None:
            yield f"{Tampering.EDIT} at receipt {number}: it is no receipt"
            return
    links = _links([receipt for receipt in receipts if receipt is not None])
    if end is None:
        yield from _said(judge_stream(_RECEIPT, links, _last_head(links), {}))
        yield f"{Tampering.TRUNCATION} at receipt {len(links) + 1}: the signed end is gone"
        return
    yield from _said(judge_stream(_RECEIPT, links, StoredHead(end.get("receipts"), end.get("head")), {}))
    if not links and end.get("receipts") != 0:
        yield f"{Tampering.TRUNCATION} at receipt 1: the end counts {end.get('receipts')} receipts, none is left"


def _behind(rows: Sequence[Receipt | None], at: int | None) -> Iterator[str]:
    if at is not None and at + 1 < len(rows):
        yield f"{Tampering.INSERTION} at receipt {at + 1}: it stands behind the signed end"


def _last_head(links: Sequence[Link]) -> StoredHead | None:
    return StoredHead(len(links), links[-1].hash) if links else None


def _said(finding: Finding | None) -> Iterator[str]:
    if finding is not None:
        detail = finding.detail.replace(_FACT, _RECEIPT).replace("stream", "file").replace("head", "end")
        yield f"{finding.tampering} at receipt {finding.entry}: {detail}"


def _links(receipts: Sequence[Receipt]) -> list[Link]:
    links, broken = [], 0
    for place, receipt in enumerate(receipts, start=1):
        intact = _has_its_hash(receipt)
        broken += not intact
        moved = None if intact or broken > EXPLAINED else _moved_from(receipt)
        number, previous, found = (receipt.get(name) for name in ("number", "previous_hash", "hash"))
        links.append(Link(number, place, _comparable(previous), _comparable(found), intact, moved))
    return sorted(links, key=_place)


def _place(link: Link) -> tuple[int, int]:
    number = link.version if isinstance(link.version, int) else 0
    return number, link.sequence if isinstance(link.sequence, int) else 0


def _comparable(cell: object) -> object:
    return cell if isinstance(cell, str | int | float | None) else str(cell)


def _has_its_hash(receipt: Receipt) -> bool:
    try:
        return _hash_of(receipt) == receipt.get("hash")
    except (CanonicalError, RecursionError):
        return False


def _moved_from(receipt: Receipt) -> int | None:
    number = receipt.get("number")
    if not isinstance(number, int):
        return None
    nearby = (number + step * sign for step in range(1, MOVES_TRIED + 1) for sign in (1, -1))
    return next((near for near in nearby if _has_its_hash({**receipt, "number": near})), None)


def _judge_signature(end: Receipt, keys: Mapping[str, bytes]) -> tuple[str | None, str | None]:
    """Return what is wrong with the signed end, and what can't be told of it."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    wrong = f"{Tampering.EDIT} at the end: it is not what was signed"
    try:
        public = bytes.fromhex(str(end.get("public_key")))
        signed = canonical_bytes({name: cell for name, cell in end.items() if name != "signature"})
        Ed25519PublicKey.from_public_bytes(public).verify(bytes.fromhex(str(end.get("signature"))), signed)
    except (InvalidSignature, ValueError, CanonicalError, RecursionError):
        return wrong, None
    key_id = sha256(public).hexdigest()[:KEY_ID_LENGTH]
    if key_id != end.get("key_id"):
        return wrong, None
    if not keys:
        return None, f"signed by key {key_id}; whether that is the right one, this file can't tell"
    if keys.get(key_id) != public:
        return f"{Tampering.FORK} at the end: signed by key {key_id}, which is none of those trusted", None
    return None, None


def _text(end: Receipt | None, name: str) -> str | None:
    value = end.get(name) if end is not None else None
    return value if isinstance(value, str) else None
