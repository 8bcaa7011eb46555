"""Finding an object by what people call it: id, serial, registration code, local number, complaint number."""

from __future__ import annotations

from collections.abc import Container
from typing import Any, cast
from uuid import UUID

from django.db.models import Model, Q

from dengji.core.errors import not_found
from dengji.law.codes import LOCAL_PREFIX, is_local_number
from dengji.parties.actor import Actor

from . import selectors
from .models import Application, Complaint, Notice, Objection, Recheck, Registration
from .models.cases import CaseBase

_BY_ID: tuple[type[CaseBase], ...] = (Application, Registration, Objection, Complaint, Recheck)
#: In the order in which a name is tried.
_BY_NAME: tuple[tuple[type[CaseBase], str], ...] = (
    (Application, "serial"),
    (Registration, "code"),
    (Registration, "local_number"),
    (Registration, "serial"),
    (Complaint, "number"),
)


def as_uuid(text: str) -> UUID | None:
    """Return the identifier that a text is, None for any other text."""
    try:
        return UUID(text)
    except ValueError:
        return None


def find(reference: str, actor: Actor, kinds: Container[str] | None = None) -> CaseBase:
    """Return the object that a reference names, within the actor's scope; `kinds` narrows to kinds of object.

    Raises DomainError not_found for any other, existing or not.
    """
    key = as_uuid(reference)
    tries = [(model, "pk") for model in _BY_ID] if key else _BY_NAME
    for model, column in tries:
        if kinds is not None and model.OBJECT not in kinds:
            continue
        rows = _manager(model).filter(selectors.SCOPES[model](actor, "read"), **{column: key or reference})
        if row := rows.order_by("-pk").first():
            return cast(CaseBase, row)
    raise not_found()


def _manager(model: type[Model]) -> Any:
    return model._default_manager


def named(reference: str) -> Q:
    """Return the condition under which a registration bears a code or local number; both are found by an index."""
    if not is_local_number(reference):
        return Q(code=reference)
    # A local number ends with its serial, and by that it is indexed.
    slug, _, serial = reference.removeprefix(LOCAL_PREFIX).rpartition("-")
    return Q(register__slug=slug, serial=serial, local_number=reference)


def registration_id(reference: str) -> UUID:
    """Return the id of a registration by id, code or local number, which are public; raises DomainError not_found."""
    key = as_uuid(reference)
    rows = Registration.objects.filter(Q(pk=key) if key else named(reference))
    found: UUID | None = rows.values_list("pk", flat=True).first()
    if found is None:
        raise not_found()
    return found


def running_notice(reference: str) -> Notice:
    """Return the running notice named by its own id, its application's id or serial; raises DomainError not_found."""
    key = as_uuid(reference)
    named = Q(pk=key) | Q(application_id=key) if key else Q(serial=reference)
    found = selectors.running_notices().filter(named).first()
    if found is None:
        raise not_found()
    return cast(Notice, found)
