"""Pages of an agency: versions that stay, who may edit, what a reader gets, and Markdown that can only show."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from django.db import DatabaseError, transaction

from dengji.content import markdown, sections, selectors, services
from dengji.content.models import PageVersion
from dengji.core.errors import DomainError
from tests.factories import world as w

pytestmark = pytest.mark.django_db


def publish(world: w.World, actor: str = "agency_supervisor", **more: object) -> dict[str, object]:
    values: dict[str, object] = {
        "register_id": world.register.pk,
        "section": "cases",
        "slug": "bus",
        "language": "zh",
        "title": "公交到站",
        "body": "**正文**",
    }
    return services.publish_page(actor=world.actor(actor), transaction_id=w.tid(), **(values | more))  # type: ignore[arg-type]


def test_versions_stay_and_the_newest_is_shown() -> None:
    world = w.build()
    assert selectors.section_page("cases", "zh").at is None
    assert publish(world)["number"] == 1
    assert publish(world, body="第二版", based_on=1)["number"] == 2
    with pytest.raises(DomainError) as caught:
        publish(world, body="第三版", based_on=1)
    assert caught.value.code == "page_changed"
    assert selectors.page("cases", "bus", "zh").body == "第二版"
    assert selectors.page("cases", "bus", "en").body == "第二版"  # in the other language where this one is missing
    assert [one.slug for one in selectors.pages_of("cases", "en")] == ["bus"]
    who = world.actor("agency_supervisor")
    told = selectors.history(who, world.register.pk, "cases", "bus", "zh")
    assert [(one["number"], one["body"]) for one in told] == [(2, "第二版"), (1, "**正文**")]
    assert selectors.history(world.actor("reviewer"), world.register.pk, "cases", "bus", "zh") == []
    services.withdraw_page(
        actor=who, transaction_id=w.tid(), register_id=world.register.pk, section="cases", slug="bus", language="zh"
    )
    assert selectors.pages_of("cases", "zh") == []
    with pytest.raises(DomainError):
        selectors.page("cases", "bus", "zh")
    assert PageVersion.objects.count() == 3
    with pytest.raises(DatabaseError), transaction.atomic():
        PageVersion.objects.update(body="改")


def test_an_agency_s_own_text_takes_the_place_of_the_shipped_one() -> None:
    world = w.build()
    publish(world, section="guide", slug="", title="本市指南", body="到本市办理")
    assert selectors.section_page("guide", "zh").title == "本市指南"
    assert selectors.section_page("guide", "en").at is None
    assert [one["page"].section for one in selectors.editable(world.actor("agency_supervisor"))] == ["guide"]
    assert selectors.editable(world.actor("clerk")) == []


@pytest.mark.parametrize("role", ["reviewer", "clerk", "authority_supervisor", "system_admin", "nobody"])
def test_only_the_agency_s_supervisor_publishes(role: str) -> None:
    with pytest.raises(DomainError) as caught:
        publish(w.build(), role)
    assert caught.value.code == "forbidden" and not PageVersion.objects.exists()


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ({"section": "nonsense"}, "page_section"),
        ({"language": "fr"}, "page_section"),
        ({"slug": "../etc"}, "page_slug"),
        ({"title": " "}, "page_title"),
        ({"title": "两\n行"}, "page_title"),
        ({"body": " \n"}, "page_body"),
        ({"body": "字" * 60_001}, "page_body"),
    ],
)
def test_what_is_wrong_is_named(fault: dict[str, object], code: str) -> None:
    with pytest.raises(DomainError) as caught:
        publish(w.build(), **fault)
    assert caught.value.code == code


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "[点我](javascript:alert(1))",
        "[点我](data:text/html,<script>alert(1)</script>)",
        "![图](https://elsewhere.example/x.png)",
        '<a href="javascript:alert(1)">点</a>',
        "[a](https://a.example 'x\" onmouseover=\"alert(1)')",
        "<svg/onload=alert(1)>",
        "|a|\n|:-:|\n|<style>*{}</style>|",
    ],
)
def test_markdown_shows_and_does_nothing(text: str) -> None:
    found: list[tuple[str, dict[str, str | None]]] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            found.append((tag, dict(attrs)))

    Reader().feed(markdown.html(text))
    assert {tag for tag, _ in found} <= {"p", "a", "table", "thead", "tbody", "tr", "th", "td"}
    assert all(set(attrs) <= {"href", "rel", "title"} for _, attrs in found)
    assert all((attrs.get("href") or "https:").startswith("https:") for _, attrs in found)


def test_markdown_becomes_what_it_says() -> None:
    found = markdown.html("# 题\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n[检索](/search) [外](https://a.example)")
    assert "<h2>题</h2>" in found and "<td>2</td>" in found
    assert '<a href="/search"' in found and '<a href="https://a.example" rel="noopener noreferrer"' in found


def test_every_section_ships_a_text_in_both_languages() -> None:
    for section in sections.SECTIONS:
        texts = [sections.shipped(section, language) for language in sections.LANGUAGES]
        assert all(one.title and len(one.body) > 60 for one in texts), section
        assert texts[0].title != texts[1].title
