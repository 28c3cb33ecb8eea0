"""Starts a command that dies with its parent, however the parent dies. Run as a script, stdlib only."""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Tie this process to its parent (`argv[1]` is its pid), then become the command in `argv[2:]`."""
    if sys.platform == "linux":
        # The kernel sends the signal when the parent's *thread* that forked ends: the lab starts children from its
        # event loop's thread, which lives as long as the lab.
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != int(sys.argv[1]):
            sys.exit("the parent ended before its child began")
    os.execvp(sys.argv[2], sys.argv[2:])  # noqa: S606 - no shell is wanted


if __name__ == "__main__":
    main()
