"""The actor of these tests: it counts what it decides, and follows a script."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import orjson

from tests.unit.system.letters import GENOME, NODE, fact_of, name_of
from vsm_core.actor import Context, Decision, Send, Step, seal
from vsm_core.channel import Channel
from vsm_core.envelope import Envelope
from vsm_core.facts import AnyFact
from vsm_core.payloads.control import Cancel, CancelScope

State = tuple[str, ...]


Part = Callable[[State], Step]
Line = Step | str | Exception | Part


def sending(*targets: str, name: str = "sent") -> Step:
    payload = Cancel(scope=CancelScope.TASK, subject=name)
    return Step(sends=tuple(Send(target=each, channel=Channel.COMMAND, payload=payload) for each in targets))


@dataclass
class Tally:
    """An actor whose state is the names it has recorded; a script says what else follows from a name.

    A line is a step, a refusal (text), an error to raise, or a function of the state.
    """

    script: Mapping[str, Line] = field(default_factory=dict)
    decided: list[str] = field(default_factory=list)  # every decision, durable or not
    states: list[State] = field(default_factory=list)  # what each was decided on
    attempts: list[int] = field(default_factory=list)
    evolve_fails_on: str = ""
    state_schema: str = ""  # empty: no snapshots
    folded: list[str] = field(default_factory=list)  # every fact that was folded

    def frozen(self, state: State) -> bytes:
        return orjson.dumps(state)

    def thawed(self, body: bytes) -> State:
        return tuple(orjson.loads(body))

    def initial(self) -> State:
        return ()

    def decide(self, state: State, envelope: Envelope, context: Context) -> Decision:
        name = name_of(envelope)
        self.decided.append(name)
        self.states.append(state)
        self.attempts.append(context.delivery_attempt)
        line = self.script.get(name, Step())
        line = line(state) if callable(line) else line
        if isinstance(line, Exception):
            raise line
        if isinstance(line, str):
            return replace(seal(_noted(name), NODE, GENOME, envelope, context), refusal=line)
        return seal(_noted(name) + line, NODE, GENOME, envelope, context)

    def evolve(self, state: State, fact: AnyFact) -> State:
        subject = subject_of(fact)
        self.folded.append(subject)
        if subject == self.evolve_fails_on:
            raise RuntimeError(f"no evolver for {subject}")
        return (*state, subject)


def subject_of(fact: AnyFact) -> str:
    return str(getattr(fact, "subject", fact.kind))


def _noted(name: str) -> Step:
    return Step(facts=(fact_of(name),))
