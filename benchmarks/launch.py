"""Start one command from a slim process, and say what it took.

Run as a script: ``python -I -S launch.py COMMAND ARG...``; prints the exit status, seconds of wall
and of CPU, and the peak memory in bytes, of the command with all that it waited for.

A process of its own because Linux counts into a child's ``ru_maxrss`` what its parent held when it
forked: only a parent smaller than the child shows the child's own peak.
"""

from __future__ import annotations

import os
import sys
import time


def main() -> None:
    argv = sys.argv[1:]
    nothing = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
    ]
    begun = time.perf_counter()
    process = os.posix_spawnp(argv[0], argv, os.environ, file_actions=nothing)
    _, status, usage = os.wait4(process, 0)
    wall = time.perf_counter() - begun
    cpu = usage.ru_utime + usage.ru_stime
    print(os.waitstatus_to_exitcode(status), wall, cpu, usage.ru_maxrss * 1024)


if __name__ == "__main__":
    main()
