"""The algedonic channel: pain and pleasure from below, heard at once and recorded.

What a level does about it besides - climbing on, answering, overriding - is not decided here yet.
"""

from vsm_controller.state.controller import ControllerState
from vsm_core.actor import NOTHING, Context, Step
from vsm_core.envelope import Envelope
from vsm_core.facts import AlgedonicReceived
from vsm_core.payloads.signals import AlgedonicSignal


def record(_state: ControllerState, envelope: Envelope, _context: Context) -> Step:
    """Record a signal; the inbox has seen to it that it is a new one."""
    signal = envelope.payload
    if not isinstance(signal, AlgedonicSignal):
        return NOTHING
    return Step(facts=(AlgedonicReceived(signal=signal),))
