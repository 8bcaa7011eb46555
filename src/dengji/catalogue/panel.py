"""The filters beside a list of results: every value with its count, as a link that adds it or takes it away."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.translation import gettext

from dengji.law.codes import DIVISIONS, CodeError, region
from dengji.parties.models import Register

from . import filters as conditions
from . import labels
from .query import Filters, Order

_FIRST = 8
#: What these are called is told in Chinese alone.
_CHINESE = frozenset({"region", "registrant", "register"})
_FACETS = ("type", "access", "state", "year")


@dataclass(frozen=True)
class Value:
    """One value: what it is called, how many there are, where the link leads; `zh` if Chinese in any language."""

    label: str
    count: str
    href: str
    on: bool = False
    zh: bool = False
    children: list[Value] = field(default_factory=list)


@dataclass(frozen=True)
class Group:
    """One facet: the first values, those behind "more", and of regions the way up."""

    name: str
    title: str
    values: list[Value]
    more: list[Value] = field(default_factory=list)
    rest: str = ""
    up: list[Value] = field(default_factory=list)


@dataclass(frozen=True)
class Asked:
    """What a page was asked for, from which the addresses of its links are made."""

    q: str
    filters: Filters
    order: Order | None = None

    def href(self, filters: Filters | None = None, **more: str) -> str:
        """Return the address of a search with other filters, from its first page unless `more` names a place."""
        pairs = [("q", self.q)] if self.q else []
        pairs += conditions.to_query(self.filters if filters is None else filters)
        pairs += [("order", self.order)] if self.order and "order" not in more else []
        pairs += [(name, value) for name, value in more.items() if value]
        return f"{reverse('search')}?{urlencode(pairs)}" if pairs else reverse("search")

    def toggled(self, facet: str, value: str, gone: Iterable[str] = ()) -> str:
        """Return the address with a value added, in the place of those in `gone`, or taken away."""
        held = getattr(self.filters, facet)
        if value in held:
            kept = tuple(one for one in held if one != value)
        else:
            kept = (*(one for one in held if one not in set(gone)), value)
        return self.href(replace(self.filters, **{facet: kept}))


def count(number: int) -> str:
    """Return a number as pages write it."""
    return f"{number:,}"


def groups(asked: Asked, facets: Mapping[str, Mapping[str, int]]) -> list[Group]:
    """Return all facets that have anything to choose."""
    found = [_industries(asked, facets), _regions(asked, facets.get("region", {}))]
    found += [_plain(asked, facet, facets.get(facet, {})) for facet in _FACETS]
    return [one for one in found if one.values or one.up]


def _group(name: str, values: list[Value], up: list[Value] | None = None) -> Group:
    first = max(_FIRST, 1 + max((i for i, one in enumerate(values) if one.on or one.children), default=0))
    cut = first if len(values) > first + 1 else len(values)
    rest = gettext("其余 {n} 项").format(n=len(values) - cut)
    return Group(name, gettext(labels.TITLES[name]), values[:cut], values[cut:], rest, up or [])


def _ordered(counts: Mapping[str, int], chosen: Iterable[str]) -> list[tuple[str, int]]:
    """Values by count, those chosen also where nothing is left of them."""
    every = {**dict.fromkeys(chosen, 0), **counts}
    return sorted(every.items(), key=lambda pair: (-pair[1], pair[0]))


def _plain(asked: Asked, facet: str, counts: Mapping[str, int]) -> Group:
    chosen = getattr(asked.filters, facet)
    rows = _ordered({value: n for value, n in counts.items() if value}, chosen)
    if facet == "year":
        rows.sort(reverse=True)
    return _group(facet, [_value(asked, facet, value, n) for value, n in rows])


def _value(asked: Asked, facet: str, value: str, n: int, gone: Sequence[str] = ()) -> Value:
    on = value in getattr(asked.filters, facet)
    return Value(labels.label(facet, value), count(n), asked.toggled(facet, value, gone), on, facet in _CHINESE)


def _industries(asked: Asked, facets: Mapping[str, Mapping[str, int]]) -> Group:
    """Sections; below one that is chosen, or in which something is, its divisions."""
    chosen = asked.filters.industry
    opened = {DIVISIONS[one].section if one in DIVISIONS else one for one in chosen}
    counted = facets.get("industry", {})
    values = []
    for letter, n in _ordered(facets.get("section", {}), opened):
        own = [code for code, row in DIVISIONS.items() if row.section == letter]
        one = _value(asked, "industry", letter, n, own)
        if letter in opened:
            below = {code: counted[code] for code in own if code in counted}
            inner = _ordered(below, (code for code in chosen if code in own))
            one = replace(one, children=[_value(asked, "industry", code, m, [letter]) for code, m in inner])
        values.append(one)
    return _group("industry", values)


def _regions(asked: Asked, counts: Mapping[str, int]) -> Group:
    """What lies next below the chosen regions, and of a single one the way up."""
    chosen = asked.filters.regions
    up = _way_up(asked, chosen[0]) if len(chosen) == 1 else []
    values = []
    for code, n in _ordered(counts, ()):
        above = [one for one, short in zip(asked.filters.region, chosen, strict=True) if code.startswith(short)]
        values.append(_value(asked, "region", code, n, above or asked.filters.region))
    return _group("region", values, up)


def _way_up(asked: Asked, code: str) -> list[Value]:
    way = [Value(gettext("全部地区"), "", asked.href(replace(asked.filters, region=())))]
    for length in (2, 4):
        if length < len(code) and _exists(code[:length]):
            above = replace(asked.filters, region=(code[:length],))
            way.append(Value(labels.label("region", code[:length]), "", asked.href(above), zh=True))
    way.append(Value(labels.label("region", code), "", "", on=True, zh=True))
    return way


def _exists(code: str) -> bool:
    try:
        return not region(code.ljust(6, "0")).group
    except CodeError:
        return False


def chips(asked: Asked) -> list[Value]:
    """Return every filter that is set, each with the address that takes it away."""
    found = []
    for facet, value in conditions.to_query(asked.filters):
        name = labels.region_name(value.ljust(6, "0")) if facet == "region" else labels.label(facet, value)
        if facet == "register":
            name = Register.objects.filter(pk=value).values_list("name", flat=True).first() or value
        found.append(Value(name, gettext(labels.TITLES[facet]), asked.toggled(facet, value), zh=facet in _CHINESE))
    return found
