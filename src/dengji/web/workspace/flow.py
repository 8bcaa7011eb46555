"""Where a file stands: what each page still lacks, which findings belong where, what comes next."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from dengji.core.clock import legal_now
from dengji.law.calendar import shanghai_date
from dengji.law.checks import Finding
from dengji.law.record import FIELDS
from dengji.law.rulebook import vocabulary
from dengji.registration import rules
from dengji.registration.api.base import finding, state_label

from . import words
from .sections import PLACE, STEPS, Section, fields_of, pages_of

_EDITABLE = frozenset({"DRAFT", "SUPPLEMENT"})
_PREPARE = frozenset({"clerk", "agent", "interested_party"})
#: What the act needs beside a form: first of these that the file lacks is asked for on the page of the request.
_MATERIAL_CODES = frozenset({"material_missing", "material_missing_case", "material_any_of", "material_contradicts"})


def editable(piece: Mapping[str, Any]) -> bool:
    """Tell whether the reader may fill in the form now."""
    return piece["state"] in _EDITABLE and bool(piece["roles"] & _PREPARE)


def page_of(found: Finding) -> str:
    """Return the key of the page on which a finding is mended; empty for the whole file."""
    if found.code in _MATERIAL_CODES:
        return "materials"
    if found.field == "not_applicable":
        group = str(found.params.get("group", ""))
        return next((key for key in PLACE.values() if key == group), "source")
    return PLACE.get(found.field or "", "")


def left(item: Mapping[str, Any]) -> int | None:
    """Return the working days left until a deadline, its last day included; None where none runs."""
    last = item["deadline_day"]
    if last is None:
        return None
    return max(rules.calendar().between(shanghai_date(legal_now()), last), 0)


def overdue(item: Mapping[str, Any]) -> bool:
    """Tell whether the deadline of a file has passed."""
    return item["deadline_ends"] is not None and legal_now() >= item["deadline_ends"]


def told(found: Iterable[Finding]) -> dict[str, list[dict[str, Any]]]:
    """Return findings in the reader's language by field; under "" those of no field."""
    by_field: dict[str, list[dict[str, Any]]] = {}
    for one in found:
        by_field.setdefault(one.field or "", []).append(finding(one))
    return by_field


def url(name: str, piece: Mapping[str, Any], *args: Any) -> str:
    """Return the address of a page of a file."""
    return reverse(f"workspace:{name}", args=[piece["id"], *args])


def _status(section: Section, piece: Mapping[str, Any], found: Sequence[Finding]) -> tuple[str, str]:
    """What the task list says of a page: done, doing (looked at, incomplete) or todo, and why."""
    errors = sum(one.severity == "error" and page_of(one) == section.key for one in found)
    warnings = sum(one.severity == "warning" and page_of(one) == section.key for one in found)
    names = fields_of(section, piece)
    filled = any(piece["content"].get(name) not in (None, "", []) for name in names)
    excused = section.excusable in (piece["content"].get("not_applicable") or {})
    if errors:
        return ("doing" if filled else "todo"), _("还有 {count} 处必须填写或改正").format(count=errors)
    if warnings:
        return "doing", _("有 {count} 处提示，请核对").format(count=warnings)
    if filled or excused:
        return "done", ""
    return "todo", _("选填")


def _row(title: str, address: str, status: str, hint: str = "") -> dict[str, Any]:
    return {"title": title, "url": address, "status": status, "hint": hint}


def steps(piece: Mapping[str, Any], materials: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the task list of a draft by step: [{title, tasks}] in the order of the national platform."""
    found = piece["findings"] or []
    groups: dict[int, list[dict[str, Any]]] = {}
    if piece["kind"] != "first":
        status, hint = _asked(piece)
        groups[0] = [_row(_("申请事项与理由"), url("request", piece), status, hint)]
    for section in pages_of(piece):
        status, hint = _status(section, piece, found)
        groups.setdefault(section.step, []).append(
            _row(str(section.title), url("section", piece, section.key), status, hint)
        )
    missing = sum(page_of(one) == "materials" and one.severity == "error" for one in found)
    hint = _("还缺 {count} 种材料").format(count=missing) if missing else ""
    status = ("doing" if materials else "todo") if missing else ("done" if materials else "todo")
    groups[4] = [_row(_("上传材料"), url("materials", piece), status, hint)]
    groups[5] = [_row(_("信息确认并提交业务审核"), *_last(piece, found))]
    return [{"title": str(STEPS[number]), "tasks": groups[number]} for number in sorted(groups)]


def _last(piece: Mapping[str, Any], found: Sequence[Finding]) -> tuple[str, str, str]:
    errors = sum(one.severity == "error" for one in found)
    if errors:
        return url("confirm", piece), "blocked", _("先改正 {count} 处问题；现在即可预览公开内容").format(count=errors)
    return url("confirm", piece), "todo", ""


def _asked(piece: Mapping[str, Any]) -> tuple[str, str]:
    request = piece["request"]
    needed = {"cancellation": "ground", "change": "categories", "renewal": "months"}.get(piece["kind"])
    if needed and not request.get(needed):
        return "todo", _("请选择")
    return "done", ""


def process(piece: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the way of the file as process steps: done, now, next (Art. 8)."""
    names = ["DRAFT", "BUSINESS_REVIEW", "SUBMITTED", "UNDER_REVIEW", "NOTICE", "CODING", "REGISTERED"]
    titles = [_("填报"), _("业务审核"), _("受理"), _("形式审核"), _("公示"), _("赋码"), _("登记完成")]
    if piece["kind"] != "first":
        names, titles = [*names[:4], "COMPLETED"], [*titles[:4], _("办结")]
    at = {"SUPPLEMENT": "DRAFT", "ACCEPTED": "UNDER_REVIEW", "REVIEW_PASSED": "UNDER_REVIEW"}
    at |= {"NOTICE_SUSPENDED": "NOTICE", "CODING_REFUSED": "CODING"}
    here = at.get(piece["state"], piece["state"])
    here = here if here in names else ("UNDER_REVIEW" if piece["kind"] != "first" and here == "NOTICE" else here)
    if here not in names:
        return []
    place = names.index(here)
    last = place == len(names) - 1
    return [
        {
            "title": title,
            "state": "done" if n < place or last else "now" if n == place else "next",
            "at": None,
            "note": state_label("application", piece["state"]) if n == place else "",
        }
        for n, title in enumerate(titles)
    ]


def supplement(history: Sequence[Mapping[str, Any]], piece: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the agency's last list of things to mend, each item with the place where it is mended (Art. 10)."""
    asked = next((row for row in reversed(history) if row["act"] == "request_supplement"), None)
    if asked is None:
        return None
    items = [
        {
            "label": words.label(one["field"]) if one["field"] in FIELDS else words.material_label(one["field"]),
            "text": one["text"],
            "url": _where(one["field"], piece),
        }
        for one in asked["words"].get("items", [])
    ]
    return {
        "items": items,
        "reason": asked["words"].get("reason", ""),
        "at": asked["at"],
        "removed": asked["words_removed"],
    }


def _where(name: str, piece: Mapping[str, Any]) -> str:
    if name in PLACE:
        return f"{url('section', piece, PLACE[name])}#id_{name}"
    anchor = f"#material-{name}" if name in vocabulary("material") else ""
    return url("materials", piece) + anchor


def summary(piece: Mapping[str, Any], *, links: bool) -> list[dict[str, Any]]:
    """Return the whole form as summary lists by page: [{title, rows}], with links to change it."""
    shown = []
    for section in pages_of(piece):
        rows = []
        for name in fields_of(section, piece):
            value = words.show(name, piece["content"].get(name))
            if value or links:
                address = f"{url('section', piece, section.key)}#id_{name}" if links else None
                rows.append({"label": words.label(name), "value": value or "—", "change_url": address})
        excuse = (piece["content"].get("not_applicable") or {}).get(section.excusable)
        if excuse:
            rows.append({"label": _("不适用的理由"), "value": excuse, "change_url": None})
        if rows:
            shown.append({"title": str(section.title), "rows": rows})
    return shown


def differences(piece: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return the fields in which a file differs from the version it builds on: label, old, new (R28)."""
    base, content = piece["base"], piece["content"]
    return [
        {
            "name": name,
            "label": words.label(name),
            "old": words.show(name, base.get(name)),
            "new": words.show(name, content.get(name)),
            "url": f"{url('section', piece, PLACE[name])}#id_{name}" if name in PLACE and editable(piece) else "",
        }
        for name in FIELDS
        if name not in ("data_type", "not_applicable")
        and not FIELDS[name].personal
        and _plain(base.get(name)) != _plain(content.get(name))
    ]


def _plain(value: Any) -> Any:
    return None if value in ("", [], {}) else value
