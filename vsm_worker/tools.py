"""Which tools a task gets, and what they promise: read off the packet, before anything runs."""

from collections.abc import Iterator

from vsm_core.capability import Capability, capabilities_of_chain
from vsm_core.node import Effect, ToolSpec
from vsm_core.payloads.work import Assignment, TaskPacket
from vsm_core.task import Role

PROMPTS = ("{prompt}", "{goal}")
EDITING_ROLES = frozenset({Role.IMPLEMENT, Role.INTEGRATE})


def applicable(packet: TaskPacket) -> tuple[ToolSpec, ...]:
    """Return the assigned node's tools for the packet's class of task, in order."""
    return tuple(_for_class(packet)) if packet.assignment else ()


def _for_class(packet: TaskPacket) -> Iterator[ToolSpec]:
    assert packet.assignment is not None
    for tool in packet.assignment.node.tools:
        if tool.argv and tool.task_class in {None, packet.task_class}:
            yield tool


def takes_prompt(tool: ToolSpec) -> bool:
    """Say whether a tool is told in words what to do, as a coding agent is."""
    return any(mark in part for part in tool.argv for mark in PROMPTS)


def may_write(assignment: Assignment) -> bool:
    """Say whether the assigned node's place in the organization lets it change files."""
    return Capability.WRITE_FILESYSTEM in capabilities_of_chain(assignment.authority)


def asks_for_change(packet: TaskPacket) -> bool:
    """Say whether a task is done only when files have changed."""
    if packet.repository is None or packet.role not in EDITING_ROLES:
        return False
    tools = applicable(packet)
    reports_only = bool(tools) and all(tool.effect is Effect.REPORT for tool in tools)
    return not (_provider(packet) == "command" and reports_only)


def may_find_nothing(packet: TaskPacket) -> bool:
    """Say whether 'nothing to change' is an honest end.

    It is where every tool that ran is deterministic maintenance: made for one class of task and not told in words what
    to do. A provider that is asked in words and claims success without a diff has completed a phantom.
    """
    if _provider(packet) == "echo":
        return True
    tools = applicable(packet)
    return _provider(packet) == "command" and bool(tools) and all(map(_is_maintenance, tools))


def _is_maintenance(tool: ToolSpec) -> bool:
    return tool.task_class is not None and not takes_prompt(tool)


def _provider(packet: TaskPacket) -> str | None:
    return packet.assignment.node.model.provider if packet.assignment else None
