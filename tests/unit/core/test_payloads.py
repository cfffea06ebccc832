"""Every payload type: it comes back from the wire as it was, fits its own schema, and says its version."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from tests.unit.core.json_schema import problems
from tests.unit.core.strategies import values_of
from vsm_core.channel import AUTHORITY
from vsm_core.codec import canonical_bytes, wire_bytes
from vsm_core.envelope import LIFETIME, Envelope, decode_envelope
from vsm_core.payloads import PAYLOAD_CLASSES, Payload

CLASSES = [pytest.param(cls, id=name) for name, cls in sorted(PAYLOAD_CLASSES.items())]
NOW = datetime(2026, 1, 1, tzinfo=UTC)
BROAD = settings(
    max_examples=25, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large], deadline=None
)
ADAPTER: TypeAdapter[object] = TypeAdapter(Payload)


def around(payload: object) -> Envelope:
    """An envelope that carries the payload on the first channel that takes it."""
    payload_type = payload.payload_type  # type: ignore[attr-defined]
    return Envelope(
        id="env_1",
        schema_version=payload.schema_version,  # type: ignore[attr-defined]
        organization="acme",
        genome_id="0" * 64,
        channel=next(channel for channel, name in AUTHORITY if name == payload_type),
        source="root",
        target="coder",
        payload_type=payload_type,
        payload=payload,  # type: ignore[arg-type]
        correlation_id="story",
        causation_id="cause",
        created_at=NOW,
        expires_at=NOW + LIFETIME,
    )


@pytest.mark.parametrize("cls", CLASSES)
@BROAD
@given(st.data())
def test_it_comes_back_from_the_wire_as_it_was(cls: type, data: st.DataObject) -> None:
    envelope = around(data.draw(values_of(cls)))
    decoded = decode_envelope(envelope.encoded())
    assert decoded == envelope
    assert decoded.encoded() == envelope.encoded()
    assert canonical_bytes(decoded) == canonical_bytes(envelope)


@pytest.mark.parametrize("cls", CLASSES)
@BROAD
@given(st.data())
def test_it_fits_its_own_schema(cls: type, data: st.DataObject) -> None:
    payload = data.draw(values_of(cls))
    schema = cls.model_json_schema()  # type: ignore[attr-defined]
    assert not problems(json.loads(wire_bytes(payload)), schema)  # type: ignore[arg-type]


@pytest.mark.parametrize("cls", CLASSES)
def test_its_schema_is_closed_and_has_no_free_form_map(cls: type) -> None:
    schema = cls.model_json_schema()  # type: ignore[attr-defined]
    for shape in (schema, *schema.get("$defs", {}).values()):
        if shape.get("type") == "object":
            assert shape["additionalProperties"] is False
            assert "meta" + "data" not in shape["properties"]


@pytest.mark.parametrize("cls", CLASSES)
def test_it_names_itself_and_its_version(cls: type) -> None:
    name = cls.model_fields["payload_type"].default  # type: ignore[attr-defined]
    assert name == "".join(f"_{c.lower()}" if c.isupper() else c for c in cls.__name__).lstrip("_")
    assert cls.schema_version >= 1  # type: ignore[attr-defined]


def test_the_schema_of_the_whole_union_tells_types_apart() -> None:
    schema = ADAPTER.json_schema()
    assert set(schema["discriminator"]["mapping"]) == set(PAYLOAD_CLASSES)


def test_an_unknown_payload_is_refused() -> None:
    with pytest.raises(ValidationError, match="payload_type"):
        ADAPTER.validate_python({"payload_type": "rumour"})


def test_an_unknown_field_is_refused() -> None:
    with pytest.raises(ValidationError, match="Extra inputs"):
        ADAPTER.validate_python({"payload_type": "command", "kind": "pause", "node": "a", "mood": "good"})


PRINTER = """
from vsm_core import *
node = ViableNode(id="coder", operation=LeafOperation.coding(),
                  system_5={"denied_capabilities": ["review", "delegate", "research"]})
genome = add_child(new_genome(ViableNode(id="root")), "root", node)
packet = TaskPacket(id="t", directive_id="d", title="T", required_capabilities=node.operation.capabilities)
print(genome.id, digest(packet), wire_bytes(packet).decode(), digest({"a", "b", "c", ("d", 1)}))
"""


def test_bytes_and_ids_do_not_depend_on_the_hash_seed() -> None:
    printed = {
        subprocess.run(
            [sys.executable, "-c", PRINTER],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        ).stdout
        for seed in ("0", "1", "2", "3")
    }
    assert len(printed) == 1
