"""`dengji rebuild`: folds the decisions of every object again, counts the figures again, and compares (design §3)."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from dengji.core.errors import N_

from ..failure import DONE, NO
from ..output import Progress, _, show, table

if TYPE_CHECKING:
    from dengji.registration.models.cases import CaseBase

NAME = "rebuild"
HELP = N_("由决定重新推算每个对象的状态，与现存状态比对")
NEEDS_DATABASE = True

_BATCH = 500


def configure(parser: argparse.ArgumentParser) -> None:
    """Add --sample."""
    parser.add_argument("--sample", type=int, metavar="N", help=_("每类只随机抽查 N 个"))


def run(args: argparse.Namespace) -> int:
    """Print what differs, with progress on stderr; 1 where anything does."""
    from dengji.catalogue.statistics.selectors import differences as statistics
    from dengji.registration.projection import MODELS

    checked: dict[str, int] = {}
    found: list[dict[str, Any]] = []
    for kind, model in MODELS.items():
        keys = list(_keys(model, args.sample))
        progress = Progress(kind, len(keys))
        checked[kind] = len(keys)
        for start in range(0, len(keys), _BATCH):
            found += _compare(model, keys[start : start + _BATCH])
            progress.at(min(start + _BATCH, len(keys)))
    total = sum(checked.values())
    figures = statistics()
    rows = ((d["object"], d["id"], d["column"], d["stored"], d["folded"]) for d in found)
    lines = [_("已比对 {total} 个对象，不一致 {count} 处", total=total, count=len(found))]
    if found:
        lines += table([_("对象"), _("编号"), _("项"), _("现存"), _("推算")], rows)
    lines += [_("统计数字与重新计数不一致 {count} 处", count=len(figures))] if figures else []
    names = ("dimension", "value", "data_type", "state", "kept", "counted")
    lines += table(names, ([row[name] for name in names] for row in figures)) if figures else []
    show(args, {"checked": checked, "differences": found, "statistics": figures}, lines)
    return NO if found or figures else DONE


def _keys(model: type[CaseBase], sample: int | None) -> Iterator[Any]:
    rows = model._default_manager.values_list("pk", flat=True)
    return iter(rows.order_by("?")[: max(0, sample)] if sample is not None else rows.order_by("pk").iterator(10000))


def _compare(model: type[CaseBase], keys: list[Any]) -> list[dict[str, Any]]:
    """One moment for a whole batch, so that acts done meanwhile are not taken for differences."""
    from django.db import connection, transaction

    from dengji.registration.projection import differences

    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        return [
            {"object": model.OBJECT, "id": row.pk, "column": column, "stored": stored, "folded": folded}
            for row in model._default_manager.filter(pk__in=keys).order_by("pk")
            for column, (stored, folded) in differences(row).items()
        ]
