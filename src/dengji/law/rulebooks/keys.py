"""What the settings of a rulebook are: their types, labels, vocabularies and directions, read from keys.toml."""

from __future__ import annotations

import functools
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, NoReturn

from ..record import FIELDS


def N_(text: str) -> str:  # noqa: N802
    """Mark a Chinese msgid for extraction."""
    return text


SHIPPED: Final = Path(str(resources.files(__package__)))
DAY = re.compile(r"\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])")

MESSAGES: Final[Mapping[str, str]] = {
    "unknown_rulebook": N_("没有名为“{id}”的规则册"),
    "bad_toml": N_("{file} 不是有效的 TOML：{reason}"),
    "id_mismatch": N_("{file} 的 id“{id}”与文件名不一致"),
    "unknown_field": N_("{file} {key}：不认识的项“{field}”"),
    "missing_field": N_("{file} {key}：缺少“{field}”"),
    "bad_field": N_("{file} {key}：“{field}”的值无效：{value}"),
    "unknown_key": N_("{file}：没有名为“{key}”的设置"),
    "missing_key": N_("{file}：缺少设置“{key}”"),
    "wrong_type": N_("{file} {key}：值应为 {type}"),
    "value_or_none": N_("{file} {key}：value 与 none 应当且只能写一个"),
    "missing_cite": N_("{file} {key}：缺少依据（cite）"),
    "bad_sure": N_("{file} {key}：sure 只能是 read、excerpt 或 assumed"),
    "parent_cycle": N_("规则册的上级关系成环：{chain}"),
    "uncited_national": N_("{file} {key}：改写国家规定的设置须写明见到的条文依据"),
    "uncited_loosening": N_("{file} {key}：放宽上级规定须写明见到的条文依据"),
    "forbidden_loosening": N_("{file} {key}：此项只能从严，不得放宽上级规定"),
    "digest_mismatch": N_("规则册快照“{id}”的摘要与内容不符"),
}


class RulebookError(ValueError):
    """A rulebook that cannot be used; `params` names the file, the key and the rule that failed."""

    def __init__(self, code: str, params: Mapping[str, str]) -> None:
        self.code, self.message, self.params = code, MESSAGES[code], dict(params)
        super().__init__(self.message.format_map(self.params))


def fail(code: str, **params: object) -> NoReturn:
    """Raise the RulebookError of this code."""
    raise RulebookError(code, {name: str(value) for name, value in params.items()})


@dataclass(frozen=True)
class Key:
    """What a setting is: type, labels, unit, allowed values, and how a sub-rulebook may move it.

    `direction`: lower / higher (numbers, ordered choices), on / off (switches), grow / shrink (lists), fixed, free.
    `loosen`: "cited" = moving the other way needs a seen citation; "never" = refused. `national` = set by the nation.
    `stated`: words of the law for people to read, by which the program does nothing.
    """

    name: str
    type: str
    zh: str
    en: str
    unit: str
    direction: str
    loosen: str
    national: bool
    choices: tuple[str, ...]
    vocabulary: str
    columns: Mapping[str, str]
    stated: bool


@functools.cache
def _keys_file() -> Mapping[str, Any]:
    return tomllib.loads((SHIPPED / "keys.toml").read_text("utf-8"))


@functools.cache
def vocabulary(name: str) -> Mapping[str, Mapping[str, str]]:
    """Return code → {zh, en, …} of a vocabulary of keys.toml, or of a record field's values ("record.<field>").

    "record.*" is the vocabulary of all record fields. Raises KeyError for an unknown name.
    """
    if name == "record.*":
        return {field.name: {"zh": field.label, "en": field.label_en} for field in FIELDS.values()}
    if name.startswith("record."):
        return FIELDS[name.removeprefix("record.")].labels
    found: Mapping[str, Mapping[str, str]] = _keys_file()["vocabularies"][name]
    return found


def _key(name: str, spec: Mapping[str, Any]) -> Key:
    words = spec.get("vocabulary", "")
    return Key(
        name=name,
        type=spec["type"],
        zh=spec["zh"],
        en=spec["en"],
        unit=spec.get("unit", ""),
        direction=spec["direction"],
        loosen=spec.get("loosen", "cited"),
        national=spec.get("national", False),
        choices=tuple(vocabulary(words)) if words else (),
        vocabulary=words,
        columns=MappingProxyType(spec.get("columns", {})),
        stated=spec.get("stated", False),
    )


KEYS: Final[Mapping[str, Key]] = MappingProxyType({n: _key(n, spec) for n, spec in _keys_file()["keys"].items()})


def _is_words(key: Key, value: Any) -> bool:
    return isinstance(value, str) and bool(value) and (not key.choices or value in key.choices)


def is_list(value: Any, item: Callable[[Any], bool]) -> bool:
    """Tell whether the value is a list of distinct, good items."""
    return (
        isinstance(value, list) and all(item(v) for v in value) and all(v not in value[:i] for i, v in enumerate(value))
    )


def _is_row(key: Key, row: Any) -> bool:
    """A row has every column (those ending in "?" may be absent) and no other; "any" takes a string, number or flag."""
    if not isinstance(row, dict) or row.keys() - key.columns.keys():
        return False
    for column, kind in key.columns.items():
        if column not in row:
            if not kind.endswith("?"):
                return False
            continue
        value, kind = row[column], kind.removesuffix("?")
        if kind == "any":
            good = isinstance(value, str | int)
        elif kind == "list":
            good = is_list(value, lambda v: isinstance(v, str))
        elif kind == "str":
            good = isinstance(value, str) and bool(value)
        else:
            good = isinstance(value, str) and value in vocabulary(kind)
        if not good:
            return False
    return True


def _is_int(key: Key, value: Any) -> bool:
    return type(value) is int and value >= 0


#: type → whether a value read from a file fits
FITS: Final[Mapping[str, Callable[[Key, Any], bool]]] = {
    "int": _is_int,
    "bool": lambda _, v: isinstance(v, bool),
    "str": _is_words,
    "enum": _is_words,
    "date": lambda _, v: isinstance(v, str) and bool(DAY.fullmatch(v)),
    "list[int]": lambda k, v: is_list(v, lambda n: _is_int(k, n)),
    "list[str]": lambda k, v: is_list(v, lambda s: _is_words(k, s)),
    "table": lambda k, v: is_list(v, lambda row: _is_row(k, row)),
}


def _rank(key: Key, value: Any, if_none: float) -> float:
    if value is None:
        return if_none
    return key.choices.index(value) if isinstance(value, str) else value


#: direction → whether moving a value from old to new loosens the parent's rule (R74)
LOOSER: Final[Mapping[str, Callable[[Key, Any, Any], bool]]] = {
    # A limit the law does not give is longer than any limit; a period it does not give is shorter than any period.
    "lower": lambda k, old, new: _rank(k, new, float("inf")) > _rank(k, old, float("inf")),
    "higher": lambda k, old, new: _rank(k, new, -1) < _rank(k, old, -1),
    "on": lambda _, old, new: old and not new,
    "off": lambda _, old, new: new and not old,
    "grow": lambda _, old, new: any(item not in new for item in old),
    "shrink": lambda _, old, new: any(item not in old for item in new),
    "fixed": lambda _, old, new: old != new,
    "free": lambda _, old, new: False,
}
