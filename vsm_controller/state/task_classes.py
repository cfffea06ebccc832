"""Classes of work: what the planner knows by name, which of them edit, and what each needs of a leaf."""

from vsm_core.capability import Capability

CODE = "code"  # whatever only a coding model could do
EDIT_CLASSES = frozenset({"lint", "imports", "modernise", "format", CODE})
WRITING = frozenset({Capability.WRITE_CODE, Capability.WRITE_FILESYSTEM})
READING = frozenset({Capability.READ_FILESYSTEM})


def needed_for(task_class: str | None) -> frozenset[Capability]:
    """Return the capabilities a class of work needs."""
    return WRITING if task_class in EDIT_CLASSES else READING
