"""A plan as a tree: who would get which task, and what each metasystem would make of its own."""

from collections.abc import Iterator

from rich.console import RenderableType
from rich.text import Text
from rich.tree import Tree

from vsm_system.report.wording import counted, one_line
from vsm_system.runs.plan import Plan, PlannedTask


def plan_parts(plan: Plan) -> Iterator[RenderableType]:
    """Yield the parts of a plan from top to bottom."""
    yield Text(f"plan of {plan.directive_id} at {plan.base[:12]}, nothing is run", style="bold")
    commands = ", ".join(" ".join(command) for command in plan.acceptance)
    yield Text(
        f"{counted(plan.python_files, 'Python file')}; verified with: {commands or 'nothing was found'}"
    )
    if plan.uncommitted_files:
        yield Text(f"{counted(plan.uncommitted_files, 'uncommitted file')} would not be seen")
    tree = Tree(Text.assemble((plan.organization, "bold"), f"  {one_line(plan.title)}"))
    _grow(tree, plan.tasks)
    yield tree


def _grow(tree: Tree, tasks: tuple[PlannedTask, ...]) -> None:
    for number, task in enumerate(tasks, 1):
        after = f"  after {', '.join(str(each + 1) for each in task.waits_for)}" if task.waits_for else ""
        node = (task.node, "cyan") if task.node else (f"nobody: {task.reason}", "red")
        label = Text.assemble((f"{number} ", "dim"), node, f"  {one_line(task.title)}", (after, "dim"))
        _grow(tree.add(label), task.tasks)
