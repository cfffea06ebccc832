"""Texts apart from their facts: nothing of them stays in a body, and they come back as they were."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.contract.arbitrary import models
from tests.unit.ledger.story import planned
from vsm_core.errors import CanonicalError
from vsm_core.facts import FACT_CLASSES, TaskDeferred
from vsm_core.texts import texts_in
from vsm_ledger.rows import fact_of
from vsm_ledger.texts import (
    REDACTED,
    digests_in,
    pairs_of,
    put_back,
    row_of,
    take_out,
    text_digest,
)

SECRET = "hunter2 opens the door"
TRICKY = ('"\\/' + "a" * 64 + '"', "/" + "b" * 64, "\\/", "\x00", "ü\U0001f600", '"', "\\", "a\nb", REDACTED)


def deferred(reason: str, task_id: str = "t1") -> TaskDeferred:
    return TaskDeferred(task_id=task_id, directive_id="d1", check="budget", reason=reason)


@pytest.mark.parametrize("kind", sorted(FACT_CLASSES))
@given(data=st.data())
def test_any_fact_comes_back_as_it_was_and_its_body_holds_no_text(kind: str, data: st.DataObject) -> None:
    fact = data.draw(models(FACT_CLASSES[kind]))
    body, row = (each.decode() for each in take_out(fact))
    assert type(fact).model_validate_json(put_back(body, row or None)) == fact
    assert [pair and pair[1] for pair in pairs_of(row or None)] == texts_in(fact)
    assert [text_digest(*pair) for pair in pairs_of(row or None) if pair] == digests_in(body)
    assert texts_in(type(fact).model_validate_json(body)) == [f"/{digest}" for digest in digests_in(body)]


@pytest.mark.parametrize("text", TRICKY)
def test_what_looks_like_a_digest_is_none(text: str) -> None:
    for fact in (deferred(text), deferred("", text), deferred(text, text)):
        body, row = (each.decode() for each in take_out(fact))
        assert TaskDeferred.model_validate_json(put_back(body, row or None)) == fact
        assert len(digests_in(body)) == bool(fact.reason)


def test_equal_texts_can_not_be_told_by_their_digests() -> None:
    bodies = {take_out(deferred("the same"))[0] for _ in range(3)}
    assert len(bodies) == 3


def test_an_empty_text_stays_where_it_is() -> None:
    body, row = take_out(deferred(""))
    assert b'"reason":""' in body
    assert row == b""


def test_a_text_that_is_gone_reads_as_redacted_and_its_neighbours_as_they_were() -> None:
    fact = planned("t1", "d1", goal="the goal", constraints=("one", "two"))
    body, row = (each.decode() for each in take_out(fact))
    pairs = pairs_of(row)
    pairs[1] = None
    left = type(fact).model_validate_json(put_back(body, row_of(pairs)))
    assert (left.packet.title, left.packet.goal) == ("do t1", REDACTED)
    assert left.packet.constraints == ("one", "two")
    gone = type(fact).model_validate_json(put_back(body, None))
    assert set(texts_in(gone)) == {REDACTED}
    assert row_of([None, None]) is None


def test_what_an_older_version_wrote_reads_as_it_is() -> None:
    assert put_back('{"reason":"as it was"}', None) == '{"reason":"as it was"}'


def test_a_body_whose_texts_were_not_read_is_no_fact() -> None:
    body = take_out(deferred("something"))[0].decode()
    with pytest.raises(ValueError, match="were not read"):
        fact_of("TaskDeferred", 1, body)


@pytest.mark.parametrize("row", ["", "{}", "[1]", '[["salt"]]', '[["salt",1]]', "[[]]", "7"])
def test_a_damaged_row_is_an_error(row: str) -> None:
    with pytest.raises(ValueError, match=r"text|nput|JSON|unexpected"):
        pairs_of(row)


def test_what_is_no_unicode_is_refused() -> None:
    with pytest.raises(CanonicalError):
        text_digest("salt", "\ud800")
