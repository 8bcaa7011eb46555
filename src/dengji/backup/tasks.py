"""The schedule of the nightly backup: a look every ten minutes, and a process of its own for the work."""

from __future__ import annotations

import os
import subprocess
import sys
import time

from django.db import close_old_connections
from procrastinate.contrib.django import app

from . import nightly

_started: list[subprocess.Popen[bytes]] = []
_NICE = 10
#: Seconds before a backup that failed is tried again.
_PAUSE = 600.0
_last = [float("-inf")]


@app.periodic(cron="*/10 * * * *")
@app.task(name="dengji.backup", queue="clock", queueing_lock="backup")
def backup(timestamp: int) -> bool:
    """Start the night's backup where it is due; return whether it was started."""
    close_old_connections()
    return start_due()


def start_due() -> bool:
    """Start a backup where one is due; return whether it was started.

    Apart from the worker, whose clocks must not wait while it copies; the process keeps itself alone by a lock.
    """
    ended = [process.poll() for process in _started]
    if None in ended or (any(ended) and time.monotonic() - _last[0] < _PAUSE) or not nightly.due():
        return False
    command = [sys.executable, "-m", "dengji.cli", "backup", "--nightly"]
    if os.access("/usr/bin/nice", os.X_OK):
        command = ["/usr/bin/nice", "-n", str(_NICE), *command]
    _started[:] = [subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)]
    _last[0] = time.monotonic()
    return True
