"""Outcomes: what later history did to the organization's commits, recorded once, so that attribution knows of it.

Theory of operation. Every commit of ours names its task in a trailer. Going through history from the oldest commit on,
a revert names the commit it takes back; a revert of a revert takes it in again; a ``Fixes:`` trailer, or the subject of
a fix-up, names a commit that had to be mended. A merge stands for all that it brought. Each finding becomes a fact on
a stream of this scan's own, claimed and fenced like a node's. Recorded is what differs from what is recorded already:
work counts as taken back or not, however often it went to and fro, and as mended once.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection, select

from vsm_core.actor import Commit, Owner
from vsm_core.facts import OutcomeAdjusted, RecordedFact, TaskTraced
from vsm_core.fitness import SUCCEEDED
from vsm_core.ids import derive_id
from vsm_core.task import OutcomeChange
from vsm_ledger.history import FactFilter, FactRow, History
from vsm_ledger.journal import SqlJournal
from vsm_ledger.schema import adjustments
from vsm_system.errors import UserError
from vsm_worker.git import git, git_fields, readable, resolve

TO_AND_FRO = (OutcomeChange.REVERTED, OutcomeChange.REINSTATED)
STREAM = "_host-outcomes"  # no node can have this id
CLAIM_SECONDS = 60.0
FACTS_PER_COMMIT = 200
REASON_LIMIT = 200  # characters of a subject
SHORTEST = 7  # hexadecimal digits that name a commit
FORMAT = "%H%x1f%P%x1f%an%x1f%B"
_TRAILER = re.compile(r"^VSM-Task: *(\S+) *$", re.MULTILINE)
_REVERTS = re.compile(r"^This reverts commit ([0-9a-f]{7,64})\b", re.MULTILINE)
_FIXES = re.compile(r"^Fixes: *([0-9a-f]{7,64})\b", re.MULTILINE)
_FIX_UP = re.compile(r"^(?:fixup|squash|amend)! (.+)$")


@dataclass(frozen=True, slots=True)
class Past:
    """One commit of the history."""

    commit: str
    parents: tuple[str, ...]
    author: str
    message: str

    @property
    def subject(self) -> str:
        """Its first line."""
        return self.message.partition("\n")[0]

    @property
    def tasks(self) -> tuple[str, ...]:
        """The tasks that its trailers name."""
        return tuple(dict.fromkeys(_TRAILER.findall(self.message)))


@dataclass(frozen=True, slots=True)
class Finding:
    """What one commit did to the work of one task."""

    task_id: str
    change: OutcomeChange
    subject: Past
    by: Past


@dataclass(frozen=True, slots=True)
class Scanned:
    """What a scan came to."""

    commits: int
    ours: int
    recorded: tuple[OutcomeAdjusted, ...]  # or to be recorded, of a dry run
    known: int  # recorded by an earlier scan
    unknown: int  # about tasks that this ledger has not traced


# ------------------------------------------------------------------------------------------------------- history


async def history_of(repository: Path, ref: str) -> tuple[Past, ...]:
    """Return all commits that a ref leads to, parents before children; raise UserError where there is no such ref."""
    tip = await resolve(repository, ref)
    if tip is None:
        raise UserError(f"{readable(ref)} names no commit of this repository")
    found = await git_fields(repository, "log", "-z", "--topo-order", "--reverse", f"--format={FORMAT}", tip)
    return tuple(_past(each) for each in found)


def _past(text: str) -> Past:
    commit, parents, author, message = text.split("\x1f", 3)
    return Past(commit, tuple(parents.split()), readable(author), readable(message))


async def brought_by(repository: Path, past: Past, known: Mapping[str, Past]) -> tuple[Past, ...]:
    """Return the commits that one stands for: itself, and what it merged."""
    if len(past.parents) < 2:  # noqa: PLR2004 - a merge has two parents
        return (past,)
    merged = await git(repository, "rev-list", past.commit, f"^{past.parents[0]}")
    return tuple(known[each] for each in merged.split() if each in known)


async def findings_in(repository: Path, history: Sequence[Past]) -> tuple[Finding, ...]:
    """Return what happened to our commits, in the order it happened."""
    known = {each.commit: each for each in history}
    reverted: dict[str, Past] = {}  # what takes back -> what it takes back
    found: list[Finding] = []
    for past in history:
        for change, target in _aims(past, known, history):
            subject, change_there = _root(target, change, reverted)
            if change is OutcomeChange.REVERTED:
                reverted[past.commit] = target
            for brought in await brought_by(repository, subject, known):
                found.extend(Finding(task, change_there, brought, past) for task in brought.tasks)
    return tuple(found)


def standing(found: Sequence[Finding]) -> tuple[Finding, ...]:
    """Return where it came to: of each task the last that was taken back or in again, and the first mending."""
    last: dict[tuple[str, OutcomeChange], Finding] = {}
    for each in found:
        if each.change in TO_AND_FRO:
            last[each.task_id, OutcomeChange.REVERTED] = each
        else:
            last.setdefault((each.task_id, each.change), each)
    return tuple(last.values())


def _aims(
    past: Past, known: Mapping[str, Past], history: Sequence[Past]
) -> Iterator[tuple[OutcomeChange, Past]]:
    for pattern, change in ((_REVERTS, OutcomeChange.REVERTED), (_FIXES, OutcomeChange.REGRESSED)):
        for name in pattern.findall(past.message):
            target = _named(name, known)
            if target is not None and target is not past:
                yield change, target
    fix_up = _FIX_UP.match(past.subject)
    if fix_up and not past.tasks:
        target = next((each for each in history if each.subject == fix_up[1] and each.tasks), None)
        if target is not None:
            yield OutcomeChange.OVERRIDDEN, target


def _named(name: str, known: Mapping[str, Past]) -> Past | None:
    if name in known:
        return known[name]
    alike = [each for commit, each in known.items() if commit.startswith(name)]
    return alike[0] if len(alike) == 1 else None


def _root(target: Past, change: OutcomeChange, reverted: Mapping[str, Past]) -> tuple[Past, OutcomeChange]:
    """Return what a revert is about in the end: taking back what took back is taking in again."""
    if change is not OutcomeChange.REVERTED:
        return target, change
    back = True
    while target.commit in reverted:
        target, back = reverted[target.commit], not back
    return target, OutcomeChange.REVERTED if back else OutcomeChange.REINSTATED


# ----------------------------------------------------------------------------------------------------- recording


async def scan(repository: Path, ref: str, history: History, write: "Writer | None") -> Scanned:
    """Find what happened to our commits, and record what is new; without a writer nothing is written."""
    commits = await history_of(repository, ref)
    found = standing(await findings_in(repository, commits))
    if write is not None:
        await write.begin()
    already = await history.ask(_recorded)
    facts: list[OutcomeAdjusted] = []
    known = unknown = 0
    for each in found:
        traced = await _trace_of(history, each.task_id)
        if traced is None:
            unknown += 1
        elif _is_news(each.change, already.get(traced.recorded.id, Counter())):
            facts.append(_adjusted(each, traced))
        else:
            known += each.change is not OutcomeChange.REINSTATED
    if write is not None:
        await write.record(facts)
    ours = sum(bool(each.tasks) for each in commits)
    return Scanned(len(commits), ours, tuple(facts), known, unknown)


def _recorded(connection: Connection) -> dict[str, Counter[str]]:
    """Return how often each change of each trace was recorded."""
    columns = adjustments.c
    found: dict[str, Counter[str]] = {}
    for trace, change in connection.execute(select(columns.trace_id, columns.change)):
        found.setdefault(str(trace), Counter())[str(change)] += 1
    return found


def _is_news(change: OutcomeChange, recorded: Counter[str]) -> bool:
    if change not in TO_AND_FRO:
        return not recorded[change]
    is_back = recorded[OutcomeChange.REVERTED] > recorded[OutcomeChange.REINSTATED]
    return is_back is not (change is OutcomeChange.REVERTED)


async def _trace_of(history: History, task_id: str) -> FactRow | None:
    """Return the attempt whose work was taken: the last that succeeded, or else the last."""
    rows = await history.facts(FactFilter(kind="TaskTraced", task_id=task_id))
    good = [row for row in rows if isinstance(row.fact, TaskTraced) and row.fact.trace.outcome in SUCCEEDED]
    return good[-1] if good else rows[-1] if rows else None


def _adjusted(found: Finding, row: FactRow) -> OutcomeAdjusted:
    assert isinstance(row.fact, TaskTraced)
    return OutcomeAdjusted(
        task_id=found.task_id,
        directive_id=row.fact.directive_id,
        trace_id=row.recorded.id,
        traced_at=row.recorded.occurred_at,
        trace=row.fact.trace,
        change=found.change,
        subject_commit=found.subject.commit,
        commit=found.by.commit,
        author=found.by.author[:REASON_LIMIT],
        reason=found.by.subject[:REASON_LIMIT],
    )


class Writer:
    """The scan's own stream: claimed before it is read, so that two scans at once can't both write."""

    def __init__(self, journal: SqlJournal, owner: Owner, now: datetime) -> None:
        self._journal, self._owner, self._now = journal, owner, now
        self._epoch = self._version = 0

    async def begin(self) -> None:
        """Claim the stream; raises Claimed while another scan holds it."""
        self._epoch = await self._journal.claim(STREAM, self._owner, CLAIM_SECONDS)
        self._version = (await self._journal.load(STREAM)).version

    async def record(self, facts: Sequence[OutcomeAdjusted]) -> None:
        """Write facts, and let the stream go; raises Fenced where another scan has taken it since."""
        for part in (facts[at : at + FACTS_PER_COMMIT] for at in range(0, len(facts), FACTS_PER_COMMIT)):
            recorded = tuple(_recorded_facts(part, self._now))
            await self._journal.commit(Commit(STREAM, self._epoch, self._version, facts=recorded))
            self._version += len(recorded)
        await self._journal.release(STREAM, self._epoch)


def _recorded_facts(facts: Iterable[OutcomeAdjusted], now: datetime) -> Iterator[RecordedFact]:
    for fact in facts:
        cause = derive_id("env", STREAM, fact.commit)
        yield RecordedFact(
            id=derive_id("fact", STREAM, f"{fact.commit}/{fact.change}/{fact.trace_id}"),
            fact=fact,
            occurred_at=now,
            genome_id=fact.trace.genome_id,
            correlation_id=fact.directive_id,
            causation_id=cause,
        )
