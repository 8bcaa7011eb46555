"""The public pages: what they show and lead to, in both languages, and that nothing typed or stored is ever markup."""

from __future__ import annotations

import html
import re
from typing import Any

import orjson
import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from dengji.catalogue import index, views
from dengji.catalogue.models import Item
from dengji.registration.models import Registration, RegistrationVersion
from tests.factories import world as w

from . import kit

EN = {"Accept-Language": "en"}
CHINESE = re.compile("[\u4e00-\u9fff]")
HOSTILE = '</script><script>alert("x")</script><img src=x onerror=alert(1)>&amp;'


def text(response: Any) -> str:
    """A page's HTML."""
    return str(response.content.decode())


def links(page: str, part: str = "") -> list[str]:
    """The addresses of links, as a browser follows them."""
    return [html.unescape(one) for one in re.findall(r'<a[^>]* href="([^"]+)"', page) if part in one]


def total(page: str) -> int:
    """The number that stands over the results."""
    found = re.search(r'<h2 id="found"[^>]*>\D*([\d,]+)', page)
    return int(found[1].replace(",", "")) if found else 0


def test_every_count_beside_the_list_leads_to_a_list_of_that_length(register: w.World, client: Client) -> None:
    page = text(client.get("/search"))
    assert total(page) == 34 and "登记检索" in page
    aside = page[page.index('id="filters"') :]
    found = re.findall(r'<a href="([^"]+)" rel="nofollow">.*?<span class="n">([\d,]+)', aside)
    assert len(found) > 15
    for address, number in found:
        assert total(text(client.get(html.unescape(address)))) == int(number), address


def test_a_chosen_filter_is_named_and_can_be_taken_away(register: w.World, client: Client) -> None:
    page = text(client.get("/search", {"q": "客运", "state": "REVOKED", "region": "620700", "industry": "54"}))
    chips = page[page.index('class="chips"') : page.index("清除全部条件")]
    assert [part in chips for part in ("已撤销", "甘肃省张掖市", "道路运输业")] == [True] * 3
    assert "/search?q=%E5%AE%A2%E8%BF%90&region=620700&state=REVOKED" in links(chips)
    assert "/search?q=%E5%AE%A2%E8%BF%90" in links(page)
    assert '<input type="hidden" name="state" value="REVOKED">' in page
    assert ">全部地区</a>" in page
    assert "甘州区" in text(client.get("/search", {"region": "620700"}))


def test_pages_lead_forward_and_back(register: w.World, client: Client) -> None:
    for path in ("/search", "/search?order=oldest", "/search?q=%E7%A4%BA%E4%BE%8B"):
        pages, address = [], path
        while address:
            page = text(client.get(address))
            pages.append(links(page, "/r/"))
            address = next(iter(re.findall(r'rel="next" href="([^"]+)"', page)), "")
            address = html.unescape(address)
        assert len(pages) > 1 and len({one for page in pages for one in page}) == sum(map(len, pages))
        back = []
        while True:
            back.append(links(page, "/r/"))
            found = re.findall(r'rel="prev" href="([^"]+)"', page)
            if not found:
                break
            page = text(client.get(html.unescape(found[0])))
        assert back == pages[::-1]


def test_near_results_are_called_so_and_nothing_found_helps_on(
    world: w.World, keeper: index.Keeper, client: Client
) -> None:
    w.registered(world, title="城市公共交通渡口线路")
    kit.current(keeper)
    page = text(client.get("/search", {"q": "城市公共交痛渡口线路"}))
    assert "相近结果 1 条" in page and "渡口" in page
    page = text(client.get("/search", {"q": "乌有之事", "state": "REVOKED"}))
    assert "没有找到符合的登记" in page and "/search?q=%E4%B9%8C%E6%9C%89%E4%B9%8B%E4%BA%8B" in links(page)
    assert "检索词中没有文字或数字" in text(client.get("/search", {"q": "😀"}))


def test_what_cannot_be_asked_is_said(register: w.World, client: Client) -> None:
    for asked, said in (
        ({"q": "独" * 101}, "检索词过长"),
        ({"region": "99"}, "没有这个行政区划代码"),
        ({"industry": "98"}, "没有这个行业代码"),
        ({"q": "x", "state": "<b>"}, "没有这种登记状态"),
    ):
        answer = client.get("/search", asked)
        assert answer.status_code == 422 and said in text(answer) and "<b>" not in text(answer)
    first = links(text(client.get("/search", {"q": "示例"})), "cursor=")[0]
    index.make(fresh=True)
    page = text(client.get(first))
    assert "已回到第一页" in page and links(page, "/r/") == links(text(client.get("/search", {"q": "示例"})), "/r/")
    assert client.post("/search").status_code == 405


def test_while_the_database_is_away_the_page_says_so(
    register: w.World, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django.db import OperationalError

    def away(**asked: Any) -> None:
        raise OperationalError("away")

    monkeypatch.setattr(views.selectors, "search", away)
    answer = client.get("/search", {"q": "示例"})
    assert answer.status_code == 503 and "检索暂不可用" in text(answer)


def test_titles_and_words_are_never_markup(world: w.World, keeper: index.Keeper, client: Client) -> None:
    coded = w.registered(world, title="独一无二渡口")
    version = RegistrationVersion.objects.get(registration_id=coded["registration"])
    fields = version.fields | {"intro": HOSTILE, "open_url": "javascript:alert(1)", "access_mode": "open"}
    # What no check lets through, as another node or an older release might have left it.
    version.pk, version.number, version.fields = None, 2, fields
    version.save()
    Registration.objects.filter(pk=coded["registration"]).update(version=2)
    Registration.objects.update(name=f"渡口{HOSTILE}", registrant_name=HOSTILE, agency_name=HOSTILE)
    kit.current(keeper)
    for address in ("/", "/search?q=alert", "/search?q=%3Cscript%3Ealert", f"/r/{coded['code']}", "/r/<script>alert"):
        page = text(client.get(address))
        assert "<script>alert" not in page and "<img" not in page and 'href="javascript:' not in page, address
    page = text(client.get("/search", {"q": "alert"}))
    assert "&lt;script&gt;<mark>alert</mark>(&quot;x&quot;)" in page
    data = re.search(r'<script type="application/ld\+json">(.*?)</script>', text(client.get(f"/r/{coded['code']}")))
    assert data and "<" not in data[1] and orjson.loads(data[1])["creator"]["name"] == HOSTILE


@pytest.mark.parametrize(
    ("text", "ranges", "shown"),
    [
        ("", (), ""),
        ("短", (), "短"),
        ("a<b", [(0, 2)], "<mark>a&lt;</mark>b"),
        ("x" * 300 + "渡口" + "y" * 300, [(300, 302)], f"…{'x' * 36}<mark>渡口</mark>{'y' * 72}…"),
    ],
)
def test_a_snippet_shows_the_first_mark(text: str, ranges: Any, shown: str) -> None:
    assert views.snippet(text, ranges) == shown


def test_the_page_of_a_code(world: w.World, keeper: index.Keeper, client: Client, settings: Any) -> None:
    settings.DENGJI_PUBLIC_URL = "https://dengji.example"
    coded = w.registered(world, title="独一无二渡口")
    kit.current(keeper)
    answer = client.get(f"/r/{coded['code']}")
    page = text(answer)
    assert answer.status_code == 200 and "Accept" in answer["Vary"]
    for part in ("独一无二渡口", "有效", "示例登记中心", "道路运输业", "甘肃省张掖市", "DS/OL", "下载登记回执"):
        assert part in page, part
    assert f'<link rel="canonical" href="https://dengji.example/r/{coded["code"]}">' in page
    for address in [one for one in links(page) if one.startswith(("/r/", "/search", "/log/"))]:
        assert client.get(address).status_code == 200, address
    assert not any(word in page for word in ("13800000000", "example@example.com", "示例经办人"))
    row = Registration.objects.get()
    moved = client.get(f"/r/{row.local_number}")
    assert moved.status_code == 302 and moved["Location"] == f"/r/{coded['code']}"
    assert client.get(f"/r/{coded['code'].lower()}")["Location"] == f"/r/{coded['code']}"
    for kind, form in (("application/ld+json", "application/ld+json"), ("text/turtle", "text/turtle; charset=utf-8")):
        assert client.get(f"/r/{coded['code']}", headers={"Accept": kind})["Content-Type"] == form


def test_what_has_ended_is_a_tombstone(register: w.World, client: Client) -> None:
    cancelled, revoked = (Item.objects.get(state=state).code for state in ("CANCELLED", "REVOKED"))
    suppressed = Item.objects.get(suppressed=True).code
    for code, said in ((cancelled, "注销。"), (revoked, "撤销。"), (suppressed, "本登记的内容已依法屏蔽。")):
        page = text(client.get(f"/r/{code}"))
        assert said in page and "事由：" in page and 'ld+json">{' not in page and "noindex" in page, code
        assert "道路运输业" not in page[page.index('class="columns"') : page.index('class="side"')] and code in page
    assert "隐瞒事实" in text(client.get(f"/r/{revoked}"))
    assert "涉及个人隐私、个人信息" in text(client.get(f"/r/{suppressed}"))
    assert "独一无二" not in text(client.get(f"/r/{suppressed}"))


def test_an_unknown_code_can_be_searched_for(register: w.World, client: Client) -> None:
    answer = client.get("/r/DEMO-NONE")
    assert answer.status_code == 404 and 'value="DEMO-NONE"' in text(answer) and 'action="/search"' in text(answer)
    assert client.get("/r/a%00b").status_code == 404
    assert client.get("/r/" + "x" * 5000).status_code == 404


def test_pages_are_wholly_in_english_but_for_what_was_registered(register: w.World, client: Client) -> None:
    cancelled = Item.objects.get(state="CANCELLED").code
    valid = Item.objects.filter(state="VALID", suppressed=False).order_by("-rank").first()
    assert valid
    paths = ("/", "/search", "/search?q=示例&industry=54&state=VALID", "/search?q=乌有之事", f"/r/{valid.code}", "/r/x")
    for path in (*paths, f"/r/{cancelled}", "/search?state=x"):
        page = text(client.get(path, headers=EN))
        page = re.sub(r'<(\w+)[^>]* lang="zh-Hans"[^>]*>.*?</\1>', "", page, flags=re.S)
        page = re.sub(r"<title>.*?</title>|<script.*?</script>|value=\"[^\"]*\"|<option.*?>", "", page, flags=re.S)
        rest = CHINESE.findall(page.replace("中文", ""))
        assert not rest, (path, "".join(rest))


def test_links_to_the_other_language_ask_for_the_same(register: w.World, client: Client) -> None:
    page = text(client.get("/search", {"q": "示例", "state": "VALID"}))
    assert "?q=%E7%A4%BA%E4%BE%8B&state=VALID&lang=en" in links(page)


def test_the_tiles_of_the_home_page_lead_to_lists_of_that_length(register: w.World, client: Client) -> None:
    page = text(client.get("/"))
    tiles = re.findall(r'<li><a href="(/search[^"]+)"><strong>(\d+)', page)
    assert len(tiles) == 2  # the other two have lists of their own: tests/web/public
    for address, number in tiles:
        assert total(text(client.get(html.unescape(address)))) == int(number)


def test_a_page_costs_few_statements_whatever_it_lists(register: w.World, client: Client) -> None:
    code = Item.objects.filter(state="VALID", suppressed=False).values_list("code", flat=True)[0]
    for path, most in (("/search", 3), ("/search?q=示例", 3), (f"/r/{code}", 4), (f"/api/v1/registrations/{code}", 1)):
        client.get(path)
        with CaptureQueriesContext(connection) as captured:
            client.get(path)
        assert len([one for one in captured if "SAVEPOINT" not in one["sql"]]) <= most, path
