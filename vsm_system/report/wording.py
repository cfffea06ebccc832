"""Words and numbers as people read them: durations, sizes, counts."""

import re

TENTHS_BELOW_SECONDS = 10
SHORT_LENGTH = 17  # characters: the kind, and 12 of base32
SECONDS_PER_MINUTE = 60
STEP_BYTES = 1_024
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")  # what a terminal might obey


def duration(seconds: float) -> str:
    """Return a time as ``0.4 s``, ``12 s``, ``3:07`` or ``1:02:03``."""
    if seconds < TENTHS_BELOW_SECONDS:
        return f"{seconds:.1f} s"
    if seconds < SECONDS_PER_MINUTE:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(int(seconds), SECONDS_PER_MINUTE)
    hours, minutes = divmod(minutes, SECONDS_PER_MINUTE)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def size(count: float) -> str:
    """Return a number of bytes as ``512 B``, ``3.4 KiB`` and so on."""
    for unit in ("B", "KiB", "MiB"):
        if count < STEP_BYTES:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= STEP_BYTES
    return f"{count:.1f} GiB"


def counted(count: int, noun: str) -> str:
    """Return ``1 file`` or ``3 files``."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def short(task_id: str) -> str:
    """Return the beginning of a task's id: enough to name it on a command line."""
    return task_id[:SHORT_LENGTH]


def one_line(text: str) -> str:
    """Return a text on one line, fit for a terminal."""
    return " ".join(CONTROL.sub(" ", text).split())
