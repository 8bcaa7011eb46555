"""Rulebooks: loading, inheritance, refusal of what may not be (R74), and snapshots that a case is pinned to (R75)."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest

from dengji.law import rulebook
from dengji.law.rulebook import KEYS, Rulebook, RulebookError

HEAD = """
id = "{id}"
parent = "{parent}"
version = "1"
title = "示例"
title_en = "Example"
instrument = "《示例细则》"
region = "620000"
status = "verified"
"""
Write = Callable[..., None]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a sub-rulebook file with a good head and the given body."""

    def _write(body: str = "", *, name: str = "x-province", parent: str = "cn", head: str = HEAD) -> None:
        (tmp_path / f"{name}.toml").write_text(head.format(id=name, parent=parent) + body, "utf-8")

    return _write


def entry(key: str, value: str, *, cite: str = "《示例细则》第三条", sure: str = "read") -> str:
    return f'\n[values."{key}"]\nvalue = {value}\ncite = "{cite}"\nsure = "{sure}"\n'


def code_of(directory: Path) -> tuple[str, dict[str, str]]:
    with pytest.raises(RulebookError) as caught:
        rulebook.load_from(directory)
    assert "{" not in str(caught.value)
    return caught.value.code, caught.value.params


# --- what is read -----------------------------------------------------------------------------------------------


def test_three_tiers_each_override_the_one_above(tmp_path: Path, write: Write) -> None:
    write(entry("limits.accept_wd", "2") + entry("limits.review_wd", "15"))
    write(entry("limits.accept_wd", "1"), name="x-city", parent="x-province")
    city = rulebook.load_from(tmp_path)["x-city"]
    assert city.parents == ("cn", "x-province")
    found = {key: (city.get(key), city.value(key).set_by) for key in ("limits.accept_wd", "limits.review_wd")}
    assert found == {"limits.accept_wd": (1, "x-city"), "limits.review_wd": (15, "x-province")}
    assert (city.get("limits.notice_wd"), city.value("limits.notice_wd").set_by) == (10, "cn")
    assert list(KEYS) == [value.key for value in city.items()]


def test_a_limit_the_law_does_not_give_is_none() -> None:
    national = rulebook.load("cn")
    assert national.get("limits.objection_decide_wd") is None
    assert national.get("limits.objection_decide_wd", 7) is None


def test_an_unknown_setting_is_an_error_even_with_a_default() -> None:
    for ask in (lambda: rulebook.load("cn").get("limits.acept_wd", 3), lambda: rulebook.load("cn").value("nothing")):
        with pytest.raises(RulebookError, match="没有名为") as caught:
            ask()
        assert caught.value.code == "unknown_key"


def test_a_value_cannot_be_changed_by_its_reader() -> None:
    national = rulebook.load("cn")
    with pytest.raises(TypeError):
        national.get("cancellation.grounds")[0]["code"] = "other"
    assert isinstance(national.get("validity.reminder_days"), tuple)


def test_a_local_directory_may_replace_a_shipped_rulebook(tmp_path: Path, write: Write) -> None:
    write(entry("limits.accept_wd", "2"), name="cn-gs")
    assert rulebook.load_from(tmp_path)["cn-gs"].get("limits.accept_wd") == 2
    assert rulebook.load("cn-gs").get("limits.accept_wd") == 3


# --- what is refused --------------------------------------------------------------------------------------------

BAD_ENTRIES = {
    "unknown key": (entry("limits.accept", "3"), "unknown_key", "limits.accept"),
    "text for a number": (entry("limits.accept_wd", '"3"'), "wrong_type", "limits.accept_wd"),
    "flag for a number": (entry("limits.accept_wd", "true"), "wrong_type", "limits.accept_wd"),
    "negative number": (entry("limits.accept_wd", "-1"), "wrong_type", "limits.accept_wd"),
    "number for a flag": (entry("objection.relation_required", "1"), "wrong_type", "objection.relation_required"),
    "choice not offered": (entry("notice.change", '"sometimes"'), "wrong_type", "notice.change"),
    "no such field": (entry("notice.contact_fields", '["fax"]'), "wrong_type", "notice.contact_fields"),
    "no such date": (entry("limits.legacy_before", '"2025-13-01"'), "wrong_type", "limits.legacy_before"),
    "doubled item": (entry("validity.reminder_days", "[60, 60]"), "wrong_type", "validity.reminder_days"),
    "row without a column": (entry("rectification.grounds", '[{ code = "a" }]'), "wrong_type", "rectification.grounds"),
    "row with a strange column": (
        entry("procedure.steps", '[{ code = "a", zh = "甲", en = "A", fee = 1 }]'),
        "wrong_type",
        "procedure.steps",
    ),
    "row with a strange word": (
        entry("duties", '[{ who = "tourist", object = "product", duty = "must", cite = "x" }]'),
        "wrong_type",
        "duties",
    ),
    "no citation": (entry("limits.accept_wd", "2", cite=" "), "missing_cite", "limits.accept_wd"),
    "no certainty": (entry("limits.accept_wd", "2", sure="certain"), "bad_sure", "limits.accept_wd"),
    "neither value nor none": (
        '\n[values."limits.coding_wd"]\ncite = "《示例细则》"\nsure = "read"\n',
        "value_or_none",
        "limits.coding_wd",
    ),
    "both value and none": (entry("limits.coding_wd", "3") + "none = true\n", "value_or_none", "limits.coding_wd"),
    "none where a value is due": (
        '\n[values."limits.accept_wd"]\nnone = true\ncite = "《示例细则》"\nsure = "read"\n',
        "wrong_type",
        "limits.accept_wd",
    ),
    "strange field": (entry("limits.accept_wd", "2") + 'page = "7"\n', "unknown_field", "limits.accept_wd"),
    "not a table": ("\n[values]\n'limits.accept_wd' = 2\n", "wrong_type", "limits.accept_wd"),
}


@pytest.mark.parametrize(("body", "code", "key"), BAD_ENTRIES.values(), ids=BAD_ENTRIES)
def test_a_bad_entry_is_refused_by_name(body: str, code: str, key: str, tmp_path: Path, write: Write) -> None:
    write(body)
    found, params = code_of(tmp_path)
    assert (found, params["file"], params["key"]) == (code, "x-province.toml", key)


BAD_HEADS = {
    "strange field": (HEAD + 'colour = "red"\n', "unknown_field", "colour"),
    "no instrument": (HEAD.replace('instrument = "《示例细则》"', ""), "missing_field", "instrument"),
    "strange status": (HEAD.replace('"verified"', '"certain"'), "bad_field", "status"),
    "strange region": (HEAD.replace("620000", "62"), "bad_field", "region"),
    "number as version": (HEAD.replace('version = "1"', "version = 1"), "bad_field", "version"),
    "no such day": (HEAD + 'effective_from = "2025-02-45"\n', "bad_field", "effective_from"),
    "notes not a list": (HEAD + 'notes = "甲"\n', "bad_field", "notes"),
}


@pytest.mark.parametrize(("head", "code", "field"), BAD_HEADS.values(), ids=BAD_HEADS)
def test_a_bad_head_is_refused_by_name(head: str, code: str, field: str, tmp_path: Path, write: Write) -> None:
    write(head=head)
    found, params = code_of(tmp_path)
    assert (found, params["field"]) == (code, field)


def test_the_file_name_is_the_id(tmp_path: Path, write: Write) -> None:
    write(head=HEAD.replace("{id}", "x-other"))
    assert code_of(tmp_path)[0] == "id_mismatch"


def test_broken_toml_is_named(tmp_path: Path, write: Write) -> None:
    write("\n[values\n")
    assert code_of(tmp_path) == ("bad_toml", {"file": "x-province.toml", "reason": code_of(tmp_path)[1]["reason"]})


def test_a_root_must_set_every_key(tmp_path: Path, write: Write) -> None:
    write(entry("limits.accept_wd", "3"), name="x-root", head=HEAD.replace('parent = "{parent}"', ""))
    assert code_of(tmp_path) == ("missing_key", {"file": "x-root.toml", "key": "limits.review_wd"})


def test_parents_in_a_circle_are_refused(tmp_path: Path, write: Write) -> None:
    write(name="x-a", parent="x-b")
    write(name="x-b", parent="x-a")
    assert code_of(tmp_path) == ("parent_cycle", {"chain": "x-a → x-b → x-a"})


def test_an_unknown_rulebook_is_refused(tmp_path: Path, write: Write) -> None:
    write(parent="cn-nowhere")
    assert code_of(tmp_path) == ("unknown_rulebook", {"id": "cn-nowhere"})
    for name in ("cn-nowhere", "keys", "../rulebooks/cn"):
        with pytest.raises(RulebookError, match="没有名为"):
            rulebook.load(name)


# --- R74: tighten, never loosen without the law ------------------------------------------------------------------

NEVER = {
    "longer acceptance": entry("limits.accept_wd", "4"),
    "longer review": entry("limits.review_wd", "21"),
    "longer cancellation": entry("limits.cancel_wd", "11"),
    "shorter notice": entry("limits.notice_wd", "9"),
    "no notice": entry("notice.first", "false"),
    "anonymous objection": entry("objection.evidence_required", "false"),
    "central organs taken": entry("actors.central_refused", "false"),
}


@pytest.mark.parametrize("body", NEVER.values(), ids=NEVER)
def test_even_a_citation_cannot_loosen_the_national_floor(body: str, tmp_path: Path, write: Write) -> None:
    write(body)
    assert code_of(tmp_path)[0] == "forbidden_loosening"


LOOSER = {
    "flag off": ("revocation.statement_required", "false"),
    "flag on": ("validity.automatic_cancellation", "true"),
    "weaker choice": ("notice.change", '"never"'),
    "fewer materials": ("materials.required.cancellation", "[]"),
    "more fields without notice": ("notice.contact_fields", '["name"]'),
    "another definition": ("definitions.resource", '"一切数据"'),
    "longer period": ("limits.objection_verify_wd", "3"),
    "shorter keeping": ("retention.logs_months", "3"),
}


@pytest.mark.parametrize(("key", "value"), LOOSER.values(), ids=LOOSER)
def test_loosening_needs_a_citation_that_was_seen(key: str, value: str, tmp_path: Path, write: Write) -> None:
    for vague in (entry(key, value, sure="assumed"), entry(key, value, cite="惯例")):
        write(vague)
        found = code_of(tmp_path)
        assert found == ("uncited_loosening", {"file": "x-province.toml", "key": key})
    write(entry(key, value, sure="excerpt"))
    assert rulebook.load_from(tmp_path)["x-province"].value(key).set_by == "x-province"


def test_a_national_value_is_not_overridden_on_an_assumption_even_to_tighten(tmp_path: Path, write: Write) -> None:
    write(entry("limits.accept_wd", "2", sure="assumed"))
    assert code_of(tmp_path) == ("uncited_national", {"file": "x-province.toml", "key": "limits.accept_wd"})
    write(entry("validity.term_months", "24", cite="惯例"))
    assert code_of(tmp_path)[0] == "uncited_national"


TIGHTER = {
    "shorter review": ("limits.review_wd", "15", 15),
    "longer notice": ("limits.notice_wd", "15", 15),
    "a limit where the law gives none": ("limits.coding_wd", "5", 5),
    "stronger choice": ("notice.change", '"always"', "always"),
    "flag on": ("procedure.acceptor_differs_from_reviewer", "true", True),
    "flag off": ("procedure.single_clerk_form", "false", False),
    "more materials": (
        "materials.required.cancellation",
        '["cancellation_proof", "other"]',
        ("cancellation_proof", "other"),
    ),
    "fewer fields without notice": ("notice.contact_fields", '["contact_phone"]', ("contact_phone",)),
}


@pytest.mark.parametrize(("key", "value", "read"), TIGHTER.values(), ids=TIGHTER)
def test_tightening_is_allowed(key: str, value: str, read: object, tmp_path: Path, write: Write) -> None:
    write(entry(key, value))
    assert rulebook.load_from(tmp_path)["x-province"].get(key) == read


def test_a_city_may_not_undo_what_its_province_tightened(tmp_path: Path, write: Write) -> None:
    write(entry("limits.accept_wd", "2") + entry("limits.coding_wd", "5"))
    write(entry("limits.accept_wd", "3"), name="x-city", parent="x-province")
    assert code_of(tmp_path)[0] == "forbidden_loosening"
    none = '\n[values."limits.coding_wd"]\nnone = true\ncite = "惯例"\nsure = "read"\n'
    write(none, name="x-city", parent="x-province")
    assert code_of(tmp_path)[0] == "uncited_loosening"


# --- R75: pinned snapshots ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["cn", "cn-hi", "cn-sn-xian"])
def test_a_snapshot_comes_back_exactly(name: str) -> None:
    book = rulebook.load(name)
    stored = json.loads(json.dumps(book.to_dict()))
    back = Rulebook.from_dict(stored)
    assert back == book
    assert (back.to_dict(), back.digest, list(back.items())) == (book.to_dict(), book.digest, list(book.items()))
    assert (back.parents, back.notes, back.instrument) == (book.parents, book.notes, book.instrument)
    assert copy.deepcopy(book) == pickle.loads(pickle.dumps(book)) == book  # noqa: S301
    assert len({book, back}) == 1


def test_the_digest_names_the_content(tmp_path: Path, write: Write) -> None:
    write(entry("limits.accept_wd", "2"))
    first = rulebook.load_from(tmp_path)["x-province"]
    write(entry("limits.accept_wd", "2", cite="《示例细则》第四条"))
    other = rulebook.load_from(tmp_path)["x-province"]
    assert first.digest != other.digest
    assert first != other
    assert len({rulebook.load(name).digest for name in rulebook.ids()}) == len(rulebook.ids())


def test_an_altered_snapshot_is_refused() -> None:
    stored = json.loads(json.dumps(rulebook.load("cn").to_dict()))
    next(row for row in stored["values"] if row["key"] == "limits.notice_wd")["value"] = 3
    with pytest.raises(RulebookError) as caught:
        Rulebook.from_dict(stored)
    assert caught.value.code == "digest_mismatch"


def test_a_snapshot_of_an_earlier_release_stays_readable() -> None:
    """It may have settings that were dropped since, and lack newer ones."""
    old = rulebook.load("cn")
    values = {v.key: v for v in old.items() if v.key != "withdrawal.reason_required"}
    retired = rulebook.Value("limits.retired_wd", 4, "《旧办法》第一条", "read", "", "cn")
    head = {name: getattr(old, name) for name in old.__dataclass_fields__ if name != "values"}
    pinned = Rulebook(**head, values={**values, retired.key: retired})
    back = Rulebook.from_dict(json.loads(json.dumps(pinned.to_dict())))
    assert back.get("limits.retired_wd") == 4
    assert back.value("limits.retired_wd").label["zh"] == "limits.retired_wd"
    assert back.get("withdrawal.reason_required", False) is False
    with pytest.raises(RulebookError) as caught:
        back.get("withdrawal.reason_required")
    assert caught.value.code == "missing_key"
