"""A controller's state as bytes and back, for snapshots; what the seat says anyway is left out."""

from functools import cache

import orjson

from vsm_controller.state.controller import ControllerState, Ending, Seat
from vsm_controller.state.mandate import MandateState
from vsm_controller.state.task import TaskState
from vsm_core.codec import digest

MEANING = 1  # to be raised when an evolver makes something else of a fact while the fields stay as they are
OF_THE_SEAT = frozenset({"node_id", "genome"})
_DIGITS = 16


@cache
def state_schema() -> str:
    """Return the name of the form and meaning of a frozen state; a change of any field changes it."""
    form = [
        [made.__name__, [[name, str(field.annotation)] for name, field in made.model_fields.items()]]
        for made in (ControllerState, MandateState, TaskState, Ending)
    ]
    return f"controller-{MEANING}-{digest(form)[:_DIGITS]}"


def frozen(state: ControllerState) -> bytes:
    """Return a state as bytes."""
    return state.model_dump_json(exclude=set(OF_THE_SEAT)).encode()


def thawed(body: bytes, seat: Seat) -> ControllerState:
    """Return the state that ``frozen`` wrote; raise ValueError where it can't be read."""
    fields = dict(orjson.loads(body))
    return ControllerState.model_validate({**fields, "node_id": seat.node_id, "genome": seat.genome})
