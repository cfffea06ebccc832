"""The metasystem as an actor: dispatch, then the standing questions, then the one door, until nothing follows.

One envelope in; facts, envelopes, timers and jobs out. No clock, no randomness, no I/O: what is not in the state or the
envelope comes in through the context.
"""

from vsm_controller.assignment import assign_ready
from vsm_controller.dispatch import FOLLOW_UPS, HANDLERS
from vsm_controller.state.controller import ControllerState, Seat, initial_state
from vsm_controller.state.fold import evolve, fold
from vsm_core.actor import Context, Decision, Step, seal
from vsm_core.authority import check_sender
from vsm_core.envelope import Envelope
from vsm_core.facts import AnyFact, EnvelopeRefused

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

    def decide(self, state: ControllerState, envelope: Envelope, context: Context) -> Decision:
        """Return all that follows from an envelope; one its sender may not send is refused and recorded."""
        refusal = check_sender(state.genome, state.node_id, envelope)
        step = _refused(envelope, refusal) if refusal else _handled(state, envelope, context)
        decision = seal(step, state.node_id, state.genome.id, envelope, context)
        if not refusal:
            return decision
        return Decision(facts=decision.facts, refusal=refusal)


def _refused(envelope: Envelope, reason: str) -> Step:
    fact = EnvelopeRefused(
        envelope_id=envelope.id,
        source=envelope.source,
        channel=envelope.channel,
        payload_type=envelope.payload_type,
        reason=reason,
    )
    return Step(facts=(fact,))


def _handled(state: ControllerState, envelope: Envelope, context: Context) -> Step:
    step = Step()
    for handler in HANDLERS.get(envelope.payload_type, ()):
        made = handler(state, envelope, context)
        state = fold(state, made.facts)
        step += made
    return step + _follow_up(state, context)


def _follow_up(state: ControllerState, context: Context) -> Step:
    """Ask the standing questions and open the door, again while new facts come of it."""
    step = Step()
    for _ in range(ROUNDS):
        new = Step()
        for question in (*FOLLOW_UPS, assign_ready):
            made = question(state, context)
            state = fold(state, made.facts)
            new += made
        step += new
        if not new.facts:
            break
    return step
