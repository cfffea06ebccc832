"""Ids: derived from their cause, the same for ever, and never the same for two causes."""

import re
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from vsm_core.ids import Address, CommitId, Id, NodeId, Sha256, derive_id

GOLDEN = (
    (("task", "root", "env_1", 0), "task_6lbtmjhtlwvq4ksuuyzckx2fvk"),
    (("task", "root", "env_1", 1), "task_warx5rjulmlekiheihuospir4f"),
    (("fact", "coder", "env_ä", 12), "fact_22wkvmlo6g2xsqxwqgpt5h6fv3"),
)


def test_derived_ids_are_pinned() -> None:
    assert derive_id("task", "root", "env_1") == derive_id("task", "root", "env_1", 0)
    assert [derive_id(*parts) for parts, _ in GOLDEN] == [text for _, text in GOLDEN]


@given(st.text(st.characters(codec="utf-8"), max_size=50), st.integers(0, 10_000))
def test_a_derived_id_is_an_id_whatever_its_cause(cause: str, ordinal: int) -> None:
    made = derive_id("task", "root", cause, ordinal)
    assert re.fullmatch(r"task_[a-z2-7]{26}", made)
    assert TypeAdapter(Id).validate_python(made) == made
    assert TypeAdapter(NodeId).validate_python(made) == made


def test_two_causes_never_share_an_id() -> None:
    causes = list(product(("env", "fact"), ("a", "b", "ab"), ("", "a", "b", "ab", "env"), range(50)))
    assert len({derive_id(*cause) for cause in causes}) == len(causes)


CAUSES = st.tuples(st.text("ab"), st.text("ab"), st.text("ab"), st.integers(0, 3))


@given(CAUSES, CAUSES)
def test_parts_never_run_together(one: tuple[str, str, str, int], other: tuple[str, str, str, int]) -> None:
    hashes = [derive_id(*cause).rpartition("_")[2] for cause in (one, other)]
    assert (hashes[0] == hashes[1]) == (one == other)


ACCEPTED = (
    (NodeId, "a", "0", "a-b_c9", "a" * 48),
    (Address, "coder", "_user-ada", "_client-1", "_host-a-b"),
    (Sha256, "0" * 64),
    (CommitId, "a" * 40, "f" * 64),
    (Id, "x", "Any thing: ä", "x" * 160),
)
REFUSED = (
    (NodeId, "", "-a", "a-", "_a", "A", "a.b", "a b", "a/b", "a" * 49, "a\n", "ä"),
    (Address, "_ada", "_user-", "_admin-a", "user-ada\n", "_user-Ada"),
    (Sha256, "0" * 63, "G" * 64, "0" * 65),
    (CommitId, "a" * 41, "A" * 40, "HEAD"),
    (Id, "", "x" * 161),
)


@pytest.mark.parametrize(("kind", "text"), [(kind, text) for kind, *texts in ACCEPTED for text in texts])
def test_what_an_id_may_be(kind: object, text: str) -> None:
    assert TypeAdapter(kind).validate_python(text) == text


@pytest.mark.parametrize(("kind", "text"), [(kind, text) for kind, *texts in REFUSED for text in texts])
def test_what_an_id_may_not_be(kind: object, text: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(kind).validate_python(text)
