"""Shape of the record: schema, required fields, declared inapplicability, fields of another data type (R26, R47)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import jsonschema_rs

from ..record import FIELDS, GROUPS, SCHEMA
from ..visibility import TABLE
from .model import MEASURES, N_, Context, Finding, spec

_ARTICLE = f"{MEASURES}第九条第一项"
_FORMAL = f"{MEASURES}第十一条"

SCHEMA_RULE = spec(
    "schema_rule",
    None,
    "error",
    _FORMAL,
    N_("“{label}”不符合格式要求（规则：{rule}）"),
    N_("按填写说明更正“{label}”：{note}"),
)
UNKNOWN_FIELD = spec(
    "unknown_field",
    None,
    "error",
    _FORMAL,
    N_("登记记录中没有“{heading}”这一字段"),
    N_("删除该字段，或改用登记记录规定的字段名"),
)
REQUIRED = spec(
    "required",
    None,
    "error",
    _ARTICLE,
    N_("缺少“{label}”"),
    N_("填写“{label}”：{note}"),
)
NOT_APPLICABLE = spec(
    "not_applicable",
    "not_applicable",
    "info",
    _ARTICLE,
    N_("“{group}”声明为不适用"),
    N_("请确认不适用的理由成立；审核时将查看该理由"),
)
NOT_APPLICABLE_CONTRADICTED = spec(
    "not_applicable_contradicted",
    "not_applicable",
    "warning",
    _ARTICLE,
    N_("“{group}”声明为不适用，却填写了“{label}”"),
    N_("删除不适用说明，或清空该组已填内容"),
)
WRONG_TYPE = spec(
    "field_of_other_type",
    None,
    "error",
    _ARTICLE,
    N_("“{label}”不适用于所选登记类型“{data_type}”"),
    N_("清空“{label}”，或更正登记类型"),
)

_VALIDATOR = jsonschema_rs.validator_for(SCHEMA, validate_formats=True)
#: Violations after which a value's Python type can still be relied on by the other checks.
_HARMLESS = frozenset({"maxLength", "minLength", "maximum", "minimum", "maxItems", "uniqueItems"})
#: What the public notice shows is the statutory minimum of a registration: it is never "not applicable".
_ALWAYS = frozenset(name for name, stages in TABLE.items() if "notice" in stages)
_GROUP_FIELDS = {
    group: tuple(name for name, field in FIELDS.items() if field.group == group and name not in _ALWAYS)
    for group in GROUPS
}
_REQUIRED = {
    (kind, data_type): tuple(
        name for name, field in FIELDS.items() if kind in field.required_for and data_type in field.data_types
    )
    for kind in ("first",)
    for data_type in ("resource", "product", "open")
}
_REQUIRED_ONCE = tuple(name for name, field in FIELDS.items() if field.required_for)
_TYPED = tuple(name for name, field in FIELDS.items() if len(field.data_types) < 3)


def schema_findings(content: Mapping[str, Any]) -> list[Finding]:
    """Return an error for each violation of record.schema.json, naming field and rule (design §8)."""
    record = content if isinstance(content, dict) else dict(content)
    return [] if _VALIDATOR.is_valid(record) else [finding for finding, _ in violations(record)]


def violations(content: dict[str, Any]) -> Iterator[tuple[Finding, bool]]:
    """Yield (finding, whether the field is still safe to read) for each schema violation."""
    for error in _VALIDATOR.iter_errors(content):
        rule = error.kind.name
        if not error.instance_path:
            for name in getattr(error.kind, "unexpected", ()):
                yield UNKNOWN_FIELD.at(str(name), heading=str(name)), False
            continue
        name = str(error.instance_path[0])
        field = FIELDS[name]
        yield SCHEMA_RULE.at(name, label=field.label, rule=rule, note=field.note or field.label), rule in _HARMLESS


def blank(value: Any) -> bool:
    """Return whether a value says nothing: absent, empty, or only whitespace."""
    return value is None or value == [] or value == {} or (isinstance(value, str) and not value.strip())


def required(content: Mapping[str, Any], context: Context) -> Iterator[Finding]:
    """Find required fields that are missing and not covered by a reason for inapplicability (R26).

    Kinds other than first may hand in only what changes; there a required field may be absent but not blank.
    """
    excused = content.get("not_applicable", {})
    names = _REQUIRED.get((context.kind, content.get("data_type", "resource")))
    if names is None:
        names = tuple(name for name in _REQUIRED_ONCE if name in content)
    for name in names:
        if blank(content.get(name)) and (name in _ALWAYS or FIELDS[name].group not in excused):
            yield REQUIRED.at(name, label=FIELDS[name].label, note=FIELDS[name].note or FIELDS[name].label)


def inapplicable(content: Mapping[str, Any], context: Context) -> Iterator[Finding]:
    """List groups declared not applicable, and those that are filled in nevertheless (R26)."""
    for group in content.get("not_applicable", {}):
        label = GROUPS[group]["zh"]
        yield NOT_APPLICABLE.at(group=label)
        filled = next((name for name in _GROUP_FIELDS[group] if not blank(content.get(name))), None)
        if filled:
            yield NOT_APPLICABLE_CONTRADICTED.at(group=label, label=FIELDS[filled].label)


def other_type(content: Mapping[str, Any], context: Context) -> Iterator[Finding]:
    """Find fields that belong to another data type, such as coverage dates on a product (R47)."""
    data_type = content.get("data_type")
    if data_type is None:
        return
    for name in _TYPED:
        if name in content and data_type not in FIELDS[name].data_types and not blank(content[name]):
            label = FIELDS["data_type"].labels[data_type]["zh"]
            yield WRONG_TYPE.at(name, label=FIELDS[name].label, data_type=label)
