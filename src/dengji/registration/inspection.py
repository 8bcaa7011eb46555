"""The formal-review checks run on what is stored: the same while drafting, at import and at the desk (R42–R50)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from dengji.core.encryption import unseal_json
from dengji.core.errors import N_, DomainError
from dengji.law import checks
from dengji.law.calendar import shanghai_date
from dengji.law.checks import Context, Finding, Similar
from dengji.law.checks.materials import MATERIAL_MISSING, label
from dengji.law.rulebook import Rulebook
from dengji.law.similarity import BANDS, exact_key, percent, signature
from dengji.law.visibility import visible

from . import rules
from .freezing import personal_of
from .models import (
    Application,
    Decision,
    Draft,
    Material,
    NameKey,
    Registration,
    RegistrationVersion,
    Version,
)

#: Of a name's candidates those are judged that share most bands; five are told, and judging costs more than finding.
_JUDGED = 16
#: Two names share a band only in the same place, so places are compared, which costs a third of comparing sets.
_ALIKE = """
FROM q CROSS JOIN LATERAL (
    SELECT * FROM registration_namekey k WHERE k.bands && q.bands AND k.register_id = %s
    ORDER BY {shared} DESC LIMIT {judged}) AS k
""".format(  # noqa: S608 - filled with our own numbers only
    shared=" + ".join(f"(k.bands[{n}] = q.bands[{n}])::int" for n in range(1, BANDS + 1)),
    judged=_JUDGED,
)
#: The bands are cast once a record: left in the conditions, the cast would be done again for every candidate.
_CANDIDATES = f"""
WITH q AS MATERIALIZED (
    SELECT i, exact, bands::bigint[] AS bands FROM unnest(%s::int[], %s::bytea[], %s::text[]) AS q (i, exact, bands))
SELECT q.i, k.object_id::text, k.name, k.registrant_name, k.exact = q.exact
FROM q CROSS JOIN LATERAL (
    SELECT * FROM registration_namekey k WHERE k.exact = q.exact AND k.register_id = %s LIMIT 5) AS k
UNION ALL
SELECT q.i, k.object_id::text, k.name, k.registrant_name, false {_ALIKE}
"""  # noqa: S608 - filled with our own words and numbers only
_LIKE_NAMED = f"""
WITH q AS MATERIALIZED (SELECT i, bands::bigint[] AS bands FROM unnest(%s::int[], %s::text[]) AS q (i, bands))
SELECT q.i, k.object_id {_ALIKE}
"""  # noqa: S608 - as above
#: Findings about the same registrant's older record of the same name, which is the very object of these kinds.
#: Who may open a file about a registration without belonging to its registrant.
OUTSIDERS = frozenset({"agent", "interested_party"})
_SELF_KINDS = frozenset({"change", "rectification", "cancellation", "renewal"})


def name_keys(content: Mapping[str, Any]) -> tuple[bytes, tuple[int, ...]]:
    """Return (exact key, band hashes) of a record's name (R48)."""
    name, registrant = str(content.get("name", "")), str(content.get("registrant_name", ""))
    exact = exact_key(name, str(content.get("registrant_credit_code", "")), content.get("coverage_regions") or ())
    return exact, signature(name, registrant)


def similar_records(
    register_id: UUID,
    contents: Sequence[Mapping[str, Any]],
    rulebook: Rulebook,
    *,
    exclude: Iterable[UUID] = (),
    keys: Sequence[tuple[bytes, tuple[int, ...]]] | None = None,
) -> list[list[Similar]]:
    """Return, for each record, what the register already holds under the same or a similar name; one query for all.

    `keys` are the records' `name_keys`, where the caller has them already.
    """
    keys = keys or [name_keys(content) for content in contents]
    numbers = list(range(len(contents)))
    bands = [_array(key[1]) for key in keys]
    with connection.cursor() as cursor:
        cursor.execute(_CANDIDATES, [numbers, [key[0] for key in keys], bands, register_id, register_id])
        rows = cursor.fetchall()
    threshold = int(rulebook.get("record.near_duplicate_percent"))
    skipped = set(map(str, exclude))
    found: list[dict[str, Similar]] = [{} for _ in contents]
    for i, object_id, name, registrant, exact in rows:
        if object_id in skipped or (object_id in found[i] and not exact):
            continue
        share = 100 if exact else percent(str(contents[i].get("name", "")), name)
        if share < threshold:
            continue
        same = registrant == contents[i].get("registrant_name")
        found[i][object_id] = Similar(object_id, name, registrant, same, bool(exact), share)
    return [sorted(group.values(), key=lambda s: -s.percent)[:5] for group in found]


def like_named(register_id: UUID, bands: Sequence[tuple[int, ...]]) -> list[tuple[int, UUID]]:
    """Return (number in `bands`, application or registration) of names that share a band with a `signature` (R48).

    The sixteen that share most for each; how like they are is the caller's to judge.
    """
    with connection.cursor() as cursor:
        cursor.execute(_LIKE_NAMED, [list(range(len(bands))), [_array(one) for one in bands], register_id])
        return list(cursor.fetchall())


def _array(bands: Iterable[int]) -> str:
    return "{" + ",".join(map(str, bands)) + "}"


def content_of(draft: Draft) -> dict[str, Any]:
    """Return a draft's whole content, personal fields opened."""
    return {**draft.fields, **unseal_json(draft.private, context=draft.pk.bytes)}


def version_content(version: Version, *, personal: bool = False) -> dict[str, Any]:
    """Return a frozen version's content; with `personal`, its personal fields too, where not lawfully deleted."""
    content = dict(version.fields)
    return content | personal_of(version) if personal else content


def current_content(application: Application) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return (content, request) of the version under decision; raises DomainError before the first submission."""
    version = application.versions.filter(number=application.version).first()
    if version is None:
        raise DomainError("not_submitted", N_("申请尚未提交"), status=409)
    return completed(application, version.fields), version.request


def completed(application: Application, content: Mapping[str, Any]) -> dict[str, Any]:
    """Return an application's content with what its author could not see: the closed fields of the registration.

    An agent or interested party starts from the public page (Arts. 6, 19); what they did not touch stays as it is.
    """
    registration = application.registration
    if application.kind == "first" or registration is None or not by_outsider(application):
        return dict(content)
    fields = registration_fields(registration)
    shown = visible(fields, "page")
    return {**{name: value for name, value in fields.items() if name not in shown}, **content}


def registration_fields(registration: Registration) -> dict[str, Any]:
    """Return the fields of a registration's present version."""
    return dict(RegistrationVersion.objects.get(registration=registration, number=registration.version).fields)


def by_outsider(application: Application) -> bool:
    """Tell whether a file was opened by somebody who sees only the public page of the registration."""
    return Decision.objects.filter(object_id=application.pk, act="create_application", role__in=OUTSIDERS).exists()


def joint_confirmed(application: Application) -> bool:
    """Tell whether every co-registrant has confirmed the draft as it now stands (Art. 7, R7)."""
    revisions = set(application.co_registrants.values_list("confirmed_revision", flat=True))
    return revisions <= {application.draft.revision}


def material_kinds(owner_id: UUID) -> frozenset[str]:
    """Return the kinds of material that an object holds now."""
    return frozenset(Material.objects.filter(owner_id=owner_id, removed_at=None).values_list("kind", flat=True))


def inspect(
    application: Application, content: Mapping[str, Any], *, at: datetime, receipt: datetime | None = None
) -> list[Finding]:
    """Run every formal-review check on an application's content; findings in the order of the form."""
    rulebook = rules.rules_of(application)
    content = completed(application, content)
    similar: list[Similar] = []
    if application.kind not in _SELF_KINDS and content.get("name"):
        (similar,) = similar_records(application.register_id, [content], rulebook, exclude=[application.pk])
    held = material_kinds(application.pk)
    if content.get("co_registrants") and joint_confirmed(application):
        held |= {"joint_agreement"}  # each holder's confirmation is the agreement (Art. 7)
    context = Context(
        rulebook=rulebook,
        kind=application.kind,
        today=shanghai_date(at),
        receipt=receipt,
        materials=held,
        similar=similar,
        calendar=rules.calendar(),
    )
    return [*checks.run(content, context), *_of_interested_party(application, held, rulebook)]


def _of_interested_party(application: Application, held: frozenset[str], rulebook: Rulebook) -> list[Finding]:
    """What an interested party must prove before a rectification is looked at: identity and interest (R29)."""
    if application.applicant_kind != "interested_party":
        return []
    wanted = rulebook.get("materials.required.rectification_interested")
    return [MATERIAL_MISSING.at(kind=kind, label=label(kind)) for kind in wanted if kind not in held]


def refuse_errors(findings: Iterable[Finding]) -> None:
    """Raise DomainError `findings` with all of them where one is an error: a clear list, and nothing changed."""
    every = tuple(findings)
    errors = [f for f in every if f.severity == "error"]
    if errors:
        raise DomainError(
            "findings",
            N_("形式检查发现 {count} 处必须改正的问题"),
            errors[0].field,
            params={"count": len(errors)},
            findings=every,
        )


def remember_name(application: Application, content: Mapping[str, Any]) -> None:
    """Store the keys by which later applications find this one as a duplicate."""
    exact, bands = name_keys(content)
    key = NameKey(
        object_id=application.pk,
        register_id=application.register_id,
        organisation_id=application.organisation_id,
        exact=exact,
        bands=list(bands),
        name=application.name,
        registrant_name=application.registrant_name,
    )
    NameKey.objects.bulk_create(
        [key],
        update_conflicts=True,
        unique_fields=["object_id"],
        update_fields=["exact", "bands", "name", "registrant_name"],
    )


def forget_name(object_id: UUID) -> None:
    """Free the name of an application that came to nothing."""
    NameKey.objects.filter(object_id=object_id).delete()
