"""Upcasters: facts of older schema versions, read as what they would be today.

A stored fact is never rewritten, because its hash is its place in the chain. One table says for each kind and version
how its body becomes one of the next; reading applies them one after the other. Every released version stays in it.
"""

from collections.abc import Callable, Mapping

import orjson

Body = dict[str, object]
Upcast = Callable[[Body], Body]

# (kind, version) -> how a body of that version becomes one of the next. Empty while every kind is at its first version.
UPCASTERS: Mapping[tuple[str, int], Upcast] = {}


def upcast(kind: str, version: int, newest: int, body: str) -> str:
    """Return a body of ``version`` as one of ``newest``; raise ValueError where nobody says how."""
    if version == newest:
        return body
    fields = orjson.loads(body)
    for step in range(version, newest):
        change = UPCASTERS.get((kind, step))
        if change is None:
            raise ValueError(f"{kind} version {step}: nothing here makes version {step + 1} of it")
        fields = change(fields)
    return orjson.dumps(fields).decode()
