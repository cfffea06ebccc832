"""Errors carry fields, and say whether the thing asked for happened."""

import inspect

import pytest

from vsm_core import errors
from vsm_core.errors import (
    AuthorityError,
    CanonicalError,
    CoreError,
    EnvelopeError,
    GenomeError,
    NewerVersionError,
    PatchError,
    WideningError,
)

CASES = (
    (GenomeError("coder", "no"), {"node_id": "coder", "rule": "no"}, "node 'coder': no"),
    (PatchError("coder", "no"), {"node_id": "coder", "rule": "no"}, "node 'coder': no"),
    (WideningError("paths", "src"), {"field": "paths"}, "paths widens the parent's limit: src"),
    (
        AuthorityError("coder", "command", "cancel", "not the parent"),
        {"source": "coder", "channel": "command", "payload_type": "cancel", "rule": "not the parent"},
        "'coder' may not send cancel on command: not the parent",
    ),
    (EnvelopeError("bad"), {"reason": "bad"}, "bad"),
    (NewerVersionError("new"), {"reason": "new"}, "new"),
    (CanonicalError("NaN"), {}, "NaN"),
)


@pytest.mark.parametrize(("error", "fields", "text"), CASES, ids=[type(case[0]).__name__ for case in CASES])
def test_an_error_carries_its_fields(error: CoreError, fields: dict[str, str], text: str) -> None:
    assert {name: getattr(error, name) for name in fields} == fields
    assert str(error) == text
    assert error.definite


def test_every_error_of_the_domain_has_one_root() -> None:
    classes = [each for _, each in inspect.getmembers(errors, inspect.isclass) if issubclass(each, Exception)]
    assert {each.__name__ for each in classes} == {"CoreError"} | {type(case[0]).__name__ for case in CASES}
    assert all(issubclass(each, CoreError) for each in classes)
