"""Run a directive from Python, with an organization built in code: a linter, and somebody else who checks."""

import sys

from vsm_core import (
    LeafOperation,
    ModelSpec,
    OrganizationalGenome,
    ToolSpec,
    ViableNode,
    add_child,
    new_genome,
)
from vsm_system import run_directive

RUFF = ("ruff", "check", "--fix", "--exit-zero", "{scope}")
COMMAND = ModelSpec(provider="command")


def small_crew() -> OrganizationalGenome:
    """Return a root with two leaves: one works, the other verifies."""
    tool = ToolSpec(name="ruff", task_class="lint", argv=RUFF)
    linter = ViableNode(id="linter", operation=LeafOperation.coding(), model=COMMAND, tools=(tool,))
    checker = ViableNode(id="checker", operation=LeafOperation.testing(), model=COMMAND)
    genome = new_genome(ViableNode(id="small-crew"))
    return add_child(add_child(genome, "small-crew", linter), "small-crew", checker)


def main(workspace: str = ".") -> int:
    """Fix what the linter can fix, and say what came of it."""
    result = run_directive("Fix the lint errors", workspace=workspace, organization=small_crew())
    print(f"{result.outcome}: {result.reason or result.branch}")
    return 0 if result.outcome == "completed" else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
