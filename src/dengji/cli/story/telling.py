"""Load the example in one transaction, all or nothing, and tell what the register then holds."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from django.conf import settings
from django.db import transaction

from dengji.core import clock, node
from dengji.core.encryption import ensure_keys
from dengji.core.errors import N_, DomainError
from dengji.core.models import Node
from dengji.law.calendar import shanghai_date
from dengji.law.procedure import STATES
from dengji.ledger import services as ledger
from dengji.registration import rules
from dengji.registration.models import Application, Decision, Registration

from . import world as worlds
from .facts import ABOUT, ACCOUNTS, LEGAL_START, OTHERS, RECORDS
from .stage import Scene, Story, move_to, play
from .stories import STORIES, days
from .twelve import from_draft_to_code

Report = Callable[[Mapping[str, Any]], None]


def load_example(report: Report) -> dict[str, Any]:
    """Load the example once and return what it holds; see `dengji.cli.story.load`."""
    began = time.monotonic()
    _require_demonstration()
    loaded = worlds.exists()
    told: list[dict[str, Any]] = []
    if not loaded:
        ensure_keys()
        with transaction.atomic():
            if clock.legal_now() > min(record.drafted for record in RECORDS):
                raise _clock_passed()
            told = _perform(worlds.build(), report)
        rules.forget()
        while ledger.place_pending():
            pass
    return {**_summary(), "stories": told, "already_loaded": loaded, "seconds": round(time.monotonic() - began, 1)}


def _require_demonstration() -> None:
    if not Node.objects.exists():
        node.found(settings.DENGJI_ORIGIN, demonstration=True, legal_start=LEGAL_START)
    if not node.identity()[1]:
        raise DomainError(
            "demonstration_only",
            N_("这是正式节点，不能载入示例：请用 --data-dir 另指一个目录，并以 dengji up --demo 启动演示节点"),
            status=403,
        )


def _clock_passed() -> DomainError:
    return DomainError(
        "demo_clock_passed",
        N_("此演示节点的法定时钟已过示例的起始日期 {day}，时钟不能倒退：请用 --data-dir 另指一个目录重新启动演示节点"),
        status=409,
        params={"day": shanghai_date(LEGAL_START).isoformat()},
    )


def _perform(world: worlds.World, report: Report) -> list[dict[str, Any]]:
    real = [(record.key, Scene(world, record.key, report, record.name), record) for record in RECORDS]
    side = [(key, Scene(world, key, report, row[1]), row) for key, row in STORIES.items() if key != "standing"]
    stories: list[tuple[str, Story]] = [(key, from_draft_to_code(scene, record)) for key, scene, record in real]
    stories += [(key, row[0](scene)) for key, scene, row in side]
    play([*stories, ("days", days(Scene(world, "days", report)))])
    # The past is told; from here on the demonstration runs on the machine's own time.
    move_to(clock.real_now())
    standing = Scene(world, "standing", report)
    play([("standing", STORIES["standing"][0](standing))])
    scenes = [(key, scene) for key, scene, _ in real] + [(key, scene) for key, scene, _ in side]
    titles = {key: {"zh": zh, "en": en} for key, (_, zh, en) in STORIES.items()}
    titles |= {record.key: {"zh": record.name, "en": "A real notice, from draft to code"} for record in RECORDS}
    # The real records are told by their table; the one whose content is replaced shows the sensitivity check.
    told = {*STORIES, *(record.key for record in RECORDS if record.content_is_example)}
    return [
        {"key": key, "title": titles[key], "example": key in STORIES, "told": key in told, "events": scene.events}
        for key, scene in [*scenes, ("standing", standing)]
    ]


def _summary() -> dict[str, Any]:
    records = [_told(record) for record in RECORDS]
    return {
        "demonstration": ABOUT["mark"],
        "demonstration_en": ABOUT["mark_en"],
        "origin": node.identity()[0],
        "register": worlds.SLUG,
        "legal_now": clock.legal_now(),
        "legal_date": shanghai_date(clock.legal_now()),
        "records": records,
        "all_as_published": all(record["as_published"] for record in records),
        "known_in_part": [dict(row) for row in OTHERS],
        "counts": _counts(),
        "accounts": [{"username": a.username, "name": a.name, "role": a.role} for a in ACCOUNTS],
    }


def _told(record: Any) -> dict[str, Any]:
    row = Application.objects.filter(
        register__slug=worlds.SLUG, kind="first", name=record.name, organisation__name=record.registrant
    ).first()
    if row is None or row.notice_opened_at is None:
        return {"key": record.key, "name": record.name, "as_published": False}
    submitted = Decision.objects.filter(object_id=row.pk, act="submit").order_by("-n").first()
    registration = row.registration
    return {
        "key": record.key,
        "name": record.name,
        "registrant": record.registrant,
        "region": {"code": record.region, "name": worlds.place_name(record.region)},
        "industries": record.industries,
        "content": "example" if record.content_is_example else "own_words",
        "published_serial": record.published_serial,
        "serial": row.serial,
        "drafted": record.drafted,
        "notice_published_from": record.notice_from,
        "notice_opened": row.notice_opened_at,
        "expected_last_day": record.last_day,
        "last_day": row.notice_last_day,
        "as_published": row.notice_last_day == record.last_day
        and shanghai_date(row.notice_opened_at) == shanghai_date(record.notice_from)
        and bool(row.code),
        "state": row.state,
        "code": row.code,
        "coded_on": registration.coded_on if registration else None,
        "valid_to": registration.valid_to if registration else None,
        "findings": submitted.data.get("findings", []) if submitted else [],
    }


def _counts() -> dict[str, dict[str, int]]:
    return {
        kind: {
            state: count
            for state in STATES[kind]
            if (count := model.objects.filter(register__slug=worlds.SLUG, state=state).count())
        }
        for kind, model in (("application", Application), ("registration", Registration))
    }
