"""How a tool's argv becomes a command line: placeholders filled in, defaults added where a repository is silent."""

import sys
from dataclasses import dataclass

from vsm_core.node import ToolSpec
from vsm_core.payloads.work import TaskPacket
from vsm_worker import prompt
from vsm_worker.configuration import is_configured, requires_python_at
from vsm_worker.interpreter import oldest_python, preferred, tool_target
from vsm_worker.providers.protocol import WorkingFolder

SELECTION = "--select"
VERSION_MARK = "{python_version}"
SCOPE_MARK = "{scope}"


@dataclass(frozen=True, slots=True)
class Words:
    """What the placeholders of one task stand for."""

    scope: tuple[str, ...]
    single: tuple[tuple[str, str], ...]  # mark -> word


async def command_line(tool: ToolSpec, packet: TaskPacket, folder: WorkingFolder) -> tuple[str, ...]:
    """Return the argv to run for a tool, defaults and placeholders resolved."""
    configured = is_configured(folder.root, packet.scope, tool.configured_by)
    parts = with_defaults(tool, packet.options.rules, configured=configured)
    return expand(parts, await _words(parts, packet, folder))


def with_defaults(tool: ToolSpec, rules: tuple[str, ...], *, configured: bool) -> tuple[str, ...]:
    """Return the argv with its defaults, or without them where the repository configures the tool.

    Rules the user chose replace the defaults' selection, and count also where the repository has one of its own.
    """
    selects = SELECTION in tool.defaults
    chosen = (SELECTION, ",".join(rules)) if rules and selects else ()
    if configured:
        return (*tool.argv, *chosen)
    return (*tool.argv, *(_without_selection(tool.defaults) if chosen else tool.defaults), *chosen)


def _without_selection(defaults: tuple[str, ...]) -> tuple[str, ...]:
    at = defaults.index(SELECTION)
    return defaults[:at] + defaults[at + 2 :]


async def _words(parts: tuple[str, ...], packet: TaskPacket, folder: WorkingFolder) -> Words:
    single = {
        "{prompt}": prompt.render(packet),
        "{goal}": prompt.goal(packet),
        "{rules}": ",".join(packet.options.rules),
    }
    if any(VERSION_MARK in part for part in parts):
        single[VERSION_MARK] = await _target(packet, folder)
    return Words(packet.scope, tuple(single.items()))


async def _target(packet: TaskPacket, folder: WorkingFolder) -> str:
    version = oldest_python(requires_python_at(folder.root))
    if version is None:
        found = await preferred(packet.options, folder.scratch)
        version = found[1] if found else None
    return tool_target(version or sys.version_info[:2])


def expand(parts: tuple[str, ...], words: Words) -> tuple[str, ...]:
    """Return the argv with each mark replaced once; what a mark stands for is never expanded again."""
    return tuple(expanded for part in parts for expanded in _expanded(part, words))


def _expanded(part: str, words: Words) -> tuple[str, ...]:
    if part == SCOPE_MARK:
        return tuple(_as_argument(tree) for tree in words.scope)
    for mark, word in words.single:
        if mark in part:
            return (part.replace(mark, word),)
    return (part,)


def _as_argument(tree: str) -> str:
    return f"./{tree}" if tree.startswith("-") else tree
