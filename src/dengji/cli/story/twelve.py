"""The twelve real notices, from draft to code on their real dates."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any

from dengji.core import clock

from . import stage
from .facts import Record
from .stage import FIRST_MATERIALS, SHANGHAI, Scene, Story

#: Nothing is known of the acts between draft and notice; they are spread evenly, the submission on the serial's date.
_OFFICE_OPENS, _OFFICE_CLOSES = time(8, 30), time(20, 0)
_LOOK_BEFORE = timedelta(seconds=30)


@dataclass(frozen=True)
class Times:
    """When each act of one record happens: known ends, even steps between."""

    business_review: datetime
    submit: datetime
    accept: datetime
    begin_review: datetime
    pass_review: datetime


def times(record: Record) -> Times:
    """Return the instants between draft and notice; the submission falls on the date of the published serial."""
    filed = datetime.strptime(record.published_serial[:8], "%Y%m%d").replace(tzinfo=UTC).date()
    first = max(record.drafted, datetime.combine(filed, _OFFICE_OPENS, SHANGHAI).astimezone(UTC))
    last = min(record.notice_from, datetime.combine(filed, _OFFICE_CLOSES, SHANGHAI).astimezone(UTC))
    submit = first + (last - first) / 2
    step = (record.notice_from - submit) / 4
    return Times(first + (last - first) / 4, submit, submit + step, submit + 2 * step, submit + 3 * step)


def from_draft_to_code(scene: Scene, record: Record) -> Story:
    """Take one real record through the whole procedure: 申请、受理、形式审核、公示、赋码."""
    when = times(record)
    yield record.drafted
    application = scene.draft(record.registrant, _content(scene, record), FIRST_MATERIALS)
    yield when.business_review
    scene.on(application, "submit_for_business_review", "clerk")
    yield when.submit
    scene.submit(application)
    for act, role in (("accept", "acceptor"), ("begin_review", "reviewer"), ("pass_review", "reviewer")):
        yield getattr(when, act)
        scene.on(application, act, role)
    found = stage.hits(application)
    cleared: list[dict[str, Any]] = [
        {"code": hit.code, "field": hit.field, "reason": "示例：已人工核对，为示例文字，不含敏感内容"}
        for hit in found
        if hit.clearable
    ]
    if cleared:
        yield record.notice_from - _LOOK_BEFORE
        scene.note("findings", "notice_opener", findings=[f"{hit.code}@{hit.field}" for hit in found])
        scene.refused("hits_cleared", "open_notice", "notice_opener", application_id=application)
    yield record.notice_from
    opened = scene.on(application, "open_notice", "notice_opener", cleared=cleared)
    if cleared:
        scene.note("hits_cleared", "notice_opener", cleared=[f"{hit['code']}@{hit['field']}" for hit in cleared])
    yield stage.after_notice(scene.world, opened["last_day"])
    scene.on(application, "close_notice", "clock")
    scene.on(application, "assign_code", "issuer")


def _content(scene: Scene, record: Record) -> dict[str, Any]:
    return stage.content(
        scene.world,
        record.registrant,
        record.name,
        record.intro,
        industries=record.industries,
        coverage_regions=[record.region],
        evidence_time=clock.legal_now() - timedelta(seconds=1),
    )
