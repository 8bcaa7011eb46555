"""Whole ways through the workspace by HTTP: first registration with a supplement round, and every other kind."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from dengji.parties import services as parties
from dengji.parties.services import OPERATOR
from dengji.registration.inspection import content_of
from dengji.registration.models import Application, Registration, Version
from tests.factories import world as w
from tests.web.workspace.kit import FILLED, SECRECY, Someone, text

pytestmark = pytest.mark.django_db


def test_a_first_registration_with_a_supplement_round() -> None:
    world = w.build()
    clerk, reviewer = Someone(world, "clerk"), Someone(world, "business_reviewer")
    assert "还没有在办的申请" in text(clerk.get("/workspace/"))
    start = clerk.send("/workspace/applications/new", register=str(world.register.pk), data_type="resource")
    case = start.headers["Location"]
    row = Application.objects.get()
    assert case == f"/workspace/applications/{row.pk}/"
    assert "还有" in text(clerk.get(case))
    for key, values in FILLED.items():
        clerk.send(f"{case}sections/{key}", **values, next="1")
    page = clerk.get(f"{case}sections/basic")
    assert "甘肃省张掖市-道路运输业-城市客运信息" in text(page)
    clerk.send(f"{case}sections/basic", use_name="甘肃省张掖市-道路运输业-城市客运信息")
    stored = content_of(Application.objects.get(pk=row.pk).draft)
    assert stored["name"] == "甘肃省张掖市-道路运输业-城市客运信息"
    assert stored["coverage_regions"] == ["620700"]
    assert stored["evidence_time"] == "2025-01-02T03:04:05Z"
    assert stored["data_items"] == [{"name": "线路名称", "type": "文本"}]
    assert stored["record_count"] == 120
    assert stored["within_authorised_operation"] is False
    assert "先改正" in text(clerk.get(case))
    for kind in w.MATERIALS:
        clerk.upload(case, kind)
    assert "SHA-256" in text(clerk.get(f"{case}materials"))
    shown = text(clerk.get(f"{case}confirm"))
    assert "公示时，任何人将看到" in shown
    assert "不公开、也不上报的栏目" in shown
    assert "13800000000" not in shown
    clerk.send(f"{case}confirm", status=422)
    clerk.send(f"{case}confirm", acknowledged="on")
    # The clerk cannot also be the reviewer; who reviews may give it back, then submits once and only once.
    assert "须由另一人业务审核" in text(clerk.get(f"{case}review"))
    alone = clerk.client.post(f"{case}review", {**SECRECY, "transaction_id": w.tid()})
    assert alone.status_code == 422
    assert "负责人签章" in text(alone)
    clerk.upload(case, "business_review_form")
    assert "可由您提交" in text(clerk.get(f"{case}review"))
    reviewer.send(f"{case}return", reason="请补充说明数据项")
    assert "请补充说明数据项" in text(clerk.get(case))
    clerk.send(f"{case}confirm", acknowledged="on")
    assert "示例机房" in text(reviewer.get(f"{case}review"))
    refused = reviewer.send(f"{case}review", **SECRECY | {"secrecy_conclusion": "not_publishable"}, status=422)
    assert "不宜公开" in text(refused)
    again = {**SECRECY, "transaction_id": w.tid()}
    for _time in range(2):
        assert reviewer.client.post(f"{case}review", again).status_code == 302
    row.refresh_from_db()
    assert (row.state, row.version, len(row.serial)) == ("SUBMITTED", 1, 14)
    assert row.serial in text(reviewer.get(f"{case}submitted"))
    # One complete list, each item leading to where it is mended.
    items = [{"field": "intro", "text": "请写明用途"}, {"field": "risk_assessment", "text": "请换上盖章件"}]
    w.act(world, "request_supplement", row.pk, "acceptor", items=items, reason="见清单")
    asked = clerk.get(case)
    body = asked.content.decode()
    assert f"{case}sections/basic#id_intro" in body
    assert f"{case}materials#material-risk_assessment" in body
    assert "请换上盖章件" in text(asked)
    clerk.send(f"{case}sections/basic", intro=w.RECORD["intro"].replace("出行查询", "公众出行查询"), list="1")
    clerk.send(f"{case}confirm", acknowledged="on")
    reviewer.send(f"{case}review", **SECRECY)
    w.act(world, "accept", row.pk, "acceptor")
    w.act(world, "begin_review", row.pk, "reviewer")
    assert "公众出行查询" in Version.objects.get(application=row, number=2).fields["intro"]
    shown = text(clerk.get(case))
    assert "形式审核中" in shown
    assert "登记机构审核人员" in shown
    receipt = clerk.client.get(f"{case}receipts/1")
    assert receipt.status_code == 302 or json.loads(receipt.content)["entry"]
    assert row.name in text(clerk.get("/workspace/"))


def test_a_product_has_its_own_page_and_a_group_may_be_declared_not_applicable() -> None:
    world = w.build()
    clerk = Someone(world, "clerk")
    case = clerk.send("/workspace/applications/new", data_type="product").headers["Location"]
    assert 'name="coverage_start"' not in clerk.get(f"{case}sections/basic").content.decode()
    clerk.send(f"{case}sections/product", product_form="dataset", source_codes="DEMO-A\nDEMO-B\n", list="1")
    clerk.send(f"{case}sections/scenario", not_applicable="尚无应用场景", list="1")
    clerk.send(f"{case}sections/security", not_applicable="另行评估", list="1")
    stored = content_of(Application.objects.get().draft)
    assert stored["source_codes"] == ["DEMO-A", "DEMO-B"]
    assert stored["not_applicable"] == {"scenario": "尚无应用场景", "security": "另行评估"}
    assert "应用场景信息”声明为不适用" in text(clerk.get(f"{case}sections/scenario"))
    clerk.send(f"{case}sections/scenario", not_applicable="", scenarios="公众查询", list="1")
    assert content_of(Application.objects.get().draft)["not_applicable"] == {"security": "另行评估"}
    # Regions: by name, one that is several, and down the tree without losing what was typed.
    page = f"{case}sections/basic"
    several = clerk.send(page, **{"name": "某产品", "coverage_regions-add": "城关区"}, status=422)
    assert "有多个" in text(several)
    down = clerk.send(page, coverage_regions=["620700"], region="620000", intro="写了一半")
    shown = clerk.get(down.headers["Location"].split("#")[0])
    assert "兰州市" in text(shown)
    assert "写了一半" in text(shown)
    suggested = clerk.send(page, name="城市公交客运站线路信息", stay="1").headers["Location"].split("#")[0]
    assert "54 道路运输业" in text(clerk.get(suggested)).split("A 农")[0] or "选用" in text(clerk.get(suggested))
    assert "industries" not in content_of(Application.objects.get().draft)
    clerk.send(page, add_industry="54")
    assert content_of(Application.objects.get().draft)["industries"] == ["54"]


def _renewable(world: w.World) -> Registration:
    made = w.registered(world)
    return Registration.objects.get(code=made["code"])


def test_change_renewal_and_cancellation_of_ones_own_registration() -> None:
    world = w.build()
    clerk, reviewer = Someone(world, "clerk"), Someone(world, "business_reviewer")
    record = _renewable(world)
    assert record.code in text(clerk.get("/workspace/"))
    about = f"/workspace/applications/new?kind={{}}&about={record.pk}"
    assert "现在不能申请续展" in text(clerk.get(about.format("renewal")))
    case = clerk.send(about.format("change")).headers["Location"]
    clerk.send(f"{case}request", status=422)
    clerk.send(f"{case}request", categories=["resource"], reason="数据更新")
    clerk.send(f"{case}sections/basic", record_count="240", list="1")
    seen = text(clerk.get(f"{case}changes"))
    assert "120" in seen
    assert "240" in seen
    assert "1 处不同" in text(clerk.get(case))
    clerk.upload(case, "commitment_letter")
    clerk.send(f"{case}confirm", acknowledged="on")
    assert "240" in text(reviewer.get(f"{case}review"))
    reviewer.send(f"{case}review", **SECRECY)
    # A second file about the same registration is refused in words, and the first can be taken back.
    clerk.send(about.format("cancellation"))
    assert "尚未办结的申请" in text(clerk.get(about.format("cancellation")))
    clerk.send(f"{case}withdraw", reason="改日再办")
    assert "复制为新草稿" in text(clerk.get(case))
    fresh = clerk.client.post(f"{case}copy", {"transaction_id": w.tid()}).headers["Location"]
    assert "240" in text(clerk.get(f"{fresh}changes"))
    clerk.send(f"{fresh}withdraw", reason="")
    assert "改日再办" in text(clerk.get(case))
    cancel = clerk.send(about.format("cancellation")).headers["Location"]
    clerk.send(f"{cancel}request", ground="lost", reason="数据已灭失")
    clerk.upload(cancel, "cancellation_proof")
    clerk.send(f"{cancel}confirm", acknowledged="on")
    reviewer.send(f"{cancel}review", **SECRECY)
    assert Application.objects.get(pk=cancel.split("/")[3]).state == "SUBMITTED"
    clerk.send(f"{cancel}withdraw", reason="")
    day = record.valid_to - timedelta(days=30)
    w.move_clock(datetime(day.year, day.month, day.day, 4, tzinfo=UTC))
    renew = clerk.send(about.format("renewal")).headers["Location"]
    clerk.send(f"{renew}request", months="99", status=422)
    clerk.send(f"{renew}request", months="24")
    clerk.upload(renew, "renewal_basis")
    clerk.send(f"{renew}confirm", acknowledged="on")
    reviewer.send(f"{renew}review", **SECRECY)
    done = Application.objects.get(pk=renew.split("/")[3])
    assert (done.state, done.draft.request) == ("SUBMITTED", {"months": 24})


def test_an_interested_party_asks_for_a_rectification_and_sees_only_what_is_public() -> None:
    world = w.build()
    record = _renewable(world)
    citizen = Someone(world, "citizen")
    assert "您还没有加入任何单位" in text(citizen.get("/workspace/"))
    assert "没有这一有效的登记结果查询码" in text(citizen.get("/workspace/rectify?code=NONE", 422))
    found = f"/workspace/rectify?code={record.code}"
    case = citizen.send(found, "transaction_id").headers["Location"]
    seen = text(citizen.get(case))
    assert "登记主体信息" in seen
    assert "数据存储信息" not in seen
    page = citizen.get(f"{case}sections/basic").content.decode()
    assert 'name="intro"' in page
    assert 'name="grade"' not in page
    citizen.send(f"{case}request", ground="evidence", reason="名称有误")
    citizen.send(f"{case}sections/basic", intro=w.RECORD["intro"].replace("停靠站", "停靠站点"), list="1")
    assert "停靠站点" in text(citizen.get(f"{case}changes"))
    for kind in ("identity_proof", "interest_proof", "rectification_evidence"):
        citizen.upload(case, kind)
    citizen.send(f"{case}confirm", acknowledged="on")
    citizen.send(f"{case}review", **SECRECY)
    row = Application.objects.get(applicant_kind="interested_party")
    assert row.state == "SUBMITTED"
    assert Someone(world, "clerk").get(case, 404)


def test_several_holders_confirm_and_an_agent_files_with_a_letter() -> None:
    world = w.build()
    agency = w.organisation("示例代理机构")
    world.people["agent"] = w.person("agent")
    parties.grant_role(actor=OPERATOR, person=world.people["agent"], kind="agent", organisation=agency)
    agent, other = Someone(world, "agent"), Someone(world, "stranger_clerk")
    new = "/workspace/applications/new"
    wrong = {"register": str(world.register.pk), "agent": str(agency.pk)}
    assert "尚无此统一社会信用代码" in text(agent.send(new, **wrong, client_code="9" * 18, status=422))
    case = agent.send(new, **wrong, client_code=world.registrant.credit_code).headers["Location"]
    assert Someone(world, "clerk").get(case, 404)
    agent.upload(case, "agency_letter")
    assert Someone(world, "clerk").get(case)
    holders = {
        "co_registrants-0-credit_code": world.stranger_organisation.credit_code,
        "co_registrants-0-name": world.stranger_organisation.name,
    }
    assert other.get(case, 404)
    agent.send(f"{case}sections/registrant", **holders, stay="1")
    assert "尚未确认现稿" in text(agent.get(case))
    assert other.get(f"{case}sections/registrant", 302)
    other.client.post(f"{case}joint", {"transaction_id": w.tid()})
    assert "已确认" in text(agent.get(case))
    docx = agent.get(f"{case}templates/agency_letter")
    assert docx.content.startswith(b"PK")
