"""Who does a leaf's work: one port, one table of adapters by the name in a node's ``model.provider``."""

from collections.abc import Mapping

from vsm_worker.providers import auto, command, echo, scripted
from vsm_worker.providers.protocol import ModelProvider

PROVIDERS: Mapping[str, ModelProvider] = {
    "auto": auto,
    "command": command,
    "echo": echo,
    "scripted": scripted,
}
WITHOUT_WORKSPACE = frozenset({"auto", "echo"})  # they touch no file, so no work tree is made for them
