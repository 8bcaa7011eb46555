"""Materials: what is missing, and what contradicts the record (R26; the rulebook says what is required)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..record import FIELDS
from ..rulebook import vocabulary
from .model import MEASURES, N_, Context, Finding, spec
from .structure import blank

_ARTICLE = f"{MEASURES}第九条"

MATERIAL_MISSING = spec(
    "material_missing",
    None,
    "error",
    _ARTICLE,
    N_("缺少材料：{label}"),
    N_("上传“{label}”"),
)
MATERIAL_MISSING_CASE = spec(
    "material_missing_case",
    None,
    "error",
    _ARTICLE,
    N_("按所填“{field_label}”，应提交“{label}”（依据：{cite}）"),
    N_("上传“{label}”，或更正“{field_label}”"),
)
MATERIAL_CONTRADICTS = spec(
    "material_contradicts",
    None,
    "warning",
    _ARTICLE,
    N_("提交了“{label}”，但所填“{field_label}”与之不符"),
    N_("更正“{field_label}”，或撤下该材料"),
)
MATERIAL_ANY_OF = spec(
    "material_any_of",
    None,
    "warning",
    f"{MEASURES}第九条第三项",
    N_("至少须提交其中一种材料：{labels}"),
    N_("上传其中一种材料；没有的，登记机构将征求登记主体书面同意"),
)


def label(kind: str) -> str:
    """Return the Chinese label of a kind of material."""
    return vocabulary("material")[kind]["zh"]


def _group(kind: str) -> str | None:
    return vocabulary("material")[kind].get("group")


def materials(content: Mapping[str, Any], context: Context) -> Iterator[Finding]:
    """Check the materials of an application against the rulebook's lists (Measures Art. 9; R26).

    A material of a group that is declared not applicable with a reason is not asked for.
    """
    present, excused = context.materials, content.get("not_applicable", {})
    key = f"materials.required.{context.kind}"
    if context.kind == "first":
        key += "." + content.get("data_type", "resource")
    for kind in context.rulebook.get(key, ()):
        if kind not in present and _group(kind) not in excused:
            yield MATERIAL_MISSING.at(kind=kind, label=label(kind))
    if context.kind == "rectification":
        choices = context.rulebook.get("materials.any_of.rectification", ())
        if choices and present.isdisjoint(choices):
            yield MATERIAL_ANY_OF.at(labels="、".join(map(label, choices)))


def _holds(row: Mapping[str, Any], content: Mapping[str, Any]) -> bool:
    value = content.get(row["field"])
    return value == row["equals"] if "equals" in row else blank(value) is not row["present"]


def conditional(content: Mapping[str, Any], context: Context) -> Iterator[Finding]:
    """Check materials required in certain cases, and those whose case the record denies (R7, R26, R34)."""
    denied: dict[str, str] = {}
    held: set[str] = set()
    for row in context.rulebook.get("materials.conditional", ()):
        kind = row["kind"]
        if not _holds(row, content):
            denied.setdefault(kind, row["field"])
        elif kind not in held:
            held.add(kind)
            if kind not in context.materials:
                names = {"label": label(kind), "field_label": FIELDS[row["field"]].label}
                yield MATERIAL_MISSING_CASE.at(row["field"], kind=kind, cite=row["cite"], **names)
    for kind in sorted(denied.keys() & context.materials - held):
        names = {"label": label(kind), "field_label": FIELDS[denied[kind]].label}
        yield MATERIAL_CONTRADICTS.at(denied[kind], kind=kind, **names)
