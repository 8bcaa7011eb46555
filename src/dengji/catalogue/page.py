"""What the page of a code shows: the register's own words about it, its open fields by group, and where they lead."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from django.urls import reverse
from django.utils.translation import gettext

from dengji.core.errors import N_
from dengji.law.calendar import shanghai_date
from dengji.law.record import FIELDS, GROUPS
from dengji.law.visibility import visible_fields
from dengji.registration import rules

from . import addresses, labels
from .exports import iris

#: In the heading of the page, or shown in a part of their own.
_ELSEWHERE = frozenset({"name", "registrant_name", "data_type", "intro", "access_mode", "open_url", "operator_name"})
_ENDED = {"CANCELLED": N_("本登记已于 {day} 注销。"), "REVOKED": N_("本登记已于 {day} 撤销。")}
_SHOWN = tuple(name for name in visible_fields("page") if name not in _ELSEWHERE)


@dataclass(frozen=True)
class Part:
    """A piece of a value, perhaps a link; `zh` where it is Chinese in any language of the page."""

    text: str
    href: str = ""
    zh: bool = False


@dataclass(frozen=True)
class Line:
    """A field: its heading and the pieces of its value."""

    label: str
    parts: list[Part] = field(default_factory=list)


def of(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return the context of the page of a registration as `queries.registration` gives it."""
    fields = found["fields"]
    suppressed = found["suppressed"]
    state = found["state"]
    return {
        "r": found,
        "name": None if suppressed else found["name"],
        "registrant": None if suppressed else found["registrant_name"],
        "state": state.lower(),
        "state_label": labels.label("state", state),
        "ended": gettext(_ENDED[state]).format(day=found["ended_on"]) if state in _ENDED else "",
        "type_label": labels.option("data_type", found["data_type"]),
        "intro": fields.get("intro", ""),
        "groups": _groups(fields),
        "versions": [_version(one) for one in reversed(found["versions"])],
        "ground": _ground(found, found["ground"]) if found["ground"] else "",
        "suppression": _ground(found, suppressed) if suppressed else "",
        "access": fields.get("access_mode", ""),
        "access_label": labels.option("access_mode", fields["access_mode"]) if fields.get("access_mode") else "",
        "open_url": _web(fields.get("open_url", "")),
        "operator": fields.get("operator_name", ""),
        "citation": "" if suppressed else _citation(found),
    }


def _ground(found: Mapping[str, Any], code: str) -> str:
    return labels.ground(rules.rules_of_register(found["register_id"]), code)


def _version(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "number": row["number"],
        "day": shanghai_date(row["at"]).isoformat(),
        "valid_from": row["valid_from"].isoformat(),
        "valid_to": row["valid_to"].isoformat(),
        "suppressed": row["suppressed"],
    }


def _groups(fields: Mapping[str, Any]) -> list[tuple[str, list[Line]]]:
    """The open fields under the headings of the form, in its order."""
    found: dict[str, list[Line]] = {}
    for name in _SHOWN:
        if (value := fields.get(name)) not in (None, "", []):
            found.setdefault(FIELDS[name].group, []).append(Line(labels.field(name), _parts(name, value)))
    language = "en" if labels.english() else "zh"
    return [(GROUPS[group][language], lines) for group, lines in found.items()]


def _parts(name: str, value: Any) -> list[Part]:
    values = value if isinstance(value, list) else [value]
    if name == "industries":
        return [Part(labels.label("industry", one), f"{reverse('search')}?industry={one}") for one in values]
    if name in ("coverage_regions", "registrant_region"):
        href = f"{reverse('search')}?region=" if name == "coverage_regions" else ""
        return [Part(labels.region_name(one), href and f"{href}{one}", zh=True) for one in values]
    if name == "source_codes":
        return [Part(one, addresses.record(one)) for one in values]
    if FIELDS[name].labels:
        return [Part(labels.option(name, one)) for one in values]
    return [Part(str(one), zh=FIELDS[name].kind == "string") for one in values]


def _web(url: str) -> str:
    """An address that may be a link: of the web, and nothing that a browser would run."""
    try:
        return url if urlsplit(url).scheme in ("http", "https") else ""
    except ValueError:
        return ""


def _citation(found: Mapping[str, Any]) -> str:
    """How to cite, after GB/T 7714: whose, what, number, where, when."""
    return (
        f"{found['registrant_name']}. {found['name']}[DS/OL]. {found['agency_name']}, "
        f"{found['coded_on'].isoformat()}. {found['code']}. {iris.record(found['code'])}."
    )
