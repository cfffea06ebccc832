"""Identity: names that are safe everywhere, and ids derived from their cause.

A repeat of an envelope makes the same ids, so a redelivered cause can never have a second effect. Ids that start a
story (a directive asked for anew, a process) are minted outside actors.
"""

from hashlib import sha256
from typing import Annotated

import orjson
from pydantic import Field, StringConstraints

NODE_ID_PATTERN = r"[a-z0-9]([a-z0-9_-]{0,46}[a-z0-9])?"
PRINCIPAL_PATTERN = rf"_(user|client|host)-{NODE_ID_PATTERN}"
ID_LIMIT = 160  # characters of any id
DERIVED_LENGTH = 26  # base32 characters kept of a sha256: 130 bits
_HASHED_BYTES = 20  # all that those characters need, in whole groups of five
_ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"  # RFC 4648 base32, in lower case
_PAIRS = [
    first + second for first in _ALPHABET for second in _ALPHABET
]  # ten bits at a time: ids are made often
_SHIFTS = [_HASHED_BYTES * 8 - 10 * (place + 1) for place in range(DERIVED_LENGTH // 2)]

NodeId = Annotated[str, StringConstraints(pattern=f"^{NODE_ID_PATTERN}$")]
OrganizationName = NodeId
Address = Annotated[str, StringConstraints(pattern=f"^({NODE_ID_PATTERN}|{PRINCIPAL_PATTERN})$")]
Id = Annotated[str, Field(min_length=1, max_length=ID_LIMIT)]
Sha256 = Annotated[str, StringConstraints(pattern="^[0-9a-f]{64}$")]
CommitId = Annotated[str, StringConstraints(pattern="^[0-9a-f]{40}([0-9a-f]{24})?$")]


def derive_id(kind: str, node: str, cause_id: str, ordinal: int = 0) -> str:
    """Return the id of the ``ordinal``-th thing of ``kind`` that ``node`` makes because of ``cause_id``."""
    hashed = sha256(
        orjson.dumps([kind, node, cause_id, ordinal])
    ).digest()  # canonical as it is: text and a count
    number = int.from_bytes(hashed[:_HASHED_BYTES], "big")
    return f"{kind}_{''.join([_PAIRS[number >> shift & 1_023] for shift in _SHIFTS])}"
