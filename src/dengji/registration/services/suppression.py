"""A suppression: names, texts and files of an object are gone everywhere on this node (屏蔽内容, Art. 4, design §5)."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import Q

from dengji.core.encryption import seal_json
from dengji.core.errors import N_, DomainError, not_found
from dengji.ledger import services as ledger
from dengji.parties.actor import Actor

from .. import rules, selectors
from ..models import (
    Application,
    CaseNoteText,
    Decision,
    DecisionDetail,
    Draft,
    Material,
    NameKey,
    Notice,
    Objection,
    Registration,
    RegistrationVersion,
    Version,
    VersionPrivate,
)
from ..models.cases import CaseBase
from .engine import Deed, answer, apply, lock, perform
from .results import known_ground

SUPPRESSED_NAME = "（内容已依法屏蔽）"
#: What an application asks for is said in codes and numbers, by which it can still be completed; they hold no words.
_ASKED = frozenset({"ground", "categories", "months"})
_CODE = re.compile(r"[a-z][a-z_]{0,39}")


@dataclass(frozen=True)
class Family:
    """The objects that hold the same words, and the codes of registrations that copies of them led to."""

    applications: list[UUID]
    registrations: list[UUID]
    elsewhere: list[str]

    def all(self) -> list[UUID]:
        """Return the ids of all of them."""
        return [*self.applications, *self.registrations]


#: Of rooms on higher floors: what each removes of the words of these objects, within the act.
_FORGETTERS: list[Callable[[Collection[UUID], datetime], None]] = []


def add_forgetter(forget: Callable[[Collection[UUID], datetime], None]) -> None:
    """Let a room on a higher floor remove with a suppression what it keeps of the words of (object ids, at)."""
    if forget not in _FORGETTERS:
        _FORGETTERS.append(forget)


def suppress_content(
    *,
    actor: Actor,
    transaction_id: str,
    object_kind: str,
    object_id: UUID,
    ground: str,
    authority: str,
    reason: str,
) -> dict[str, Any]:
    """Remove names and texts of an application or registration everywhere on this node (屏蔽内容, Art. 4, design §5).

    Drafts copied from it or that it was copied from, files and the words of decisions go with it. Log, proofs and a
    tombstone with the ground stay. It cannot be undone. A copy that led to a registration of its own needs a
    suppression of its own: `elsewhere` names its code. Raises DomainError ground_unknown, authority_required,
    not_found.
    """
    model: type[CaseBase] | None = {"application": Application, "registration": Registration}.get(object_kind)
    if model is None:
        raise not_found()

    def work(at: datetime) -> dict[str, Any]:
        family = _lock_family(selectors.get(model, object_id, actor, "act"))
        row = lock(model, object_id, actor)
        rulebook = rules.rules_of_register(row.register_id)
        known_ground(rulebook, ("suppression.grounds",), ground)
        if not authority.strip():
            raise DomainError("authority_required", N_("请写明作出决定的机关"), "authority", article="4")
        addresses: list[str] = []
        for pk in family.all():
            addresses += ledger.suppress(object_id=pk, at=at, ground=ground)
        also = ("name", "registrant_name")
        decision = apply(
            "suppress_content",
            row,
            actor=actor,
            at=at,
            rulebook=rulebook,
            deed=Deed(
                data={"ground": ground, "contents": sorted(addresses)},
                detail={"authority": authority, "reason": reason},
                public={"ground": ground, "contents": sorted(addresses)},
            ),
        )
        _empty(family, at)
        row.refresh_from_db(fields=also)
        return answer(row, decision, contents=sorted(addresses), elsewhere=family.elsewhere)

    return perform(
        "suppress_content",
        actor=actor,
        transaction_id=transaction_id,
        target=object_id,
        request={"kind": object_kind, "ground": ground, "authority": authority, "reason": reason},
        work=work,
    )


def _lock_family(row: CaseBase) -> Family:
    """Lock the objects that hold the same words: registration, its applications, and drafts copied to and fro."""
    about = row.pk if isinstance(row, Registration) else getattr(row, "registration_id", None)
    registrations = _locked(Registration, Q(pk__in=[about] if about else []))
    held: set[UUID] = set()
    found = {row.pk} if isinstance(row, Application) else set()
    found |= set(Application.objects.filter(registration_id__in=registrations).values_list("pk", flat=True))
    while found - held:  # locked before the next look: from then on nobody copies what has been found
        held |= set(_locked(Application, Q(pk__in=found)))
        copies = Q(copied_from__in=held) | Q(copies__in=held) | Q(registration_id__in=registrations)
        own = Q(registration_id=None) | Q(registration_id__in=registrations)
        found |= set(Application.objects.filter(copies & own).values_list("pk", flat=True))
    others = Registration.objects.filter(applications__copied_from__in=held) | Registration.objects.filter(
        applications__copies__in=held
    )
    codes = others.exclude(pk__in=registrations).values_list("code", flat=True).distinct()
    return Family(sorted(held), registrations, sorted(codes))


def _locked(model: type[Application | Registration], which: Q) -> list[UUID]:
    rows = model._default_manager.filter(which).select_for_update(of=("self",), no_key=True).order_by("pk")
    return list(rows.values_list("pk", flat=True))


def empty_family(row: CaseBase, at: datetime) -> None:
    """Remove the words of an object and of those that hold the same, as a suppression does; for a restored node."""
    _empty(_lock_family(row), at)


def _empty(family: Family, at: datetime) -> None:
    names = {"name": SUPPRESSED_NAME, "registrant_name": SUPPRESSED_NAME}
    Application.objects.filter(pk__in=family.applications).update(**names)
    Registration.objects.filter(pk__in=family.registrations).update(**names)
    NameKey.objects.filter(object_id__in=family.all()).delete()
    Notice.objects.filter(application_id__in=family.applications).update(fields={})
    _empty_versions(family, at)
    for draft in Draft.objects.filter(application_id__in=family.applications):
        draft.fields, draft.private, draft.request = {}, seal_json({}), _asked(draft.request)
        draft.revision += 1  # whoever still has the words on the screen does not save them again unseen
        draft.save(update_fields=["fields", "private", "request", "revision"])
    _empty_details(family)
    _empty_materials(family, at)
    objections = Objection.objects.filter(application_id__in=family.applications).values_list("pk", flat=True)
    for forget in _FORGETTERS:
        forget([*family.all(), *objections], at)


def _asked(request: Mapping[str, Any]) -> dict[str, Any]:
    """What an application asks for, as far as it is said in codes and numbers."""

    def coded(value: Any) -> bool:
        if isinstance(value, list):
            return all(isinstance(one, str) and coded(one) for one in value)
        return isinstance(value, int) or (isinstance(value, str) and bool(_CODE.fullmatch(value)))

    return {name: value for name, value in request.items() if name in _ASKED and coded(value)}


def _empty_versions(family: Family, at: datetime) -> None:
    VersionPrivate.objects.filter(version__application_id__in=family.applications).delete()
    for version in Version.objects.filter(application_id__in=family.applications, suppressed_at=None):
        version.fields, version.request, version.salt, version.suppressed_at = {}, _asked(version.request), b"", at
        version.save(update_fields=["fields", "request", "salt", "suppressed_at"])
    RegistrationVersion.objects.filter(registration_id__in=family.registrations, suppressed_at=None).update(
        fields={}, suppressed_at=at
    )


def _empty_details(family: Family) -> None:
    """Reasons and opinions may quote what is suppressed; why it was suppressed stays known."""
    of = Decision.objects.filter(object_id__in=family.all()).exclude(act="suppress_content")
    DecisionDetail.objects.filter(pk__in=of.exclude(detail_id=None).values("detail_id")).delete()
    CaseNoteText.objects.filter(note__object_id__in=family.all()).delete()
    of_objections = Objection.objects.filter(application_id__in=family.applications).values("pk")
    CaseNoteText.objects.filter(note__object_id__in=of_objections).delete()


def _empty_materials(family: Family, at: datetime) -> None:
    """Files are removed once the act is certain; what a lost server leaves behind, the sweep finds unnamed."""
    for material in Material.objects.filter(owner_id__in=family.all(), suppressed_at=None):
        transaction.on_commit(partial(default_storage.delete, material.storage_key), robust=True)
        material.name_sealed, material.storage_key, material.suppressed_at = b"", "", at
        material.save(update_fields=["name_sealed", "storage_key", "suppressed_at"])
