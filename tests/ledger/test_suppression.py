"""A notice with a telephone number in it is suppressed: nothing of the node returns it any more; its receipt stays."""

from __future__ import annotations

import gzip
import re
import secrets
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.test import Client

from dengji.backup import container, make, recipient
from dengji.core.clock import legal_now
from dengji.ledger import audit, export, keyring, proofs, sequencer
from dengji.ledger.models import Content, Leaf
from dengji.ledger.pure.receipts import Trust, parse_receipt, verify_receipt
from dengji.ledger.pure.tiles import new_bundles, new_tiles
from dengji.parties import services as parties
from dengji.parties.services import OPERATOR
from dengji.registration import inspection, receipts
from dengji.registration.models import Application, Notice, Registration
from dengji.registration.services import clockwork
from tests.factories import world as w
from tests.faults import acts

READERS = ("clerk", "business_reviewer", "acceptor", "reviewer", "objection_officer", "agency_supervisor")


@dataclass
class Case:
    """A world, an application whose published name and introduction hold a telephone number, and its registration."""

    world: w.World
    phone: str
    application: uuid.UUID
    code: str = ""

    def name(self) -> str:
        return f"客运信息{self.phone}"


@pytest.fixture(params=["notice", "registration"])
def case(request: pytest.FixtureRequest, log: str, settings: Any) -> Case:
    """Once while the notice runs, once after the code was assigned."""
    settings.DENGJI_RATE_LIMITS = False
    settings.DENGJI_STATISTICS_SECONDS = 0
    world, phone = w.build(), f"138{secrets.randbelow(10**8):08d}"
    intro = f"该数据资源为{world.registrant.name}在客运服务过程中产生，包含线路名称等信息，咨询请致电{phone}。"
    pk = w.draft(world, title=f"客运信息{phone}", fields={"intro": intro, "contact_phone": phone})
    w.advance(world, pk, "pass_review")
    w.act(world, "open_notice", pk, "notice_opener", cleared=overlooked(pk))
    made = Case(world, phone, pk)
    if request.param == "registration":
        w.after_notice(pk)
        w.act(world, "close_notice", pk, "clock")
        made.code = w.act(world, "assign_code", pk, "issuer")["code"]
    settle()
    return made


def overlooked(pk: uuid.UUID) -> list[dict[str, str]]:
    """An officer passes over what the scan found, as it happens."""
    row = Application.objects.get(pk=pk)
    content, _ = inspection.current_content(row)
    hits = [one for one in inspection.inspect(row, content, at=legal_now()) if one.clearable]
    assert hits, "the scan must have seen the number"
    return [{"code": one.code, "field": one.field, "reason": "示例：误认为单位公开电话"} for one in hits]


def settle() -> None:
    clockwork.tick()
    sequencer.run_once(finish=True)
    clockwork.follow()
    sequencer.run_once(finish=True)


def suppress(case: Case) -> None:
    kind, pk = "application", case.application
    if case.code:
        kind, pk = "registration", Registration.objects.get(code=case.code).pk
    acts.suppress(case.world, kind, pk)(w.tid())
    settle()


def urls(case: Case) -> Iterator[str]:
    """Every address of the public and the staff about this case; lists, searches and single objects."""
    size = int(Leaf.objects.latest("index").index) + 1
    for tile in (*new_tiles(0, size), *new_bundles(0, size)):
        yield f"/log/{tile.path}"
    yield from ("/log/checkpoint", "/log/vkey", "/", "/?lang=en", "/healthz", "/metrics", "/api/v1/openapi.json")
    yield from (f"/log/content/{bytes(one).hex()}" for one in Content.objects.values_list("digest", flat=True))
    api = [
        "registrations",
        f"registrations?q={case.phone}",
        "notices",
        "registers",
        "statistics",
        "queue",
        "applications",
    ]
    api += [f"applications?q={case.phone}", f"notices?q={case.phone}", "objections", "complaints", "rechecks"]
    one = f"applications/{case.application}"
    api += [one, f"{one}/preview", f"{one}/findings", f"{one}/decisions", f"{one}/materials"]
    api += [f"notices/{pk}" for pk in Notice.objects.values_list("pk", flat=True)]
    api += [f"entries/{index}/receipt" for index in range(size)]
    numbers = range(1, Leaf.objects.filter(entry__object_id=case.application).count() + 1)
    api += [f"{one}/decisions/{n}/{what}" for n in numbers for what in ("receipt", "words")]
    if case.code:
        api += [f"registrations/{case.code}", f"registrations/{case.code}/receipt"]
        api += [f"registrations/{case.code}/receipt?version=1"]
    yield from (f"/api/v1/{path}" for path in api)


def returning(case: Case, readers: tuple[str, ...] = READERS) -> dict[str, list[str]]:
    """Which addresses return the number, to the public and to each reader: {reader: [address]}."""
    tokens = {
        name: parties.create_token(actor=OPERATOR, person=case.world.people[name], label="test") for name in readers
    }
    found = {}
    for reader, token in {"public": "", **tokens}.items():
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        client = Client(raise_request_exception=False)
        for url in urls(case) if reader == "public" else (one for one in urls(case) if one.startswith("/api/")):
            answer = client.get(url, headers=headers)
            assert answer.status_code != 500, url
            body = b"".join(answer.streaming_content) if answer.streaming else answer.content
            asked = case.phone.encode() in url.encode()
            if case.phone.encode() in (body.replace(url.encode(), b"") if asked else body):
                found.setdefault(reader, []).append(url)
    return found


def in_files(directory: Path, word: str) -> list[str]:
    return [str(f) for f in directory.rglob("*") if f.is_file() and word.encode() in f.read_bytes()]


def test_a_suppressed_number_is_nowhere_and_the_act_stays_proven(
    case: Case, tmp_path: Path, owner_connection: psycopg.Connection[Any]
) -> None:
    copy = tmp_path / "export"
    export.export(copy)
    before = returning(case, ("clerk",))
    # What is suppressed was there before: else nothing below would mean anything.
    assert any(url.startswith("/log/content/") for url in before["public"])
    assert any("/receipt" in url for url in before["public"])
    assert before["clerk"] and in_files(copy, case.phone)
    act = "assign_code" if case.code else "open_notice"
    index = int(Leaf.objects.get(entry__act=act).index)
    kept = receipts.of_entry(index).data
    assert case.phone.encode() in kept

    suppress(case)
    proofs.forget()
    assert returning(case) == {}
    export.export(copy)
    assert in_files(copy, case.phone) == []
    assert any("personal_information" in f.read_text() for f in (copy / "content").glob("*.tombstone.json"))
    assert not audit.check(full=True).findings

    keys = tuple(keyring.vkeys())
    trust = Trust(keys[0].name, keys)
    made = parse_receipt(receipts.of_entry(index).data)
    report = verify_receipt(made, trust)
    assert report.entry["act"] == act and made.content is None
    assert "content_absent" in {said.code for said in report.statements}
    # A copy that somebody kept is beyond the node's reach, and still proves the same act.
    assert verify_receipt(parse_receipt(kept), trust).entry == report.entry


def test_a_later_backup_holds_it_no_more(case: Case, tmp_path: Path) -> None:
    code = _recovery()
    make.make(tmp_path / "before")
    assert case.phone in _payload(tmp_path / "before", code)
    suppress(case)
    make.make(tmp_path / "after")
    assert case.phone not in _payload(tmp_path / "after", code)


def _recovery() -> Any:
    text = recipient.ensure(keyring.directory())
    return recipient.parse_code(text or f"@{recipient.code_path(keyring.directory())}")


def _payload(path: Path, code: Any) -> str:
    """Everything in a backup in clear, with packed rows unpacked, bytes in hex undone."""
    parts: list[bytes] = []
    with container.opened(path, container.read_manifest(path), code) as tar:
        for member in tar:
            data = container.content(tar, member).read()
            parts.append(gzip.decompress(data) if member.name.endswith(".gz") else data)
    return _readable(b"\0".join(parts))


def _readable(data: bytes) -> str:
    text = data.decode("utf-8", "replace")
    unhexed = (bytes.fromhex(one).decode("utf-8", "replace") for one in re.findall(r"\\x((?:[0-9a-f]{2})+)", text))
    return text + "\n".join(unhexed)


def test_no_row_of_any_table_holds_it_afterwards(case: Case, owner_connection: psycopg.Connection[Any]) -> None:
    suppress(case)
    tables = owner_connection.execute(
        "SELECT quote_ident(tablename) FROM pg_tables WHERE schemaname = 'public'"
    ).fetchall()
    hexed = case.phone.encode().hex()
    found = set()
    for (table,) in tables:
        for (row,) in owner_connection.execute(f"SELECT t::text FROM {table} t"):
            if case.phone in row or hexed in row:
                found.add(table)
    assert found == set()
