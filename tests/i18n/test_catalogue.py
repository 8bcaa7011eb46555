"""Every text has its English, with the same parameters and the words of the glossary; no text escapes translation."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog

from dengji.law.procedure import STATES, TABLE
from tools.babel_django import extract_source

from .conftest import ROOT, Key

CHINESE = re.compile("[\u4e00-\u9fff]")
PLACES = re.compile(r"\{[^{}]*\}|%\(\w+\)s")
QUOTED = re.compile("“[^”]*”")
#: Legal term → what its English must contain (docs/reference/glossary.md).
GLOSSARY = {
    "公示": "notice|publi", "形式审核": "review", "登记机构": "agency", "登记主体": "registrant",
    "规则册": "rulebook", "登记簿": "register", "登记结果查询码": "code", "异议": "object", "注销": "cancel",
    "撤销": "revo", "屏蔽": "suppress", "续展": "renew", "流水号": "serial", "存证摘要": "evidence digest",
    "共同登记": "joint|co-registrant", "利害关系人": "interested part", "检查点": "checkpoint", "见证方": "witness",
    "联署": "cosign", "密封": "seal", "回执": "receipt", "保密及公开审查": "secrecy review",
    "本地登记流水编码": "local number", "不予受理": "declin|inadmissible", "终止登记": "terminat",
}  # fmt: skip
#: Functions that take a text for people; theirs must be marked, or nobody could translate it.
TAKERS = {
    "DomainError", "UsageError", "EvidenceError", "LedgerError", "LedgerFault", "CodeError", "RulebookError",
    "conflict", "forbidden", "not_found", "file_error", "spec", "Spec", "Finding", "Message",
}  # fmt: skip
_CITATION = ("第", "《")
_TEXT_OF_TEMPLATE = re.compile(
    r"\{% blocktranslate.*?%\}.*?\{% endblocktranslate %\}|\{%.*?%\}|\{#.*?#\}|\{\{.*?\}\}"
    r"|\{% comment %\}.*?\{% endcomment %\}",
    re.S,
)


@pytest.fixture(scope="session")
def english(catalogue: Catalog) -> dict[Key, str]:
    return {(m.context, m.id): str(m.string) for m in catalogue if m.id and not m.fuzzy and isinstance(m.id, str)}


def test_the_catalogue_knows_every_message_of_the_sources_and_no_other(
    extracted: dict[Key, str], english: dict[Key, str]
) -> None:
    missing = {f"{place}: {key[1]}" for key, place in extracted.items() if key not in english}
    assert not missing, "run `make messages` and translate src/dengji/locale/en/LC_MESSAGES/django.po"
    assert not english.keys() - extracted.keys(), "texts that no source uses any more: run `make messages`"
    assert len(extracted) > 1000


def test_every_message_has_its_english(english: dict[Key, str]) -> None:
    assert not [key for key, text in english.items() if not text.strip()]


def test_parameters_are_the_same_in_both_languages(english: dict[Key, str]) -> None:
    differ = [(key[1], text) for key, text in english.items() if sorted(places(key[1])) != sorted(places(text))]
    assert not differ


def places(text: str) -> list[str]:
    return PLACES.findall(text)


def test_english_is_free_of_chinese_but_for_quoted_examples(english: dict[Key, str]) -> None:
    assert not [text for text in english.values() if CHINESE.search(QUOTED.sub("", text))]


def test_lines_begin_and_end_alike(english: dict[Key, str]) -> None:
    """A text that is joined to others keeps its line ends."""
    for (_, zh), text in english.items():
        assert zh.count("\n") == text.count("\n"), zh
        assert zh.endswith("\n") == text.endswith("\n"), zh


@pytest.mark.parametrize("term", GLOSSARY)
def test_the_same_word_for_the_same_thing(term: str, english: dict[Key, str]) -> None:
    used = [(zh, text) for (_, zh), text in english.items() if term in zh]
    assert used
    assert not [pair for pair in used if not re.search(GLOSSARY[term], pair[1], re.I)]


def _unmarked(path: Path) -> list[str]:
    calls = (node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Call))
    taking = [c for c in calls if (getattr(c.func, "id", None) or getattr(c.func, "attr", "")).lstrip("_") in TAKERS]
    given = [a for call in taking for a in (*call.args, *(k.value for k in call.keywords if k.arg != "article"))]
    texts = [a for a in given if isinstance(a, ast.Constant) and isinstance(a.value, str)]
    return [
        f"{path.relative_to(ROOT)}:{a.lineno}: {a.value}"
        for a in texts
        if CHINESE.search(str(a.value)) and not str(a.value).startswith(_CITATION)
    ]


def test_no_text_for_people_is_left_unmarked() -> None:
    assert not [one for path in sorted((ROOT / "src").rglob("*.py")) for one in _unmarked(path)]


def test_the_guard_against_unmarked_texts_finds_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "a.py"
    source.write_text('raise DomainError("a", "没有标记", article="第七条")\nconflict("b", N_("已标记"))\n', "utf-8")
    monkeypatch.setitem(globals(), "ROOT", tmp_path)
    assert _unmarked(source) == ["a.py:1: 没有标记"]


def test_templates_hold_chinese_only_as_messages() -> None:
    for path in (ROOT / "src").rglob("templates/**/*.html"):
        rest = _TEXT_OF_TEMPLATE.sub("", path.read_text("utf-8")).replace("中文", "")
        assert not CHINESE.search(rest), f"{path}: {rest}"


def test_scripts_take_their_words_from_the_page() -> None:
    for path in (ROOT / "src").rglob("static/**/*.js"):
        assert not CHINESE.search(path.read_text("utf-8")), path


def test_messages_are_found_inside_f_strings_and_keys_are_not(tmp_path: Path) -> None:
    source = tmp_path / "a.py"
    source.write_text("x = f\"{_('错误')} {_(LABELS['act'])} {other('不是')}\"\ny = N_('期限' '届满')\n", "utf-8")
    with source.open("rb") as file:
        found = [texts for _, _, texts, _ in extract_source(file, {"_": None, "N_": None}, [], {})]
    assert sorted(found) == [("期限届满",), ("错误",)]


def test_no_act_is_called_like_a_state_in_english(english: dict[Key, str]) -> None:
    """Decline, not Declined: what can be done reads differently from what has become of it."""
    states = {english[None, label] for labels in STATES.values() for label in labels.values()}
    for act in TABLE.values():
        assert (english.get(("act", act.label)) or english[None, act.label]) not in states, act.name
