"""What a leaf that takes words is told: the genes of its prompt, then the task, then its limits."""

from collections.abc import Iterable, Iterator

from vsm_core.node import PromptComponent, PromptGenome
from vsm_core.payloads.work import TaskPacket


def render(packet: TaskPacket) -> str:
    """Return the whole prompt of a task as one text; parts that are empty leave no trace."""
    node = packet.assignment.node if packet.assignment else None
    parts = [*(_genes(node.prompt) if node else ()), *_task(packet), *_limits(packet)]
    return "\n\n".join(part for part in parts if part)


def goal(packet: TaskPacket) -> str:
    """Return the task's own words: its goal, or its title where it has no other."""
    return packet.goal or packet.title


def _genes(prompt: PromptGenome) -> Iterator[str]:
    yield _texts(prompt.base_identity)
    yield _section("Rules", _lines(prompt.behavior_rules))
    yield _section("Domain", _lines(prompt.domain_hints))
    yield _section("Conventions of this code", _lines(prompt.codebase_conventions))


def _task(packet: TaskPacket) -> Iterator[str]:
    yield _section("Task", [packet.title])
    yield "" if packet.goal == packet.title else packet.goal
    yield _section("Done when", [packet.target_state] if packet.target_state else [])
    yield _section(
        "It will be judged by", [" ".join(each.verifier) for each in packet.acceptance if each.verifier]
    )


def _limits(packet: TaskPacket) -> Iterator[str]:
    node = packet.assignment.node if packet.assignment else None
    forbidden = _lines(node.prompt.negative_constraints) if node else []
    yield _section("Never", forbidden)
    yield _section("Constraints", list(packet.constraints))
    yield _section("Change files only in", [] if packet.scope == (".",) else list(packet.scope))
    yield "Leave your changes uncommitted in the work tree."
    yield _section("Answer", _lines(node.prompt.output_contract) if node else [])


def _texts(components: Iterable[PromptComponent]) -> str:
    return "\n".join(each.text for each in components if each.active)


def _lines(components: Iterable[PromptComponent]) -> list[str]:
    return [each.text for each in components if each.active]


def _section(title: str, lines: list[str]) -> str:
    return f"## {title}\n" + "\n".join(f"- {line}" for line in lines) if lines else ""
