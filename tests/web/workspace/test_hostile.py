"""What must not happen: strangers, two people at once, files that are not what they say."""

from __future__ import annotations

import io
import zipfile

import pytest
from django.test import Client

from dengji.registration import services
from dengji.registration.inspection import content_of
from dengji.registration.models import Application, Material
from tests.factories import world as w
from tests.web.workspace.kit import Someone, form_with, text

pytestmark = pytest.mark.django_db
PAGES = (
    "",
    "sections/basic",
    "materials",
    "confirm",
    "review",
    "changes",
    "submitted",
    "withdraw",
    "return",
    "receipts/1",
)
POSTS = ("joint", "copy", "rebase")


def test_nobody_reaches_a_file_of_another_unit() -> None:
    world = w.build()
    pk = w.draft(world)
    case = f"/workspace/applications/{pk}/"
    material = Material.objects.filter(owner_id=pk).latest("pk").pk
    strangers = (
        "stranger_clerk",
        "stranger_business_reviewer",
        "acceptor",
        "authority_supervisor",
        "citizen",
        "audit_admin",
    )
    for name in strangers:
        someone = Someone(world, name)
        for path in (*(case + page for page in PAGES), f"{case}receipts/1", f"/workspace/materials/{material}"):
            assert someone.client.get(path).status_code == 404, (name, path)
        for path in (*(case + page for page in POSTS), case + "sections/basic", case + "materials"):
            answer = someone.client.post(path, {"transaction_id": w.tid(), "name": "他人所改", "kind": "other"})
            assert answer.status_code == 404, (name, path)
        assert "城市客运信息" not in text(someone.get("/workspace/"))
    for path in ("/workspace/", case, f"{case}sections/basic"):
        assert Client().get(path).headers["Location"].startswith("/accounts/login/?next=")
    reviewer = Someone(world, "business_reviewer")
    assert reviewer.get(f"{case}sections/basic", 302)
    assert reviewer.get(f"{case}withdraw").status_code == 200
    unsigned = Client(enforce_csrf_checks=True)
    unsigned.force_login(world.people["clerk"], backend="django.contrib.auth.backends.ModelBackend")
    assert unsigned.post(f"{case}copy", {}).status_code == 403
    w.advance(world, pk, "submit")
    acceptor = Someone(world, "acceptor")
    assert acceptor.get(case, 404)  # the agency has its desk


def test_two_people_write_and_nothing_is_lost() -> None:
    world = w.build()
    pk = w.draft(world)
    page = f"/workspace/applications/{pk}/sections/basic"
    clerk = Someone(world, "clerk")
    opened = form_with(clerk.get(page), "seen")
    actor = world.actor("clerk")
    services.save_draft(
        actor=actor, transaction_id=w.tid(), application_id=pk, content={"record_count": 999, "data_category": "交通"}
    )
    # Other fields: both stand, and what was not touched here is not turned back.
    sent = opened | {"update_frequency": "weekly", "stay": "1"}
    assert clerk.client.post(page, sent).status_code == 302
    stored = content_of(Application.objects.get(pk=pk).draft)
    assert (stored["record_count"], stored["update_frequency"], stored["data_category"]) == (999, "weekly", "交通")
    # The same field: both texts are shown, the second save decides.
    opened = form_with(clerk.get(page), "seen")
    services.save_draft(actor=actor, transaction_id=w.tid(), application_id=pk, content={"data_category": "客运"})
    mine = opened | {"data_category": "公交", "record_count": "不是数", "stay": "1", "transaction_id": w.tid()}
    quiet = clerk.client.post(f"{page}?auto=1", mine)
    assert "他人刚修改了" in text(quiet)
    assert quiet.status_code == 200
    answer = clerk.client.post(page, mine)
    assert answer.status_code == 409
    assert 'value="公交"' in answer.content.decode()
    assert "他人刚把此项改为：客运" in text(answer)
    assert 'value="不是数"' in answer.content.decode()
    again = form_with(answer, "seen") | {"record_count": "1000", "stay": "1", "transaction_id": w.tid()}
    assert clerk.client.post(page, again).status_code == 302
    stored = content_of(Application.objects.get(pk=pk).draft)
    assert (stored["record_count"], stored["data_category"]) == (1000, "公交")
    # One wrong entry keeps none of the others from being saved, quietly or not.
    revision = Application.objects.get(pk=pk).draft.revision
    bad = form_with(clerk.get(page), "seen") | {
        "record_count": "多",
        "data_category": "地铁",
        "transaction_id": w.tid(),
    }
    assert "尚未保存，格式不符" in text(clerk.client.post(f"{page}?auto=1", bad))
    assert content_of(Application.objects.get(pk=pk).draft)["data_category"] == "地铁"
    # Saving again what is there already is no change.
    clerk.client.post(page, bad | {"record_count": "1000", "transaction_id": w.tid()})
    assert Application.objects.get(pk=pk).draft.revision == revision + 1


def _zip(entries: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in entries.items():
            archive.writestr(name, data)
    return out.getvalue()


def test_hostile_files_are_refused_or_never_run() -> None:
    world = w.build()
    pk = w.draft(world)
    case = f"/workspace/applications/{pk}/"
    clerk = Someone(world, "clerk")
    svg = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
    bomb = b"\0" * 150_000_000
    refused = {
        "image.svg": svg,
        "page.pdf": b"<!doctype html><script>alert(1)</script>",
        "tool.pdf": b"MZ\x90\x00\x03",
        "bomb.zip": _zip({"a.bin": b"\0" * 1_000_000}),
        "macro.docx": _zip({"word/document.xml": b"<w/>", "word/vbaProject.bin": b"x"}),
        "bomb.docx": _zip({"word/document.xml": b"<w/>", "word/media/a.bmp": bomb}),
        "empty.pdf": b"",
        "large.pdf": w.PDF + b"\0" * (50 * 1024 * 1024),
    }
    before = Material.objects.count()
    for name, data in refused.items():
        answer = clerk.upload(case, "other", data, name, status=422)
        assert "请更正以下内容" in text(answer), name
    assert clerk.client.post(f"{case}materials", {"kind": "no_such_kind", "transaction_id": w.tid()}).status_code == 422
    assert Material.objects.count() == before
    # A file that is two things is kept as what it begins with, and only ever handed out as a download.
    clerk.upload(case, "other", w.PDF + svg, '../../"<b>.pdf')
    kept = Material.objects.latest("pk")
    answer = clerk.client.get(f"/workspace/materials/{kept.pk}")
    assert answer.headers["Content-Type"] == "application/pdf"
    assert answer.headers["Content-Disposition"].startswith("attachment;")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "<b>" not in clerk.get(f"{case}materials").content.decode()
    gone = f"{case}materials/{kept.pk}/remove"
    assert clerk.get(gone)
    assert Material.objects.get(pk=kept.pk).removed_at is None
    clerk.send(gone)
    assert Material.objects.get(pk=kept.pk).removed_at is not None


def test_words_of_people_stay_words() -> None:
    world = w.build()
    pk = w.draft(world, fields={"data_category": "<script>alert(1)</script>{{ 7|add:7 }}"})
    page = Someone(world, "clerk").get(f"/workspace/applications/{pk}/sections/basic").content.decode()
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;{{ 7|add:7 }}" in page
