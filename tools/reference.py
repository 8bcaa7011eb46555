"""Writes the reference pages that follow from the code's tables: procedure, checks, fields, rulebook settings.

`python -m tools.reference` writes them; a test fails while one is out of date.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from dengji.law import rulebook
from dengji.law.checks import SPECS
from dengji.law.procedure import KIND_LABELS, LIMITS, STATES, TABLE
from dengji.law.record import FIELDS, GROUPS
from dengji.law.visibility import STAGES
from dengji.law.visibility import TABLE as VISIBLE

HERE = Path(__file__).resolve().parent.parent / "docs" / "reference"
_MADE = "<!-- Made by `python -m tools.reference` from the tables in the code; change those. -->"


def _table(head: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> Iterator[str]:
    yield "| " + " | ".join(head) + " |"
    yield "|" + "---|" * len(head)
    for row in rows:
        yield "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in row) + " |"


def procedure() -> Iterator[str]:
    """The transition table and the limits that run in each state."""
    yield from ("# 办理事项 / The acts", "", _MADE, "")
    yield "S = sealed, P = public. A state left as it is: =. Kinds: " + "、".join(KIND_LABELS.values()) + "."
    yield ""
    yield from _table(
        ("act", "事项", "object", "from", "to", "who", "article", "entry", "reasoned"),
        (
            (
                f"`{a.name}`",
                a.label,
                a.object,
                ", ".join(sorted(a.sources)) or "–",
                a.target or "=",
                ", ".join(sorted(a.roles)),
                a.article,
                "P" if a.public else "S",
                "✓" if a.reasoned else "",
            )
            for a in TABLE.values()
        ),
    )
    yield from ("", "## 状态 / States", "")
    yield from _table(
        ("object", "state", "状态"), ((o, s, label) for o, states in STATES.items() for s, label in states.items())
    )
    yield from ("", "## 期限 / Limits", "", "Each is a rulebook setting; none means that the law gives none.", "")
    yield from _table(
        ("object", "state", "setting", "counted from"),
        ((o, s, f"`{k}`", start) for (o, s), (k, start) in LIMITS.items()),
    )


def checks() -> Iterator[str]:
    """Every finding a formal-review check can make."""
    yield from ("# 形式检查 / Formal-review checks", "", _MADE, "")
    yield from _table(
        ("code", "field", "severity", "提示", "改正办法", "article", "cleared by a person"),
        (
            (f"`{s.code}`", s.field or "", s.severity, s.message, s.fix, s.article, "✓" if s.clearable else "")
            for s in SPECS.values()
        ),
    )


def fields() -> Iterator[str]:
    """Every field of the record with who may see it."""
    yield from ("# 字段 / Fields", "", _MADE, "", "The source is [record.schema.json](record.schema.json).", "")
    yield from _table(
        ("field", "字段", "English", "group", "type", "encrypted", *STAGES),
        (
            (
                f"`{f.name}`",
                f.label,
                f.label_en,
                GROUPS[f.group]["zh"],
                f.kind,
                "✓" if f.personal else "",
                *("✓" if stage in VISIBLE[f.name] else "" for stage in STAGES),
            )
            for f in FIELDS.values()
        ),
    )


def rules() -> Iterator[str]:
    """Every rulebook setting with its national value, citation and sureness."""
    yield from ("# 规则设置 / Rulebook settings", "", _MADE, "")
    yield (
        "Shipped: "
        + ", ".join(f"`{i}`" for i in rulebook.ids())
        + ". `dengji rules show ID` prints what one results in. "
        "Where `acts` is empty, the value is words of the law for people to read; the program does nothing by it."
    )
    yield ""
    yield from _table(
        ("key", "设置", "national value", "依据", "sure", "acts"),
        (
            (
                f"`{v.key}`",
                v.label["zh"],
                _short(rulebook.thaw(v.value)),
                v.cite,
                v.sure,
                "" if rulebook.KEYS[v.key].stated else "✓",
            )
            for v in rulebook.load("cn").items()
        ),
    )


def _short(value: object) -> str:
    if value is None:
        return "none"
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return ", ".join(str(row.get("code") or row.get("kind") or row.get("who")) for row in value)
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


PAGES = {"procedure.md": procedure, "checks.md": checks, "fields.md": fields, "rulebook-settings.md": rules}


def text(name: str) -> str:
    """Return a page as it should be."""
    return "\n".join(PAGES[name]()) + "\n"


if __name__ == "__main__":
    for page in PAGES:
        (HERE / page).write_text(text(page), encoding="utf-8")
