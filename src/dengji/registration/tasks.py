"""Timed work: the minute's tick by Procrastinate, and in the same process the loop that follows the log.

Job payloads hold nothing but a time stamp or ids.
"""

from __future__ import annotations

import logging
import threading
from typing import cast

from django.db import close_old_connections, connection, connections
from procrastinate.contrib.django import app
from procrastinate.contrib.django.django_connector import DjangoConnector

from .services import clockwork

logger = logging.getLogger(__name__)

#: Seconds between two looks at what waits for its place in the log (design §5: placed within 200 ms).
PLACE_EVERY = 0.2
#: Seconds between two rounds of those who follow the log, where nothing was placed.
FOLLOW_EVERY = 1.0


@app.periodic(cron="* * * * *")
@app.task(name="dengji.tick", queue="clock", queueing_lock="tick")
def tick(timestamp: int) -> dict[str, int]:
    """Do what is due, every minute; a tick that is late or lost is made good by the next one."""
    close_old_connections()
    return clockwork.tick()


def run_worker(*, wait: bool = True) -> None:
    """Run schedule, jobs and the log's sequencer in this process until SIGTERM or Ctrl-C, then stop cleanly.

    Needs the main thread, whose signals it takes. `wait=False` does what waits and returns (for tests and `tick`).
    """
    stop = threading.Event()
    loop = threading.Thread(target=follow_log, args=(stop,), name="dengji-sequencer")
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
        loop.join()
        connections.close_all()


def follow_log(stop: threading.Event) -> None:
    """Place what waits and let the followers read on, until `stop` is set; a lost database is waited for."""
    idle = FOLLOW_EVERY
    try:
        while True:
            pause = PLACE_EVERY
            try:
                placed = clockwork.place_all()
                if placed or idle >= FOLLOW_EVERY:
                    idle = 0.0
                    clockwork.follow()
            except Exception as error:
                logger.warning("sequencer: %s, trying again", type(error).__name__)
                connection.close()
                pause = FOLLOW_EVERY
            idle += pause
            if stop.wait(pause):
                break
    finally:
        connection.close()
