"""Timed work: the minute's tick by Procrastinate, and in the same process the loop that follows the log.

Job payloads hold nothing but a time stamp or ids.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import threading
import time
from collections.abc import Callable
from typing import cast

from django.db import close_old_connections, connection, connections
from procrastinate.contrib.django import app
from procrastinate.contrib.django.django_connector import DjangoConnector

from dengji.ledger import anchors, sequencer

from .services import clockwork, sweeping

logger = logging.getLogger(__name__)

#: Seconds between two looks at what waits for its place in the log (design §5: placed within 200 ms).
PLACE_EVERY = 0.2
#: Of the thread that places and signs; 0 is everybody's, 19 the lowest.
_PRIORITY = 5
#: Seconds between two rounds of those who follow the log, where nothing was placed.
FOLLOW_EVERY = 1.0
#: Seconds between two looks at what is to be anchored outside: time stamps, witnesses, the daily copy.
ANCHOR_EVERY = 5.0
_AFTER_ERROR = 0.8


@app.periodic(cron="* * * * *")
@app.task(name="dengji.tick", queue="clock", queueing_lock="tick")
def tick(timestamp: int) -> dict[str, int]:
    """Do what is due, every minute; a tick that is late or lost is made good by the next one."""
    close_old_connections()
    return clockwork.tick()


@app.periodic(cron="17 19 * * *")
@app.task(name="dengji.sweep", queue="clock", queueing_lock="sweep")
def sweep(timestamp: int) -> int:
    """Remove stored files that nobody names, every night at 03:17 Shanghai."""
    close_old_connections()
    return sweeping.sweep()


def run_worker(*, wait: bool = True) -> None:
    """Run schedule, jobs and the log's sequencer in this process until SIGTERM or Ctrl-C, then stop cleanly.

    Needs the main thread, whose signals it takes. `wait=False` does what waits and returns (for tests and `tick`).
    """
    stop = threading.Event()
    grown = threading.Event()
    # Apart, so that a follower with much to do never keeps entries from their places.
    loops = [
        threading.Thread(target=keep_log, args=(stop, grown), name="dengji-sequencer"),
        threading.Thread(target=follow_log, args=(stop, grown), name="dengji-followers"),
    ]
    # Waits for others' answers: it may be cut off at any moment, so nothing waits for it.
    outside = threading.Thread(target=keep_anchors, args=(stop,), name="dengji-anchors", daemon=True)
    for loop in (*loops, outside):
        loop.start()
    try:
        with app.replace_connector(cast(DjangoConnector, app.connector).get_worker_connector()) as worker:
            worker.run_worker(
                wait=wait,
                concurrency=1,
                delete_jobs="successful",
                install_signal_handlers=wait,
                fetch_job_polling_interval=5.0,
                shutdown_graceful_timeout=20.0,
            )
    finally:
        stop.set()
        grown.set()
        for loop in loops:
            loop.join()
        outside.join(timeout=1)
        connections.close_all()


def keep_log(stop: threading.Event, grown: threading.Event | None = None) -> None:
    """Place what waits and keep the log signed, until `stop` is set; tell `grown` when it grew."""

    def work() -> None:
        if sequencer.run_once() and grown is not None:
            grown.set()

    _yield_to_acts()
    _repeat("sequencer", work, lambda: stop.wait(PLACE_EVERY))


def _yield_to_acts() -> None:
    """Let whoever serves people have the processor first: a receipt can wait for a moment, an act should not.

    Where threads have priorities of their own, as on Linux; elsewhere nothing changes.
    """
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _PRIORITY)


def keep_anchors(stop: threading.Event) -> None:
    """Tie the newest checkpoint to the world outside, until `stop` is set; whoever does not answer stops nobody."""
    _repeat("anchors", anchors.keep, lambda: stop.wait(ANCHOR_EVERY))


def follow_log(stop: threading.Event, grown: threading.Event) -> None:
    """Let the followers read on whenever the log grew, and every second, until `stop` is set."""

    def pause() -> bool:
        grown.wait(FOLLOW_EVERY)
        grown.clear()
        return stop.is_set()

    _repeat("followers", lambda: clockwork.follow(), pause)


def _repeat(name: str, work: Callable[[], object], pause: Callable[[], bool]) -> None:
    """Work and pause until `pause` says to stop; a lost database is waited for."""
    try:
        while True:
            try:
                work()
            except Exception as error:
                logger.warning("%s: %s, trying again", name, getattr(error, "code", type(error).__name__))
                connection.close()
                time.sleep(_AFTER_ERROR)
            if pause():
                break
    finally:
        connection.close()
