r"""Texts: what a human or a model wrote, kept apart from the fact it belongs to, so that it can be taken away.

Theory of operation. In a body each free text is swapped for the sha256 of a salt and the text; the fact's hash covers
that digest, not the text. The texts of one fact lie, in the order of their digests in the body, in one row of
``texts``: a JSON array of pairs (salt, text), with null in the place of one that was redacted. Each has a salt of its
own, so that neither a short text can be guessed from its digest nor two equal ones be told.

A digest stands in a body as the string ``"\/<digest>"``. It is JSON, and no encoder used here escapes a slash, so no
value that somebody chose can look like it. The empty text stays where it is. What an older version wrote has its texts
in the body and reads as it always did. Nothing here knows a database.
"""

import re
from collections.abc import Sequence
from hashlib import sha256
from os import urandom
from typing import cast

import orjson
from pydantic import BaseModel

from vsm_core.codec import wire_bytes
from vsm_core.errors import CanonicalError
from vsm_core.texts import walk_of

REDACTED = "[redacted]"
SALT_BYTES = 16
MARK = '"\\/'  # how a digest begins in a body
_MARKED = re.compile(r'"\\/([0-9a-f]{64})"')
_SWAPPED = re.compile(rb'"/([0-9a-f]{64})"')

Pair = tuple[str, str]  # salt and text


def take_out(fact: BaseModel) -> tuple[bytes, bytes]:
    """Return a fact's body with digests in place of its texts, and its row of texts; nothing where it has none."""
    walk = walk_of(type(fact))
    if walk is None:
        return wire_bytes(fact), b""
    taken: dict[bytes, Pair] = {}

    def swap(text: str) -> str:
        salt = urandom(SALT_BYTES).hex()
        digest = text_digest(salt, text)
        taken[digest.encode()] = (salt, text)
        return f"/{digest}"

    body = wire_bytes(cast(BaseModel, walk(fact, swap)))
    if not taken:
        return body, b""
    if len(taken) == 1:  # as most have
        ((digest, pair),) = taken.items()
        return body.replace(b'"/' + digest, b'"\\/' + digest), orjson.dumps([pair])
    row: list[Pair] = []

    def mark(found: "re.Match[bytes]") -> bytes:
        pair = taken.get(found[1])
        if pair is None:
            return found[0]  # a path that looks like a digest
        row.append(pair)
        return b'"\\/' + found[1] + b'"'

    return _SWAPPED.sub(mark, body), orjson.dumps(row)


def text_digest(salt: str, text: str) -> str:
    """Return the digest that stands for a text; raise CanonicalError for one that is no Unicode."""
    try:
        return sha256(f"{salt}{text}".encode()).hexdigest()
    except UnicodeEncodeError as error:
        raise CanonicalError(str(error)) from error


def put_back(body: str, row: str | None) -> str:
    """Return a body with its texts; what is gone reads as ``[redacted]``."""
    if MARK not in body:
        return body
    pairs = iter(pairs_of(row))

    def text_at(_: "re.Match[str]") -> str:
        pair = next(pairs, None)
        return orjson.dumps(pair[1] if pair else REDACTED).decode()

    return _MARKED.sub(text_at, body)


def digests_in(body: str) -> list[str]:
    """Return the digests in a body, in their order."""
    return _MARKED.findall(body) if MARK in body else []


def pairs_of(row: str | None) -> "list[Pair | None]":
    """Return the texts of a row; raise ValueError where it is damaged."""
    found = orjson.loads(row) if row is not None else []
    if not isinstance(found, list):
        raise ValueError("a row of texts is no array")  # noqa: TRY004 - damage, not a caller's mistake
    return [_pair(each) for each in found]


def row_of(pairs: "Sequence[Pair | None]") -> str | None:
    """Return texts as a row; None where none is left."""
    return orjson.dumps(pairs).decode() if any(pairs) else None


def _pair(found: object) -> Pair | None:
    match found:
        case None:
            return None
        case [str(salt), str(text)]:
            return salt, text
        case _:
            raise ValueError("a text is no pair of salt and text")
