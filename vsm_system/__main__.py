"""The program's door: takes the current folder off the module search path before anything else is imported.

``python -m vsm_system`` puts the folder it is started in first on that path, and that folder may be a repository that
somebody else wrote. The folder that holds this very package stays, so a source checkout runs as it is.
"""

import sys


def _leave_current_folder() -> None:
    import posix  # built in: never looked for on the path

    here, home = posix.getcwd(), __file__.rpartition("/")[0].rpartition("/")[0]
    if here != home:
        sys.path[:] = [entry for entry in sys.path if entry not in {"", ".", here}]


_leave_current_folder()


def main() -> None:
    """Run the command line and leave with its exit code."""
    try:
        from vsm_system.collector import relax_collector

        relax_collector()
        if sys.argv[1:2] == ["run-directive"]:
            from vsm_system.cli.signals import remember

            remember()
        from vsm_system.cli.app import run_command_line

        code = run_command_line(sys.argv[1:])
    except KeyboardInterrupt:
        code = 130  # while the libraries were loading: nothing has begun
    sys.exit(code)


if __name__ == "__main__":
    main()
