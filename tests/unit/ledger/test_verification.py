"""Tampering is found and named: each kind done to a real file, by hand, as a thief or a failing disk would."""

import os
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.databases import Site
from tests.unit.ledger.conftest import Kept, rehash
from vsm_ledger import LedgerMissing, Tampering, Verification, verify
from vsm_ledger.chain import HASHED, fact_hash

RENUMBER_DOWN = "UPDATE facts SET version = version - 1 WHERE stream = 'beta' AND version > 3"
MAKE_ROOM = (
    "UPDATE facts SET version = version + 100 WHERE stream = 'beta' AND version >= 3",
    "UPDATE facts SET version = version - 99 WHERE stream = 'beta' AND version > 100",
)
WITHOUT_INDEX = {
    "sqlite": (
        "CREATE TABLE loose AS SELECT * FROM facts",
        "DROP TABLE facts",
        "ALTER TABLE loose RENAME TO facts",
    ),
    "postgres": ("ALTER TABLE facts DROP CONSTRAINT facts_version",),
}
COLUMNS = ", ".join(HASHED)
INSERT_COPY = (
    "INSERT INTO facts ({columns}, hash) SELECT {picked}, hash FROM facts "
    "WHERE stream = 'beta' AND version = {of}"
)


def copy_of(of: int, /, **changes: str) -> str:
    picked = ", ".join(changes.get(name, name) for name in HASHED)
    return INSERT_COPY.format(columns=COLUMNS, picked=picked, of=of)


def swap(column: str, one: int, two: int) -> tuple[str, ...]:
    where = "UPDATE facts SET {} = {} WHERE stream = 'beta' AND {} = {}"
    return (
        where.format(column, 900, "version", one),
        where.format(column, f"(SELECT {one})", "version", two),
        where.format(column, two, column, 900),
    )


BY_HAND: dict[str, tuple[tuple[str, ...], Tampering, int]] = {
    "a body is changed": (
        ("UPDATE facts SET body = '{}' WHERE stream = 'beta' AND version = 3",),
        Tampering.EDIT,
        3,
    ),
    "a time is changed": (
        ("UPDATE facts SET occurred_at = 'x' WHERE stream = 'beta' AND version = 1",),
        Tampering.EDIT,
        1,
    ),
    "a cause becomes bytes": (
        ("UPDATE facts SET causation_id = x'ff' WHERE stream = 'beta' AND version = 2",),
        Tampering.EDIT,
        2,
    ),
    "text becomes no text": (
        ("UPDATE facts SET body = CAST(x'c3286162' AS TEXT) WHERE stream = 'beta' AND version = 4",),
        Tampering.EDIT,
        4,
    ),
    "a hash is changed": (
        ("UPDATE facts SET hash = 'x' WHERE stream = 'beta' AND version = 6",),
        Tampering.EDIT,
        6,
    ),
    "a pointer is changed": (
        ("UPDATE facts SET previous_hash = 'x' WHERE stream = 'beta' AND version = 4",),
        Tampering.EDIT,
        4,
    ),
    "a version becomes text": (
        ("UPDATE facts SET version = 'x' WHERE stream = 'beta' AND version = 6",),
        Tampering.EDIT,
        6,
    ),
    "the head is changed": (("UPDATE streams SET head_hash = 'x' WHERE stream = 'beta'",), Tampering.EDIT, 6),
    "the head is gone": (("DELETE FROM streams WHERE stream = 'beta'",), Tampering.EDIT, 6),
    "the first fact is gone": (
        ("DELETE FROM facts WHERE stream = 'beta' AND version = 1",),
        Tampering.DELETION,
        1,
    ),
    "a fact is gone": (("DELETE FROM facts WHERE stream = 'beta' AND version = 3",), Tampering.DELETION, 3),
    "a fact is gone and the rest renumbered": (
        ("DELETE FROM facts WHERE stream = 'beta' AND version = 3", RENUMBER_DOWN),
        Tampering.DELETION,
        3,
    ),
    "a fact is put between": (
        (*MAKE_ROOM, copy_of(2, version="3", previous_hash="hash")),
        Tampering.INSERTION,
        3,
    ),
    "a fact is put at the end": ((copy_of(6, version="7", previous_hash="hash"),), Tampering.INSERTION, 7),
    "two facts change places": (swap("version", 3, 4), Tampering.REORDER, 3),
    "two facts are read in another order": (
        ("UPDATE facts SET sequence = 999 WHERE stream = 'beta' AND version = 3",),
        Tampering.REORDER,
        4,
    ),
    "the end is cut off": (
        ("DELETE FROM facts WHERE stream = 'beta' AND version > 4",),
        Tampering.TRUNCATION,
        5,
    ),
    "all is cut off": (("DELETE FROM facts WHERE stream = 'beta'",), Tampering.TRUNCATION, 1),
    "the head is turned back": (
        ("UPDATE streams SET version = 4 WHERE stream = 'beta'",),
        Tampering.INSERTION,
        5,
    ),
}


FILES_ONLY = {"a cause becomes bytes", "text becomes no text", "a version becomes text"}  # a server has types
on_a_file = pytest.mark.parametrize("site", ["sqlite"], indirect=True)


async def test_a_ledger_nobody_touched_has_no_findings(kept: Kept) -> None:
    verification = await kept.verified()
    assert verification == Verification(
        facts=12, streams=2, checkpoints=2, findings=(), notes=("2 facts after the last checkpoint",)
    )


@pytest.mark.parametrize("done", sorted(BY_HAND))
async def test_what_was_done_is_named_with_the_first_bad_entry(kept: Kept, done: str) -> None:
    statements, tampering, entry = BY_HAND[done]
    if done in FILES_ONLY and kept.site.kind != "sqlite":
        return
    kept.sql(*statements)
    (finding,) = (await kept.verified()).findings
    assert (finding.tampering, finding.stream, finding.entry) == (tampering, "beta", entry)
    assert str(finding).startswith(f"{tampering} at fact {entry} of beta: ")


async def test_a_fact_put_between_with_a_hash_of_its_own_is_an_insertion(kept: Kept) -> None:
    kept.sql(*MAKE_ROOM, copy_of(2, version="3", previous_hash="hash"))
    (row,) = kept.site.rows("SELECT * FROM facts WHERE stream = 'beta' AND version = 3")
    kept.sql(f"UPDATE facts SET hash = '{fact_hash(row)}' WHERE sequence = {row['sequence']}")
    (finding,) = (await kept.verified()).findings
    assert (finding.tampering, finding.entry) == (Tampering.INSERTION, 3)


async def test_two_facts_after_the_same_one_are_a_fork(kept: Kept) -> None:
    """The unique index forbids it, so whoever does it takes the index away first."""
    (row,) = kept.site.rows("SELECT * FROM facts WHERE stream = 'beta' AND version = 3")
    row["body"], row["sequence"] = "{}", 99
    row["hash"] = fact_hash(row)
    cells = ", ".join("NULL" if cell is None else f"'{cell}'" for cell in row.values())
    kept.sql(*WITHOUT_INDEX[kept.site.kind], f"INSERT INTO facts ({', '.join(row)}) VALUES ({cells})")
    (finding,) = (await kept.verified()).findings
    assert (finding.tampering, finding.stream, finding.entry) == (Tampering.FORK, "beta", 3)


async def test_an_edit_with_new_hashes_contradicts_the_checkpoints(kept: Kept) -> None:
    kept.sql("UPDATE facts SET body = '{}' WHERE stream = 'beta' AND version = 4")
    rehash(kept.site, "beta", 4)
    (finding,) = (await kept.verified()).findings
    assert (finding.tampering, finding.stream, finding.entry) == (Tampering.FORK, "beta", 4)
    assert "facts 4 to 5" in finding.detail


async def test_an_edit_whose_follower_was_left_alone_is_still_the_edited_one(kept: Kept) -> None:
    kept.sql("UPDATE facts SET body = '{}' WHERE stream = 'beta' AND version = 4")
    (row,) = kept.site.rows("SELECT * FROM facts WHERE stream = 'beta' AND version = 4")
    kept.sql(f"UPDATE facts SET hash = '{fact_hash(row)}' WHERE sequence = {row['sequence']}")
    (finding,) = (await kept.verified()).findings
    assert (finding.tampering, finding.entry) == (Tampering.EDIT, 4)


async def test_cutting_off_facts_and_head_together_contradicts_the_checkpoints(kept: Kept) -> None:
    kept.sql("DELETE FROM facts WHERE stream = 'beta' AND version > 4")
    rehash(kept.site, "beta", 4)
    (finding,) = (await kept.verified()).findings
    assert (finding.tampering, finding.stream, finding.entry) == (Tampering.TRUNCATION, "beta", 5)


async def test_what_no_checkpoint_covers_can_be_cut_off_with_its_head(kept: Kept) -> None:
    """The limit of the scheme, stated: facts after the last checkpoint are held by the chain alone."""
    kept.sql("DELETE FROM facts WHERE stream = 'beta' AND version > 5")
    rehash(kept.site, "beta", 5)
    assert (await kept.verified()).findings == ()


# ------------------------------------------------------------------------------------------------------- damage


async def test_there_must_be_a_ledger(site: Site) -> None:
    with pytest.raises(LedgerMissing):
        await verify(site.location)


@pytest.mark.parametrize("content", [b"", b"not a database at all, only some text that is long enough" * 100])
async def test_a_file_that_is_no_ledger_is_a_finding(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "ledger.sqlite"
    path.write_bytes(content)
    (finding,) = (await verify(path)).findings
    assert finding.tampering is Tampering.EDIT
    assert "damaged" in finding.detail


@on_a_file
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.floats(0, 1, exclude_max=True), noise=st.binary(min_size=1, max_size=400))
async def test_no_damage_makes_it_raise(kept: Kept, place: float, noise: bytes) -> None:
    damaged = damaged_copy(Path(kept.site.location), place, noise)
    await replace(kept, site=Site("sqlite", damaged)).verified()


def damaged_copy(path: Path, place: float, noise: bytes) -> Path:
    whole = path.read_bytes()
    at = int(place * (len(whole) - len(noise)))
    damaged = path.with_name("damaged.sqlite")
    damaged.write_bytes(whole[:at] + noise + whole[at + len(noise) :])
    return damaged


@on_a_file
async def test_a_torn_file_is_a_finding(kept: Kept) -> None:
    os.truncate(kept.site.location, os.stat(kept.site.location).st_size * 2 // 3)  # noqa: PTH116 - the same
    assert (await kept.verified()).findings
