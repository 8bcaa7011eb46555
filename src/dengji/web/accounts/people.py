"""People and roles, for the security administrator, at /accounts/people/."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from dengji.core.errors import DomainError
from dengji.parties import selectors
from dengji.parties import services as parties
from dengji.parties.access import log_refusal, log_work
from dengji.parties.accounts import selectors as accounts
from dengji.parties.accounts import services
from dengji.parties.actor import Actor
from dengji.parties.models import Person
from dengji.parties.roles import KINDS
from dengji.registration.api.base import say

from ..access import actor_of, errors_into, for_roles
from . import factor
from .views import roles_of

_PAGE = 50


class NewPerson(forms.Form):
    """A new account."""

    username = forms.CharField(label=_("登录名"), max_length=60)
    name = forms.CharField(label=_("姓名"), max_length=50)
    phone = forms.CharField(label=_("电话"), max_length=20, required=False)
    email = forms.CharField(label=_("邮箱"), max_length=254, required=False)


class NewRole(forms.Form):
    """A role, and what it is bound to."""

    kind = forms.ChoiceField(label=_("角色"))
    credit_code = forms.CharField(
        label=_("单位的统一社会信用代码"),
        max_length=18,
        required=False,
        help_text=_("经办人、业务审核人、代理人须填写"),
    )
    register = forms.ChoiceField(label=_("登记簿"), required=False, help_text=_("登记机构的角色须选择"))
    jurisdiction = forms.ChoiceField(label=_("辖区"), required=False, help_text=_("监管人员须选择"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        fields: Any = self.fields
        none = [("", "—")]
        fields["kind"].choices = [(kind.code, _(kind.label)) for kind in KINDS.values()]
        fields["register"].choices = none + [(row.slug, row.name) for row in selectors.registers()]
        fields["jurisdiction"].choices = none + [(row.code, row.name) for row in selectors.jurisdictions()]

    def binding(self) -> dict[str, Any]:
        """Return what the role is bound to; only what its kind asks for."""
        data, bound_to = self.cleaned_data, KINDS[self.cleaned_data["kind"]].bound_to
        if bound_to == "organisation" and data["credit_code"]:
            return {"organisation": selectors.organisation_by_code(data["credit_code"])}
        if bound_to == "register" and data["register"]:
            return {"register": selectors.register_by_slug(data["register"])}
        if bound_to == "jurisdiction" and data["jurisdiction"]:
            return {"jurisdiction": selectors.jurisdiction_by_code(data["jurisdiction"])}
        return {}


class NewCertificate(forms.Form):
    """A client certificate."""

    fingerprint = forms.CharField(label=_("证书SHA-256指纹"), max_length=100)
    label = forms.CharField(label=_("备注"), max_length=60, required=False)


@for_roles("security_admin")
def listed(request: HttpRequest) -> HttpResponse:
    """List accounts by login name, and add one."""
    actor = actor_of(request)
    form = NewPerson(request.POST or None)
    if request.method == "POST" and form.is_valid():
        made: Person | None = None
        with errors_into(form):
            made = parties.add_person(actor=actor, **form.cleaned_data)
        if made is not None:
            log_work(actor=actor.key, act="account_opened", object_id=made.pk, object_kind="person")
            return redirect("accounts-person", person_id=made.pk)
    wanted = request.GET.get("q", "").strip()[:60]
    rows = selectors.people(after=request.GET.get("after", "")[:60], limit=_PAGE)
    if wanted:
        rows = [row for row in rows if wanted.casefold() in row.username.casefold()] or _exact(wanted)
    next_url = f"{reverse('accounts-people')}?after={rows[-1].username}" if len(rows) == _PAGE else ""
    context = {"rows": [(row, roles_of(row)) for row in rows], "form": form, "q": wanted, "next_url": next_url}
    return render(request, "web/accounts/people.html", context)


def _exact(username: str) -> list[Person]:
    try:
        return [selectors.person_by_username(username)]
    except DomainError:
        return []


@for_roles("security_admin")
def one(request: HttpRequest, person_id: UUID) -> HttpResponse:
    """Show one account; what is done to it is posted to `act`."""
    return _page(request, accounts.person_by_id(person_id), NewRole(), NewCertificate())


def _page(
    request: HttpRequest, person: Person, role: forms.Form, certificate: forms.Form, link: str = ""
) -> HttpResponse:
    context = {
        "person": person,
        "roles": roles_of(person),
        "role_form": role,
        "certificate_form": certificate,
        "certificates": accounts.certificates(person),
        "factor": factor.present(person),
        "self": person.pk == request.user.pk,
        "link": link,
    }
    return render(request, "web/accounts/person.html", context)


@for_roles("security_admin")
@require_POST
def act(request: HttpRequest, person_id: UUID) -> HttpResponse:
    """Do one thing to an account: each is written to the access log, refusals too."""
    actor, person = actor_of(request), accounts.person_by_id(person_id)
    name = request.POST.get("act", "")
    role = NewRole(request.POST if name == "grant" else None)
    certificate = NewCertificate(request.POST if name == "bind" else None)
    form = role if name == "grant" else certificate
    try:
        if name in ("grant", "bind"):
            if form.is_valid():
                with errors_into(form):
                    _grant(actor, person, role) if name == "grant" else services.bind_certificate(
                        actor=actor, person=person, **certificate.cleaned_data
                    )
            if not form.is_valid():
                return _page(request, person, role, certificate)
        elif name == "link":
            key = services.opening_key(actor=actor, person=person)
            link = request.build_absolute_uri(reverse("accounts-open", args=(person.pk, key)))
            return _page(request, person, role, certificate, link)
        else:
            _plain(name, actor, person, request.POST.get("id", ""))
    except DomainError as error:
        log_refusal(actor=actor.key, act=name[:60], outcome=error.code, object_id=person.pk, object_kind="person")
        messages.error(request, say(error.message, error.params))
    else:
        messages.success(request, _("已办理"))
    return redirect("accounts-person", person_id=person.pk)


def _grant(actor: Actor, person: Person, form: NewRole) -> None:
    parties.grant_role(actor=actor, person=person, kind=form.cleaned_data["kind"], **form.binding())
    log_work(actor=actor.key, act="role_granted", object_id=person.pk, object_kind="person")


def _plain(name: str, actor: Actor, person: Person, which: str) -> None:
    """The acts that need no form: end a role, close or open, reset the second factor, end sessions, loosen."""
    number = int(which) if which.isdecimal() else 0
    if name == "end":
        role = selectors.role_by_id(number)
        if role.person_id == person.pk:
            parties.end_role(actor=actor, role=role)
            log_work(actor=actor.key, act="role_ended", object_id=person.pk, object_kind="person")
    elif name in ("close", "open"):
        services.set_active(actor=actor, person=person, active=name == "open")
    elif name == "factor":
        if person.pk == actor.person_id:
            raise DomainError("own_factor", gettext("不能重置自己的第二重验证"), status=403)
        factor.forget(person)
        log_work(actor=actor.key, act="second_factor_reset", object_id=person.pk, object_kind="person")
    elif name == "sessions":
        services.end_sessions(actor=actor, person=person)
    elif name == "loosen":
        services.revoke_certificate(actor=actor, certificate_id=number)
