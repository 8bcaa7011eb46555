"""The record schema is the only source of field names, and it says everything a form needs."""

from __future__ import annotations

import json
from pathlib import Path

from dengji.law import record


def test_the_documented_schema_is_the_one_in_use() -> None:
    documented = Path(__file__).parents[2] / "docs/reference/record.schema.json"
    assert json.loads(documented.read_text("utf-8")) == record.SCHEMA


def test_every_field_is_labelled_in_both_languages() -> None:
    for name, field in record.FIELDS.items():
        assert name.isidentifier() and name.isascii() and name == name.lower()
        for text in (field.label, field.label_en):
            assert text.strip(), name
        assert field.group in record.GROUPS, name
        assert set(field.data_types) <= {"resource", "product", "open"}, name


def test_every_field_says_in_both_languages_how_to_fill_it_in() -> None:
    for name, spec in record.SCHEMA["properties"].items():
        note, english = spec.get("description", ""), spec.get("x-description-en", "")
        assert note.strip() and english.strip(), name
        assert english.isascii() or not any("\u4e00" <= c <= "\u9fff" for c in english), name
        assert any("\u4e00" <= c <= "\u9fff" for c in note), name


def test_the_statutory_groups_are_there() -> None:
    """Measures Art. 9(1): registrant, source, resource, evidence, product, scenario, security."""
    groups = {field.group for field in record.FIELDS.values()}
    assert {"registrant", "source", "resource", "evidence", "product", "scenario", "security"} <= groups


def test_headings_are_unique() -> None:
    headings = [record.heading(name) for name in record.FIELDS]
    assert len(set(headings)) == len(headings)


def test_coverage_in_time_is_asked_of_resources_only() -> None:
    """Facts §3.2: shown only for type 1 (R47)."""
    assert record.FIELDS["coverage_start"].data_types == ("resource",)


def test_personal_fields_are_split_off_and_nothing_is_lost() -> None:
    content = {name: name for name in record.FIELDS}
    clear, private = record.split_personal(content)
    assert clear | private == content and not clear.keys() & private.keys()
    assert {"contact_name", "contact_phone", "contact_email"} <= private.keys()
    assert "name" in clear and "registrant_name" in clear
