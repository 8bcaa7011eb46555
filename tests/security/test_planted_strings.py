"""Marked personal strings go in by every door; no dump, entry, log, file or mail then holds one in clear."""

from __future__ import annotations

import base64
import hashlib
import io
import logging
import os
import secrets
import subprocess
import uuid
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import orjson
import psycopg
import pytest
from django.conf import settings
from django.core import mail
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import DatabaseError, connection
from psycopg.conninfo import conninfo_to_dict

from dengji.core.errors import DomainError
from dengji.imports import services as imports
from dengji.ledger import services as ledger
from dengji.parties import access
from dengji.parties import actor as actors
from dengji.parties import services as parties
from dengji.parties.services import OPERATOR
from dengji.registration import queries, services
from dengji.registration.models import Application, Notice, Registration
from dengji.registration.services import clockwork
from dengji.registration.services.adoption import adopt
from dengji.registration.services.prepared import AdoptedRow
from tests.api.conftest import Caller
from tests.factories import world as w
from tests.faults import acts


class Planted:
    """Strings that cannot occur by chance, each under the name of the place it was put."""

    def __init__(self) -> None:
        self.words: dict[str, str] = {}

    def __call__(self, place: str) -> str:
        """A fresh word for a place."""
        return self.keep(place, f"zq{secrets.token_hex(8)}qz")

    def email(self, place: str) -> str:
        """A fresh address for a place."""
        return f"{self(place)}@example.com"

    def digits(self, place: str) -> str:
        """A fresh telephone or document number for a place."""
        return self.keep(place, "13" + "".join(secrets.choice("0123456789") for _ in range(13)))

    def keep(self, place: str, word: str) -> str:
        """Look for this word too."""
        self.words[f"{place}#{len(self.words)}"] = word
        return word

    def found_in(self, hay: str | bytes) -> list[str]:
        """The places whose word stands in some text or bytes: as it is, in hex, in base64, or as a plain digest."""
        data = (hay.encode() if isinstance(hay, str) else hay).lower()
        return [place for place, word in self.words.items() if any(form in data for form in _forms(word))]


def _forms(word: str) -> set[bytes]:
    raw = word.encode()
    forms = {raw.lower(), raw.hex().encode(), word.encode("utf-16-le").hex().encode()}
    for shift in range(3):  # base64 of a text that holds the word, however its beginning falls
        inside = base64.b64encode(b"\0" * shift + raw)[4 if shift else 0 : -4]
        forms.add(inside.lower())
    forms |= {hashlib.new(name, raw).hexdigest().encode() for name in ("md5", "sha1", "sha256", "sha512", "sm3")}
    return forms


def test_the_search_itself_finds_every_form() -> None:
    planted = Planted()
    word = planted("here")
    for form in (
        f"x{word.upper()}y",
        f"\\x00{word.encode().hex()}ff",
        base64.b64encode(f"12345{word}".encode()),
        base64.b64encode(f"123456{word}9".encode()),
        base64.b64encode(f"1234567{word}99".encode()),
        hashlib.sha256(word.encode()).hexdigest(),
    ):
        assert planted.found_in(form) == ["here#0"], form
    assert planted.found_in("nothing") == []


class Scene:
    """A committed clone, everything that was logged in it, and what was planted."""

    def __init__(self, owner: psycopg.Connection[Any], log: io.StringIO) -> None:
        self.owner, self.log = owner, log
        self.planted = Planted()
        self.world = w.build()

    def dump(self) -> dict[str, str]:
        """Every row of every table of every schema of ours, as text (bytes as hex)."""
        tables = self.owner.execute(
            "SELECT quote_ident(schemaname) || '.' || quote_ident(tablename) FROM pg_tables "
            "WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
        ).fetchall()
        return {
            table: "\n".join(row[0] for row in self.owner.execute(f"SELECT t::text FROM {table} t"))
            for (table,) in tables
        }


@pytest.fixture
def scene(
    committed: str, owner_connection: psycopg.Connection[Any], settings: Any, caplog: pytest.LogCaptureFixture
) -> Iterator[Scene]:
    """The stage, with every logger listening from DEBUG up."""
    settings.DENGJI_RATE_LIMITS = False
    Path(settings.STATIC_ROOT).mkdir(parents=True, exist_ok=True)
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        yield Scene(owner_connection, stream)
    finally:
        root.removeHandler(handler)
        root.setLevel(level)


PERSONAL = ("legal_representative", "contact_name", "agent_contact")


def personal(plant: Planted, door: str) -> dict[str, str]:
    """The personal fields of a record, each with a planted value."""
    return {
        **{name: plant(f"{door} {name}") for name in PERSONAL},
        "contact_phone": plant.digits(f"{door} contact_phone"),
        "contact_email": plant.email(f"{door} contact_email"),
    }


def identity(plant: Planted, door: str, kind: str) -> dict[str, str]:
    """Who objects, planted."""
    real = {
        "name": plant(f"{door} name"),
        "phone": plant.digits(f"{door} phone"),
        "email": plant.email(f"{door} email"),
    }
    if kind == "unit":
        return real | {"credit_code": w.credit_code(), "agent": plant(f"{door} agent")}
    return real | {"document_type": "resident_id", "document_number": plant.digits(f"{door} number")}


def upload(plant: Planted, door: str) -> services.Upload:
    """A file with a planted name and planted words inside."""
    body = w.PDF + plant(f"{door} file content").encode()
    return services.Upload(f"{plant(f'{door} file name')}.pdf", body)


def people(scene: Scene) -> Any:
    """Somebody with a name, telephone, e-mail, password and token; told of everything as the registrant's clerk."""
    plant = scene.planted
    person = parties.add_person(
        actor=OPERATOR,
        username="planted-clerk",
        name=plant("person name"),
        phone=plant.digits("person phone"),
        email=plant.email("person email"),
        password=plant("person password"),
    )
    parties.grant_role(actor=OPERATOR, person=person, kind="clerk", organisation=scene.world.registrant)
    plant.keep("token", parties.create_token(actor=OPERATOR, person=person, label="test")[3:])
    with pytest.raises(DomainError):
        parties.add_person(actor=OPERATOR, username="planted-clerk", name=plant("refused person name"))
    scene.world.people["clerk"] = person
    return person


def through_the_services(scene: Scene) -> Registration:
    """Plant at every act of the services, and read it back as the rightful reader, to show that it did go in."""
    plant, world = scene.planted, scene.world
    act = w.act
    joint = acts.with_partner(world)
    pk = w.draft(world, fields=personal(plant, "create") | joint)
    services.save_draft(
        actor=world.actor("clerk"), transaction_id=w.tid(), application_id=pk, content=personal(plant, "save")
    )
    services.add_material(
        actor=world.actor("clerk"),
        transaction_id=w.tid(),
        owner_kind="application",
        owner_id=pk,
        kind="other",
        upload=upload(plant, "material"),
    )
    w.attach(world, pk, ("joint_agreement",))
    act(world, "confirm_joint", pk, "stranger_clerk")
    act(world, "submit_for_business_review", pk, "clerk")
    act(world, "return_to_clerk", pk, "business_reviewer", reason=plant("return_to_clerk"))
    w.advance(world, pk, "submit_for_business_review")
    act(world, "submit_for_business_review", pk, "clerk")
    secrecy = w.SECRECY | {"secrecy_reviewer": plant("secrecy reviewer")}
    act(world, "submit", pk, "business_reviewer", **secrecy)
    items = [{"field": "intro", "text": plant("supplement item")}]
    act(world, "request_supplement", pk, "acceptor", items=items, reason=plant("supplement"))
    act(world, "submit_for_business_review", pk, "clerk")
    act(world, "submit", pk, "business_reviewer", **secrecy)
    act(world, "accept", pk, "acceptor")
    act(world, "begin_review", pk, "reviewer")
    act(world, "pass_review", pk, "reviewer", opinion=plant("opinion"))
    cleared = [{"code": "x", "field": "intro", "reason": plant("cleared")}]
    act(world, "open_notice", pk, "notice_opener", cleared=cleared)
    act(world, "suspend_notice", pk, "agency_supervisor", ground="state_secret", reason=plant("suspend"))
    act(world, "resume_notice", pk, "agency_supervisor")
    objections(scene, pk)
    w.after_notice(pk)
    act(world, "close_notice", pk, "clock")
    act(world, "request_code", pk, "gateway")
    act(world, "refuse_code", pk, "gateway", reason=plant("refuse_code"))
    act(world, "request_code", pk, "gateway")
    coded = act(world, "assign_code", pk, "issuer")
    for shown in (
        queries.application_detail(world.actor("clerk"), pk),
        queries.decisions(world.actor("reviewer"), Application, pk),
        services.list_materials(actor=world.actor("clerk"), owner_kind="application", owner_id=pk),
    ):
        assert plant.found_in(orjson.dumps(shown, default=str)), f"nothing planted is read back in {shown}"
    return Registration.objects.get(code=coded["code"])


def objections(scene: Scene, pk: uuid.UUID) -> None:
    """Objections by persons and units, handled in every way that leaves the application standing."""
    plant, world = scene.planted, scene.world
    officer = world.actor("objection_officer")
    notice = Notice.objects.get(application_id=pk, ended_at=None)
    made = {}
    for way, kind in (("find_inadmissible", "person"), ("dismiss", "unit"), ("retract", "person")):
        made[way] = services.lodge(
            actor=actors.NOBODY,
            transaction_id=w.tid(),
            notice_id=notice.pk,
            objector_kind=kind,
            identity=identity(plant, way, kind),
            relation=plant(f"{way} relation"),
            grounds=plant(f"{way} grounds"),
            evidence=[upload(plant, way)],
        )
        plant.keep(f"{way} follow key", made[way]["key"])
    reason = {"actor": officer, "reason": plant("objection reason")}
    services.find_inadmissible(transaction_id=w.tid(), objection_id=made["find_inadmissible"]["id"], **reason)
    services.verify(actor=officer, transaction_id=w.tid(), objection_id=made["dismiss"]["id"])
    services.dismiss(transaction_id=w.tid(), objection_id=made["dismiss"]["id"], **reason)
    key = made["retract"]["key"]
    services.retract(actor=actors.NOBODY, transaction_id=w.tid(), objection_id=made["retract"]["id"], key=key)
    read = queries.objection_detail(officer, uuid.UUID(made["dismiss"]["id"]))
    assert scene.planted.found_in(orjson.dumps(read)), "the officer must be able to read the objection"


def endings(scene: Scene) -> None:
    """Everything that ends an application with reasons."""
    plant, world = scene.planted, scene.world
    for until, act, role in (
        ("submit", "decline", "acceptor"),
        ("begin_review", "reject", "reviewer"),
        ("submit", "withdraw", "clerk"),
        ("open_notice", "terminate", "agency_supervisor"),
    ):
        pk = w.draft(world, fields=personal(plant, act))
        w.advance(world, pk, until)
        w.act(world, act, pk, role, reason=plant(act))
    row = acts.objection(world, verified=True)
    services.uphold(
        actor=world.actor("objection_officer"), transaction_id=w.tid(), objection_id=row.pk, reason=plant("uphold")
    )


def afterwards(scene: Scene, row: Registration) -> None:
    """Change, re-checks, complaints, suppression and revocation of a registration."""
    plant, world = scene.planted, scene.world
    pk = acts.follow_up(
        world,
        "change",
        row,
        materials=("commitment_letter", "joint_agreement"),
        content=personal(plant, "change"),
    )
    w.act(world, "complete", pk, "reviewer")
    drawn = acts.draw(world, "2026Q4")(w.tid())["drawn"]
    adoption(scene)
    rest = acts.draw(world, "2027Q1")(w.tid())["drawn"]
    services.find_recheck(
        actor=world.actor("agency_supervisor"),
        transaction_id=w.tid(),
        recheck_id=rest[0],
        conforming=True,
        reason=plant("conforming recheck"),
    )
    services.find_recheck(
        actor=world.actor("agency_supervisor"),
        transaction_id=w.tid(),
        recheck_id=drawn[0],
        conforming=False,
        reason=plant("recheck"),
    )
    complaint = services.file_complaint(
        actor=actors.NOBODY,
        transaction_id=w.tid(),
        register_id=world.register.pk,
        text=plant("complaint"),
        contact={"name": plant("complaint name"), "phone": plant.digits("complaint phone")},
    )
    plant.keep("complaint key", complaint["key"])
    services.answer_complaint(
        actor=world.actor("agency_supervisor"),
        transaction_id=w.tid(),
        complaint_id=complaint["id"],
        reason=plant("complaint answer"),
    )
    services.suppress_content(
        actor=world.actor("agency_supervisor"),
        transaction_id=w.tid(),
        object_kind="registration",
        object_id=row.pk,
        ground="personal_information",
        authority=plant("authority"),
        reason=plant("suppression"),
    )
    for kind in ("revocation_investigation", "registrant_statement"):
        services.add_material(
            actor=world.actor("agency_supervisor"),
            transaction_id=w.tid(),
            owner_kind="registration",
            owner_id=row.pk,
            kind=kind,
            upload=upload(plant, kind),
        )
    services.revoke(
        actor=world.actor("agency_supervisor"),
        transaction_id=w.tid(),
        registration_id=row.pk,
        ground="false_materials",
        reason=plant("revocation"),
    )


def adoption(scene: Scene) -> None:
    """Records of another platform whose file also holds what is personal: by the service and by an import."""
    plant, world = scene.planted, scene.world
    unit = {"registrant_name": "示例承接单位", "registrant_credit_code": w.credit_code()}
    content = w.content(world) | unit | personal(plant, "adopt")
    row = AdoptedRow(content, "DEMO-ADOPTED-0009", date(2025, 3, 3), date(2028, 3, 2))
    (done,) = adopt(actor=world.actor("agency_supervisor"), register_id=world.register.pk, records=[row])
    assert done.error is None
    dates = {"code": "DEMO-ADOPTED-0010", "coded_on": "2025-03-03", "valid_to": "2028-03-02"}
    line = w.content(world) | unit | personal(plant, "adopt by file") | dates
    data = orjson.dumps(line)
    order = imports.Order(world.register.pk, "adoption", None)
    job = imports.open_job(actor=world.actor("agency_supervisor"), order=order, digest=imports.digest_of_bytes(data))
    imports.run(actor=world.actor("agency_supervisor"), job=job, source=io.BytesIO(data))


def through_http(scene: Scene) -> None:
    """The same over /api/v1, refused requests and broken ones included."""
    plant, world = scene.planted, scene.world
    clerk = Caller(parties.create_token(actor=OPERATOR, person=world.people["clerk"], label="http"))
    stranger = Caller(parties.create_token(actor=OPERATOR, person=world.people["stranger_clerk"], label="http"))
    made = clerk.post(
        "applications",
        {
            "register_id": str(world.register.pk),
            "organisation_id": str(world.registrant.pk),
            "content": w.content(world, **personal(plant, "HTTP create")),
        },
    )
    assert made.status_code == 201, made.content
    path = f"applications/{made.json()['id']}"
    phone = {"content": {"contact_phone": plant.digits("HTTP patch phone")}}
    assert clerk.send("PATCH", path, phone).status_code == 200
    assert stranger.send("PATCH", path, {"content": personal(plant, "HTTP refused")}).status_code == 404
    assert clerk.send("PATCH", path, {"content": {plant("HTTP unknown field"): 1}}).status_code == 422
    assert clerk.send("PATCH", path, b'{"content": "' + plant("HTTP malformed").encode()).status_code == 400
    assert clerk.post(f"{path}/acts/submit", {"secrecy_reviewer": plant("HTTP refused secrecy")}).status_code == 422
    file = SimpleUploadedFile(f"{plant('HTTP file name')}.pdf", w.PDF + plant("HTTP file content").encode())
    headers = clerk.headers | {"Idempotency-Key": w.tid()}
    sent = clerk.client.post(f"/api/v1/{path}/materials", {"kind": "other", "file": file}, headers=headers)
    assert sent.status_code == 201, sent.content
    token = clerk.post("tokens", {"label": "test", "days": 1})
    if token.status_code == 201:
        plant.keep("HTTP token", token.json()["token"][3:])
    notice = Notice.objects.get(application_id=acts.in_notice(world), ended_at=None)
    lodged = Caller().post(
        f"notices/{notice.pk}/objections",
        {
            "objector_kind": "person",
            "identity": identity(plant, "HTTP lodge", "person"),
            "relation": plant("HTTP relation"),
            "grounds": plant("HTTP grounds"),
            "evidence": [
                {
                    "name": f"{plant('HTTP evidence name')}.pdf",
                    "data": base64.b64encode(w.PDF + plant("HTTP evidence").encode()).decode(),
                }
            ],
        },
    )
    assert lodged.status_code == 201, lodged.content
    plant.keep("HTTP follow key", lodged.json()["key"])
    broken = {"objector_kind": "person", "identity": {"name": plant("HTTP refused objector")}, "grounds": "x"}
    assert Caller().post(f"notices/{notice.pk}/objections", broken).status_code == 422
    complaint = Caller().post(
        "complaints",
        {
            "register_id": str(world.register.pk),
            "text": plant("HTTP complaint"),
            "contact": {"name": plant("HTTP complainant"), "email": plant.email("HTTP complainant email")},
        },
    )
    assert complaint.status_code == 201, complaint.content
    plant.keep("HTTP complaint key", complaint.json()["key"])
    Caller().get("registrations", {"q": plant("search words")})
    Caller(token=plant("wrong token")).get("me")


def through_imports(scene: Scene) -> None:
    """A file with personal fields, in good rows and in rows refused for them."""
    plant, world = scene.planted, scene.world
    good = w.content(world) | personal(plant, "import")
    long = {name: plant(f"import refused {name}") * 20 for name in (*PERSONAL, "contact_phone", "contact_email")}
    odd = {"contact_email": plant("import odd e-mail"), "contact_phone": f"电话{plant('import odd phone')}"}
    lines = [good, w.content(world) | long, w.content(world) | odd, {"name": "x", "contact_name": plant("import bare")}]
    data = b"\n".join(orjson.dumps(line) for line in lines) + b'\n{"contact_name": "' + plant("import broken").encode()
    actor = actors.importer(world.register.pk)
    order = imports.Order(world.register.pk, "drafts", world.registrant.pk)
    job = imports.open_job(actor=actor, order=order, digest=imports.digest_of_bytes(data))
    done = imports.run(actor=actor, job=job, source=io.BytesIO(data))
    assert done.counts["created"] >= 1 and done.counts["refused"] >= 1


def in_faults(scene: Scene) -> None:
    """Statements that hold planted words fail inside the database, each in the way the driver words differently."""
    plant, world = scene.planted, scene.world
    scene.owner.execute(
        "CREATE FUNCTION fault() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'fault'; END $$;"
        "CREATE TRIGGER zz_fault AFTER INSERT ON core_rememberedresult FOR EACH ROW EXECUTE FUNCTION fault()"
    )
    caller = Caller(parties.create_token(actor=OPERATOR, person=world.people["clerk"], label="fault"))
    body = {
        "register_id": str(world.register.pk),
        "organisation_id": str(world.registrant.pk),
        "content": personal(plant, "fault"),
    }
    assert caller.post("applications", body).status_code == 500
    with pytest.raises(DatabaseError):
        services.file_complaint(
            actor=actors.NOBODY,
            transaction_id=w.tid(),
            register_id=world.register.pk,
            text=plant("fault complaint"),
        )
    scene.owner.execute("DROP TRIGGER zz_fault ON core_rememberedresult")
    for statement in (
        "SELECT %s::int",
        "INSERT INTO parties_person (id, username, password, language) "
        "VALUES (gen_random_uuid(), 'planted-clerk', %s, '')",
        "SELECT pg_sleep(0.2) WHERE %s <> ''",
    ):
        with pytest.raises(DatabaseError), connection.cursor() as cursor:
            cursor.execute("SET statement_timeout = '50ms'")
            cursor.execute(statement, [plant("fault in SQL")])
    with connection.cursor() as cursor:
        cursor.execute("RESET statement_timeout")


def followers() -> None:
    """All that follows: places in the log, messages, deliveries, marks, the access log's root."""
    clockwork.tick()
    while ledger.place_pending():
        pass
    clockwork.follow()
    access.seal_access_log()


@pytest.mark.long
def test_no_planted_string_stands_anywhere_in_clear(scene: Scene, committed: str) -> None:
    plant = scene.planted
    people(scene)
    registration = through_the_services(scene)
    endings(scene)
    through_http(scene)
    through_imports(scene)
    in_faults(scene)
    followers()
    assert len(plant.words) > 100
    # Once before a suppression empties things, and once after.
    assert {table: found for table, text in scene.dump().items() if (found := plant.found_in(text))} == {}
    afterwards(scene, registration)
    followers()

    dump = scene.dump()
    assert "public.procrastinate_jobs" in dump and "public.notify_delivery" in dump
    for table in ("registration_decision", "ledger_entry", "core_rememberedresult", "registration_draft"):
        assert dump[f"public.{table}"]
    assert {table: found for table, text in dump.items() if (found := plant.found_in(text))} == {}
    assert plant.found_in(_pg_dump(committed)) == []
    logged = scene.log.getvalue()
    assert logged, "the listener heard nothing"
    assert plant.found_in(logged) == []
    server_log = _server_log()
    assert plant.found_in(server_log) == []
    files = [f for f in Path(settings.DENGJI_DATA_DIR).rglob("*") if f.is_file()]
    assert files
    assert [f.name for f in files if plant.found_in(f.read_bytes()) or plant.found_in(str(f))] == []
    for message in mail.outbox:
        assert plant.found_in(message.subject + message.body) == []


def _pg_dump(database: str) -> bytes:
    from dengji.database.binaries import installed

    parts = conninfo_to_dict(os.environ["DENGJI_TEST_OWNER_URL"])
    with psycopg.connect(os.environ["DENGJI_TEST_OWNER_URL"]) as to:
        major = to.info.server_version // 10000
    program = next(found.program("pg_dump") for found in installed() if found.major == major)
    environment = {
        f"PG{name.upper()}": str(parts[name]) for name in ("host", "port", "user", "password") if name in parts
    }
    done = subprocess.run(
        [program, "--inserts", database], env=os.environ | environment, capture_output=True, check=True, timeout=60
    )
    assert b"ledger_entry" in done.stdout
    return done.stdout


def _server_log() -> bytes:
    """The log of the embedded server, which stands near the node's directory in a test run."""
    above = Path(os.environ["DENGJI_DATA_DIR"]).parents
    logs = [log.read_bytes() for place in list(above)[:2] for log in place.glob("d/log/postgresql.log*")]
    assert logs and any(logs)
    return b"".join(logs)


def test_sql_is_not_logged_even_by_a_curious_operator(scene: Scene) -> None:
    """With everything at DEBUG (DENGJI_LOG_LEVEL=DEBUG) Django still writes no statement and no parameter."""
    assert settings.DEBUG is False and connection.queries_logged is False
    w.draft(scene.world)
    assert "INSERT INTO" not in scene.log.getvalue()


def test_a_guess_at_a_short_request_cannot_be_confirmed_from_the_dump(scene: Scene) -> None:
    """Somebody who holds the dump alone and knows all but a telephone number learns nothing from a digest."""
    world, phone = scene.world, "13800001234"
    pk = w.draft(world)
    services.save_draft(
        actor=world.actor("clerk"), transaction_id=w.tid(), application_id=pk, content={"contact_phone": phone}
    )
    request = {
        "target": str(pk),
        "content": {"contact_phone": phone},
        "request": None,
        "revision": None,
        "replace": False,
    }
    body = orjson.dumps(request, option=orjson.OPT_SORT_KEYS)
    hay = "\n".join(scene.dump().values())
    for guess in (body, b"save_draft\0" + body):
        for name in ("md5", "sha1", "sha256", "sha512", "sm3"):
            assert hashlib.new(name, guess).hexdigest() not in hay


def test_after_a_suppression_not_even_the_sealed_words_remain(scene: Scene) -> None:
    world = scene.world
    title = f"示例{secrets.token_hex(6)}"
    row = Registration.objects.get(code=w.registered(world, title=title)["code"])
    assert title in "\n".join(scene.dump().values())
    acts.suppress(world, "registration", row.pk)(w.tid())
    dump = scene.dump()
    hexed = title.encode().hex()
    assert {table for table, text in dump.items() if title in text or hexed in text} == set()
