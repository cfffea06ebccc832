"""Receipts: one for each attempt, also a silent one; and whatever is done to the file is found and named."""

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.contract.journals import GENOME, START, TTL_SECONDS, commit, owner, recorded
from tests.databases import Site
from tests.unit.ledger.story import (
    CHECK,
    DIRECTIVE,
    PART,
    WHOLE,
    admitted,
    assigned,
    concluded,
    finished,
    planned,
    tell,
)
from vsm_core.facts import AnyFact, AttemptLost, ResultLate, TaskRefused
from vsm_core.task import FailureClass, Outcome, Usage
from vsm_ledger import load_signer, open_history, open_journal
from vsm_ledger.checkpoints import Signer
from vsm_ledger.receipts import FORMAT, Writing, verify_receipts
from vsm_ledger.rows import instant_text
from vsm_ledger.views.attempts import receipts_after

COUNT = 6
NOW = instant_text(START)
Lines = list[bytes]


@pytest.fixture
def signer(tmp_path: Path) -> Signer:
    return load_signer(tmp_path / "state", tmp_path / "secret")


@pytest.fixture
def lines(signer: Signer) -> Lines:
    return written(signer)


def written(signer: Signer, mark: str = "a", count: int = COUNT) -> Lines:
    writing = Writing()
    receipts = [writing.line({"task_id": f"{mark}{number}"}) for number in range(count)]
    return [*receipts, writing.end("demo", signer, NOW)]


def keys_of(signer: Signer) -> dict[str, bytes]:
    return {signer.key_id: signer.private.public_key().public_bytes_raw()}


def edited(line: bytes, **cells: object) -> bytes:
    return json.dumps({**json.loads(line), **cells}).encode() + b"\n"


def rechained(lines: Lines) -> Lines:
    """The chain made whole again from the front, as whoever knows the format could, under the old end."""
    writing = Writing()
    own = ("format", "number", "previous_hash", "hash")
    plain = [
        {name: cell for name, cell in json.loads(line).items() if name not in own} for line in lines[:-1]
    ]
    return [*map(writing.line, plain), lines[-1]]


def test_an_untouched_file_is_whole(lines: Lines, signer: Signer) -> None:
    found = verify_receipts(lines, keys_of(signer))
    assert (found.receipts, found.organization, found.key_id) == (COUNT, "demo", signer.key_id)
    assert (found.findings, found.notes) == ((), ())


def test_an_empty_export_is_whole(signer: Signer) -> None:
    assert verify_receipts(written(signer, count=0), keys_of(signer)).findings == ()


def test_without_a_key_to_compare_it_says_whose_signature_it_is(lines: Lines, signer: Signer) -> None:
    found = verify_receipts(lines, {})
    assert found.findings == ()
    assert signer.key_id in found.notes[0]


WRONGS: dict[str, tuple[Callable[[Lines], Lines], str]] = {
    "an edit": (lambda s: [*s[:2], edited(s[2], task_id="x"), *s[3:]], "edit at receipt 3"),
    "an edit of the last": (lambda s: [*s[:-2], edited(s[-2], task_id="x"), s[-1]], "edit at receipt 6"),
    "an edit with all hashes mended": (
        lambda s: rechained([*s[:2], edited(s[2], task_id="x"), *s[3:]]),
        "edit at receipt 6",
    ),
    "a deletion": (lambda s: [*s[:2], *s[3:]], "deletion at receipt 3"),
    "a deletion with all hashes mended": (lambda s: rechained([*s[:2], *s[3:]]), "truncation at receipt 6"),
    "an insertion": (
        lambda s: [*s[:2], edited(s[2], task_id="x", hash="0"), *s[2:]],
        "insertion at receipt 3",
    ),
    "an insertion with all hashes mended": (
        lambda s: rechained([*s[:2], s[2], *s[2:]]),
        "insertion at receipt 7",
    ),
    "a swap": (lambda s: [s[0], s[2], s[1], *s[3:]], "reorder at receipt 3"),
    "a swap with the numbers mended": (
        lambda s: [s[0], edited(s[2], number=2), edited(s[1], number=3), *s[3:]],
        "reorder at receipt 2",
    ),
    "a cut before the end": (lambda s: s[:-1], "truncation at receipt 7: the signed end is gone"),
    "a cut tail": (lambda s: s[:3], "truncation at receipt 4: the signed end is gone"),
    "a cut tail under the old end": (lambda s: [*s[:3], s[-1]], "truncation at receipt 4"),
    "nothing under the old end": (lambda s: [s[-1]], "truncation at receipt 1"),
    "an empty file": (lambda _s: [], "truncation at receipt 1"),
    "a half line": (lambda s: [*s[:3], s[3][:20]], "edit at receipt 4: it is no receipt"),
    "garbage": (lambda s: [*s[:2], b"\xff\x00[[\n", *s[2:]], "edit at receipt 3: it is no receipt"),
    "something behind the end": (
        lambda s: [*s, s[0]],
        "insertion at receipt 7: it stands behind the signed end",
    ),
    "an end that counts less": (
        lambda s: [*s[:3], edited(s[-1], receipts=3, head=json.loads(s[2])["hash"])],
        "edit at the end: it is not what was signed",
    ),
    "another organization": (lambda s: [*s[:-1], edited(s[-1], organization="x")], "edit at the end"),
    "a signature that is none": (lambda s: [*s[:-1], edited(s[-1], signature="xyz")], "edit at the end"),
    "a key that is none": (lambda s: [*s[:-1], edited(s[-1], public_key=7)], "edit at the end"),
}


@pytest.mark.parametrize("wrong", WRONGS)
def test_what_was_done_to_a_file_is_named(wrong: str, lines: Lines, signer: Signer) -> None:
    change, expected = WRONGS[wrong]
    findings = verify_receipts(change(lines), keys_of(signer)).findings
    assert any(finding.startswith(expected) for finding in findings), findings


def test_a_file_made_anew_with_another_key_is_not_the_trusted_ones(signer: Signer, tmp_path: Path) -> None:
    other = load_signer(None, tmp_path / "other")
    assert "fork" in verify_receipts(written(other), keys_of(signer)).findings[0]


def test_an_end_under_a_borrowed_key_id_is_found(signer: Signer, tmp_path: Path) -> None:
    other = load_signer(None, tmp_path / "other")
    posing = Signer(signer.key_id, other.private)
    assert verify_receipts(written(posing), {}).findings


@given(at=st.integers(0, COUNT), place=st.integers(0), byte=st.binary(min_size=1, max_size=3))
def test_no_changed_byte_goes_unseen_and_none_makes_it_raise(at: int, place: int, byte: bytes) -> None:
    made = written(SIGNER)
    line = made[at]
    where = place % len(line)
    made[at] = line[:where] + byte + line[where + len(byte) :]
    same = [json_of(each) for each in made] == [json_of(each) for each in written(SIGNER)]
    whole = b"".join(made).splitlines(keepends=True)
    assert same or verify_receipts(whole, {}).findings


def json_of(line: bytes) -> object:
    try:
        return json.loads(line)
    except ValueError:
        return None


@pytest.fixture(autouse=True, scope="module")
def one_signer(tmp_path_factory: pytest.TempPathFactory) -> None:
    global SIGNER  # noqa: PLW0603 - one key for all examples of hypothesis
    SIGNER = load_signer(None, tmp_path_factory.mktemp("keys"))


SIGNER: Signer


# --------------------------------------------------------------------------------------------------- what they say


async def receipts_of(site: Site, *facts: AnyFact, now: str = NOW) -> list[dict[str, object]]:
    """Receipts of a ledger that tells the story and, on a stream of its own, some facts more."""
    journal = await open_journal(site.location)
    await tell(journal)
    if facts:
        epoch = await journal.claim("later", owner(), TTL_SECONDS)
        more = [recorded(f"later_{number}", fact) for number, fact in enumerate(facts)]
        await journal.commit(commit("later", epoch, 0, facts=more))
    history = await open_history(site.location)
    found, last = [], 0
    while last is not None:
        page, last = await history.ask(
            lambda connection, after=last: receipts_after(connection, after, None, now)
        )
        found.extend(page)
    await history.close()
    await journal.close()
    return found


async def test_every_attempt_has_one_receipt_in_the_order_of_assignment(site: Site) -> None:
    receipts = await receipts_of(site)
    assert [each["task_id"] for each in receipts] == [WHOLE, PART, CHECK]
    part = receipts[1]
    assert (part["node"], part["planner"], part["outcome"], part["metasystem"]) == (
        "coder",
        "team",
        "completed",
        False,
    )
    assert receipts[0]["metasystem"] is True
    assert part["genome_id"] == GENOME
    assert part["judgements"][0]["verifier_node"] == "tester"
    assert part["evidence"][0]["exit_code"] == 0
    assert [each["kind"] for each in part["facts"]][:2] == ["TaskAssigned", "TaskFinished"]
    assert "silent" not in part


LOST = AttemptLost(
    task_id="t",
    directive_id=DIRECTIVE,
    node="coder",
    attempt=1,
    fencing_token=1,
    counted=True,
    reason="lease over",
)
LATE = ResultLate(
    task_id="t",
    directive_id=DIRECTIVE,
    execution_id="execution_t",
    node="coder",
    outcome=Outcome.COMPLETED,
    usage=Usage(input_tokens=9, model_served="large"),
)
REFUSED = TaskRefused(
    task_id="t",
    directive_id=DIRECTIVE,
    node="coder",
    attempt=1,
    failure_class=FailureClass.POLICY_DENIED,
    reason="no",
)


@pytest.mark.parametrize(
    ("facts", "outcome", "silent"),
    [
        ((), None, "nobody had taken it up yet"),
        ((admitted("t", "coder"),), None, "execution execution_t began"),
        ((admitted("t", "coder"), LOST), "lost", "lease over"),
        ((concluded("t", Outcome.CANCELLED),), "cancelled", "ended as cancelled without a result"),
        ((REFUSED,), "refused", None),
        ((finished("t", "coder", 3),), "completed", None),
    ],
)
async def test_a_silent_attempt_says_why(
    facts: tuple[AnyFact, ...], outcome: str | None, silent: str | None, site: Site
) -> None:
    receipt = (await receipts_of(site, planned("t", WHOLE), assigned("t", "coder"), *facts))[-1]
    assert receipt.get("outcome") == outcome
    assert str(receipt.get("silent")).startswith(str(silent))


async def test_an_offer_that_nobody_took_up_in_time_is_silent(site: Site) -> None:
    later = instant_text(START + timedelta(days=1))
    receipt = (await receipts_of(site, planned("t", WHOLE), assigned("t", "coder"), now=later))[-1]
    assert str(receipt["silent"]).startswith("nobody took it up by")


async def test_a_late_result_pays_for_the_attempt_it_belongs_to(site: Site) -> None:
    again = assigned("t", "coder", 2)
    *_, first, second = await receipts_of(
        site, planned("t", WHOLE), assigned("t", "coder"), admitted("t", "coder"), LOST, again, LATE
    )
    assert (first["attempt"], first["late"], first["cost"]["input_tokens"]) == (1, True, 9)
    assert (second["attempt"], second["late"], second["cost"]["input_tokens"]) == (2, False, 0)


def test_the_format_is_numbered() -> None:
    assert FORMAT == 1
