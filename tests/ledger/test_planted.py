"""Marked strings in every private field, every act run: what the log shows, exports and backs up holds none of them."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from dengji.backup import container, make, recipient
from dengji.law.procedure import TABLE
from dengji.ledger import audit, checkpointing, export, keyring, sequencer
from dengji.ledger.models import Content, Entry, Leaf
from dengji.ledger.pure.tiles import new_bundles, new_tiles
from dengji.registration.services import clockwork
from tests.faults import acts
from tests.security import test_planted_strings as doors

#: The same stage as in tests/security, with every door by which something private comes in.
scene = doors.scene


#: Private words that the ready-made cases of every act use.
WORN = ("示例经办人", "13800000000", "示例异议人", "示例证件号一")
#: Acts of the table that no door here runs: one without a service yet.
NOT_RUN = {"hand_over"}
#: Where the catalogue, if it is installed, shows and exports what is public.
EXPORTS = (
    "/export/registrations.json",
    "/export/registrations.jsonl",
    "/export/registrations.csv",
    "/catalogue.jsonld",
    "/catalogue.ttl",
    "/oai?verb=ListRecords&metadataPrefix=oai_dc",
    "/feed/registrations.atom",
    "/feed/notices.atom",
    "/sitemap.xml",
    "/sitemap-1.xml",
)
#: Acts that bring others with them: objections closed as moot, deadlines computed again.
BRINGS_OTHERS = {"uphold", "terminate", "set_calendar"}


def settle() -> None:
    clockwork.tick()
    sequencer.run_once(finish=True)
    clockwork.follow()
    sequencer.run_once(finish=True)


def whole_log() -> Iterator[str]:
    """Every path that the log serves, and receipts of all its entries."""
    row = checkpointing.latest()
    assert row
    for tile in (*new_tiles(0, row.size), *new_bundles(0, row.size)):
        yield f"/log/{tile.path}"
    yield from ("/log/checkpoint", "/log/vkey")
    yield from (f"/log/content/{bytes(one).hex()}" for one in Content.objects.values_list("digest", flat=True))
    yield from (f"/api/v1/entries/{index}/receipt" for index in range(row.size))
    yield f"/api/v1/consistency?old=1&new={row.size}"
    yield from EXPORTS
    yield from ("/", "/api/v1/registrations", "/api/v1/notices", "/api/v1/statistics")


def served() -> dict[str, bytes]:
    """What the log answers to anyone; {path: body}."""
    client = Client(raise_request_exception=False)
    found = {}
    for path in whole_log():
        answer = client.get(path)
        assert answer.status_code in (200, 404, 410), (path, answer.status_code)
        found[path] = b"".join(answer.streaming_content) if answer.streaming else answer.content
    return found


def payload(path: Path, code: Any) -> dict[str, bytes]:
    """A backup as the operator with the recovery code reads it: packed rows unpacked, bytes in hex undone."""
    found = {}
    with container.opened(path, container.read_manifest(path), code) as tar:
        for member in tar:
            data = container.content(tar, member).read()
            data = gzip.decompress(data) if member.name.endswith(".gz") else data
            hexed = re.findall(rb"\\x((?:[0-9a-f]{2})+)", data)
            found[member.name] = b"\n".join([data, *(bytes.fromhex(one.decode()) for one in hexed)])
    return found


@pytest.mark.usefixtures("log")
def test_nothing_private_is_in_what_the_log_shows_exports_or_backs_up(scene: doors.Scene, tmp_path: Path) -> None:
    plant = scene.planted
    keyring.ensure_keys()
    recipient.ensure(keyring.directory())
    doors.people(scene)
    registration = doors.through_the_services(scene)
    doors.endings(scene)
    doors.through_http(scene)
    doors.through_imports(scene)
    settle()
    looked_through(plant, tmp_path)
    # What was removed by a suppression proves nothing: so once before it and once after.
    doors.afterwards(scene, registration)
    for word in WORN:
        plant.keep("ready-made case", word)
    ran = set(Entry.objects.values_list("act", flat=True))
    for case in (one for one in acts.CASES if one.act not in ran or one.act in BRINGS_OTHERS):
        case.ready(scene.world)(doors.w.tid())
    settle()
    looked_through(plant, tmp_path)
    assert len(plant.words) > 100
    assert set(TABLE) - set(Entry.objects.values_list("act", flat=True)) == NOT_RUN
    assert not audit.check(full=True).findings


def looked_through(plant: doors.Planted, directory: Path) -> None:
    """Search entries, what is served, the export and a backup, encrypted and opened."""
    bodies = {str(pk): bytes(body) for pk, body in Entry.objects.values_list("pk", "body")}
    export.export(directory / "export")
    files = {str(f): f.read_bytes() for f in (directory / "export").rglob("*") if f.is_file()}
    make.make(directory / "backup")
    opened = payload(directory / "backup", recipient.parse_code(f"@{recipient.code_path(keyring.directory())}"))
    assert bodies and files and any("ledger_entry" in name for name in opened)
    closed = {"backup": (directory / "backup").read_bytes()}
    for hay in (bodies, served(), files, closed, opened):
        assert {
            name: found for name, data in hay.items() if (found := plant.found_in(data) + plant.found_in(name))
        } == {}


@pytest.mark.usefixtures("log")
def test_the_search_would_find_what_is_public(scene: doors.Scene, tmp_path: Path) -> None:
    """A published name is in content, receipt, export and backup: what the search above looks into does hold things."""
    recipient.ensure(keyring.directory())
    word = scene.planted("public name")
    pk = doors.w.draft(scene.world, title=f"客运信息{word}")
    doors.w.advance(scene.world, pk, "open_notice")
    settle()
    export.export(tmp_path / "export")
    make.make(tmp_path / "backup")
    opened = payload(tmp_path / "backup", recipient.parse_code(f"@{recipient.code_path(keyring.directory())}"))
    holding = {path.rpartition("/")[0] for path, body in served().items() if scene.planted.found_in(body)}
    index = Leaf.objects.get(entry__act="open_notice").index
    assert holding - {"", "/api/v1", "/feed", "/export"} == {"/log/content", f"/api/v1/entries/{index}"}
    assert {"/api/v1", "/feed"} <= holding
    assert any(word.encode() in f.read_bytes() for f in (tmp_path / "export" / "content").iterdir())
    assert {name.split("/")[1] for name, body in opened.items() if scene.planted.found_in(body)} >= {"ledger_content"}
