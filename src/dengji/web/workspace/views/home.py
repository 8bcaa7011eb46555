"""The way in: own files and registrations, and the start of a new application."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from dengji.core.errors import DomainError
from dengji.law.procedure import KINDS
from dengji.parties.selectors import organisation_by_code
from dengji.registration import queries, services
from dengji.registration.lookup import as_uuid
from dengji.registration.queries import workspace
from dengji.web.access import actor_of, errors_into, transaction_of

from .. import flow, words
from ..forms import CodeForm, StartForm
from .base import attempt, page, show

_REGISTRANT = ("clerk", "business_reviewer", "agent")
#: What may be asked for about a valid registration, in the order of the page.
_ABOUT = ("change", "rectification", "renewal", "cancellation")


def _cursor(request: HttpRequest) -> UUID | None:
    return as_uuid(request.GET.get("after", ""))


def _told(item: dict[str, Any]) -> dict[str, Any]:
    return item | {
        "kind_text": words.kind_label(item["kind"]),
        "type_text": words.type_label(item["data_type"]),
        "who": words.who_next(item["state"]),
        "url": reverse("workspace:case", args=[item["id"]]),
        "left": flow.left(item),
        "overdue": flow.overdue(item),
    }


@page
def home(request: HttpRequest) -> HttpResponse:
    """Show what the reader's organisations have open and registered, and where to begin."""
    actor = actor_of(request)
    files = workspace.own_applications(actor, after=_cursor(request))
    records = workspace.own_registrations(actor, after=as_uuid(request.GET.get("records", "")))
    may = bool(actor.organisations("clerk"))
    for item in records["items"]:
        item["type_text"] = words.type_label(item["data_type"])
        item["actions"] = [
            {
                "kind": kind,
                "label": words.kind_label(kind),
                "url": f"{reverse('workspace:new')}?kind={kind}&about={item['id']}",
            }
            for kind in _ABOUT
            if may and item["state"] == "VALID" and (kind != "renewal" or item["renewable"])
        ]
    context = {
        "files": [_told(item) for item in files["items"]],
        "next_files": files["next"],
        "records": records["items"],
        "next_records": records["next"],
        "organisations": workspace.own_organisations(actor, *_REGISTRANT),
        "may_start": bool(actor.organisations("clerk", "agent")),
        "first": _cursor(request) is None,
    }
    return show(request, "home.html", context)


@page
def ended(request: HttpRequest) -> HttpResponse:
    """List the files that are closed."""
    files = workspace.own_applications(actor_of(request), ended=True, after=_cursor(request))
    return show(request, "ended.html", {"files": [_told(item) for item in files["items"]], "next_files": files["next"]})


def _chosen_kind(request: HttpRequest) -> str:
    kind = request.GET.get("kind", "first")
    return kind if kind in KINDS else "first"


@page
def new(request: HttpRequest) -> HttpResponse:
    """Start an application: a first registration, or one of the other kinds about a registration of one's own."""
    kind, about = _chosen_kind(request), as_uuid(request.GET.get("about", ""))
    if kind != "first" and about is None:
        return redirect(f"{reverse('workspace:home')}#registrations")
    return _about(request, kind, about) if about and kind != "first" else _first(request)


def _first(request: HttpRequest) -> HttpResponse:
    actor = actor_of(request)
    form = StartForm(
        request.POST if request.method == "POST" else None,
        registers=queries.registers(),
        organisations=workspace.own_organisations(actor, "clerk"),
        agents=workspace.own_organisations(actor, "agent"),
        with_type=True,
    )
    if request.method == "POST" and form.is_valid():
        with errors_into(form):
            made = _create_first(request, form.cleaned_data)
            return redirect("workspace:case", made["id"])
    may = bool(actor.organisations("clerk", "agent"))
    kinds = [words.kind_label(kind) for kind in _ABOUT]
    status = 422 if form.errors else 200
    return show(request, "new.html", {"form": form, "may_start": may, "other_kinds": kinds}, status)


def _create_first(request: HttpRequest, good: dict[str, Any]) -> dict[str, Any]:
    agent = good.get("agent") or None
    try:
        organisation = organisation_by_code(good["client_code"]).pk if agent else UUID(good["organisation"])
    except DomainError as error:
        raise DomainError("organisation_unknown", error.message, "client_code") from error
    return services.create_application(
        actor=actor_of(request),
        transaction_id=transaction_of(request),
        register_id=UUID(good["register"]),
        organisation_id=organisation,
        data_type=good["data_type"],
        agent_id=UUID(agent) if agent else None,
    )


def _about(request: HttpRequest, kind: str, about: UUID) -> HttpResponse:
    record = workspace.own_registration(actor_of(request), about)
    if request.method == "POST":
        made = attempt(
            request,
            services.create_application,
            transaction_id=transaction_of(request),
            register_id=record["register_id"],
            organisation_id=record["organisation_id"],
            kind=kind,
            registration_id=record["id"],
        )
        if made:
            return redirect("workspace:case", made["id"])
        return redirect(request.get_full_path())
    early = kind == "renewal" and not record["renewable"]
    context = {"kind": kind, "kind_text": words.kind_label(kind), "record": record, "early": early, "hint": _hint(kind)}
    return show(request, "about.html", context)


def _hint(kind: str) -> str:
    return {
        "change": _("登记内容将载入新草稿，改动之处与原登记逐项对照；办结前原登记继续有效。"),
        "rectification": _("登记确有错误时申请更正；须有登记主体书面同意或证明材料（《暂行办法》第九条）。"),
        "renewal": _("续展自原有效期届满次日起算，查询码不变（《暂行办法》第十五条）。"),
        "cancellation": _(
            "注销后登记不再有效，查询页保留注销日期和理由；依赖该资源的产品请一并考虑（《暂行办法》第九条）。"
        ),
    }[kind]


@page
def rectify(request: HttpRequest) -> HttpResponse:
    """Let an interested party ask for the rectification of somebody's registration (利害关系人申请更正, Art. 9(3))."""
    form = CodeForm(request.POST or request.GET or None)
    record = None
    if form.is_bound and form.is_valid():
        with errors_into(form):
            record = workspace.rectifiable(form.cleaned_data["code"])
    if request.method == "POST" and record:
        made = attempt(
            request,
            services.create_application,
            transaction_id=transaction_of(request),
            register_id=record["register_id"],
            organisation_id=record["organisation_id"],
            kind="rectification",
            registration_id=record["id"],
            interested_party=True,
        )
        if made:
            return redirect("workspace:case", made["id"])
    return show(request, "rectify.html", {"form": form, "record": record}, 422 if form.errors else 200)
