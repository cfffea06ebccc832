"""Outcomes: what later history did to commits that carry our trailers is recorded once, and attribution knows of it."""

import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from tests.databases import Site, postgres, site
from tests.unit.ledger.attempts import traced, write
from tests.unit.ledger.test_projections import rows
from vsm_core.actor import Claimed
from vsm_core.task import Outcome, Role, TaskTrace
from vsm_ledger import open_history, open_journal, verify
from vsm_ledger.views.attribution import Asked, Figures, attribution
from vsm_system.clock import this_owner
from vsm_system.errors import UserError
from vsm_system.runs.outcomes import STREAM, Scanned, Writer, scan

__all__ = ["postgres", "site"]
IDENTITY = ("-c", "user.name=Ada", "-c", "user.email=ada@localhost", "-c", "commit.gpgSign=false")
TASKS = 4
NOW = datetime(2026, 2, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Yard:
    """A repository, and the ledger of what was done in it."""

    folder: Path
    site: Site

    def git(self, *arguments: str) -> str:
        ran = subprocess.run(
            ["git", *IDENTITY, *arguments], cwd=self.folder, check=True, capture_output=True, text=True
        )
        return ran.stdout.strip()

    def commit(self, message: str, *, file: str = "a.txt") -> str:
        with (self.folder / file).open("a") as content:
            content.write(f"{message}\n")
        self.git("add", ".")
        self.git("commit", "-m", message)
        return self.git("rev-parse", "HEAD")

    def work(self, number: int) -> str:
        """A commit as a leaf makes it, in a file of its own."""
        trailers = f"VSM-Directive: d1\nVSM-Task: task_{number}\nVSM-Node: coder\nVSM-Genome: {'a' * 64}"
        return self.commit(f"Do {number}\n\n{trailers}", file=f"{number}.txt")

    def revert(self, commit: str, *options: str) -> str:
        self.git("revert", "--no-edit", *options, commit)
        return self.git("rev-parse", "HEAD")

    async def scan(self, *, ref: str = "HEAD", dry_run: bool = False) -> Scanned:
        history = await open_history(self.site.location)
        journal = await open_journal(self.site.location)
        writer = None if dry_run else Writer(journal, this_owner("scan"), NOW)
        try:
            return await scan(self.folder, ref, history, writer)
        finally:
            await history.close()
            await journal.close()

    async def changes(self) -> list[tuple[str, str]]:
        """What a scan records: task and change."""
        return [(each.task_id, each.change.value) for each in (await self.scan()).recorded]

    async def coder(self) -> Figures:
        history = await open_history(self.site.location)
        found = await history.ask(partial(attribution, asked=Asked(node="coder")))
        await history.close()
        return found[0].own


@pytest.fixture
async def yard(site: Site, tmp_path: Path) -> Yard:
    made = Yard(tmp_path / "repository", site)
    made.folder.mkdir()
    made.git("init", "-b", "main")
    made.commit("Begin")
    journal = await open_journal(site.location)
    await write(journal, "team", [traced(number, one(number)) for number in range(TASKS)])
    await journal.close()
    return made


def one(number: int) -> TaskTrace:
    return TaskTrace(
        task_id=f"task_{number}",
        directive_id="d1",
        attempt=1,
        node="coder",
        ancestors=("team", "root"),
        genome_id="a" * 64,
        role=Role.IMPLEMENT,
        outcome=Outcome.COMPLETED,
        merged=True,
    )


async def test_a_revert_is_recorded_once_and_counts_against_the_node(yard: Yard) -> None:
    first = yard.work(1)
    yard.work(2)
    assert (await yard.coder()).succeeded == TASKS
    revert = yard.revert(first)
    found = await yard.scan()
    assert [(each.task_id, each.change, each.commit) for each in found.recorded] == [
        ("task_1", "reverted", revert)
    ]
    assert (found.recorded[0].subject_commit, found.recorded[0].author) == (first, "Ada")
    assert (found.commits, found.ours, found.known, found.unknown) == (4, 2, 0, 0)
    again = await yard.scan()
    assert (again.recorded, again.known) == ((), 1)
    coder = await yard.coder()
    assert (coder.succeeded, coder.reverted, coder.score) == (TASKS - 1, 1, 10 * TASKS - 30)
    assert (await verify(yard.site.location)).findings == ()


async def test_rebuilding_after_a_scan_makes_the_same_rows(yard: Yard) -> None:
    yard.revert(yard.work(1))
    await yard.scan()
    before = rows(yard.site)
    journal = await open_journal(yard.site.location)
    await journal.rebuild()
    assert rows(yard.site) == before
    await journal.close()


async def test_what_is_taken_in_again_counts_again(yard: Yard) -> None:
    revert = yard.revert(yard.work(1))
    assert await yard.changes() == [("task_1", "reverted")]
    yard.revert(revert)
    assert await yard.changes() == [("task_1", "reinstated")]
    assert await yard.changes() == []
    coder = await yard.coder()
    assert (coder.succeeded, coder.reverted) == (TASKS, 0)


async def test_to_and_fro_before_the_first_scan_comes_to_where_it_ended(yard: Yard) -> None:
    first = yard.work(1)
    again = yard.revert(yard.revert(first))
    assert await yard.changes() == []
    yard.revert(again)
    assert await yard.changes() == [("task_1", "reverted")]


async def test_two_reverts_of_one_commit_count_once(yard: Yard) -> None:
    first = yard.work(1)
    yard.revert(first)
    await yard.scan()
    yard.commit(f"Out with it again\n\nThis reverts commit {first}.")
    assert await yard.changes() == []
    assert (await yard.coder()).reverted == 1


@pytest.mark.parametrize(
    ("message", "change"),
    [
        ("Mend it\n\nFixes: {long}", "regressed"),
        ('Mend it\n\nFixes: {short} ("Do 1")', "regressed"),
        ("fixup! Do 1", "overridden"),
        ("squash! Do 1", "overridden"),
        ("amend! Do 1", "overridden"),
    ],
)
async def test_a_fix_up_is_recorded_once(message: str, change: str, yard: Yard) -> None:
    first = yard.work(1)
    named = message.format(long=first, short=first[:12])
    yard.commit(named)
    assert await yard.changes() == [("task_1", change)]
    yard.commit(named)
    assert await yard.changes() == []


@pytest.mark.parametrize(
    "message",
    [
        "Talk of This reverts commit {long} in passing",
        "Mend something\n\nFixes: #12",
        "fixup! Do something else",
        "Mend\n\nFixes: 0000000000000000000000000000000000000000",
        "This reverts nothing",
    ],
)
async def test_other_commits_mean_nothing(message: str, yard: Yard) -> None:
    yard.commit(message.format(long=yard.work(1)))
    assert await yard.changes() == []


async def test_a_reverted_merge_takes_back_all_it_brought(yard: Yard) -> None:
    yard.git("switch", "-q", "-c", "vsm/d1")
    yard.work(1)
    yard.work(2)
    yard.git("switch", "-q", "main")
    yard.work(3)
    yard.git("merge", "--no-ff", "-m", "Take the work in", "vsm/d1")
    yard.revert("HEAD", "-m", "1")
    assert sorted(await yard.changes()) == [("task_1", "reverted"), ("task_2", "reverted")]


async def test_work_of_another_ledger_is_counted_and_left(yard: Yard) -> None:
    yard.revert(yard.work(99))
    found = await yard.scan()
    assert (found.recorded, found.unknown) == ((), 1)


async def test_a_dry_run_says_it_and_writes_nothing(yard: Yard) -> None:
    yard.revert(yard.work(1))
    assert len((await yard.scan(dry_run=True)).recorded) == 1
    assert yard.site.sql("SELECT count(*) FROM adjustments") == [(0,)]
    assert len((await yard.scan()).recorded) == 1


async def test_only_the_history_asked_for_is_read(yard: Yard) -> None:
    first = yard.work(1)
    yard.git("branch", "before")
    yard.revert(first)
    assert (await yard.scan(ref="before")).recorded == ()
    for wrong in ("no-such", "--all", "HEAD..HEAD~1"):
        with pytest.raises(UserError, match="names no commit"):
            await yard.scan(ref=wrong)


async def test_two_scans_at_once_do_not_both_write(yard: Yard) -> None:
    yard.revert(yard.work(1))
    journal = await open_journal(yard.site.location)
    await Writer(journal, this_owner("first"), NOW).begin()
    with pytest.raises(Claimed):
        await yard.scan()
    await journal.close()
    assert yard.site.sql("SELECT count(*) FROM adjustments") == [(0,)]
    assert STREAM.startswith("_")
