"""From what is asked to what is found: the filters of an address, and the same filters as a condition on items."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from uuid import UUID

from django.db.models import Q
from django.http import QueryDict

from dengji.core.errors import N_, DomainError
from dengji.registration.models import Registration

from .query import Filters

NAMES = tuple(one.name for one in fields(Filters))
_MOST, _LENGTH = 50, 200
_REGIONS = {2: "provinces", 4: "cities", 6: "counties"}


def from_query(query: QueryDict) -> Filters:
    """Return the filters of an address, where each may stand several times; raises DomainError filter_invalid.

    Names that are no filters are the caller's to look at.
    """
    values = {name: tuple(dict.fromkeys(v.strip() for v in query.getlist(name) if v.strip())) for name in NAMES}
    for name, given in values.items():
        if len(given) > _MOST or any(len(value) > _LENGTH or "\0" in value for value in given):
            raise _invalid(name)
    found = Filters(**values)
    condition(found)
    return found


def to_query(filters: Filters) -> list[tuple[str, str]]:
    """Return filters as the pairs of an address, in a fixed order."""
    return [(name, value) for name in NAMES for value in getattr(filters, name)]


def condition(filters: Filters) -> Q:
    """Return filters as a condition on Item: any value of a facet, all facets; raises DomainError filter_invalid."""
    found = Q()
    for name, make in _CONDITIONS.items():
        if values := getattr(filters, name):
            found &= make(values)
    return found


def _industry(values: Sequence[str]) -> Q:
    divisions = [v for v in values if re.fullmatch(r"[0-9]{2}", v)]
    sections = [v for v in values if re.fullmatch(r"[A-Z]", v)]
    if len(divisions) + len(sections) < len(values):
        raise _invalid("industry")
    return _any({"industries": divisions, "sections": sections})


def _region(values: Sequence[str]) -> Q:
    wanted: dict[str, list[str]] = {}
    for value in Filters(region=tuple(values)).regions:
        if not re.fullmatch(r"[0-9]{2}([0-9A-Z]{2}){0,2}", value):
            raise _invalid("region")
        wanted.setdefault(_REGIONS[len(value)], []).append(value)
    return _any(wanted)


def _any(wanted: Mapping[str, Sequence[str]]) -> Q:
    found = Q()
    for column, values in wanted.items():
        if values:
            found |= Q(**{f"{column}__overlap": list(values)})
    return found


def _year(values: Sequence[str]) -> Q:
    if not all(re.fullmatch(r"[0-9]{4}", value) for value in values):
        raise _invalid("year")
    return Q(year__in=[int(value) for value in values])


def _register(values: Sequence[str]) -> Q:
    try:
        return Q(register_id__in=[UUID(value) for value in values])
    except ValueError:
        raise _invalid("register") from None


def _registrant(values: Sequence[str]) -> Q:
    words = Q()
    for value in values:
        one = Q()
        for word in value.split():
            one &= Q(registrant_name__icontains=word)
        words |= one
    return Q(suppressed=False, object_id__in=Registration.objects.filter(words).values("pk"))


def _invalid(name: str) -> DomainError:
    return DomainError("filter_invalid", N_("筛选条件不正确"), name)


_CONDITIONS: dict[str, Callable[[Sequence[str]], Q]] = {
    "industry": _industry,
    "region": _region,
    "type": lambda values: Q(data_type__in=values),
    "state": lambda values: Q(state__in=values),
    "year": _year,
    "access": lambda values: Q(access_mode__in=values),
    "registrant": _registrant,
    "register": _register,
}
