"""The worker process of a node: clocks, sequencer, notifications. `dengji up` starts it; SIGTERM ends it."""

from __future__ import annotations

import os
import sys

from .node import SETTINGS


def main() -> int:
    """Run until told to stop; returns 0 after a clean stop."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", SETTINGS)
    import django

    django.setup()
    from dengji.registration.tasks import run_worker

    run_worker()
    return 0


if __name__ == "__main__":
    sys.exit(main())
