"""Tampering: which entry of a chain is the first bad one, and what was done to it.

Pure judgement over links that somebody else read. Versions and hashes are taken as they are found, of any type; what
a thief or a failing disk left behind is compared, never trusted. The hash covers an entry's version, so an entry that
was moved says by its hash where it stood.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import NamedTuple

from vsm_ledger.chain import GENESIS


class Tampering(StrEnum):
    """What was done to a ledger."""

    EDIT = "edit"
    DELETION = "deletion"
    INSERTION = "insertion"
    REORDER = "reorder"
    TRUNCATION = "truncation"
    FORK = "fork"
    MISSING_CHECKPOINT = "missing checkpoint"


@dataclass(frozen=True, slots=True)
class Finding:
    """The first bad entry of one stream, or one of the checkpoints; ``entry`` counts facts or checkpoints from 1."""

    tampering: Tampering
    stream: str | None  # None: a checkpoint, or the file as a whole
    entry: int
    detail: str

    def __str__(self) -> str:
        where = f"checkpoint {self.entry}" if self.stream is None else f"fact {self.entry} of {self.stream}"
        return f"{self.tampering} at {where}: {self.detail}"


class Link(NamedTuple):  # not a dataclass: there are as many as facts
    """One stored fact as the chain sees it."""

    version: object
    sequence: object
    previous: object
    hash: object
    intact: bool  # its hash is that of its columns
    moved_from: int | None = None  # the version under which its hash would be right


@dataclass(frozen=True, slots=True)
class StoredHead:
    """The end of a stream as ``streams`` tells it."""

    version: object
    hash: object


Witnesses = Mapping[int, frozenset[str]]  # version -> the hashes that checkpoints signed for it


def judge_stream(
    stream: str, links: Sequence[Link], head: StoredHead | None, witnesses: Witnesses
) -> Finding | None:
    """Return the first bad entry of a stream, or None; ``links`` come in the order (version, sequence)."""
    beyond = _judge_head(stream, links, head)
    broken = _judge_links(stream, links)
    if broken and beyond and beyond.tampering is Tampering.INSERTION and broken.entry >= beyond.entry:
        return beyond
    return broken or beyond or _judge_witnesses(stream, links, witnesses) or _judge_order(stream, links)


def _judge_links(stream: str, links: Sequence[Link]) -> Finding | None:
    previous: object = GENESIS
    for at, link in enumerate(links):
        if link.version != at + 1:
            return _misnumbered(stream, links, at)
        if link.previous != previous:
            return _misplaced(stream, links, at)
        if not link.intact:
            return _broken(stream, links, at)
        previous = link.hash
    return None


def _broken(stream: str, links: Sequence[Link], at: int) -> Finding:
    """An entry that the next one passes over was never part of the chain."""
    if links[at + 1 : at + 2] and links[at + 1].previous == links[at].previous:
        return Finding(Tampering.INSERTION, stream, at + 1, "the fact after it does not know it")
    return Finding(Tampering.EDIT, stream, at + 1, "its columns do not have its hash")


def _misnumbered(stream: str, links: Sequence[Link], at: int) -> Finding:
    link = links[at]
    if not isinstance(link.version, int) or link.version < 1:
        return Finding(Tampering.EDIT, stream, at + 1, "its version is no number")
    if link.version > at + 1:
        gone = f"{link.version - at - 1} gone" if link.version > at + 2 else "it is gone"
        return Finding(Tampering.DELETION, stream, at + 1, gone)
    if link.intact and link.previous == links[at - 1].previous:
        return Finding(Tampering.FORK, stream, link.version, "two facts follow the same one")
    return Finding(Tampering.INSERTION, stream, link.version, "two facts have this version")


def _misplaced(stream: str, links: Sequence[Link], at: int) -> Finding:
    """Tell by whom this entry believes to follow what was done: a later one, an earlier one, or nobody known."""
    link = links[at]
    known = {each.hash: index for index, each in enumerate(links)}
    follows = -1 if link.previous == GENESIS else known.get(link.previous)
    if follows is not None and follows >= at:
        return Finding(Tampering.REORDER, stream, at + 1, "it follows a fact that stands after it")
    if follows is not None and link.intact:
        return Finding(Tampering.FORK, stream, at + 1, "it follows an earlier fact than the one before it")
    if follows is not None or (link.moved_from is not None and link.moved_from < at + 1):
        return Finding(Tampering.INSERTION, stream, at, "the fact after it does not know it")
    if at == 0 or link.moved_from is not None:
        return Finding(
            Tampering.DELETION, stream, at + 1, "what stood here is gone, and the rest was renumbered"
        )
    if link.intact:
        return Finding(Tampering.EDIT, stream, at, "the fact after it knows it by another hash")
    return Finding(Tampering.EDIT, stream, at + 1, "it points to no fact of this stream")


def _judge_head(stream: str, links: Sequence[Link], head: StoredHead | None) -> Finding | None:
    count = len(links)
    version = head.version if head else None
    if not isinstance(version, int):
        return Finding(Tampering.EDIT, stream, count, "the stream's head is gone") if count else None
    if version > count:
        return Finding(
            Tampering.TRUNCATION, stream, count + 1, f"the head counts {version} facts, {count} are left"
        )
    if version < count:
        return Finding(
            Tampering.INSERTION, stream, version + 1, f"the head counts {version} facts, {count} are here"
        )
    if head and count and head.hash != links[-1].hash:
        return Finding(Tampering.EDIT, stream, count, "the head knows it by another hash")
    return None


def _judge_witnesses(stream: str, links: Sequence[Link], witnesses: Witnesses) -> Finding | None:
    agreed = 0
    for version in sorted(witnesses):
        if version > len(links):
            detail = f"a checkpoint signed {version} facts, {len(links)} are left"
            return Finding(Tampering.TRUNCATION, stream, len(links) + 1, detail)
        if witnesses[version] != {links[version - 1].hash}:
            detail = (
                f"the chain is whole, but facts {agreed + 1} to {version} are not those a checkpoint signed"
            )
            return Finding(Tampering.FORK, stream, agreed + 1, detail)
        agreed = version
    return None


def _judge_order(stream: str, links: Sequence[Link]) -> Finding | None:
    """The reading order is not hashed; within a stream it must be that of the versions."""
    for at, (one, two) in enumerate(pairwise(links)):
        ascending = (
            isinstance(one.sequence, int) and isinstance(two.sequence, int) and one.sequence < two.sequence
        )
        if not ascending:
            return Finding(Tampering.REORDER, stream, at + 2, "it is read before the fact it follows")
    return None
