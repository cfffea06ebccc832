"""The metasystem as an actor: dispatch, then the standing questions, then the one door, until nothing follows.

One envelope in; facts, envelopes, timers and jobs out. No clock, no randomness, no I/O: what is not in the state or the
envelope comes in through the context.
"""

from dataclasses import dataclass, field, replace

from vsm_controller.assignment import assign_ready
from vsm_controller.dispatch import FOLLOW_UPS, HANDLERS
from vsm_controller.state.controller import ControllerState, Seat, initial_state
from vsm_controller.state.fold import evolve, fold
from vsm_controller.state.frozen import frozen, state_schema, thawed
from vsm_core.actor import Context, Decision, Step, seal, total
from vsm_core.authority import check_sender
from vsm_core.envelope import Envelope
from vsm_core.facts import AnyFact, EnvelopeRefused

STANDING = (*FOLLOW_UPS, assign_ready)  # the door comes last: it sees what the questions made of the state
ROUNDS = 64  # how often what follows may have something follow from it, within one decision


class ControllerActor:
    """Fits vsm_core.actor.Actor for any node with children, at any depth."""

    def __init__(self, seat: Seat) -> None:
        self._seat = seat

    def initial(self) -> ControllerState:
        """Return the state before the first fact."""
        return initial_state(self._seat)

    def evolve(self, state: ControllerState, fact: AnyFact) -> ControllerState:
        """Return the state after a fact."""
        return evolve(state, fact)

    @property
    def state_schema(self) -> str:
        """The name of the state's form, made of its fields, and of what the evolvers make of them."""
        return state_schema()

    def frozen(self, state: ControllerState) -> bytes:
        """Return a state as bytes, without what the seat says anyway."""
        return frozen(state)

    def thawed(self, body: bytes) -> ControllerState:
        """Return the state that ``frozen`` wrote; raise ValueError where it can't be read."""
        return thawed(body, self._seat)

    def decide(self, state: ControllerState, envelope: Envelope, context: Context) -> Decision:
        """Return all that follows from an envelope; one its sender may not send is refused and recorded."""
        refusal = check_sender(state.genome, state.node_id, envelope)
        if refusal:
            sealed = seal(_refused(envelope, refusal), state.node_id, state.genome.id, envelope, context)
            return Decision(facts=sealed.facts, refusal=refusal)
        course = _handled(state, envelope, context)
        sealed = seal(total(course.steps), state.node_id, state.genome.id, envelope, context)
        return replace(sealed, state=course.state)


def _refused(envelope: Envelope, reason: str) -> Step:
    fact = EnvelopeRefused(
        envelope_id=envelope.id,
        source=envelope.source,
        channel=envelope.channel,
        payload_type=envelope.payload_type,
        reason=reason,
    )
    return Step(facts=(fact,))


def _handled(state: ControllerState, envelope: Envelope, context: Context) -> "_Course":
    course = _Course(state)
    for handler in HANDLERS.get(envelope.payload_type, ()):
        course.take(handler(course.state, envelope, context))
    for _ in range(ROUNDS):
        if not _asked(course, context):
            break
    return course


def _asked(course: "_Course", context: Context) -> bool:
    """Ask the standing questions and open the door; say whether new facts came of it."""
    before = course.state
    for question in STANDING:
        course.take(question(course.state, context))
    return course.state is not before


@dataclass(slots=True)
class _Course:
    """A decision in the making: the steps so far, and the state after them."""

    state: ControllerState
    steps: list[Step] = field(default_factory=list)

    def take(self, step: Step) -> None:
        if step:
            self.state = fold(self.state, step.facts)
            self.steps.append(step)
