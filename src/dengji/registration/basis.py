"""On which version of a registration a file builds: no file takes back what another has brought (Art. 9, R5)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dengji.core.errors import N_, DomainError, conflict
from dengji.law.visibility import visible

from .models import Application, Registration, RegistrationVersion


def fields_at(registration: Registration, number: int | None) -> dict[str, Any]:
    """Return the fields of one version of a registration, empty where there is no such version."""
    row = RegistrationVersion.objects.filter(registration=registration, number=number or 0).first()
    return dict(row.fields) if row else {}


def onto(mine: Mapping[str, Any], base: Mapping[str, Any], present: Mapping[str, Any]) -> dict[str, Any]:
    """Return the present fields with what `mine` changed in `base`, and nothing else of `mine`."""
    result = dict(present)
    for name in {*mine, *base}:
        if mine.get(name) != base.get(name):
            if name in mine:
                result[name] = mine[name]
            else:
                result.pop(name, None)
    return result


def rebased(row: Application, mine: Mapping[str, Any], *, outsider: bool) -> dict[str, Any]:
    """Return a file's content on top of the present version of its registration, its own changes kept.

    An outsider's content builds on what the public page shows.
    """
    registration = row.registration
    if registration is None or row.kind == "first":
        return dict(mine)
    base, present = fields_at(registration, row.base_version), fields_at(registration, registration.version)
    if outsider:
        base, present = visible(base, "page"), visible(present, "page")
    return onto(mine, base, present)


def changes(row: Application, content: Mapping[str, Any]) -> set[str]:
    """Return the fields in which a submitted content differs from the version it builds on."""
    if row.registration is None:
        return set(content)
    base = fields_at(row.registration, row.base_version)
    if row.applicant_kind == "interested_party":
        base, content = visible(base, "page"), visible(content, "page")
    return {name for name in {*base, *content} if base.get(name) != content.get(name)}


def refuse_second(row: Application) -> None:
    """Raise DomainError another_pending (409) where the registrant has a second file open about the registration.

    A stranger's rectification and an agent's draft without a letter do not count: nobody can block a registrant.
    """
    if row.registration is None:
        return
    other = (
        row.registration.applications.filter(ended_at=None, mandated=True)
        .exclude(pk=row.pk)
        .exclude(kind="first")
        .exclude(applicant_kind="interested_party")
        .first()
    )
    if other is not None:
        raise conflict(
            "another_pending",
            N_("该登记已有一件尚未办结的申请（{other}）：请先办结或撤回该申请"),
            field="registration_id",
            article="9",
            params={"other": other.serial or str(other.pk)},
        )


def moved(row: Application, registration: Registration) -> bool:
    """Tell whether the registration has a newer version than the one a file builds on."""
    return row.kind != "first" and row.base_version is not None and row.base_version != registration.version


def refuse_moved(registration: Registration) -> DomainError:
    """Return the error for a file whose registration has moved on; it names the file that moved it."""
    latest = RegistrationVersion.objects.filter(registration=registration, number=registration.version)
    serial = latest.values_list("application__serial", flat=True).first()
    return conflict(
        "registration_moved",
        N_("该登记已由申请 {other} 更新为第 {version} 版：请按最新版本合并草稿后重新提交，或撤回后重新申请"),
        field="registration_id",
        article="9",
        params={"other": serial or "", "version": registration.version},
    )
