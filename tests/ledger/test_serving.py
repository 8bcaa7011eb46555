"""The log over HTTP: tiles, entries, checkpoint, keys, contents, cosignatures, as C2SP tlog-tiles wants them."""

from __future__ import annotations

import hashlib
import uuid

import pytest
from django.db import transaction
from django.test import Client

from dengji.core.clock import legal_now, real_now
from dengji.ledger import checkpointing, keyring, sequencer, services
from dengji.ledger.models import Content
from dengji.ledger.pure.checkpoints import Checkpoint, open_checkpoint, sign_checkpoint
from dengji.ledger.pure.cosignatures import Cosigner
from dengji.ledger.pure.keys import Ed25519Key
from dengji.ledger.pure.merkle import MemoryTree, leaf_hash, root
from dengji.ledger.pure.notes import NoteSigner, VerifierKey
from dengji.ledger.pure.tiles import TileReader, decode_bundle, new_bundles, new_tiles, tile_data
from tests.factories import world as w
from tests.faults import acts
from tests.ledger.conftest import add, add_many, bodies

FOREVER = "public, max-age=31536000, immutable"


@pytest.fixture
def get(log: str):
    """Ask for a path of the log."""
    client = Client()
    return lambda path: client.get(f"/log/{path}")


def test_a_reader_verifies_the_whole_log_from_what_is_served(get) -> None:
    add_many(600)
    sequencer.run_once(finish=True)
    keys = [VerifierKey.parse(line) for line in get("vkey").content.decode().split()]
    assert keys == keyring.vkeys()
    checkpoint, note = open_checkpoint(get("checkpoint").content, keys)
    assert len(note.verified) == 2 and not note.unknown
    entries = [
        entry for tile in new_bundles(0, checkpoint.size) for entry in decode_bundle(get(tile.path).content, tile.width)
    ]
    assert entries == bodies()
    reader = TileReader(lambda tile: get(tile.path).content, checkpoint.size)
    assert root(checkpoint.size, reader) == checkpoint.root
    tree = MemoryTree()
    for entry in entries:
        tree.append(leaf_hash(entry))
    for tile in new_tiles(0, checkpoint.size):
        assert get(tile.path).content == tile_data(tile, tree)


def test_headers_and_partial_tiles(get) -> None:
    add_many(300)
    sequencer.run_once(finish=True)
    full, partial = get("tile/0/000"), get("tile/0/001.p/44")
    assert (full.status_code, full["Cache-Control"], len(full.content)) == (200, FOREVER, 256 * 32)
    assert full["Content-Type"] == partial["Content-Type"] == "application/octet-stream"
    assert get("tile/entries/000")["Cache-Control"] == FOREVER
    for answer in (partial, get("tile/entries/001.p/44"), get("tile/1/000.p/1"), get("checkpoint"), get("vkey")):
        assert answer.status_code == 200
        assert "immutable" not in answer["Cache-Control"]
    assert get("tile/0/001.p/7").content == partial.content[: 7 * 32]
    assert get("tile/0/000.p/255").content == full.content[: 255 * 32]
    assert get("checkpoint")["Content-Type"].startswith("text/plain")


ABSENT = [
    "tile/0/001",
    "tile/0/001.p/45",
    "tile/entries/001.p/45",
    "tile/1/000.p/2",
    "tile/1/000",
    "tile/0/002.p/1",
    "tile/0/1",
    "tile/0/000.p/256",
    "tile/0/000.p/0",
    "tile/64/000",
    "tile/-1/000",
    "tile/data/000",
    "tile/0/x000/000",
    "tile/0/../../checkpoint",
    "content/00",
    "content/zz",
    f"content/{'0' * 64}",
    "nothing",
]


def test_what_does_not_exist_is_not_found(get) -> None:
    add_many(300)
    sequencer.run_once(finish=True)
    add_many(300)
    for path in ABSENT:
        answer = get(path)
        assert answer.status_code == 404
        assert answer.json()["code"] == "not_found"
        assert answer["Content-Type"] == "application/problem+json"
        assert answer["Cache-Control"] == "no-store"


def test_what_is_placed_but_not_signed_is_not_served(get) -> None:
    add_many(256)
    sequencer.place_pending()
    assert {get(path).status_code for path in ("tile/0/000", "tile/entries/000", "checkpoint")} == {404}
    checkpointing.keep()
    assert {get(path).status_code for path in ("tile/0/000", "tile/entries/000", "checkpoint")} == {200}


def test_only_reading_is_allowed(get) -> None:
    answer = Client().post("/log/checkpoint")
    assert (answer.status_code, answer["Allow"]) == (405, "GET, HEAD")
    assert get("witness").status_code == 405


def test_a_content_is_served_until_it_is_suppressed(get) -> None:
    object_id = uuid.uuid4()
    address = services.store_content(object_kind="example", object_id=object_id, fields={"name": "示例"})
    path = f"content/{address.removeprefix('sha256:')}"
    body = get(path).content
    assert f"sha256:{hashlib.sha256(body).hexdigest()}" == address
    assert int(get(path)["Cache-Control"].removeprefix("public, max-age=")) <= 60
    with transaction.atomic():
        services.suppress(object_id=object_id, at=legal_now(), ground="personal_information")
    gone = get(path)
    assert (gone.status_code, gone.json()["code"]) == (410, "content_suppressed")
    assert gone.json()["ground"] == "personal_information"
    assert "示例" not in gone.content.decode()


def test_the_content_of_a_suspended_notice_rests(get) -> None:
    world = w.build()
    pk = acts.in_notice(world)
    sequencer.run_once(finish=True)
    path = f"content/{bytes(Content.objects.get(object_id=pk).digest).hex()}"
    assert get(path).status_code == 200
    w.act(world, "suspend_notice", pk, "agency_supervisor", ground="error", reason="简介有误")
    assert get(path).status_code == 404
    w.act(world, "resume_notice", pk, "agency_supervisor")
    assert get(path).status_code == 200


# Witnesses


WITNESS = Ed25519Key(hashlib.sha256(b"witness").digest())
NAME = "witness.example.net/w1"


def cosigned(checkpoint: Checkpoint, at: int, key: Ed25519Key = WITNESS) -> bytes:
    return sign_checkpoint(checkpoint, NoteSigner(NAME, Cosigner(key, at)))


def send(note: bytes):
    return Client().post("/log/witness", note, content_type="text/plain")


def test_a_known_witness_cosigns_and_its_line_is_served(get, settings) -> None:
    key = NoteSigner(NAME, Cosigner(WITNESS, 0)).key
    add(2)
    sequencer.run_once(finish=True)
    checkpoint = checkpointing.examine().now
    now = int(real_now().timestamp())
    assert send(cosigned(checkpoint, now)).status_code == 403
    settings.DENGJI_WITNESSES = str(key)
    assert send(cosigned(checkpoint, now)).json() == {"accepted": 1}
    _, note = open_checkpoint(get("checkpoint").content, [*keyring.vkeys(), key])
    assert note.cosigned_at(key) == now
    assert send(cosigned(checkpoint, now - 5)).json() == {"accepted": 0}
    assert send(cosigned(checkpoint, now + 1)).json() == {"accepted": 1}
    assert send(cosigned(checkpoint, now + 86_400)).json() == {"accepted": 0}
    _, note = open_checkpoint(get("checkpoint").content, [key])
    assert note.cosigned_at(key) == now + 1


def test_what_no_witness_signed_is_refused(get, settings) -> None:
    settings.DENGJI_WITNESSES = str(NoteSigner(NAME, Cosigner(WITNESS, 0)).key)
    add(2)
    sequencer.run_once(finish=True)
    checkpoint = checkpointing.examine().now
    now = int(real_now().timestamp())
    stranger = Ed25519Key(bytes(32))
    other = Checkpoint(checkpoint.origin, 2, hashlib.sha256(b"fork").digest())
    good = cosigned(checkpoint, now)
    refused = {
        "note_malformed": b"nonsense",
        "no_witness": cosigned(checkpoint, now, stranger),
        "unknown_checkpoint": cosigned(other, now),
        "checkpoint_malformed": good.replace(b"\n2\n", b"\n02\n"),
    }
    for code, note in refused.items():
        answer = send(note)
        assert 400 <= answer.status_code < 500
        assert answer.json()["code"] == code
    forged = cosigned(checkpoint, now + 3).split(b"\n\n")[1][:-20] + good[-20:]
    assert send(checkpoint.text + b"\n" + forged).json()["code"] == "signature_invalid"
    assert send(b"x" * 70_000).status_code == 413
    assert NAME not in get("checkpoint").content.decode()
