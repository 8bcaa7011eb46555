"""The shipped rulebooks: national values as the Measures give them, and the local rows exactly as they were seen."""

from __future__ import annotations

import tomllib

import pytest

from dengji.law import rulebook
from dengji.law.codes import region
from dengji.law.rulebook import KEYS, load, vocabulary
from dengji.law.rulebooks.keys import LOOSER, SHIPPED

# fmt: off
LOCAL = [
    "cn-tj", "cn-gz", "cn-hi", "cn-sc", "cn-gs", "cn-js", "cn-gd", "cn-ah", "cn-fj", "cn-jx", "cn-sd", "cn-sd-weihai",
    "cn-bj", "cn-hn", "cn-nm", "cn-xj", "cn-xjbt", "cn-sn", "cn-sn-xian", "cn-sx", "cn-hb", "cn-zj",
]
# fmt: on


def own(name: str) -> set[str]:
    return set(tomllib.loads((SHIPPED / f"{name}.toml").read_text("utf-8")).get("values", {}))


def test_the_nation_and_every_local_row_are_shipped() -> None:
    assert rulebook.ids() == sorted(["cn", *LOCAL])


@pytest.mark.parametrize("name", ["cn", *LOCAL])
def test_every_value_of_every_rulebook_is_cited(name: str) -> None:
    for value in rulebook.explain(name):
        assert value.cite.strip()
        assert value.sure in ("read", "excerpt", "assumed")
        assert value.label["zh"]
        assert value.label["en"]
        assert value.set_by == name or value.key not in own(name)


@pytest.mark.parametrize("name", LOCAL)
def test_a_local_rulebook_holds_only_what_was_seen(name: str) -> None:
    book = load(name)
    assert book.status == "partly_verified"
    assert {book.value(key).sure for key in own(name)} <= {"excerpt"}
    assert book.notes or own(name)
    assert book.parents == {"cn-sd-weihai": ("cn", "cn-sd"), "cn-sn-xian": ("cn", "cn-sn")}.get(name, ("cn",))
    assert book.title
    assert book.title_en.isascii()


@pytest.mark.parametrize("name", ["cn-zj", "cn-sn", "cn-sc", "cn-sx", "cn-sd-weihai"])
def test_where_no_difference_was_seen_none_is_invented(name: str) -> None:
    assert own(name) == set()
    parent = load(load(name).parents[-1])
    assert [v.value for v in load(name).items()] == [v.value for v in parent.items()]


@pytest.mark.parametrize(
    ("key", "value", "article"),
    [
        ("limits.accept_wd", 3, "第十条"),
        ("limits.review_wd", 20, "第十一条"),
        ("limits.notice_wd", 10, "第十二条"),
        ("limits.cancel_wd", 10, "第九条"),
        ("limits.first_filing_wd", 20, "第九条"),
        ("limits.legacy_filing_wd", 30, "第九条"),
        ("limits.legacy_before", "2025-03-01", "第二十四条"),
        ("validity.term_months", 36, "第十五条"),
        ("validity.renewal_window_days", 60, "第十五条"),
        ("validity.renewal_max_months", 36, "第十五条"),
        ("validity.agreement_max_months", 60, "第十四条"),
        ("notice.first", True, "第十二条"),
        ("output.code", True, "第十三条"),
        ("actors.registrar_types", ("public_institution",), "第三条"),
        ("actors.central_refused", True, "第六条"),
    ],
)
def test_the_nation_s_values_were_read_in_the_law(key: str, value: object, article: str) -> None:
    found = load("cn").value(key)
    assert (found.value, found.sure) == (value, "read")
    assert article in found.cite


@pytest.mark.parametrize(
    "key",
    ["coding_wd", "change_wd", "rectification_wd", "renewal_wd", "registrant_fix_wd", "objection_decide_wd"],
)
def test_where_the_law_is_silent_there_is_no_limit(key: str) -> None:
    assert load("cn").get(f"limits.{key}") is None


def test_what_is_not_in_the_law_says_so() -> None:
    assumed = [v for v in load("cn").items() if v.sure == "assumed"]
    assert {"limits.objection_verify_wd", "limits.complaint_wd", "limits.suppress_hours"} <= {v.key for v in assumed}
    assert not [v.key for v in assumed if KEYS[v.key].national]


def test_the_four_grounds_of_cancellation_and_of_revocation() -> None:
    national = load("cn")
    for key, article in (("cancellation.grounds", "第九条第（四）项"), ("revocation.grounds", "第二十条")):
        rows = national.get(key)
        assert len({row["code"] for row in rows}) == 4
        assert all(article in row["cite"] and row["zh"] and row["en"] for row in rows)


def test_the_two_rules_on_operators_products_stand_side_by_side() -> None:
    """The Measures encourage what the operation rules demand; Hainan demands it."""

    def duty(name: str) -> dict[str, str]:
        rows = [r for r in load(name).get("duties") if (r["who"], r["object"]) == ("operator", "product")]
        return {row["cite"]: row["duty"] for row in rows}

    national = duty("cn")
    assert sorted(national.values()) == ["encouraged", "must"]
    assert set(duty("cn-hi").values()) == {"must"}
    assert any("海南" in cite for cite in duty("cn-hi"))


@pytest.mark.parametrize(
    ("name", "key", "value"),
    [
        ("cn-tj", "platform.single_entrance", True),
        ("cn-tj", "actors.supervisor_tiers", ("province", "county")),
        ("cn-gz", "platform.name", "贵州省公共数据服务平台"),
        ("cn-hi", "agency.designation_level", "province"),
        ("cn-hi", "agency.rules_need_consent", True),
        ("cn-hi", "disclosure.cycle", "periodic"),
        ("cn-hi", "actors.registrar_types", ("public_institution", "statutory_body")),
        ("cn-gs", "output.confirmation_sheet", True),
        ("cn-hb", "output.confirmation_sheet", True),
        ("cn-bj", "actors.registrants_within_region_only", True),
        ("cn-hn", "agency.city_must_designate", True),
        ("cn-nm", "agency.runs_platform", True),
        ("cn-xjbt", "actors.tiers", ("xpcc", "xpcc_division")),
        ("cn", "output.confirmation_sheet", False),
    ],
)
def test_local_differences(name: str, key: str, value: object) -> None:
    assert load(name).get(key) == value
    assert load(name).value(key).set_by == name


def test_differences_in_lists() -> None:
    def more(name: str, key: str) -> set[str]:
        return set(load(name).get(key)) - set(load("cn").get(key))

    assert more("cn-gz", "actors.registrant_types") == {"developer"}
    assert more("cn-nm", "actors.registrant_types") == {"unincorporated"}
    assert more("cn-hi", "actors.utility_sectors") == {"telecom", "civil_aviation", "rail"}
    assert more("cn-sn-xian", "actors.utility_sectors") == {"telecom", "health", "education", "culture_tourism"}
    assert [row["zh"] for row in load("cn-gd").get("procedure.steps")] == [
        "申请",
        "受理",
        "审核",
        "公示",
        "异议处理",
        "登记确认",
    ]
    assert [row["code"] for row in load("cn-hn").get("output.permitted_uses")] == [
        "trading",
        "balance_sheet",
        "enterprise_recognition",
        "accounting",
    ]


def test_fujian_s_days_were_seen_and_are_the_nation_s() -> None:
    days = own("cn-fj")
    assert days == {"limits.accept_wd", "limits.notice_wd", "limits.first_filing_wd", "limits.legacy_filing_wd"}
    assert all(load("cn-fj").get(key) == load("cn").get(key) for key in days)


def test_the_corps_stands_beside_xinjiang_never_under_it() -> None:
    assert load("cn-xjbt").parents == ("cn",)
    assert load("cn-xjbt").region != load("cn-xj").region


def test_every_key_is_well_described() -> None:
    for key in KEYS.values():
        assert key.zh
        assert key.en.isascii()
        assert key.direction in LOOSER
        assert key.loosen in ("cited", "never")
        assert not key.unit or key.unit in vocabulary("unit")
        for kind in key.columns.values():
            assert kind.removesuffix("?") in ("str", "list", "any") or vocabulary(kind.removesuffix("?"))


def test_the_materials_of_every_kind_of_application_are_listed() -> None:
    national, materials = load("cn"), vocabulary("material")
    for kind in ("first.resource", "first.product", "first.open", "change", "rectification", "cancellation", "renewal"):
        assert set(national.get(f"materials.required.{kind}")) <= set(materials)
    asked = {(row["kind"], row["field"]) for row in national.get("materials.conditional")}
    assert {("sharing_consent", "source_mode"), ("agency_letter", "agent_name")} <= asked
    assert {("joint_agreement", "co_registrants"), ("authorisation_agreement", "within_authorised_operation")} <= asked
    assert all(("equals" in row) != ("present" in row) for row in national.get("materials.conditional"))


@pytest.mark.parametrize("name", ["cn", *LOCAL])
def test_the_region_of_a_rulebook_is_a_known_region(name: str) -> None:
    found = region(load(name).region)
    assert name == "cn" or load(name).title.startswith(found.name)
