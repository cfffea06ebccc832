"""Checkpoints, their copies and keys, and the small pieces the chain is made of."""

from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.contract.journals import TTL_SECONDS, commit, owner, recorded
from tests.unit.ledger.conftest import Kept, rehash
from vsm_core.codec import canonical_bytes
from vsm_core.errors import CanonicalError
from vsm_ledger import Tampering, load_signer, open_history, open_journal, verify
from vsm_ledger.chain import HASHED, Head, fact_hash, merkle_root, new_fact_hash
from vsm_ledger.checkpoints import copy_line, load_public_keys, read_copies, read_copy


async def test_a_checkpoint_that_is_gone_from_the_ledger_is_missing(kept: Kept) -> None:
    kept.sql("DELETE FROM checkpoints WHERE number = 1")
    findings = (await kept.verified()).findings
    assert {(each.tampering, each.stream, each.entry) for each in findings} == {
        (Tampering.MISSING_CHECKPOINT, None, 1),
    }


async def test_a_ledger_put_back_to_an_earlier_time_misses_the_checkpoint_its_copies_have(kept: Kept) -> None:
    kept.sql("DELETE FROM checkpoints WHERE number = 2", "DELETE FROM facts WHERE version > 3")
    for stream in ("alpha", "beta"):
        rehash(kept.site, stream, 3)
    findings = (await kept.verified()).findings
    assert [(each.tampering, each.stream, each.entry) for each in findings] == [
        (Tampering.TRUNCATION, "alpha", 4),
        (Tampering.TRUNCATION, "beta", 4),
        (Tampering.MISSING_CHECKPOINT, None, 2),
    ]


async def test_a_copy_may_lag_but_has_no_gap(kept: Kept) -> None:
    first, second = kept.copies
    assert (await replace(kept, copies=(first,)).verified()).findings == ()
    third = replace(second, number=4)
    (finding,) = (await replace(kept, copies=(first, second, third)).verified()).findings
    assert (finding.tampering, finding.entry) == (Tampering.EDIT, 4)


@pytest.mark.parametrize(
    "change", [{"facts": 1}, {"root": "0" * 64}, {"signature": "00"}, {"created_at": "now"}]
)
async def test_a_changed_checkpoint_is_an_edit(kept: Kept, change: dict[str, object]) -> None:
    first, second = kept.copies
    changed = replace(second, **change)
    (finding,) = (await replace(kept, copies=(first, changed)).verified()).findings
    assert (finding.tampering, finding.entry) == (Tampering.EDIT, 2)
    kept.sql(f"UPDATE checkpoints SET body = '{copy_line(changed).decode()}' WHERE number = 2")
    assert (Tampering.EDIT, 2) in {(each.tampering, each.entry) for each in (await kept.verified()).findings}


@pytest.mark.parametrize("site", ["sqlite"], indirect=True)  # a server takes no text that is none
async def test_bytes_that_are_no_checkpoint_are_an_edit(kept: Kept) -> None:
    kept.sql("UPDATE checkpoints SET body = x'00ff' WHERE number = 2")
    findings = (await kept.verified()).findings
    assert (Tampering.EDIT, 2) in {(each.tampering, each.entry) for each in findings}


async def test_another_ledger_with_the_same_numbers_is_a_fork(kept: Kept, tmp_path: Path) -> None:
    other = await open_journal(tmp_path / "other.sqlite", organization="demo")
    await other.claim("gamma", owner(), TTL_SECONDS)
    await other.commit(commit("gamma", 1, 0, facts=[recorded("g")]))
    theirs = await other.checkpoint(load_signer(tmp_path / "state", tmp_path / "keys"))
    await other.close()
    assert theirs is not None
    findings = (await replace(kept, copies=(theirs,)).verified()).findings
    assert {(each.tampering, each.stream) for each in findings} == {
        (Tampering.FORK, None),
        (Tampering.TRUNCATION, "gamma"),
    }


async def test_without_copies_or_keys_there_are_notes_and_no_findings(kept: Kept) -> None:
    verification = await verify(kept.site.location)
    assert verification.findings == ()
    assert verification.notes == (
        "2 facts after the last checkpoint",
        "no copy of the checkpoints was found",
        f"signatures by key {kept.copies[0].key_id} are not checked: its public key is not here",
    )


async def test_the_ledgers_own_checkpoints_are_those_that_were_copied(kept: Kept) -> None:
    kept.sql("INSERT INTO checkpoints VALUES (3, 'now', 1, 'no checkpoint')")
    history = await open_history(kept.site.location)
    assert await history.checkpoints() == kept.copies
    await history.close()


async def test_nothing_new_needs_no_checkpoint(kept: Kept, tmp_path: Path) -> None:
    journal = await open_journal(kept.site.location)
    signer = load_signer(tmp_path / "state", tmp_path / "keys")
    third = await journal.checkpoint(signer)
    assert third is not None
    assert (third.number, third.previous, third.facts) == (3, kept.copies[1].digest, 12)
    assert await journal.checkpoint(signer) is None
    await journal.close()
    assert (await replace(kept, copies=(*kept.copies, third)).verified()).notes == ()


def test_the_private_key_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    first = load_signer(tmp_path / "state", tmp_path / "keys")
    assert load_signer(None, tmp_path / "keys").key_id == first.key_id
    (private,) = (tmp_path / "keys").iterdir()
    assert private.stat().st_mode & 0o777 == 0o600
    assert list(load_public_keys(tmp_path / "state")) == [first.key_id]
    assert private.read_text() not in {path.read_text() for path in (tmp_path / "state" / "keys").iterdir()}


def test_a_public_key_under_another_name_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "0123456789abcdef.pub").write_text("00" * 32)
    (tmp_path / "keys" / "broken.pub").write_bytes(b"\xff")
    assert load_public_keys(tmp_path) == {}


def test_the_key_lies_in_the_users_configuration(
    isolated_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load_signer()
    assert (isolated_home / ".config" / "vsm" / "keys" / "ledger.ed25519").exists()
    monkeypatch.setenv("XDG_CONFIG_HOME", str(isolated_home / "elsewhere"))
    load_signer()
    assert (isolated_home / "elsewhere" / "vsm" / "keys" / "ledger.ed25519").exists()


@settings(max_examples=50)
@given(
    st.fixed_dictionaries(
        {
            name: st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
            for name in HASHED
            if name != "version"
        }
        | {"version": st.integers(1, 2**40), "task_id": st.none() | st.just("t")}
    )
)
def test_a_new_row_has_the_same_hash_as_a_stored_one(row: dict[str, str | int | bytes | None]) -> None:
    present = {name: cell for name, cell in sorted(row.items()) if cell is not None}
    assert new_fact_hash(present) == fact_hash(row) == sha256(canonical_bytes(row)).hexdigest()


@pytest.mark.parametrize("cell", [2**53 + 1, True, 1.5, "\ud800", b"bytes"])
def test_a_cell_that_is_neither_text_nor_a_small_number_has_its_canonical_hash_or_none(cell: object) -> None:
    row = dict.fromkeys(HASHED, "x") | {"version": cell}
    try:
        expected = sha256(canonical_bytes(row)).hexdigest()
    except CanonicalError:
        with pytest.raises(CanonicalError):
            fact_hash(row)
    else:
        assert fact_hash(row) == expected


def test_the_hash_of_a_fact_never_changes() -> None:
    row = dict.fromkeys(HASHED, "ü") | {"version": 1, "task_id": None}
    assert fact_hash(row) == "a54e22a14a7444a13de9c3febf7defac19b557eea3cc5b9071ca7812c5023d99"


@pytest.mark.parametrize("count", [0, 1, 2, 3, 8, 9])
def test_every_head_matters_to_the_root_and_their_order_does_not(count: int) -> None:
    heads = [Head(f"node-{each}", each, "f" * 64) for each in range(count)]
    root = merkle_root(heads)
    assert merkle_root(heads[::-1]) == root
    for at, head in enumerate(heads):
        assert merkle_root([*heads[:at], *heads[at + 1 :]]) != root
        assert merkle_root([*heads[:at], replace(head, version=99), *heads[at + 1 :]]) != root


def test_a_copy_says_what_was_signed(kept: Kept) -> None:
    lines = b"\n".join(copy_line(each) for each in kept.copies)
    assert read_copies(lines + b'\n{"number": 1}\n\xff\n[]\n7\n') == kept.copies


@given(st.binary(max_size=200) | st.sampled_from([b"[" * 100_000, b"null", b'{"heads": 1}']))
def test_reading_a_copy_never_raises(line: bytes) -> None:
    assert read_copy(line) is None
