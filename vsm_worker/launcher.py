"""The small program between this process and a leaf's tool: it dies with us and takes the tool's whole tree along.

Theory of operation. Run by path with ``-I -S``, so it imports nothing but the standard library. Its first argument is
a *lifeline*: the reading end of a pipe whose other end only the parent holds. The lifeline ends when the parent closes
it or dies by any signal, from whichever thread it spawned us. The launcher is a subreaper: whatever the tool starts,
also in a session of its own, stays in the launcher's tree, so that nothing is left when the launcher has ended. The
tool itself dies with the launcher by the parent death signal.
"""

import contextlib
import ctypes
import os
import resource
import select
import signal
import sys

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
NOT_EXECUTABLE, NOT_FOUND = 126, 127  # as shells report them
KILL_ROUNDS = 200
ROUND_SECONDS = 0.01


def control_process(option: int, value: int) -> None:
    """Call prctl where there is one; elsewhere the process group alone has to do."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)


def children_of(parents: set[int]) -> set[int]:
    """Return the processes below the parents, at any depth, as /proc shows them now."""
    above: dict[int, int] = {}
    for name in os.listdir("/proc") if sys.platform == "linux" else ():  # noqa: PTH208 - no pathlib: it starts fast
        if name.isdigit():
            with contextlib.suppress(OSError), open(f"/proc/{name}/stat", "rb") as stat:  # noqa: PTH123 - the same
                above[int(name)] = int(stat.read().rpartition(b")")[2].split()[1])
    found: set[int] = set()
    while grown := {pid for pid, parent in above.items() if parent in parents | found} - found:
        found |= grown
    return found


def reap() -> bool:
    """Collect what has ended; say whether any child is left."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return False
    return True


def kill_tree() -> None:
    """Kill and collect everything below this process, until nothing is left."""
    for _ in range(KILL_ROUNDS):
        if not reap():
            return
        for pid in children_of({os.getpid()}):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        select.select([], [], [], ROUND_SECONDS)


def become(argv: list[str], launcher: int) -> None:
    """Turn the forked child into the tool; it never returns."""
    control_process(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != launcher:
        os._exit(NOT_FOUND)
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    try:
        os.execvp(argv[0], argv)  # noqa: S606 - an argv, never a shell
    except FileNotFoundError:
        os.write(2, f"{argv[0]}: not found\n".encode(errors="replace"))
        os._exit(NOT_FOUND)
    except OSError as error:
        os.write(2, f"{argv[0]}: {error.strerror}\n".encode(errors="replace"))
        os._exit(NOT_EXECUTABLE)


def watch(child: int, lifeline: int, wakeup: int) -> int | None:
    """Return the child's wait status, or None when the lifeline ended first."""
    while True:
        ready, _, _ = select.select([lifeline, wakeup], [], [])
        if lifeline in ready and not os.read(lifeline, 1):
            return None
        os.read(wakeup, select.PIPE_BUF)
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return status


def leave_like(status: int | None) -> None:
    """End as the tool ended: with its exit code, or by its signal."""
    if status is None:
        os._exit(NOT_FOUND)
    if os.WIFSIGNALED(status):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        signal.signal(os.WTERMSIG(status), signal.SIG_DFL) if os.WTERMSIG(status) != signal.SIGKILL else None
        os.kill(os.getpid(), os.WTERMSIG(status))
    os._exit(os.waitstatus_to_exitcode(status))


def main() -> None:
    """Run the tool, wait for it or for the lifeline, and leave nothing behind."""
    lifeline, argv = int(sys.argv[1]), sys.argv[2:]
    os.set_inheritable(lifeline, False)  # noqa: FBT003 - the name of the function says what the flag is
    control_process(PR_SET_CHILD_SUBREAPER, 1)
    wakeup, alarm = os.pipe()
    os.set_blocking(alarm, False)
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    signal.set_wakeup_fd(alarm, warn_on_full_buffer=False)
    launcher = os.getpid()
    child = os.fork()
    if child == 0:
        become(argv, launcher)
    status = watch(child, lifeline, wakeup)
    kill_tree()
    leave_like(status)


if __name__ == "__main__":
    main()
