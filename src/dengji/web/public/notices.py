"""Public notices (公示, Art. 12, R53): the dated list, one notice, and the lists that prove the home page's figures."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext
from django.views.decorators.http import require_safe

from dengji.catalogue import labels, lists
from dengji.core.errors import N_, DomainError
from dengji.law.codes import CodeError, region
from dengji.law.procedure import KIND_LABELS
from dengji.registration import queries
from dengji.registration.api.base import say
from dengji.registration.queries.following import NoticeFilters, notice_list, working_days_left

from ..templatetags.parts import days_left

_PER_PAGE = 20
_STATES = {
    "RUNNING": N_("正在公示"),
    "OVER": N_("公示期满"),
    "SUSPENDED": N_("公示已暂停"),
    "TERMINATED": N_("登记终止"),
}


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _kinds() -> dict[str, str]:
    return {kind: say(label) for kind, label in KIND_LABELS.items()}


def shown(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return notices of the list with everything in words, so that the table has only to write them down."""
    kinds, states = _kinds(), {state: say(label) for state, label in _STATES.items()}
    home, hidden, provisional = reverse("notices"), gettext("（内容已依法屏蔽）"), gettext("暂定")
    for item in items:
        kind, data_type = kinds.get(item["kind"], item["kind"]), item["data_type"]
        item["url"] = f"{home}/{item['id']}"
        item["title"] = hidden if item["suppressed"] else item["name"] or item["serial"]
        item["type_label"] = f"{labels.option('data_type', data_type)} · {kind}" if data_type else kind
        item["days"] = f"{item['first_day'].isoformat()} – {item['last_day'].isoformat()}"
        item["note"] = provisional if item["provisional"] else ""
        running = item["working_days"] is not None
        item["state_label"] = days_left(item["working_days"]) if running else states.get(item["state"], item["state"])
        item["result"] = reverse("record", args=[item["code"]]) if item["code"] and not running else ""
    return items


@require_safe
def listed(request: HttpRequest) -> HttpResponse:
    """List notices that run, or that ended, by filters; keyset pages."""
    asked = {name: request.GET.get(name, "").strip()[:40] for name in ("state", "kind", "register", "region")}
    filters = NoticeFilters(
        running=asked["state"] != "ended",
        kind=asked["kind"] if asked["kind"] in KIND_LABELS else "",
        register_id=_uuid(asked["register"]),
        region=asked["region"] if asked["region"].isdecimal() else "",
    )
    found = notice_list(filters, after=_uuid(request.GET.get("after", "")), limit=_PER_PAGE)
    kept = {name: value for name, value in asked.items() if value}
    registers = queries.registers()
    context = {
        "items": shown(found["items"]),
        "running": filters.running,
        "next_url": f"?{urlencode(kept | {'after': found['next']})}" if found["next"] else "",
        "tab_running": urlencode({k: v for k, v in kept.items() if k != "state"}),
        "tab_ended": urlencode(kept | {"state": "ended"}),
        "asked": asked | {"after": request.GET.get("after", "")},
        "kinds": _kinds(),
        "registers": registers if len(registers) > 1 else [],
        "regions": _regions(registers) if len(registers) > 1 else [],
        "filtered": any(asked[name] for name in ("kind", "register", "region")),
    }
    return render(request, "web/public/notices.html", context)


def _regions(registers: list[dict[str, Any]]) -> list[tuple[str, str]]:
    found = {}
    for row in registers:
        code = str(row["region_code"])
        try:
            found[code] = region(code).full_name
        except CodeError:
            found[code] = str(row["jurisdiction_name"])
    return sorted(found.items())


@require_safe
def one(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show one notice: the statutory items, its days and serial while it runs; else what is left of it."""
    found = queries.notice(pk)
    fields = found["fields"] or {}
    agency = next((row["agency_name"] for row in queries.registers() if row["id"] == found["register_id"]), "")
    context = {
        "n": found,
        "fields": fields,
        "kind_label": _kinds().get(found["kind"], found["kind"]),
        "type_label": labels.option("data_type", fields["data_type"]) if fields.get("data_type") else "",
        "agency": agency,
        "state_label": say(_STATES.get(found["state"], found["state"])),
        "running": found["state"] == "RUNNING",
        "working_days": working_days_left(found["last_day"]) if found["state"] == "RUNNING" else None,
    }
    response = render(request, "web/public/notice.html", context)
    if found["noindex"]:
        response.headers["X-Robots-Tag"] = "noindex"
    return response


@require_safe
def holders(request: HttpRequest) -> HttpResponse:
    """List the units that hold valid registrations."""
    after = request.GET.get("after", "")[:18]
    found = lists.holders(after if after.isascii() and after.isalnum() else "")
    return render(request, "web/public/holders.html", {**found, "total": lists.holders_count()})


@require_safe
def coded(request: HttpRequest) -> HttpResponse:
    """List what was coded in a month."""
    month, after = request.GET.get("month") or lists.this_month(), request.GET.get("after", "")
    place = int(after) if after.isascii() and after.isdecimal() and len(after) < 19 else None
    try:
        found, total = lists.coded_in(month, place), lists.coded_count(month)
    except DomainError as error:
        context: dict[str, Any] = {"error": say(error.message), "items": [], "month": ""}
        return render(request, "web/public/coded.html", context, status=422)
    for item in found["items"]:
        item["type_label"] = labels.option("data_type", item["data_type"])
        item["state_label"] = labels.label("state", item["state"])
    following = f"?{urlencode({'month': month, 'after': found['next']})}" if found["next"] else ""
    context = {"items": found["items"], "month": month, "total": total, "next_url": following}
    return render(request, "web/public/coded.html", context)
