"""The form's content as it comes in: known fields of the right JSON type; what is wrong with it is for the checks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from dengji.core.errors import N_
from dengji.law.record import SCHEMA

FIELD_UNKNOWN = N_("没有名为 {field} 的字段")
FIELD_TYPE = N_("字段 {field} 的值类型不正确")
_TYPES: dict[str, type] = {"string": str, "integer": int, "boolean": bool, "array": list, "object": dict}
_KEPT = ("title", "description", "type", "enum", "format", "maxLength", "items", "properties", "propertyNames")


def _fits(value: Any, spec: Mapping[str, Any]) -> bool:
    kind = spec.get("type", "string")
    if not isinstance(value, _TYPES[kind]) or (kind == "integer" and isinstance(value, bool)):
        return False
    return _insides_fit(kind, value, spec)


def _insides_fit(kind: str, value: Any, spec: Mapping[str, Any]) -> bool:
    if kind == "array":
        return all(_fits(item, spec.get("items", {})) for item in value)
    if kind == "object":
        inside = spec.get("properties")
        if inside is not None:
            return all(name in inside and _fits(item, inside[name]) for name, item in value.items())
        names = spec.get("propertyNames", {}).get("enum")
        return all((names is None or name in names) and isinstance(item, str) for name, item in value.items())
    return True


def _typed(content: dict[str, Any]) -> dict[str, Any]:
    for name, value in content.items():
        spec = SCHEMA["properties"].get(name)
        if spec is None:
            raise PydanticCustomError("field_unknown", FIELD_UNKNOWN, {"field": name[:60]})
        if value is not None and not _fits(value, spec):
            raise PydanticCustomError("field_type", FIELD_TYPE, {"field": name})
    return content


def _documented(spec: Mapping[str, Any]) -> dict[str, Any]:
    kept = {name: spec[name] for name in _KEPT if name in spec and name not in ("type", "enum")}
    kept["type"] = [spec["type"], "null"]
    if "enum" in spec:
        kept["enum"] = [*spec["enum"], None]
    return kept


DOCUMENTED = {
    "type": "object",
    "description": "登记记录的字段（record.schema.json）；null 表示清除该字段。"
    " Fields of the registration record; null removes one.",
    "properties": {name: _documented(spec) for name, spec in SCHEMA["properties"].items()},
    "additionalProperties": False,
}
Content = Annotated[dict[str, Any], AfterValidator(_typed), WithJsonSchema(DOCUMENTED, mode="validation")]
