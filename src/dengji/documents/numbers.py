"""Numbers of documents (文号): one series each for a register, a kind's word and a year; no gaps, none twice."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from .models import NumberCounter


def following(register_id: UUID, series: str, day: date, pattern: str, word: str) -> str:
    """Return the next number of a series, within the caller's transaction; empty where the kind carries none."""
    if not series:
        return ""
    NumberCounter.objects.get_or_create(register_id=register_id, year=day.year, series=series)
    row = NumberCounter.objects.select_for_update().get(register_id=register_id, year=day.year, series=series)
    row.last += 1
    row.save(update_fields=["last"])
    return (
        pattern.replace("{word}", word)
        .replace("{series}", series)
        .replace("{year}", str(day.year))
        .replace("{seq}", str(row.last))
    )
