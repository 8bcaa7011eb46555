"""Side stories of what happens to a registration: changed, rectified, renewed, expired, revoked, suppressed."""

from __future__ import annotations

from uuid import UUID

from dengji.registration.models import ClockMark

from . import stage
from .facts import ABOUT, EXAMPLE
from .made_up import code, example_content, published
from .stage import FIRST_MATERIALS, Scene, Story, at

#: An agreement of 75 days, both ends included (Art. 15: a product is valid while its agreement runs).
AGREEMENT = ("2026-09-05", "2026-11-18")
PRODUCT_MATERIALS = (*FIRST_MATERIALS, "authorisation_agreement")


def change(scene: Scene) -> Story:
    """A registered record changes after a notice of its own; a renewal three years early is refused (Arts. 9, 15)."""
    yield at("2026-09-23", "09:20")
    first, opened = published(scene, "家政服务机构名录")
    yield stage.after_notice(scene.world, opened["last_day"])
    registration = code(scene, first)
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
    first, opened = published(scene, "养老服务设施清单")
    yield stage.after_notice(scene.world, opened["last_day"])
    registration = code(scene, first)
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
    values = example_content(
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
    registration = code(scene, first)
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
    registration = code(scene, first)
    yield at("2026-11-18", "10:00")
    scene.refused("expired", "cancel", "agency_supervisor", registration_id=registration)
    yield at("2026-11-19", "00:20")
    marks = ClockMark.objects.filter(object_id=registration).order_by("pk").values_list("mark", flat=True)
    scene.note("clock_marks", "clock", marks=list(marks))
    scene.refused("agency_confirms", "cancel", "clock", registration_id=registration)
    yield at("2026-11-19", "09:30")
    scene.call("cancel", "agency_supervisor", registration_id=registration)


def revocation(scene: Scene) -> Story:
    """A registration got by false materials: investigated, the registrant heard, revoked (Art. 20)."""
    yield at("2026-09-23", "14:10")
    first, opened = published(scene, "物业服务信用记录")
    yield stage.after_notice(scene.world, opened["last_day"])
    registration = code(scene, first)
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
    first, opened = published(scene, "志愿服务登记情况")
    yield stage.after_notice(scene.world, opened["last_day"])
    registration = code(scene, first)
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
