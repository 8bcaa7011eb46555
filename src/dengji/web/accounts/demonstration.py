"""The accounts of a demonstration node and their password, which everybody may know; production has none."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext

from dengji.parties import selectors
from dengji.parties.roles import KINDS

from ..marks import is_demonstration

#: Set by the demonstration for all its accounts; a production node never sets it (cli/story/world.py).
PASSWORD = "demo-dengji-2026"  # noqa: S105 - shown on the page


def accounts() -> dict[str, Any] | None:
    """Return {password, rows [{username, label}]} of a demonstration's accounts by role, None in production."""
    if not is_demonstration():
        return None
    held: dict[str, dict[str, None]] = {}
    for role in selectors.current_roles():
        if role.person.username.startswith("demo-"):
            held.setdefault(role.person.username, {})[role.kind] = None
    order = list(KINDS)
    rows = [
        {
            "username": name,
            "label": "、".join(gettext(KINDS[kind].label) for kind in kinds),
            "first": min(map(order.index, kinds)),
        }
        for name, kinds in held.items()
    ]
    return {"password": PASSWORD, "rows": sorted(rows, key=lambda row: row["first"])} if rows else None
