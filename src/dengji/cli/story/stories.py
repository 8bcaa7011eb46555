"""The side stories, each on records of its own that are marked 示例: what can happen on the way and afterwards."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from dengji.core import clock
from dengji.registration.models import ClockMark
from dengji.registration.services import Upload, clockwork

from . import stage
from .facts import ABOUT, EXAMPLE
from .stage import FIRST_MATERIALS, Scene, Story, at

#: An agreement of 75 days, both ends included (Art. 15: a product is valid while its agreement runs).
AGREEMENT = ("2026-09-05", "2026-11-18")
#: The days on which the clock makes its round while the past is told.
FIRST_DAY, LAST_DAY = date(2026, 9, 10), date(2026, 11, 20)
PRODUCT_MATERIALS = (*FIRST_MATERIALS, "authorisation_agreement")


def _content(scene: Scene, title: str, **more: Any) -> dict[str, Any]:
    return stage.content(
        scene.world,
        more.pop("organisation", "unit"),
        more.pop("name", f"甘肃省张掖市-居民服务业-示例{title}"),
        f"示例内容：示例单位在提供居民服务过程中形成的{title}，仅供演示，不对应任何真实数据。",
        **{
            "industries": ["80"],
            "coverage_regions": ["620700"],
            "evidence_time": clock.legal_now() - timedelta(minutes=1),
            **more,
        },
    )


def _submitted(scene: Scene, title: str) -> UUID:
    application = scene.draft("unit", _content(scene, title), FIRST_MATERIALS)
    scene.on(application, "submit_for_business_review", "clerk")
    scene.submit(application)
    return application


def _published(scene: Scene, title: str) -> tuple[UUID, dict[str, Any]]:
    application = _submitted(scene, title)
    scene.review(application)
    return application, scene.on(application, "open_notice", "notice_opener")


def _code(scene: Scene, application: UUID) -> UUID:
    scene.on(application, "close_notice", "clock")
    return UUID(scene.on(application, "assign_code", "issuer")["registration"])


def supplement(scene: Scene) -> Story:
    """A file of a refused type, then a supplement asked for once and completely, then a code (Art. 10)."""
    yield at("2026-09-22", "09:10")
    application = scene.draft("unit", _content(scene, "服务网点清单"), FIRST_MATERIALS)
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
    _code(scene, application)


def decline(scene: Scene) -> Story:
    """An application that the agency does not accept, with reasons (Art. 10)."""
    yield at("2026-09-22", "10:20")
    application = _submitted(scene, "内部通讯记录")
    yield at("2026-09-23", "16:00")
    scene.on(application, "decline", "acceptor", reason="示例：不属于公共数据资源")


def objections(scene: Scene) -> Story:
    """Example: Two objections to one notice at once: one dismissed, one upheld, and the registration ends (Art. 12)."""
    yield at("2026-09-22", "11:00")
    application, opened = _published(scene, "便民服务预约数据")
    notice = UUID(opened["notice"])
    identities: tuple[tuple[str, str, str, dict[str, str]], ...] = (
        (
            "2026-09-28",
            "citizen",
            "person",
            {"name": "示例异议人", "document_type": "passport", "document_number": "示例证件号"},
        ),
        (
            "2026-09-29",
            "nobody",
            "unit",
            {
                "name": scene.world.organisations["objector"].name,
                "credit_code": scene.world.organisations["objector"].credit_code,
                "agent": "示例代理人",
            },
        ),
    )
    lodged: list[UUID] = []
    for day, role, kind, identity in identities:
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
    application, _ = _published(scene, "社区活动统计")
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
    _code(scene, application)


def change(scene: Scene) -> Story:
    """A registered record changes after a notice of its own; a renewal three years early is refused (Arts. 9, 15)."""
    yield at("2026-09-23", "09:20")
    first, opened = _published(scene, "家政服务机构名录")
    yield stage.after_notice(scene.world, opened["last_day"])
    registration = _code(scene, first)
    yield at("2026-10-19", "09:30")
    application = scene.draft(
        "unit",
        {"intro": "示例内容：家政服务机构名录，本次变更增加服务项目一列，仅供演示，不对应任何真实数据。"},
        ("commitment_letter",),
        kind="change",
        registration_id=registration,
        request={"categories": ["resource"]},
    )
    scene.on(application, "submit_for_business_review", "clerk")
    scene.submit(application)
    scene.review(application)
    yield at("2026-10-20", "09:00")
    again = scene.on(application, "open_notice", "notice_opener")
    yield stage.after_notice(scene.world, again["last_day"])
    scene.on(application, "complete", "agency_supervisor")
    yield at("2026-11-05", "10:00")
    early = scene.draft("unit", {}, ("renewal_basis",), kind="renewal", registration_id=registration)
    scene.on(early, "submit_for_business_review", "clerk")
    scene.refused("renewal_window", "submit", "business_reviewer", application_id=early, **stage.reviewed())
    scene.on(early, "withdraw", "clerk", reason="示例：尚未到续展期")


def rectification(scene: Scene) -> Story:
    """An interested party shows a real error and the register corrects it (Art. 9(3))."""
    yield at("2026-09-23", "10:30")
    first, opened = _published(scene, "养老服务设施清单")
    yield stage.after_notice(scene.world, opened["last_day"])
    registration = _code(scene, first)
    yield at("2026-10-20", "14:00")
    application = scene.draft(
        "unit",
        {"intro": "示例内容：养老服务设施清单，更正了覆盖范围的表述，仅供演示，不对应任何真实数据。"},
        ("identity_proof", "interest_proof", "rectification_evidence"),
        role="citizen",
        kind="rectification",
        registration_id=registration,
        interested_party=True,
    )
    scene.on(application, "submit_for_business_review", "citizen")
    scene.submit(application, "citizen")
    scene.review(application)
    yield at("2026-10-21", "09:00")
    again = scene.on(application, "open_notice", "notice_opener")
    yield stage.after_notice(scene.world, again["last_day"])
    scene.on(application, "complete", "agency_supervisor")


def _product(scene: Scene, title: str) -> UUID:
    begins, ends = AGREEMENT
    values = _content(
        scene,
        title,
        name=f"示例{title}",
        organisation="operator",
        data_type="product",
        within_authorised_operation=True,
        agreement_number="示例协议编号",
        agreement_party="示例实施机构",
        agreement_start=begins,
        agreement_end=ends,
        operation_start=begins,
        delivery_date="2026-09-10",
        product_form="dataset",
        delivery_mode="file",
        no_source_reason="示例产品，不对应已登记的资源",
    )
    application = scene.draft("operator", values, PRODUCT_MATERIALS, data_type="product")
    scene.on(application, "submit_for_business_review", "clerk")
    scene.submit(application)
    scene.review(application)
    return application


def renewal(scene: Scene) -> Story:
    """A product valid to the end of its 75-day agreement, renewed within the 60 days before (Art. 15)."""
    yield at("2026-09-22", "15:10")
    first = _product(scene, "客流热度数据产品")
    opened = scene.on(first, "open_notice", "notice_opener")
    yield stage.after_notice(scene.world, opened["last_day"])
    registration = _code(scene, first)
    yield at("2026-11-02", "09:30")
    application = scene.draft(
        "operator",
        {"agreement_end": "2027-02-18"},
        ("renewal_basis", "authorisation_agreement"),
        kind="renewal",
        registration_id=registration,
        request={"months": 3},
    )
    scene.on(application, "submit_for_business_review", "clerk")
    scene.submit(application)
    yield at("2026-11-03", "10:00")
    scene.review(application)
    scene.on(application, "complete", "agency_supervisor")


def expiry(scene: Scene) -> Story:
    """A product nobody renews: the clock may not cancel by itself, the agency confirms (Art. 15)."""
    yield at("2026-09-22", "15:50")
    first = _product(scene, "农贸市场行情数据产品")
    opened = scene.on(first, "open_notice", "notice_opener")
    yield stage.after_notice(scene.world, opened["last_day"])
    registration = _code(scene, first)
    yield at("2026-11-18", "10:00")
    scene.refused("expired", "cancel", "agency_supervisor", registration_id=registration)
    yield at("2026-11-19", "00:20")
    marks = ClockMark.objects.filter(object_id=registration).order_by("pk").values_list("mark", flat=True)
    scene.note("clock_marks", "clock", marks=list(marks))
    scene.refused("agency_confirms", "cancel", "clock", registration_id=registration)
    yield at("2026-11-19", "09:30")
    scene.call("cancel", "agency_supervisor", registration_id=registration)


def days(scene: Scene) -> Story:
    """The clock's round shortly after every midnight: warnings, renewal windows, reminders, expiry (R60)."""
    day, last = FIRST_DAY, LAST_DAY
    while day <= last:
        yield at(day.isoformat(), "00:10")
        clockwork.tick()
        day += timedelta(days=1)


def revocation(scene: Scene) -> Story:
    """A registration got by false materials: investigated, the registrant heard, revoked (Art. 20)."""
    yield at("2026-09-23", "14:10")
    first, opened = _published(scene, "物业服务信用记录")
    yield stage.after_notice(scene.world, opened["last_day"])
    registration = _code(scene, first)
    why = {"ground": "false_materials", "reason": "示例：来源材料经核实为虚假"}
    yield at("2026-11-06", "09:40")
    scene.attach(registration, ("revocation_investigation",), "agency_supervisor", "registration")
    scene.refused("investigated", "revoke", "agency_supervisor", registration_id=registration, **why)
    yield at("2026-11-10", "15:00")
    scene.attach(registration, ("registrant_statement",), "clerk", "registration")
    yield at("2026-11-12", "10:00")
    scene.call("revoke", "agency_supervisor", registration_id=registration, **why)


def suppression(scene: Scene) -> Story:
    """Names and texts removed on an authority's order; code, log and tombstone stay (Art. 4)."""
    yield at("2026-09-23", "15:20")
    first, opened = _published(scene, "志愿服务登记情况")
    yield stage.after_notice(scene.world, opened["last_day"])
    registration = _code(scene, first)
    yield at("2026-11-13", "11:00")
    scene.call(
        "suppress_content",
        "agency_supervisor",
        object_kind="registration",
        object_id=registration,
        ground="personal_information",
        authority=EXAMPLE["authority"],
        reason=f"示例：内容涉及个人信息（{ABOUT['mark']}）",
    )


def standing(scene: Scene) -> Story:
    """What a visitor finds at work today: a draft, a file to accept, one under review, a running notice."""
    yield clock.real_now()
    scene.draft("unit", _content(scene, "停车泊位数据"), FIRST_MATERIALS)
    _submitted(scene, "健身步道名录")
    reviewing = _submitted(scene, "图书借阅统计")
    scene.on(reviewing, "accept", "acceptor")
    scene.on(reviewing, "begin_review", "reviewer")
    _published(scene, "公共厕所分布数据")


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
