"""Two clocks: real time for sessions, tokens and signatures; legal time for everything the Measures count.

Legal time can be moved in demonstration mode only, forward only, by one offset kept in the database and read once per
transaction. Nobody passes a time in. A demonstration node may be founded with a clock that starts in the past
(`node.found`), so the offset may be negative; from then on it only grows.
"""

from __future__ import annotations

from datetime import UTC, datetime

from django.db import connection
from django.utils import timezone

from .errors import N_, DomainError
from .models import Node


def to_milliseconds(instant: datetime) -> datetime:
    """Return the instant in UTC, cut to the three decimals that the log keeps."""
    utc = instant.astimezone(UTC)
    return utc.replace(microsecond=utc.microsecond // 1000 * 1000)


def legal_now() -> datetime:
    """Return legal time from the database's clock plus the node's offset."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp() + coalesce((SELECT legal_offset FROM core_node), interval '0')")
        (instant,) = cursor.fetchone()
    return to_milliseconds(instant)


def machine_now() -> datetime:
    """Return the database machine's own time in UTC: what the legal offset is counted from."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        (instant,) = cursor.fetchone()
    moment: datetime = instant
    return moment.astimezone(UTC)


def real_now() -> datetime:
    """Return the machine's own time in UTC."""
    return timezone.now()


def advance_to(instant: datetime) -> None:
    """Move legal time forward to an instant; raises DomainError outside demonstration mode or backwards (design §3)."""
    node = Node.objects.select_for_update().get()
    if not node.demonstration:
        raise DomainError("clock_fixed", N_("只有演示节点可以移动法定时钟"), status=403)
    offset = instant - machine_now()
    if offset < node.legal_offset:
        raise DomainError("clock_backwards", N_("法定时钟只能向前移动"), "to")
    node.legal_offset = offset
    node.save(update_fields=["legal_offset"])
