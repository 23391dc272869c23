"""Say what is missing before anything is installed; runs on any Python 3."""

import shutil
import sys

NEEDED_GIB = 3


def problem():
    """The first thing that would make the set-up fail, or None."""
    if sys.version_info < (3, 11):
        return (
            "likely needs Python 3.11 or later, and this is Python %d.%d (%s). "
            "Install a newer one and run `make PYTHON=python3.11 quickstart`."
            % (sys.version_info[0], sys.version_info[1], sys.executable)
        )
    free = shutil.disk_usage(".").free / 2**30
    if free < NEEDED_GIB:
        return (
            "The set-up needs %d GiB of disk and this folder's disk has %.1f GiB free. "
            "Free some space, or put the environment elsewhere: `make VENV=/other/disk/venv quickstart`."
            % (NEEDED_GIB, free)
        )
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError:
        return (
            "This Python cannot make virtual environments. "
            "On Debian and Ubuntu: `apt install python3-venv`; then run the command again."
        )
    return None


if __name__ == "__main__":
    found = problem()
    if found:
        sys.stderr.write(found + "\n")
        sys.exit(2)
