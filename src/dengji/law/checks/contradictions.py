"""Contradictions between fields: source, operation, product, grade, evidence, volume, access (R6, R34, R52, R65)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..codes import CodeError, is_within
from ..record import FIELDS
from .model import MEASURES, N_, OPERATION, Context, Finding, spec
from .structure import blank
from .words import EMPTY_DIGESTS, PERSONAL_ITEMS

_SOURCE = f"{MEASURES}第九条第一项（二）"
_RESOURCE = f"{MEASURES}第九条第一项（三）"
_PRODUCT = f"{MEASURES}第九条第一项（五）"

REGISTRANT_TYPE = spec(
    "registrant_type_not_admitted",
    "registrant_type",
    "error",
    f"{MEASURES}第三条",
    N_("本地规则不接受“{label}”作为登记主体"),
    N_("核对登记主体类型，或由持有数据的单位申请"),
)
REGISTRANT_OUTSIDE = spec(
    "registrant_outside",
    "registrant_region",
    "error",
    f"{MEASURES}第六条",
    N_("登记主体所在地区不在本平台的行政区域内"),
    N_("向登记主体所在地的登记机构申请"),
)
DUTY = spec(
    "duty_must",
    "registrant_type",
    "info",
    f"{MEASURES}第五条",
    N_("此类登记属于应当登记（依据：{cite}）"),
    N_("无需更正"),
)
DUTY_TENSION = spec(
    "duty_tension",
    "registrant_type",
    "info",
    f"{MEASURES}第五条；{OPERATION}第十六条",
    N_("此类登记一处规定为应当登记（{must}），另一处规定为鼓励登记（{encouraged}）"),
    N_("无需更正；两处规定不同，由登记主体自行判断"),
)
SHARING_UNIT_MISSING = spec(
    "sharing_unit_missing",
    "sharing_unit",
    "error",
    f"{OPERATION}第五条",
    N_("数据由共享获得，但没有填写共享单位"),
    N_("填写共享单位，并上传共享单位同意材料"),
)
SHARING_UNIT_UNEXPECTED = spec(
    "sharing_unit_unexpected",
    "sharing_unit",
    "warning",
    _SOURCE,
    N_("填写了共享单位，但数据来源方式不是共享获得"),
    N_("更正数据来源方式，或清空共享单位"),
)
AGREEMENT_UNEXPECTED = spec(
    "agreement_unexpected",
    "within_authorised_operation",
    "warning",
    _SOURCE,
    N_("未纳入授权运营，却填写了“{label}”"),
    N_("更正“是否纳入授权运营”，或清空协议信息"),
)
AGREEMENT_INCOMPLETE = spec(
    "agreement_incomplete",
    "agreement_number",
    "warning",
    _SOURCE,
    N_("纳入授权运营，但没有填写“{label}”"),
    N_("按授权运营协议填写“{label}”"),
)
PRODUCT_SOURCE = spec(
    "product_source_missing",
    "source_codes",
    "warning",
    _PRODUCT,
    N_("产品和服务没有关联已登记的公共数据资源，也没有说明原因"),
    N_("填写来源资源的登记编码；确无登记的，填写“无来源资源登记的说明”"),
)
PRODUCT_FORM = spec(
    "product_form_not_listed",
    "product_form",
    "error",
    _PRODUCT,
    N_("本地规则的产品形态中没有“{label}”"),
    N_("从本地规则列出的产品形态中选择"),
)
GRADE_CORE = spec(
    "grade_core",
    "grade",
    "error",
    "《中华人民共和国数据安全法》第二十一条",
    N_("核心数据不得在本平台处理"),
    N_("停止填报并删除已填内容，按核心数据管理要求另行办理"),
)
GRADE_IMPORTANT = spec(
    "grade_important",
    "grade",
    "warning",
    "《中华人民共和国数据安全法》第二十一条",
    N_("重要数据在本平台只登记指引，不填写数据项和存储位置等细节"),
    N_("清空“{label}”，在名称和简介中只保留可公开的概述"),
)
EVIDENCE_EMPTY = spec(
    "evidence_empty",
    "evidence_digest",
    "error",
    f"{MEASURES}第七条",
    N_("存证摘要不是实际数据的摘要（空文件或重复同一字符）"),
    N_("对实际数据重新存证，填写所得摘要、文件数和字节数"),
)
VOLUME_UNIT = spec(
    "volume_unit_missing",
    "volume_unit",
    "error",
    _RESOURCE,
    N_("填写了数据规模数值，但没有选择单位"),
    N_("选择数据规模单位"),
)
VOLUME_VALUE = spec(
    "volume_value_missing",
    "volume_value",
    "warning",
    _RESOURCE,
    N_("选择了数据规模单位，但没有填写数值"),
    N_("填写数据规模数值，只填整数"),
)
OPEN_URL_MISSING = spec(
    "open_url_missing",
    "open_url",
    "error",
    _RESOURCE,
    N_("获取方式为开放，但没有填写开放平台地址"),
    N_("填写可以获取数据的开放平台地址"),
)
OPEN_URL_UNEXPECTED = spec(
    "open_url_unexpected",
    "open_url",
    "info",
    _RESOURCE,
    N_("填写了开放平台地址，但获取方式不是开放"),
    N_("核对获取方式"),
)
OPERATOR_MISSING = spec(
    "operator_missing",
    "operator_name",
    "error",
    _RESOURCE,
    N_("获取方式为授权运营，但没有填写运营机构"),
    N_("填写运营机构全称"),
)
OPEN_DATA_NOT_OPEN = spec(
    "open_data_not_open",
    "access_mode",
    "warning",
    _RESOURCE,
    N_("登记类型为开放数据资源，但获取方式不是开放"),
    N_("更正登记类型或获取方式"),
)
OPEN_RESTRICTED = spec(
    "open_restricted",
    "access_mode",
    "warning",
    "《中华人民共和国数据安全法》第二十一条；《中华人民共和国个人信息保护法》第二十五条",
    N_("获取方式为开放，但数据含个人信息或属于重要数据"),
    N_("改用其他获取方式，或先作去标识、脱敏处理并更正相应字段"),
)
PERSONAL_DENIED = spec(
    "personal_denied",
    "contains_personal",
    "error",
    "《中华人民共和国个人信息保护法》第四条",
    N_("填写为不含个人信息，但数据项“{item}”标为个人信息"),
    N_("更正“是否含个人信息”或该数据项的标记"),
)
PERSONAL_LIKELY = spec(
    "personal_likely",
    "contains_personal",
    "warning",
    "《中华人民共和国个人信息保护法》第四条",
    N_("没有填写为含个人信息，但数据项“{item}”可能是个人信息"),
    N_("核对数据项；含个人信息的，更正“是否含个人信息”"),
)

_AGREEMENT_FIELDS = ("agreement_number", "agreement_party", "agreement_start", "agreement_end")
_DETAILS = ("data_items", "storage_location")


def _label(name: str, value: str) -> str:
    return str(FIELDS[name].labels[value]["zh"])


def admission(content: Mapping[str, Any], context: Context) -> Iterator[Finding]:
    """Check that the local rules admit this kind of registrant from this place (Measures Arts. 3, 6)."""
    rules, kind, region = context.rulebook, content.get("registrant_type"), content.get("registrant_region")
    if kind and kind not in rules.get("actors.registrant_types", (kind,)):
        yield REGISTRANT_TYPE.at(label=_label("registrant_type", kind))
    if region and rules.get("actors.registrants_within_region_only", False):
        try:
            inside = region == context.rulebook.region or is_within(region, context.rulebook.region)
        except CodeError:
            return  # an unknown code has its own finding
        if not inside:
            yield REGISTRANT_OUTSIDE.at()


def duty(content: Mapping[str, Any], context: Context) -> Iterator[Finding]:
    """Say whether this registration is a duty, showing where two rules differ (Measures Art. 5, N27 Art. 16)."""
    who, within = content.get("registrant_type"), content.get("within_authorised_operation", False)
    if not who:
        return
    resource = {"resource", "resource_in_operation" if within else "resource_other"}
    objects = {"product"} if content.get("data_type") == "product" else resource
    cites: dict[str, str] = {}
    for row in context.rulebook.get("duties", ()):
        if row["who"] == who and row["object"] in objects:
            cites[row["duty"]] = row["cite"]
    if "must" in cites and "encouraged" in cites:
        yield DUTY_TENSION.at(must=cites["must"], encouraged=cites["encouraged"])
    elif "must" in cites:
        yield DUTY.at(cite=cites["must"])


def source(content: Mapping[str, Any], context: Context) -> Iterator[Finding]:
    """Check source mode against sharing unit, and authorised operation against the agreement (R34)."""
    shared, unit = content.get("source_mode") == "shared", content.get("sharing_unit")
    if shared and blank(unit):
        yield SHARING_UNIT_MISSING.at()
    elif unit and not shared and "source_mode" in content:
        yield SHARING_UNIT_UNEXPECTED.at()
    within = content.get("within_authorised_operation")
    if within is None:
        return
    for name in _AGREEMENT_FIELDS:
        if within and blank(content.get(name)):
            yield AGREEMENT_INCOMPLETE.at(name, label=FIELDS[name].label)
        elif not within and not blank(content.get(name)):
            yield AGREEMENT_UNEXPECTED.at(label=FIELDS[name].label)
            return


def product(content: Mapping[str, Any], context: Context) -> Iterator[Finding]:
    """Check a product's form and its link to registered resources (R6)."""
    rules = context.rulebook
    strictness = rules.get("record.product_needs_source")
    if strictness != "off" and blank(content.get("source_codes")) and blank(content.get("no_source_reason")):
        yield PRODUCT_SOURCE.at(None, "error" if strictness == "error" else "warning")
    form = content.get("product_form")
    if form and form not in rules.get("record.product_forms", (form,)):
        yield PRODUCT_FORM.at(label=_label("product_form", form))


def grade(content: Mapping[str, Any], context: Context) -> Iterator[Finding]:
    """Refuse core data; keep only a pointer to important data (R65)."""
    if content.get("grade") == "core" and context.rulebook.get("record.core_data_refused", True):
        yield GRADE_CORE.at()
    elif content.get("grade") == "important" and context.rulebook.get("record.important_data_pointer_only", True):
        filled = [FIELDS[name].label for name in _DETAILS if not blank(content.get(name))]
        if filled:
            yield GRADE_IMPORTANT.at(label="、".join(filled))


def evidence(content: Mapping[str, Any], context: Context) -> Iterator[Finding]:
    """Check that the digest can be that of real data (Measures Art. 7)."""
    digest = content.get("evidence_digest", "")
    empty = content.get("evidence_size") == 0 or content.get("evidence_count") == 0
    if digest and (empty or digest in EMPTY_DIGESTS or len(set(digest)) == 1):
        yield EVIDENCE_EMPTY.at()


def volume(content: Mapping[str, Any], context: Context) -> Iterator[Finding]:
    """Check that number and unit of the volume come together (R52)."""
    if "volume_value" in content and "volume_unit" not in content:
        yield VOLUME_UNIT.at()
    elif "volume_unit" in content and "volume_value" not in content:
        yield VOLUME_VALUE.at()


def access(content: Mapping[str, Any], context: Context) -> Iterator[Finding]:
    """Check the access mode against address, operator, data type and restrictions."""
    mode = content.get("access_mode")
    if mode == "open":
        if blank(content.get("open_url")):
            yield OPEN_URL_MISSING.at()
        if content.get("contains_personal") or content.get("grade") == "important":
            yield OPEN_RESTRICTED.at()
        return
    if mode == "authorised_operation" and blank(content.get("operator_name")):
        yield OPERATOR_MISSING.at()
    if mode and not blank(content.get("open_url")):
        yield OPEN_URL_UNEXPECTED.at()
    if mode and content.get("data_type") == "open":
        yield OPEN_DATA_NOT_OPEN.at()


def personal_items(content: Mapping[str, Any], context: Context) -> Iterator[Finding]:
    """Check the declaration on personal information against the data items."""
    if content.get("contains_personal"):
        return
    items = content.get("data_items", ())
    marked = next((item["name"] for item in items if item.get("personal")), "")
    if marked and "contains_personal" in content:
        yield PERSONAL_DENIED.at(item=marked)
        return
    names = "\n".join(item["name"] for item in items)
    likely = marked or next((word for word in PERSONAL_ITEMS if word in names), "")
    if likely:
        yield PERSONAL_LIKELY.at(item=likely)
