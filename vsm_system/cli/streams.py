"""The standard streams, which a caller may have closed, or may have sent where nothing can be written."""

import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import IO

STANDARD = (0, 1, 2)


def open_all() -> None:
    """Put the null device where a standard stream is closed, so that no file of ours is taken for it."""
    for descriptor in STANDARD:
        try:
            os.fstat(descriptor)
        except OSError:
            os.dup2(os.open(os.devnull, os.O_RDWR), descriptor)
    sys.stdout = sys.stdout or Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - open to the end
    sys.stderr = sys.stderr or Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - open to the end


def silence(stream: IO[str]) -> None:
    """Let all that is still written to a stream go nowhere: it can't be written where it leads."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def flushed() -> OSError | None:
    """Write out what was printed; return the error where that can't be done, and silence the output."""
    try:
        sys.stdout.flush()
    except OSError as error:
        silence(sys.stdout)
        return error
    return None
