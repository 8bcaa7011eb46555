"""Whether the rows beside the decisions are what was decided: versions, registered fields, lines of the access log."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import orjson
from django.db import connection

from dengji.core.canonical import plain
from dengji.core.errors import N_, DomainError
from dengji.law.visibility import visible_fields
from dengji.ledger.audit import Examination, Finding, count, rows, said
from dengji.parties import access
from dengji.parties.models import AccessLog, AccessLogRoot

from .freezing import agrees
from .models import Decision, Version, VersionPrivate

_BATCH = 2000
_VERSION = [f.attname for f in Version._meta.concrete_fields if f.attname not in ("fields", "request", "materials")]
_VERSIONS = f"""
SELECT v.fields::text, v.request::text, v.materials::text, {", ".join(f"v.{name}" for name in _VERSION)},
       p.data, d.id, d.data->>'digest'
FROM registration_version v LEFT JOIN registration_versionprivate p ON p.version_id = v.id
LEFT JOIN registration_decision d ON d.object_id = v.application_id AND d.act = 'submit'
     AND (d.data->>'version')::int = v.number
ORDER BY v.id
"""  # noqa: S608 - names of our own
_FROZEN_NOTHING = """
SELECT d.id, d.object_id FROM registration_decision d WHERE d.act = 'submit' AND NOT EXISTS (
    SELECT FROM registration_version v WHERE v.application_id = d.object_id AND v.number = (d.data->>'version')::int)
ORDER BY 1
"""
_REGISTERED = """
SELECT r.id, r.registration_id, r.number, r.fields::text, r.suppressed_at IS NOT NULL, r.content, c.body
FROM registration_registrationversion r
LEFT JOIN ledger_content c ON c.digest = decode(substr(r.content, 8), 'hex') ORDER BY r.id
"""
_LINES = (
    f"SELECT {', '.join('id' if name == 'pk' else name for name in access.COLUMNS)} FROM parties_accesslog ORDER BY id"  # noqa: S608
)
_ROOTS = """
SELECT r.id, e.body FROM parties_accesslogroot r LEFT JOIN ledger_entry e ON e.object_id = r.id AND e.act = %s
"""
_ROOT_ENTRIES = """
SELECT e.id, l.index FROM ledger_entry e LEFT JOIN ledger_leaf l ON l.entry_id = e.id
WHERE e.act = %s AND NOT EXISTS (SELECT FROM parties_accesslogroot r WHERE r.id = e.object_id) ORDER BY 1
"""


def versions(run: Examination) -> Iterator[Finding]:
    """Yield versions that are not what their digest says, or whose digest is not the one that `submit` stated (R5).

    Sealed personal fields are opened where only they tell, and all of them under --full.
    """
    total, number = count("registration_version"), 0
    suppressions = set(Decision.objects.filter(act="suppress_content").values_list("at", flat=True))
    for number, (fields, request, materials, *values) in enumerate(rows(_VERSIONS), 1):
        *columns, private, decided, stated = values
        version = Version.from_db("default", _VERSION, columns)
        version.fields, version.request, version.materials = map(orjson.loads, (fields, request, materials))
        yield from _version(run, version, private, decided, stated, suppressions)
        if number % _BATCH == 0:
            run.progress("versions", number, total)
    run.counts["versions"] = number
    with connection.cursor() as cursor:
        cursor.execute(_FROZEN_NOTHING)
        for pk, application in cursor.fetchall():
            yield Finding("version_missing", N_("决定所固定的版本不存在"), f"decision {pk}, application {application}")


def _version(
    run: Examination,
    version: Version,
    private: bytes | None,
    decided: int | None,
    stated: str | None,
    suppressions: set[datetime],
) -> Iterator[Finding]:
    where = f"version {version.pk}, application {version.application_id} number {version.number}"
    if decided is None:
        yield Finding("version_without_decision", N_("版本没有对应的提交决定"), where)
    elif stated is not None and stated != version.digest:
        yield Finding("version_decision", N_("版本的摘要与提交决定所固定的不符"), where)
    if version.suppressed_at is not None:
        if version.suppressed_at not in suppressions or version.fields:
            yield Finding("version_emptied", N_("版本已被清空，而没有屏蔽决定"), where)
        return
    opened = private is not None and (run.full or not version.private_digest)
    sealed = VersionPrivate(version=version, data=private) if opened else None
    try:
        same = agrees(version, sealed)
    except (DomainError, KeyError, ValueError):
        same = False
    if not same:
        yield Finding("version_altered", N_("版本与其摘要不符：所提交的内容被改动过"), where)


def registered(run: Examination) -> Iterator[Finding]:
    """Yield registered versions whose public fields are not those of the content object that the log refers to."""
    total, number, shown = count("registration_registrationversion"), 0, frozenset(visible_fields("page"))
    for number, (pk, registration, n, fields, emptied, address, body) in enumerate(rows(_REGISTERED), 1):
        where = f"registration version {pk}, registration {registration} number {n}"
        if _address(address) not in run.referred:
            yield Finding("registered_unknown", N_("登记版本所指的内容不见于日志"), where)
        elif emptied != (_address(address) in run.suppressed):
            yield Finding("registered_emptied", N_("登记版本是否屏蔽与日志不符"), where)
        elif not emptied and body is not None and not _shows(orjson.loads(fields), body, shown):
            yield Finding("registered_altered", N_("登记版本与其公开内容不符：其中之一被改动过"), where)
        if number % _BATCH == 0:
            run.progress("registered", number, total)
    run.counts["registered"] = number


def _address(text: str) -> bytes:
    try:
        return bytes.fromhex(text.removeprefix("sha256:"))
    except ValueError:
        return b""


def _shows(fields: dict[str, Any], body: bytes, shown: frozenset[str]) -> bool:
    public = (said(body) or {}).get("fields")
    mine = {name: value for name, value in fields.items() if name in shown and value is not None}
    return bool(public == mine or public == plain(mine))


def lines(run: Examination) -> Iterator[Finding]:
    """Yield roots of the access log that do not cover just the lines up to them, or that the log never heard of."""
    roots = list(AccessLogRoot.objects.order_by("last_id"))
    run.counts["access_lines"] = AccessLog.objects.count()
    waiting = iter(rows(_LINES))
    line = next(waiting, None)
    for root in roots:
        part = []
        while line is not None and line[0] <= root.last_id:
            part.append(line)
            line = next(waiting, None)
        if access.digest_of(part) != bytes(root.digest):
            yield Finding(
                "access_lines",
                N_("访问日志与其定时摘要不符：有行被改动、删除或事后插入"),
                f"lines up to {root.last_id}, root {root.pk}",
            )
    for _ in waiting:  # those since the newest root: the cursor is read to its end
        pass
    yield from _roots({root.pk: root for root in roots})


def _roots(roots: dict[Any, AccessLogRoot]) -> Iterator[Finding]:
    with connection.cursor() as cursor:
        cursor.execute(_ROOTS, [access.ROOT_ACT])
        for pk, body in cursor.fetchall():
            value = said(bytes(body)) if body is not None else None
            if value is None or value.get("sealed") != access.sealed_root(roots[pk]).commitment:
                yield Finding("access_root", N_("访问日志的定时摘要与日志记录不符"), f"root {pk}")


def unrooted(act: str = access.ROOT_ACT) -> list[tuple[int, int | None]]:
    """Return (entry, place) of entries about roots of the access log that are not there."""
    with connection.cursor() as cursor:
        cursor.execute(_ROOT_ENTRIES, [act])
        return list(cursor.fetchall())
