"""`dengji rules`: what the law says in a jurisdiction, each value with its citation and how sure we are of it."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any

from dengji.core.errors import N_
from dengji.law import rulebook as rulebooks
from dengji.law.rulebook import KEYS, Value, thaw, vocabulary

from ..failure import DONE
from ..output import _, as_json, language, show, table, two

NAME = "rules"
HELP = N_("查看规则册：每项规定的值、依据和把握程度")

SURE = {"read": N_("已见原文"), "excerpt": N_("见摘录"), "assumed": N_("推定")}
STATUS = {"partly_verified": N_("部分核实"), "verified": N_("已核实")}


def configure(parser: argparse.ArgumentParser) -> None:
    """Add `list`, `show` and `diff`."""
    actions = parser.add_subparsers(dest="action", required=True)
    actions.add_parser("list", help=_("列出全部规则册")).set_defaults(handler=_list)
    shown = actions.add_parser("show", help=_("一个规则册的全部规定"))
    shown.add_argument("rulebook", metavar="ID")
    shown.add_argument("--key", metavar="TEXT", default="", help=_("只看名称含此文字的项"))
    shown.add_argument("--own", action="store_true", help=_("只看该规则册自己规定的项"))
    shown.set_defaults(handler=_show)
    diff = actions.add_parser("diff", help=_("两个规则册不同的项"))
    diff.add_argument("one", metavar="ID")
    diff.add_argument("other", metavar="ID")
    diff.set_defaults(handler=_diff)


def run(args: argparse.Namespace) -> int:
    """Print what was asked for; raises RulebookError unknown_rulebook."""
    code: int = args.handler(args)
    return code


def _list(args: argparse.Namespace) -> int:
    books = [rulebooks.load(one) for one in rulebooks.ids()]
    data = [
        {
            "id": b.id,
            "title": b.title,
            "title_en": b.title_en,
            "version": b.version,
            "parents": list(b.parents),
            "region": b.region,
            "status": b.status,
            "instrument": b.instrument,
            "own_values": sum(v.set_by == b.id for v in b.items()),
        }
        for b in books
    ]
    rows = [
        (
            b.id,
            b.title_en if language() == "en" else b.title,
            b.version,
            "→".join(b.parents),
            _(STATUS[b.status]),
            d["own_values"],
        )
        for b, d in zip(books, data, strict=True)
    ]
    show(args, data, table([_("规则册"), _("名称"), _("版本"), _("上级"), _("核实"), _("自有项")], rows))
    return DONE


def _word(key: str, value: Any) -> str:
    """A number with its unit, a code of the vocabulary in the reader's language, any other value as it is."""
    spec = KEYS.get(key)
    if spec is not None and spec.unit and isinstance(value, int):
        return f"{value} {vocabulary('unit')[spec.unit][language()]}"
    if spec is None or not spec.vocabulary or value not in spec.choices:
        return str(value)
    return str(vocabulary(spec.vocabulary)[value][language()])


def text_of(key: str, value: Any) -> str:
    """Return a setting's value as people read it; what the law does not give is said so."""
    if value is None:
        return _("未规定")
    if isinstance(value, bool):
        return _("是") if value else _("否")
    if isinstance(value, tuple) and all(not isinstance(item, Mapping) for item in value):
        return two("、", ", ").join(_word(key, item) for item in value) or _("无")
    if isinstance(value, tuple) and all("zh" in row for row in value):
        return two("；", "; ").join(str(row[language()]) for row in value)
    if isinstance(value, (tuple, Mapping)):
        return " ".join(as_json(thaw(value)).split())
    return _word(key, value)


def _data(value: Value) -> dict[str, Any]:
    return {
        "key": value.key,
        "label": value.label[language()],
        "value": thaw(value.value),
        "cite": value.cite,
        "sure": value.sure,
        "note": value.note,
        "set_by": value.set_by,
    }


def _show(args: argparse.Namespace) -> int:
    book = rulebooks.load(args.rulebook)
    values = [
        v
        for v in book.items()
        if args.key in v.key + v.label["zh"] + v.label["en"] and (not args.own or v.set_by == book.id)
    ]
    data = {
        "id": book.id,
        "title": book.title,
        "title_en": book.title_en,
        "version": book.version,
        "parents": list(book.parents),
        "instrument": book.instrument,
        "status": book.status,
        "digest": book.digest,
        "notes": list(book.notes),
        "values": [_data(v) for v in values],
    }
    rows = [(v.key, v.label[language()], _(SURE[v.sure]), v.set_by, v.cite, text_of(v.key, v.value)) for v in values]
    lines = [
        f"{book.id}  {two(book.title, book.title_en)}  {book.version}  {_(STATUS[book.status])}",
        book.instrument,
        *book.notes,
        "",
    ]
    lines += table([_("项"), _("名称"), _("把握"), _("出自"), _("依据"), _("值")], rows)
    show(args, data, lines)
    return DONE


def _diff(args: argparse.Namespace) -> int:
    one, other = rulebooks.load(args.one), rulebooks.load(args.other)
    changed = [key for key in KEYS if one.get(key) != other.get(key)]
    data = [
        {
            "key": key,
            "label": one.value(key).label[language()],
            one.id: _data(one.value(key)),
            other.id: _data(other.value(key)),
        }
        for key in changed
    ]
    rows = [
        (key, one.value(key).label[language()], text_of(key, one.get(key)), text_of(key, other.get(key)))
        for key in changed
    ]
    show(
        args,
        {"one": one.id, "other": other.id, "differences": data},
        table([_("项"), _("名称"), one.id, other.id], rows),
    )
    return DONE
