"""Redaction: what was planted is nowhere afterwards, the chain is whole, and what was done is on record."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from tests.contract.journals import (
    START,
    TTL_SECONDS,
    Clock,
    commit,
    entry,
    envelope,
    foreign_owner,
    job,
    owner,
    recorded,
)
from tests.databases import Site
from tests.unit.ledger.story import planned
from tests.unit.ledger.test_opening import GOLDEN, laid_down
from vsm_core.actor import Claimed, Fenced, Snapshot
from vsm_core.facts import DirectiveFinished, TaskDeferred, TextRedacted
from vsm_core.payloads.control import Cancel, CancelScope
from vsm_core.task import Outcome
from vsm_ledger import (
    FactUnreadable,
    LedgerLocked,
    Tampering,
    migrate,
    open_history,
    open_journal,
    redaction,
    schema,
    verify,
)
from vsm_ledger.redaction import LEDGER_STREAM, Containing, OfFact, OfTask, Order, redact, would_redact
from vsm_ledger.texts import REDACTED

SECRET = 'pa"ss\\wörd-4711'  # with all that JSON escapes
LONGER = f"the key is {SECRET}, keep it"
ORDER = Order("ada", "it was never meant to be here", owner("redactor"))
TASK, OTHER = "task_one", "task_two"
STORED = tuple(name for name in schema.tables.tables if name != "alembic_version")


def spoken(name: str, reason: str, **changes: object) -> "envelope":
    payload = Cancel(scope=CancelScope.TASK, subject=TASK, reason=reason)
    return envelope(name, **changes).model_copy(update={"payload": payload})


def deferred(reason: str, task_id: str = TASK) -> TaskDeferred:
    return TaskDeferred(task_id=task_id, directive_id="d1", check="budget", reason=reason)


async def planted(site: Site) -> None:
    """A ledger with a secret in facts, in the log, in the outbox, in a job, in a snapshot and in read models."""
    journal = await open_journal(site.location, organization="demo", clock=Clock())
    await journal.claim("root", owner(), TTL_SECONDS)
    cause, plain = spoken("cause", LONGER), spoken("plain", "nothing to hide")
    sent, unsent = (spoken(name, SECRET, source="root", target="team") for name in ("sent", "unsent"))
    request = job("j1").request
    where = request.repository.model_copy(update={"location": f"/home/{SECRET}"})
    facts = [
        recorded("plan", planned(TASK, "d1", title=LONGER, goal="a goal of its own"), causation_id=cause.id),
        recorded("other", planned(OTHER, "d1", goal="nothing to hide"), causation_id=plain.id),
        recorded("wait", deferred(SECRET)),
        recorded("long", deferred(f"budget: {SECRET}", OTHER)),
    ]
    await journal.commit(
        commit(
            "root",
            1,
            0,
            facts=facts,
            entries=[entry(cause, facts=4, sends=2, refusal=LONGER), entry(plain)],
            sends=[sent, unsent, spoken("open", "go on", source="root", target="team")],
            jobs=[job("j1").model_copy(update={"request": request.model_copy(update={"repository": where})})],
        )
    )
    await journal.mark_sent([sent.id])
    await journal.claim("team", owner(), TTL_SECONDS)
    await journal.commit(commit("team", 1, 0, entries=[entry(sent)]))
    await journal.keep_snapshot(Snapshot(stream="root", version=4, state_schema="s", body=SECRET.encode()))
    await journal.release("root", 1)
    await journal.release("team", 1)
    await journal.close()


def bytes_of(site: Site) -> bytes:
    """All that is stored: the files as they lie there, or every row of every table."""
    if site.kind == "sqlite":
        path = Path(site.location)
        return b"".join(each.read_bytes() for each in sorted(path.parent.glob(f"{path.name}*")))
    rows = (row.values() for name in STORED for row in site.rows(f"SELECT * FROM {name}"))
    return b"\n".join(cell if isinstance(cell, bytes) else str(cell).encode() for row in rows for cell in row)


def holds(site: Site, text: str = SECRET) -> bool:
    stored = bytes_of(site)
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return text.encode() in stored or escaped.encode() in stored


async def test_no_stored_byte_holds_a_secret_that_was_redacted(site: Site) -> None:
    await planted(site)
    assert holds(site)
    told = await redact(site.location, Containing(SECRET), ORDER, clock=Clock())
    assert not holds(site)
    assert (told.facts, told.texts, told.inbox, told.outbox, told.unsent, told.jobs) == (3, 3, 2, 2, 1, 1)
    assert (told.snapshots, told.fixed) == (1, ())
    checked = await verify(site.location)
    assert checked.findings == ()
    assert checked.facts == 5


async def test_what_was_redacted_reads_as_such_and_the_rest_as_before(site: Site) -> None:
    await planted(site)
    await redact(site.location, Containing(SECRET), ORDER, clock=Clock())
    journal = await open_journal(site.location, clock=Clock())
    loaded = await journal.load("root", "s")
    plan, other, wait, long = (each.fact for each in loaded.facts)
    assert (plan.packet.title, plan.packet.goal) == (REDACTED, "a goal of its own")
    assert (other.packet.goal, wait.reason, long.reason) == ("nothing to hide", REDACTED, REDACTED)
    assert loaded.snapshot is None
    assert loaded.jobs[0].request.repository.location == REDACTED
    left = await journal.to_send("root")
    assert {each.id: each.payload.reason for each in left} == {"env_unsent": REDACTED, "env_open": "go on"}
    assert await journal.seen("root", ["env_cause"]) == {"env_cause"}
    assert await journal.unhandled("root") == ()
    await journal.close()
    history = await open_history(site.location)
    assert (await history.task(TASK)).title == REDACTED
    assert (await history.task(TASK)).reason == f"budget: {REDACTED}"
    assert any(REDACTED in reason.sentence for reason in await history.why(TASK))
    await history.close()


async def test_blanked_entries_keep_their_ids_and_their_places(site: Site) -> None:
    await planted(site)
    before = site.rows("SELECT position, envelope_id, source, causation_id FROM inbox ORDER BY sequence")
    await redact(site.location, Containing(SECRET), ORDER, clock=Clock())
    assert (
        site.rows("SELECT position, envelope_id, source, causation_id FROM inbox ORDER BY sequence") == before
    )
    sizes = site.sql("SELECT envelope_id, length(bytes), refusal FROM inbox ORDER BY sequence")
    assert sizes[0] == ("env_cause", 0, REDACTED)
    assert sizes[1][1] > 0
    assert sizes[2] == ("env_sent", 0, None)


async def test_a_redaction_is_on_record_with_digests_reason_and_author(site: Site) -> None:
    await planted(site)
    bodies = "".join(str(row[0]) for row in site.sql("SELECT body FROM facts"))
    await redact(site.location, Containing(SECRET), ORDER, clock=Clock())
    journal = await open_journal(site.location, clock=Clock())
    (noted,) = (await journal.load(LEDGER_STREAM)).facts
    await journal.close()
    assert isinstance(noted.fact, TextRedacted)
    assert (noted.fact.by, noted.fact.reason, noted.fact.envelopes) == (ORDER.by, ORDER.reason, 4)
    assert len(noted.fact.digests) == 3
    assert all(digest in bodies for digest in noted.fact.digests)


async def test_the_stream_of_redactions_fences_like_any_other(site: Site) -> None:
    await planted(site)
    await redact(site.location, Containing(SECRET), ORDER, clock=Clock())
    journal = await open_journal(site.location, clock=Clock())
    assert await journal.claim(LEDGER_STREAM, owner(), TTL_SECONDS) == 2
    for epoch, version in ((1, 1), (2, 0)):
        with pytest.raises(Fenced):
            await journal.commit(commit(LEDGER_STREAM, epoch, version, facts=[recorded("late")]))
    await journal.close()


async def test_looking_changes_nothing_and_says_the_same(site: Site) -> None:
    await planted(site)
    tables = {name: site.rows(f"SELECT * FROM {name}") for name in STORED}
    would = await would_redact(site.location, Containing(SECRET), clock=Clock())
    assert {name: site.rows(f"SELECT * FROM {name}") for name in STORED} == tables
    assert await redact(site.location, Containing(SECRET), ORDER, clock=Clock()) == would


async def test_a_second_time_finds_nothing_and_records_nothing(site: Site) -> None:
    await planted(site)
    await redact(site.location, Containing(SECRET), ORDER, clock=Clock())
    again = await redact(site.location, Containing(SECRET), ORDER, clock=Clock())
    assert (again.facts, again.texts, again.inbox, again.outbox, again.jobs, again.snapshots) == (0,) * 6
    assert site.sql("SELECT count(*) FROM facts WHERE kind = 'TextRedacted'") == [(1,)]


async def test_by_task_all_that_is_recorded_of_it_goes_and_nothing_else(site: Site) -> None:
    await planted(site)
    told = await redact(site.location, OfTask(TASK), ORDER, clock=Clock())
    assert (told.facts, told.texts) == (2, 3)
    journal = await open_journal(site.location, clock=Clock())
    plan, other, wait, long = (each.fact for each in (await journal.load("root")).facts)
    await journal.close()
    assert (plan.packet.title, plan.packet.goal, wait.reason) == (REDACTED,) * 3
    assert other.packet.title == f"do {OTHER}"
    assert long.reason == f"budget: {SECRET}"
    blanked = site.sql("SELECT envelope_id FROM inbox WHERE length(bytes) = 0 ORDER BY sequence")
    assert blanked == [("env_cause",), ("env_sent",)]
    assert (await verify(site.location)).findings == ()


async def test_by_fact_its_texts_go_with_the_envelope_that_caused_it(site: Site) -> None:
    await planted(site)
    told = await redact(site.location, OfFact("fact_plan"), ORDER, clock=Clock())
    assert (told.facts, told.texts, told.inbox, told.outbox) == (1, 2, 1, 0)
    assert not holds(site, "a goal of its own")
    assert holds(site)
    assert (await verify(site.location)).findings == ()


@pytest.mark.parametrize("selection", [OfTask("nobody"), OfFact("nothing"), Containing("never said")])
async def test_what_is_not_there_is_not_found(site: Site, selection: Containing) -> None:
    await planted(site)
    told = await redact(site.location, selection, ORDER, clock=Clock())
    assert (told.facts, told.inbox, told.outbox, told.fixed) == (0, 0, 0, ())
    assert site.sql("SELECT count(*) FROM snapshots") == [(1,)]


async def test_a_ledger_that_a_process_runs_is_left_alone(site: Site) -> None:
    await planted(site)
    journal = await open_journal(site.location, clock=Clock())
    await journal.claim("root", foreign_owner(), TTL_SECONDS)
    with pytest.raises(Claimed):
        await redact(site.location, Containing(SECRET), ORDER, clock=Clock())
    await journal.close()
    assert holds(site)


async def test_the_reason_must_not_repeat_the_secret(site: Site) -> None:
    await planted(site)
    with pytest.raises(ValueError, match="repeats"):
        await redact(site.location, Containing(SECRET), replace(ORDER, reason=LONGER))
    with pytest.raises(ValueError, match="everywhere"):
        Containing("abc")
    assert SECRET not in repr(Containing(SECRET))


async def test_many_digests_are_told_in_several_facts(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redaction, "DIGESTS_PER_FACT", 2)
    await planted(site)
    await redact(site.location, Containing(SECRET), ORDER, clock=Clock())
    assert site.sql("SELECT count(*) FROM facts WHERE kind = 'TextRedacted'") == [(2,)]
    assert (await verify(site.location)).findings == ()


async def test_an_envelope_that_says_it_outside_of_its_texts_is_not_sent(site: Site) -> None:
    journal = await open_journal(site.location, organization="demo", clock=Clock())
    await journal.claim("root", owner(), TTL_SECONDS)
    said = spoken("said", "go", source="root", target="team", correlation_id="tok-secret-123")
    await journal.commit(commit("root", 1, 0, sends=[said]))
    await journal.release("root", 1)
    told = await redact(site.location, Containing("tok-secret-123"), ORDER, clock=Clock())
    assert (told.outbox, told.unsent) == (1, 0)
    assert await journal.to_send("root") == ()
    await journal.close()


async def test_an_envelope_that_is_over_is_blanked_unsent(site: Site) -> None:
    await planted(site)
    late = Clock(START + timedelta(days=400))
    told = await redact(site.location, Containing(SECRET), ORDER, clock=late)
    assert (told.outbox, told.unsent) == (2, 0)


# ------------------------------------------------------------------------------------------ what can't be taken out


async def test_what_stands_in_no_free_text_is_named_and_stays(site: Site) -> None:
    journal = await open_journal(site.location, organization="demo", clock=Clock())
    await journal.claim("root", owner(), TTL_SECONDS)
    done = DirectiveFinished(directive_id="d1", outcome=Outcome.COMPLETED, branch=f"vsm/{SECRET}")
    await journal.commit(commit("root", 1, 0, facts=[recorded("a", done)]))
    await journal.release("root", 1)
    await journal.close()
    told = await redact(site.location, Containing(SECRET), ORDER, clock=Clock())
    assert (told.facts, told.fixed) == (0, ("fact_a",))
    assert (await verify(site.location)).findings == ()


@pytest.mark.parametrize("golden", sorted(GOLDEN.glob("*.sql")), ids=lambda path: path.stem)
async def test_facts_of_an_older_version_keep_their_texts_and_are_named(golden: Path, tmp_path: Path) -> None:
    path = laid_down(golden, tmp_path)
    await migrate(path)
    site = Site("sqlite", path)
    (directive,) = site.sql("SELECT title FROM directives LIMIT 1")[0]
    (known,) = site.sql("SELECT id FROM facts WHERE kind = 'DirectiveAccepted' LIMIT 1")[0]
    late = Clock(START + timedelta(days=4_000))
    before = (await verify(path)).findings
    told = await redact(path, OfFact(str(known)), replace(ORDER, owner=foreign_owner()), clock=late)
    assert told.fixed == (known,)
    assert told.facts == 0
    history = await open_history(path)
    assert directive in {row.title for row in await history.directives()}
    await history.close()
    assert (await verify(path)).findings == before


async def test_what_was_deleted_before_is_in_no_free_page(tmp_path: Path) -> None:
    site = Site("sqlite", tmp_path / "ledger.sqlite")
    await planted(site)
    left = "left in a free page"
    with closing(sqlite3.connect(site.location, isolation_level=None)) as connection:
        connection.execute("PRAGMA secure_delete = OFF")  # some builds have it on
        connection.execute("INSERT INTO texts VALUES ('root', 99, ?)", (left * 10_000,))
        connection.execute("DELETE FROM texts WHERE version = 99")
    assert holds(site, left)
    await redact(site.location, Containing(SECRET), ORDER, clock=Clock())
    assert not holds(site, left)


async def test_a_file_that_somebody_reads_is_cleaned_by_asking_again(tmp_path: Path) -> None:
    site = Site("sqlite", tmp_path / "ledger.sqlite")
    await planted(site)
    reader = sqlite3.connect(site.location, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM facts").fetchall()
    with pytest.raises(LedgerLocked):
        await redact(site.location, Containing(SECRET), ORDER, clock=Clock(), busy_timeout_seconds=0.1)
    reader.close()
    await redact(site.location, Containing(SECRET), ORDER, clock=Clock())
    assert not holds(site)


# ------------------------------------------------------------------------------------------------------- tampering

TEXT = "UPDATE texts SET body = replace(body, 'goal', 'gaol') WHERE stream = 'root' AND version = 1"
BY_HAND: dict[str, tuple[str, Tampering, int]] = {
    "a text is edited": (TEXT, Tampering.EDIT, 1),
    "a text is emptied": ("UPDATE texts SET body = '[null,null]' WHERE version = 1", Tampering.DELETION, 1),
    "a row is deleted": ("DELETE FROM texts WHERE version = 3", Tampering.DELETION, 3),
    "a row is damaged": ("UPDATE texts SET body = '{' WHERE version = 2", Tampering.EDIT, 2),
    "a pair is damaged": ("UPDATE texts SET body = '[[1]]' WHERE version = 3", Tampering.EDIT, 3),
    "a text is added": (
        "UPDATE texts SET body = replace(body, ']]', '],null,[\"0\",\"x\"]]') WHERE version = 4",
        Tampering.INSERTION,
        4,
    ),
    "texts of no fact": ("INSERT INTO texts VALUES ('root', 9, '[]')", Tampering.INSERTION, 9),
    "no Unicode": ('UPDATE texts SET body = \'[["\\ud800","x"]]\' WHERE version = 3', Tampering.EDIT, 3),
}


@pytest.mark.parametrize("done", BY_HAND)
async def test_a_text_that_is_not_what_its_fact_knows_is_a_finding(site: Site, done: str) -> None:
    await planted(site)
    statement, tampering, version = BY_HAND[done]
    site.sql(statement)
    (finding,) = (await verify(site.location)).findings
    assert (finding.tampering, finding.stream, finding.entry) == (tampering, "root", version)


async def test_a_fact_whose_texts_are_damaged_is_unreadable(site: Site) -> None:
    await planted(site)
    site.sql(BY_HAND["a row is damaged"][0])
    journal = await open_journal(site.location, clock=Clock())
    with pytest.raises(FactUnreadable, match="fact 2 of root"):
        await journal.load("root")
    await journal.close()
