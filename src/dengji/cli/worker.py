"""The worker process of a node: clocks, sequencer, notifications. `dengji up` starts it; SIGTERM ends it."""

from __future__ import annotations

import os
import sys
import threading

from .node import SETTINGS

#: Seconds that the archive has for its last step before the worker ends all the same.
_LAST_STEP = 3.0


def main() -> int:
    """Run until told to stop; returns 0 after a clean stop."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", SETTINGS)
    import django

    django.setup()
    from dengji.backup import archive
    from dengji.registration.tasks import run_worker

    stop = threading.Event()
    # What was done since its last step is archived before the worker ends; a killed one is made good by the next.
    keeper = threading.Thread(target=archive.keep, args=(stop,), name="dengji-archive", daemon=True)
    keeper.start()
    try:
        run_worker()
    finally:
        stop.set()
        keeper.join(timeout=_LAST_STEP)
    return 0


if __name__ == "__main__":
    sys.exit(main())
