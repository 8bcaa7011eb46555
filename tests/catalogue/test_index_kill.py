"""A process that is killed while it makes the index leaves nothing that serves half."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from dengji.catalogue import index
from dengji.catalogue.engines.scan import ScanEngine
from dengji.catalogue.query import Search
from dengji.registration.generator import load
from tests.factories import world as w

from . import kit

_VICTIM = """
import os, sys, django
django.setup()
from django.conf import settings
from dengji.catalogue import index
index._READ, index._COMMIT = 3, 6
print("ready", flush=True)
def tell(done, total):
    print(done, flush=True)
index.make(tell)
"""


@pytest.mark.long
def test_kill_nine_while_it_is_made_loses_nothing(committed: str, tmp_path: Path, settings: Any) -> None:
    """A real process is killed in the middle, several times; what comes of it is whole."""
    settings.DENGJI_DATA_DIR, settings.DENGJI_SEARCH = tmp_path, "auto"
    index.forget()
    world = w.build()
    load(world.register, 60, seed=9)
    kit.catch_up()
    parts = connection.settings_dict
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "dengji.config.settings",
        "DENGJI_DATA_DIR": str(tmp_path),
        "DENGJI_KEY_FILE": str(settings.DENGJI_KEY_FILE),
        "DENGJI_DATABASE_URL": (
            f"postgresql://{parts['USER']}:{parts['PASSWORD']}@/{parts['NAME']}?host={parts['HOST']}&port={parts['PORT']}"
        ),
    }
    for kills in range(4):
        with subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", textwrap.dedent(_VICTIM)],
            env=environment, stdout=subprocess.PIPE, text=True,
        ) as victim:  # fmt: skip
            assert victim.stdout is not None
            for _ in range(2 + 2 * kills):
                assert victim.stdout.readline(), "it ended by itself"
            victim.kill()
    assert isinstance(index.engine(), ScanEngine)
    assert index.make()["documents"] == 60
    assert index.engine().search(Search()).total == 60
    assert sum(index.engine().search(Search()).facets["type"].values()) == 60
    index.forget()
