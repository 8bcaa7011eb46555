"""The one door for reads of the catalogue: what a search finds, as the database has it now; suggestions; figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

import orjson

from dengji.core import sql
from dengji.core.errors import N_, DomainError, conflict
from dengji.law.visibility import visible
from dengji.registration import queries
from dengji.registration.models import Notice

from . import filters as conditions
from . import index, labels
from .engines.base import Answering, Facets, Hits, Suggestion
from .engines.scan import ScanEngine
from .query import Filters, Order, Search, decode_cursor, encode_cursor, measure, parse
from .text import highlights

_SHOWN = (
    "id", "code", "serial", "local_number", "data_type", "state", "version", "agency_name", "agency_level",
    "coded_on", "valid_from", "valid_to", "adopted", "name", "registrant_name",
)  # fmt: skip
_ROWS = f"""
SELECT i.number, i.rank, v.fields::text, v.suppressed_at IS NOT NULL, {", ".join(f"r.{name}" for name in _SHOWN)}
FROM catalogue_item i
JOIN registration_registration r ON r.id = i.object_id
LEFT JOIN registration_registrationversion v ON v.registration_id = r.id AND v.number = r.version
WHERE i.number = ANY(%s::bigint[])
"""  # noqa: S608 - our own column names
_UNKNOWN = {
    "industry": N_("没有这个行业代码（GB/T 4754 门类或大类）"),
    "region": N_("没有这个行政区划代码（GB/T 2260）"),
    "type": N_("没有这种登记类型"),
    "state": N_("没有这种登记状态"),
    "access": N_("没有这种获取方式"),
}


@dataclass(frozen=True)
class Found:
    """A page of what a search found. `total` and `facets` are exact; `next` and `previous` are places as text."""

    search: Search
    items: list[dict[str, Any]]
    total: int
    facets: Facets = field(default_factory=dict)
    near: bool = False
    next: str | None = None
    previous: str | None = None


def check(filters: Filters) -> None:
    """Raise DomainError filter_invalid, or filter_unknown for a value that no table of the law knows (422)."""
    conditions.condition(filters)
    for facet, message in _UNKNOWN.items():
        if not all(labels.known(facet, value) for value in getattr(filters, facet)):
            raise DomainError("filter_unknown", message, facet)


def search(
    *,
    q: str = "",
    filters: Filters = Filters(),  # noqa: B008 - frozen
    order: Order = "relevance",
    cursor: str = "",
    before: str = "",
    limit: int = 20,
    facets: bool = True,
) -> Found:
    """Answer a search; `cursor` is the `next` of a page and `before` the `previous`.

    Raises DomainError query_too_long, query_too_many_words, filter_invalid, filter_unknown, cursor_invalid,
    cursor_outdated (409).
    """
    measure(q)
    check(filters)
    asked = Search(parse(q), filters, order=order, limit=limit, facets=facets)
    engine = index.engine()
    asked = _placed(asked, cursor or before, engine)
    try:
        found = _page(engine, asked, back=bool(before) and not cursor)
    except (ValueError, OSError):  # the files are broken: the tables answer until they are made anew
        index.forget()
        if cursor or before:
            raise _outdated() from None
        engine = ScanEngine()
        found = _page(engine, _placed(asked, "", engine))
    return found


def _placed(asked: Search, cursor: str, engine: Answering) -> Search:
    if engine.generation == ScanEngine.generation and not asked.by_rank:
        asked = replace(asked, order="newest")
        if cursor.startswith("r"):
            raise _outdated()
    elif cursor.startswith("n") and not asked.by_rank:
        raise _outdated()
    return replace(asked, after=decode_cursor(asked, cursor, engine.generation)) if cursor else asked


def _outdated() -> DomainError:
    return conflict("cursor_outdated", N_("检索结果已经更新，请重新检索"), field="cursor")


def _page(engine: Answering, asked: Search, *, back: bool = False) -> Found:
    """Read a page after a place or, `back`, before it: what comes just before is what follows the other way round."""
    if back and asked.by_rank:
        flipped: Order = "newest" if asked.order == "oldest" else "oldest"
        hits = engine.search(replace(asked, order=flipped))
        hits = replace(hits, numbers=hits.numbers[::-1])
    elif back:
        asked = replace(asked, after=max(0, (asked.after or 0) - asked.limit))
        hits = engine.search(asked)
    else:
        hits = engine.search(asked)
    ranks, items = _rows(hits, asked)
    following, preceding = _places(asked, hits, ranks, back=back and asked.by_rank)
    places = [p if p is None else encode_cursor(asked, p, engine.generation) for p in (following, preceding)]
    return Found(asked, items, hits.total, hits.facets, hits.near, *places)


def _places(asked: Search, hits: Hits, ranks: Sequence[int], *, back: bool) -> tuple[int | None, int | None]:
    """Return the places after and before a page, None where nothing is."""
    if not asked.by_rank:
        return hits.next, asked.after or None
    if back:
        return (ranks[-1] if ranks else None), (ranks[0] if ranks and hits.next is not None else None)
    return hits.next, (ranks[0] if ranks and asked.after is not None else None)


def _rows(hits: Hits, asked: Search) -> tuple[list[int], list[dict[str, Any]]]:
    """Return ranks and items as the database has them now; what has vanished meanwhile is left out."""
    if not hits.numbers:
        return [], []
    with sql.prepared() as cursor:
        cursor.execute(_ROWS, [list(hits.numbers)])
        rows = {row[0]: row for row in cursor.fetchall()}
    kept = [rows[number] for number in hits.numbers if number in rows]
    hidden = [row[4] for row in kept if row[3]]
    grounds = queries.grounds(hidden) if hidden else {}
    needles = asked.wanted.needles(), asked.wanted.needles(near=True)
    return [row[1] for row in kept], [_item(row, grounds, needles) for row in kept]


def _item(row: Sequence[Any], grounds: Mapping[UUID, str], needles: tuple[list[str], list[str]]) -> dict[str, Any]:
    _, _, content, hidden, *own = row
    item = dict(zip(_SHOWN, own, strict=True))
    shown = content and not hidden and item["state"] == "VALID"
    item["fields"] = visible(orjson.loads(content), "search") if shown else {}
    item["suppressed"] = grounds.get(item["id"])
    item["highlights"] = {} if hidden or not needles[0] else _marked(item, *needles)
    return item


def _marked(item: Mapping[str, Any], whole: list[str], pairs: list[str]) -> dict[str, list[tuple[int, int]]]:
    """Return where the words stand in the shown texts, or where only their pairs stand."""
    texts = {name: str(item[name]) for name in ("name", "registrant_name", "code", "serial", "agency_name")}
    texts["intro"] = str(item["fields"].get("intro", ""))
    for needles in (whole, pairs):
        if found := {name: ranges for name, text in texts.items() if (ranges := highlights(text, needles))}:
            return found
    return {}


def suggestions(q: str, limit: int = 10) -> list[Suggestion]:
    """Return titles, then registrants, that begin with or hold what was typed; raises DomainError query_too_long."""
    measure(q)
    if not q.strip():
        return []
    try:
        return index.engine().suggest(q.strip(), limit)
    except (ValueError, OSError):
        index.forget()
        return []


def latest(limit: int) -> list[dict[str, Any]]:
    """Return the newest valid registrations."""
    return search(filters=Filters(state=("VALID",)), order="newest", limit=limit, facets=False).items


def home_figures() -> dict[str, int]:
    """Return what the register holds now, each as the search counts it: valid ones by type and access; notices."""
    facets = search(filters=Filters(state=("VALID",)), order="newest", limit=1).facets
    types = facets.get("type", {})
    return {
        "resources": types.get("resource", 0) + types.get("open", 0),
        "products": types.get("product", 0),
        "accessible": facets.get("access", {}).get("open", 0),
        "notices": Notice.objects.filter(state="RUNNING").count(),
    }
