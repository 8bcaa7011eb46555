"""Every template keeps the rules: no script or style written into a page, no address by hand, nothing untranslated."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[3] / "src" / "dengji"
TEMPLATES = sorted(SOURCE.glob("*/templates/**/*.html"))
#: What no template may hold, and why.
RULES = {
    r"\sstyle\s*=": "the policy of the pages refuses styles written into them",
    r"\son[a-z]+\s*=\s*[\"']": "the policy of the pages refuses scripts written into them",
    r"<style[\s>]": "the policy of the pages refuses styles written into them",
    r"<script(?![^>]*\ssrc=)(?![^>]*application/(ld\+)?json)": "the policy of the pages refuses scripts",
    r"(href|src|action|hx-get|hx-post)=\"/": "a path prefix would be missing: use url or static",
    r"(href|src|action)=\"https?://": "pages call nothing outside",
    r"\|safe\b|\{%\s*autoescape\s+off": "what is marked safe is not escaped",
}


def test_there_are_templates() -> None:
    assert len(TEMPLATES) > 40


@pytest.mark.parametrize("rule", RULES)
def test_no_template_breaks_the_rule(rule: str) -> None:
    broken = [
        f"{file.relative_to(SOURCE)}:{n}"
        for file in TEMPLATES
        for n, line in enumerate(file.read_text("utf-8").splitlines(), 1)
        if re.search(rule, line)
    ]
    assert broken == [], RULES[rule]


def test_every_part_says_what_goes_in() -> None:
    for file in (SOURCE / "web" / "templates" / "web" / "parts").glob("*.html"):
        assert file.read_text("utf-8").startswith("{# in: "), file.name
