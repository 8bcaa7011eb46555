"""Each act yields exactly its documents, once; they are steady PDF/A, say what they should, and nothing is markup."""

from __future__ import annotations

import json
import shutil
import sys
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import default_storage
from docx import Document as Opened

from dengji.core.clock import legal_now
from dengji.core.errors import DomainError
from dengji.documents import consumer, forms, making, rendering, selectors, services, storing
from dengji.documents.models import Document, NumberCounter, ServiceEvent
from dengji.documents.table import KINDS, following
from dengji.documents.word import word_file
from dengji.law.calendar import shanghai_date
from dengji.ledger.models import Cursor
from dengji.registration import rules
from dengji.registration.models import Application, Objection
from dengji.registration.services import Upload
from tests.documents.conftest import Papers, newest, read_on
from tests.documents.kit import HARD, INJECTION, RARE, objects, run, text_of
from tests.factories import world as w
from tests.faults import acts
from tests.registration import kit

#: What is printed from words; confirmation sheets wait for a checkpoint and have tests of their own.
LETTERS = {name for name, kind in KINDS.items() if kind.layout == "letter"}


def test_every_act_yields_exactly_its_documents_and_a_replay_nothing(papers: Papers) -> None:
    wanted: Counter[tuple[int, str]] = Counter()
    kinds = dict(Application.objects.values_list("pk", "kind"))
    for one in papers.decisions:
        for kind in following(one.object_kind, one.act, application_kind=kinds.get(one.object_id, ""), role=one.role):
            if making.can_make(kind.layout):
                wanted[one.pk, kind.name] += 1
    made = Counter(Document.objects.values_list("decision_id", "kind"))
    assert made == wanted
    assert {name for _, name in made} >= {name for name, kind in KINDS.items() if kind.act and kind.layout == "letter"}
    letters = Document.objects.filter(kind__in=LETTERS)
    assert not letters.filter(state="MAKING").exists()
    assert set(letters.exclude(error="").values_list("kind", "error")) == set()

    numbers = list(Document.objects.exclude(number="").values_list("number", flat=True))
    assert len(numbers) == len(set(numbers)) == sum(NumberCounter.objects.values_list("last", flat=True))
    Cursor.objects.filter(consumer=consumer.CONSUMER).update(next_index=0)
    read_on()
    assert Counter(Document.objects.values_list("decision_id", "kind")) == made and making.make_due() == 0


def test_what_is_printed(papers: Papers) -> None:
    for kind in sorted(set(Document.objects.filter(kind__in=LETTERS).values_list("kind", flat=True))):
        row = newest(kind, state="MADE")
        text = text_of(services.bytes_of(row)[1])
        assert "演示数据非登记结果" in text and "登记机构仅作形式审核" in text, kind
        assert row.number.replace(" ", "") in text and "示例登记中心" in text, kind
        assert not {"登记证", "证书", "确权"} & {word for word in ("登记证", "证书", "确权") if word in text}, kind
        assert "{" not in text.replace(INJECTION.replace(" ", ""), ""), kind
    assert "示例理由" in text_of(services.bytes_of(newest("decline_notice"))[1])
    assert "示例事项" in text_of(services.bytes_of(newest("supplement_notice"))[1])
    assert "补正期限" not in text_of(services.bytes_of(newest("supplement_notice"))[1])
    assert acts.IDENTITY["name"] in text_of(services.bytes_of(newest("objection_upheld"))[1])
    hard = text_of(services.bytes_of(newest("acceptance_notice", object_id=_hard().pk))[1])
    assert all(rare in hard for rare in RARE) and HARD["name"] in hard


def _hard() -> Application:
    return Application.objects.get(name=HARD["name"])


def test_each_kind_is_steady_and_whole_pdf_a(papers: Papers, tmp_path: Path) -> None:
    rows = [
        newest(kind, state="MADE") for kind in sorted(LETTERS & set(Document.objects.values_list("kind", flat=True)))
    ]
    for row in rows:
        data = services.bytes_of(row)[1]
        assert storing.load(row.pk, row.storage_key, row.sha256) == data and row.pages == 2
        seen = objects(data)
        assert "<pdfaid:part>2" in seen["xmp"] and "<pdfaid:conformance>B" in seen["xmp"]
        assert seen["intent"] == ["/GTS_PDFA1"] and seen["profile"] and seen["embedded"] and seen["id"]
        assert not seen["encrypted"] and not seen["active"] and seen["language"].startswith("zh")
        (tmp_path / f"{row.kind}.pdf").write_bytes(data)
        if shutil.which("qpdf"):
            assert "No syntax or stream encoding errors" in run("qpdf", "--check", str(tmp_path / f"{row.kind}.pdf"))
    # The same inputs in a process of their own give the same bytes.
    inputs = {row.kind: making.inputs_of(row) for row in rows[:6]}
    (tmp_path / "inputs.json").write_text(json.dumps(inputs), "utf-8")
    script = (
        "import django, hashlib, json, sys; django.setup(); from dengji.documents.rendering import render; "
        "print(json.dumps({k: hashlib.sha256(render('letter', v)).hexdigest() for k, v in "
        "json.load(open(sys.argv[1], encoding='utf-8')).items()}))"
    )
    again = run(sys.executable, "-W", "ignore", "-c", script, str(tmp_path / "inputs.json"))
    assert json.loads(again) == {row.kind: row.sha256 for row in rows[:6]}
    if shutil.which("pdftotext"):
        said = run("pdftotext", str(tmp_path / "acceptance_notice.pdf"), "-")
        assert "受理通知书" in said


def test_text_stays_text_through_every_field(papers: Papers) -> None:
    row = newest("decline_notice")
    inputs = making.inputs_of(row)

    def poisoned(value: Any, key: str = "") -> Any:
        if isinstance(value, dict):
            return {k: v if k in ("kind", "date") and k != "text" else poisoned(v, k) for k, v in value.items()}
        if isinstance(value, list):
            return [poisoned(one) for one in value]
        return INJECTION if isinstance(value, str) else value

    bad = poisoned(inputs)
    bad["zh"]["blocks"].append({"kind": "list", "items": [INJECTION]})
    plain = "".join(INJECTION.split())
    text = text_of(rendering.render("letter", bad))
    assert text.count(plain) >= 12 and "root:" not in text
    assert text_of(rendering.render("form", {**bad, "zh": {**bad["zh"], "signs": [INJECTION]}})).count(plain) >= 8
    bad["zh"]["title"] += "\x00\x0b"
    path = Path(default_storage.path("probe.docx"))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(word_file(bad))
    opened = Opened(str(path))
    assert sum(INJECTION in one.text for one in opened.paragraphs) >= 8 and word_file(bad) == path.read_bytes()
    path.unlink()


def test_a_character_that_no_typeface_has_is_printed_by_its_number(papers: Papers) -> None:
    inputs = making.inputs_of(newest("decline_notice"))
    inputs["zh"]["addressee"] = "\U0002a6d6公司："
    with pytest.raises(DomainError) as refused:
        rendering.render("letter", inputs)
    assert refused.value.code == "glyph_missing" and "U+2A6D6" in str(refused.value)
    data, lacking = rendering.render_visibly("letter", inputs)
    assert lacking == ["\U0002a6d6"] and "〔U+2A6D6〕公司" in text_of(data)
    assert rendering.seal_place("letter", inputs) is not None


def test_who_sees_what_and_what_opening_leaves(papers: Papers) -> None:
    world = papers.world
    ours = newest("decline_notice")
    theirs = newest("objection_dismissed")
    for name, sees, objector in (
        ("clerk", True, False),
        ("business_reviewer", True, False),
        ("stranger_clerk", False, False),
        ("acceptor", True, False),
        ("objection_officer", True, True),
        ("agency_supervisor", True, True),
        ("authority_supervisor", True, False),
        ("system_admin", False, False),
        ("citizen", False, True),
        ("nobody", False, False),
    ):
        seen = set(selectors.documents(world.actor(name), limit=1000).values_list("pk", flat=True))
        assert (ours.pk in seen, theirs.pk in seen) == (sees, objector), name
    running = newest("notice_text", object_id=_hard().pk)
    services.read(actor=world.actor("nobody"), document_id=running.pk)
    coded = Application.objects.filter(state="REGISTERED").latest("pk")
    over = newest("notice_text", object_id=coded.pk)
    with kit.refused("not_found"):
        services.read(actor=world.actor("nobody"), document_id=over.pk)

    services.read(actor=world.actor("acceptor"), document_id=ours.pk)
    assert not ours.service_events.exists()
    for _ in range(2):
        name, content_type, data = services.read(actor=world.actor("clerk"), document_id=ours.pk)
    assert content_type == "application/pdf" and data.startswith(b"%PDF") and name.endswith(".pdf")
    assert [(e.channel, e.event) for e in ours.service_events.all()] == [("in_system", "opened")]
    assert services.read(actor=world.actor("acceptor"), document_id=ours.pk, form="docx")[2].startswith(b"PK")
    with kit.refused("not_found"):
        services.read(actor=world.actor("clerk"), document_id=ours.pk, form="docx")


def test_own_wording_is_checked_previewed_published_and_used(papers: Papers) -> None:
    world = papers.world
    supervisor = world.actor("agency_supervisor")
    row = newest("review_passed", object_id=_hard().pk)
    before = row.sha256
    texts = {"zh": {"paragraphs": ["贵单位 {name} 已过 {reason}", "自拟用语 {decision_date}"]}, "en": {}}
    for wrong, field in (
        ({"zh": {"title": "{nobody}"}, "en": {}}, "zh.title"),
        ({"zh": {"closing": ["{"]}, "en": {}}, "zh.closing"),
        ({"zh": {"title": " "}, "en": {}}, "zh.title"),
        ({"zh": {"layout": "x"}, "en": {}}, "zh"),
        ({"zh": {"paragraphs": "x"}, "en": {}}, "zh.paragraphs"),
        ({"zh": {"facts": ["nobody"]}, "en": {}}, "zh.facts"),
        ({"zh": {}}, "texts"),
    ):
        with kit.refused("wording_invalid") as caught:
            services.preview(actor=supervisor, document_id=row.pk, texts=wrong)
        assert caught.value.field == field, wrong
    assert "自拟用语" in text_of(services.preview(actor=supervisor, document_id=row.pk, texts=texts))
    for name, code in (("acceptor", "forbidden"), ("clerk", "not_found")):
        with kit.refused(code):
            services.preview(actor=world.actor(name), document_id=row.pk, texts=texts)
    publish = {"register_id": world.register.pk, "kind": "review_passed", "texts": texts}
    with kit.refused("forbidden"):
        services.publish_wording(actor=world.actor("clerk"), transaction_id=w.tid(), **publish)
    assert services.publish_wording(actor=supervisor, transaction_id=w.tid(), **publish)["version"] == 1
    assert services.publish_wording(actor=supervisor, transaction_id=w.tid(), **publish)["version"] == 2

    asked = services.remake(actor=world.actor("reviewer"), transaction_id=w.tid(), document_id=row.pk)
    assert asked["wording_version"] == 2 and making.make_one(row.pk)
    number = row.number
    row.refresh_from_db()
    text = text_of(services.bytes_of(row)[1])
    # A paragraph whose placeholder has no value is not said.
    assert row.number == number and row.sha256 != before and "自拟用语" in text and "贵单位" not in text
    services.read(actor=world.actor("clerk"), document_id=row.pk)
    with kit.refused("document_out", 409):
        services.remake(actor=world.actor("reviewer"), transaction_id=w.tid(), document_id=row.pk)


def test_the_registrant_is_told_before_a_revocation(papers: Papers) -> None:
    world = papers.world
    result = w.registered(world)
    day = shanghai_date(legal_now())
    values = {"registration_id": result["registration"], "reason": "示例事实"}
    ground = kit.registration(result)
    values["ground"] = rules.rules_of_register(ground.register_id).get("revocation.grounds")[0]["code"]
    later = day + timedelta(days=7)
    with kit.refused("until_invalid"):
        services.prepare_hearing_notice(
            actor=world.actor("agency_supervisor"), transaction_id=w.tid(), until=day, **values
        )
    with kit.refused("forbidden"):
        services.prepare_hearing_notice(actor=world.actor("reviewer"), transaction_id=w.tid(), until=later, **values)
    tid = w.tid()
    ask = {"actor": world.actor("agency_supervisor"), "transaction_id": tid, "until": later, **values}
    made = services.prepare_hearing_notice(**ask)
    assert services.prepare_hearing_notice(**ask) == made
    told = services.make(actor=world.actor("agency_supervisor"), document_id=made["id"])
    assert told == {"id": made["id"], "state": "MADE", "error": ""}
    text = text_of(services.bytes_of(Document.objects.get(pk=made["id"]))[1])
    assert "陈述申辩告知书" in text and "示例事实" in text and f"{later.month}月{later.day}日" in text


def test_what_keeps_a_document_from_being_made_stops_no_other(papers: Papers, monkeypatch: Any, settings: Any) -> None:
    world = papers.world
    pk, other = acts.submitted(world), acts.submitted(world)
    for one in (pk, other):
        w.act(world, "decline", one, "acceptor", reason="示例理由")
    read_on()
    directories, settings.DENGJI_FONT_DIRS = settings.DENGJI_FONT_DIRS, []
    assert making.make_due() == 0 and rendering.missing() is not None
    settings.DENGJI_FONT_DIRS = directories
    real = rendering.render
    broken = newest("decline_notice", object_id=pk)

    def render(layout: str, inputs: Any, **more: Any) -> bytes:
        if inputs["short-id"] == str(broken.pk):
            raise ValueError("no")
        return real(layout, inputs, **more)

    monkeypatch.setattr(rendering, "render", render)
    for _ in range(making.MOST_ATTEMPTS + 1):
        making.make_due()
    broken.refresh_from_db()
    assert (broken.state, broken.error, broken.attempts) == ("MAKING", "ValueError", making.MOST_ATTEMPTS)
    assert newest("decline_notice", object_id=other).state == "MADE"
    assert selectors.counts()["failing"] == 1
    monkeypatch.setattr(rendering, "render", real)
    assert making.make_due() == 0 and making.make_due(again=True) == 1


def test_a_suppression_reaches_every_document_of_the_case(papers: Papers) -> None:
    world = papers.world
    objection = Objection.objects.filter(state="DISMISSED").latest("pk")
    about = objection.application_id
    of = list(Document.objects.filter(object_id__in=[about, objection.pk]))
    keys = [row.storage_key for row in of]
    assert len(keys) >= 4 and all(default_storage.exists(key) for key in keys)
    ServiceEvent.objects.create(document=of[0], channel="paper", event="served", note=b"x", at=legal_now(), by="t")
    acts.suppress(world, "application", about)(w.tid())
    assert not any(default_storage.exists(key) for key in keys)
    for row in of:
        row.refresh_from_db()
    assert {(row.state, row.inputs, row.storage_key) for row in of} == {("VOID", None, "")}
    assert not ServiceEvent.objects.filter(document__in=of, note__isnull=False).exists()
    with kit.refused("content_gone", 410):
        services.read(actor=world.actor("agency_supervisor"), document_id=of[0].pk)


def test_the_registrants_own_papers(papers: Papers) -> None:
    world = papers.world
    pk = w.draft(world, fields={"intro": w.RECORD["intro"] + INJECTION[:40]})
    for form, title in (
        ("commitment_letter", "登记承诺书"),
        ("authority_letter", "授权委托书"),
        ("business_review_form", "业务审核表"),
    ):
        name, kind, data = forms.form_of_draft(actor=world.actor("clerk"), application_id=pk, form=form)
        text = text_of(data)
        assert title in text and world.registrant.name in text and kind == "application/pdf" and title in name
        assert objects(data)["embedded"]
        with kit.refused("not_found"):
            forms.form_of_draft(actor=world.actor("stranger_clerk"), application_id=pk, form=form)
    assert forms.form_of_draft(actor=world.actor("clerk"), application_id=pk, form=form, file="docx")[2][:2] == b"PK"
    today = shanghai_date(legal_now())
    stamped = {
        "actor": world.actor("clerk"),
        "application_id": pk,
        "form": "business_review_form",
        "upload": Upload("扫描件.pdf", w.PDF),
    }
    right = {"unit": f" {world.registrant.name}", "signed_on": today}
    for wrong, code in (
        ({"unit": "别的单位"}, "unit_differs"),
        ({"signed_on": today + timedelta(days=1)}, "signed_on_invalid"),
    ):
        with kit.refused(code):
            forms.file_stamped_form(**{**stamped, **right, **wrong}, transaction_id=w.tid())
    made = forms.file_stamped_form(**stamped, **right, transaction_id=w.tid())
    assert made["kind"] == "business_review_form"
