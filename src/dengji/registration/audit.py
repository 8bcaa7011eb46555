"""What the registration room answers the ledger: which contents rest, and whether decisions and entries agree."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from .models import Application


def withheld(object_kind: str, object_ids: Collection[UUID]) -> set[UUID]:
    """Return those applications whose notice is suspended: their content is hidden at once (Art. 4, design §4)."""
    if object_kind != Application.OBJECT:
        return set()
    return set(Application.objects.filter(pk__in=object_ids, state="NOTICE_SUSPENDED").values_list("pk", flat=True))
