"""The side stories, each on records of its own that are marked 示例: what can happen on the way to a code."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from uuid import UUID

from dengji.core import clock
from dengji.registration.services import Upload, clockwork

from . import stage
from .afterwards import change, expiry, rectification, renewal, revocation, suppression
from .made_up import code, example_content, published, submitted
from .stage import FIRST_MATERIALS, Scene, Story, at

#: The days on which the clock makes its round while the past is told.
FIRST_DAY, LAST_DAY = date(2026, 9, 10), date(2026, 11, 20)


def supplement(scene: Scene) -> Story:
    """A file of a refused type, then a supplement asked for once and completely, then a code (Art. 10)."""
    yield at("2026-09-22", "09:10")
    application = scene.draft("unit", example_content(scene, "服务网点清单"), FIRST_MATERIALS)
    scene.refused(
        "file_type",
        "add_material",
        "clerk",
        owner_kind="application",
        owner_id=application,
        kind="sample",
        upload=Upload("示例.html", b"<html><script></script></html>"),
    )
    scene.on(application, "submit_for_business_review", "clerk")
    scene.submit(application)
    yield at("2026-09-22", "15:40")
    scene.on(
        application,
        "request_supplement",
        "acceptor",
        items=[
            {"field": "intro", "text": "示例：请写明数据的用途"},
            {"field": "risk_assessment", "text": "示例：请补充风险评估报告的评估日期"},
        ],
    )
    yield at("2026-09-23", "10:05")
    intro = "示例内容：示例单位在提供居民服务过程中形成的服务网点清单，可用于网点查询，仅供演示。"
    scene.on(application, "save_draft", "clerk", content={"intro": intro, "risk_assessment_date": "2026-09-22"})
    scene.on(application, "submit_for_business_review", "clerk")
    yield at("2026-09-23", "11:20")
    scene.submit(application)
    scene.review(application)
    yield at("2026-09-24", "09:00")
    opened = scene.on(application, "open_notice", "notice_opener")
    yield stage.after_notice(scene.world, opened["last_day"])
    code(scene, application)


def decline(scene: Scene) -> Story:
    """An application that the agency does not accept, with reasons (Art. 10)."""
    yield at("2026-09-22", "10:20")
    application = submitted(scene, "内部通讯记录")
    yield at("2026-09-23", "16:00")
    scene.on(application, "decline", "acceptor", reason="示例：不属于公共数据资源")


def _objectors(scene: Scene) -> tuple[tuple[str, str, str, dict[str, str]], ...]:
    """Return (day, role, kind, identity) of a person and of a unit; neither exists."""
    unit = scene.world.organisations["objector"]
    person = {"name": "示例异议人", "document_type": "passport", "document_number": "示例证件号"}
    return (
        ("2026-09-28", "citizen", "person", person),
        ("2026-09-29", "nobody", "unit", {"name": unit.name, "credit_code": unit.credit_code, "agent": "示例代理人"}),
    )


def objections(scene: Scene) -> Story:
    """Example: Two objections to one notice at once: one dismissed, one upheld, and the registration ends (Art. 12)."""
    yield at("2026-09-22", "11:00")
    application, opened = published(scene, "便民服务预约数据")
    notice = UUID(opened["notice"])
    lodged: list[UUID] = []
    for day, role, kind, identity in _objectors(scene):
        yield at(day, "14:00")
        made = scene.call(
            "lodge",
            role,
            notice_id=notice,
            objector_kind=kind,
            identity=identity,
            relation="示例：数据涉及本人（本单位）",
            grounds="示例：认为登记主体不是该数据的持有单位",
            evidence=[stage.upload("objection_evidence")],
        )
        lodged.append(UUID(made["id"]))
    yield at("2026-09-30", "09:00")
    for objection in lodged:
        scene.call("verify", "objection_officer", objection_id=objection)
    yield at("2026-10-08", "10:00")
    scene.call("dismiss", "objection_officer", objection_id=lodged[0], reason="示例：证据不足以证明所主张的事实")
    yield stage.after_notice(scene.world, opened["last_day"])
    scene.refused("no_open_objection", "close_notice", "clock", application_id=application)
    yield at("2026-10-15", "10:00")
    scene.call("uphold", "objection_officer", objection_id=lodged[1], reason="示例：数据由另一单位持有")


def suspension(scene: Scene) -> Story:
    """A notice hidden at once and later opened again for the full period (Art. 4)."""
    yield at("2026-09-22", "14:30")
    application, _ = published(scene, "社区活动统计")
    yield at("2026-09-28", "09:15")
    scene.on(
        application,
        "suspend_notice",
        "agency_supervisor",
        ground="personal_information",
        reason="示例：有人反映公示内容涉及个人信息，先行核对",
    )
    yield at("2026-10-09", "09:15")
    resumed = scene.on(application, "resume_notice", "agency_supervisor")
    yield stage.after_notice(scene.world, resumed["last_day"])
    code(scene, application)


def days(scene: Scene) -> Story:
    """The clock's round shortly after every midnight: warnings, renewal windows, reminders, expiry (R60)."""
    day, last = FIRST_DAY, LAST_DAY
    while day <= last:
        yield at(day.isoformat(), "00:10")
        clockwork.tick()
        day += timedelta(days=1)


def standing(scene: Scene) -> Story:
    """What a visitor finds at work today: a draft, a file to accept, one under review, a running notice."""
    yield clock.real_now()
    scene.draft("unit", example_content(scene, "停车泊位数据"), FIRST_MATERIALS)
    submitted(scene, "健身步道名录")
    reviewing = submitted(scene, "图书借阅统计")
    scene.on(reviewing, "accept", "acceptor")
    scene.on(reviewing, "begin_review", "reviewer")
    published(scene, "公共厕所分布数据")


#: key → (the story, its title in Chinese and in English)
STORIES: dict[str, tuple[Callable[[Scene], Story], str, str]] = {
    "supplement": (supplement, "示例：补正一次后登记", "Example: Registered after one supplement"),
    "decline": (decline, "示例：不予受理", "Example: Declined"),
    "objections": (
        objections,
        "示例：同时两个异议：一个不成立，一个成立，终止登记",
        "Example: Two objections at once: one dismissed, one upheld, terminated",
    ),
    "suspension": (
        suspension,
        "示例：公示中止后恢复，重新计足公示期",
        "Example: Notice suspended and resumed for the full period",
    ),
    "change": (change, "示例：变更登记；过早续展被拒", "Example: Change; a renewal far too early refused"),
    "rectification": (rectification, "示例：利害关系人申请更正登记", "Example: Rectification by an interested party"),
    "renewal": (
        renewal,
        "示例：75天协议的产品在续展期内续展",
        "Example: A product under a 75-day agreement renewed in the window",
    ),
    "expiry": (
        expiry,
        "示例：75天协议的产品到期，登记机构注销",
        "Example: A product under a 75-day agreement expires, cancelled",
    ),
    "revocation": (revocation, "示例：调查并听取陈述后撤销", "Example: Revoked after investigation and statement"),
    "suppression": (suppression, "示例：依法屏蔽内容", "Example: Content suppressed"),
    "standing": (standing, "示例：正在办理的事项", "Example: At work today"),
}
