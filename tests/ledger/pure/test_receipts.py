"""Receipts: what they prove, who vouches for it, and that nothing altered, swapped or forged passes."""

from __future__ import annotations

import base64
import dataclasses
import hashlib

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dengji.core.canonical import canonical
from dengji.ledger.entries import content_body
from dengji.ledger.pure import sm2
from dengji.ledger.pure.checkpoints import Checkpoint, sign_checkpoint
from dengji.ledger.pure.cosignatures import Cosigner
from dengji.ledger.pure.errors import LedgerError
from dengji.ledger.pure.keys import Algorithm
from dengji.ledger.pure.merkle import MemoryTree, consistency_proof, inclusion_proof, leaf_hash, root
from dengji.ledger.pure.notes import NoteSigner
from dengji.ledger.pure.receipts import Held, Stamp, Trust, make_receipt, parse_receipt, verify_receipt

from .conftest import FIELDS, NOW, ORIGIN, SALT, STATEMENT, key


def refused(data: bytes, trust: Trust, **more) -> str:
    with pytest.raises(LedgerError) as caught:
        verify_receipt(parse_receipt(data), trust, **more)
    return caught.value.code


def codes(report) -> list[str]:
    return [statement.code for statement in report.statements]


def test_a_public_entry_with_its_content(world):
    report = verify_receipt(parse_receipt(world.receipt(5)), world.trust)
    assert codes(report) == ["included", "signed", "content_matches", "time_by_node_alone", "not_truth"]
    assert report.index == 5 and report.checkpoint == world.checkpoint and not report.anchors
    assert canonical(report.entry) == world.entries[5]
    text = "\n".join(map(str, report.statements))
    assert "不等于内容真实" in text and "第 5 号" in text and "{" not in text


def test_a_sealed_entry_with_its_opening(world):
    report = verify_receipt(parse_receipt(world.receipt(3)), world.trust)
    assert codes(report) == ["included", "signed", "opening_matches", "time_by_node_alone", "not_truth"]


@pytest.mark.parametrize(("index", "expected"), [(5, "content_absent"), (3, "opening_absent")])
def test_without_content_or_opening_the_entry_is_still_proven(world, index, expected):
    assert expected in codes(verify_receipt(parse_receipt(world.receipt(index, whole=False)), world.trust))


def test_anchors_are_named_with_their_times(world):
    data = world.receipt(5, world.log, world.clock, world.witness)
    stamp = Stamp("时间戳机构", NOW + 9, hashlib.sha256(world.checkpoint.text).digest())
    held = Held("每日邮件", world.checkpoint)
    report = verify_receipt(parse_receipt(data), world.trust, held=[held], stamps=[stamp])
    assert [(a.kind, a.name, a.at) for a in report.anchors] == [
        ("witness", "witness.example.net/w1", NOW + 5),
        ("held_checkpoint", "每日邮件", None),
        ("time_stamp", "时间戳机构", NOW + 9),
    ]
    assert "time_by_node_alone" not in codes(report)
    assert any("2026-09-21T14:13:25Z" in str(statement) for statement in report.statements)


def test_the_nodes_own_clock_is_no_anchor(world):
    data = world.receipt(5, world.log, world.clock)
    same_key_elsewhere = NoteSigner("other.example/w", Cosigner(key("clock"), NOW))
    trust = dataclasses.replace(world.trust, witnesses=(same_key_elsewhere.key,))
    report = verify_receipt(parse_receipt(world.receipt(5, world.log, world.clock, same_key_elsewhere)), trust)
    assert not report.anchors and "time_by_node_alone" in codes(report)
    assert "node_time" in codes(verify_receipt(parse_receipt(data), world.trust))


def test_one_witness_key_under_two_names_counts_once(world):
    twin = NoteSigner("witness.example.net/w2", world.witness.signer)
    trust = dataclasses.replace(world.trust, witnesses=(world.witness.key, twin.key))
    data = world.receipt(5, world.log, world.witness, twin)
    assert len(verify_receipt(parse_receipt(data), trust).anchors) == 1


def test_a_stamp_over_something_else_is_no_anchor(world):
    report = verify_receipt(parse_receipt(world.receipt(5)), world.trust, stamps=[Stamp("某机构", NOW, bytes(32))])
    assert not report.anchors


def test_signatures_of_strangers_are_counted_not_believed(world):
    stranger = NoteSigner("stranger.example", key("stranger"))
    report = verify_receipt(parse_receipt(world.receipt(5, world.log, stranger)), world.trust)
    assert "unknown_signatures" in codes(report)
    assert refused(world.receipt(5, stranger), world.trust) == "note_unsigned"


def test_a_witness_alone_does_not_speak_for_the_log(world):
    data = world.receipt(5, world.witness)
    assert refused(data, world.trust) == "required_signature_missing"
    assert refused(data, dataclasses.replace(world.trust, required=frozenset())) == "required_signature_missing"


def test_a_witness_with_an_ordinary_key_does_not_speak_for_the_log_either(world):
    plain = NoteSigner("witness.example.net/w3", key("plain"))
    trust = dataclasses.replace(world.trust, witnesses=(plain.key,))
    assert refused(world.receipt(5, plain), trust) == "required_signature_missing"


def test_held_checkpoints_before_and_after_the_receipt(world):
    data = world.receipt(5, size=9)
    later = Held("邻接节点", world.checkpoint, tuple(consistency_proof(9, 12, world.tree)), NOW)
    before = Held("旧邮件", world.at(4), tuple(consistency_proof(4, 9, world.tree)))
    between = Held("打印件", world.at(6), tuple(consistency_proof(6, 9, world.tree)))
    report = verify_receipt(parse_receipt(data), world.trust, held=[later, before, between])
    assert [anchor.name for anchor in report.anchors] == ["邻接节点", "打印件"]


def test_a_fork_is_detected_by_a_held_checkpoint(world):
    forked = MemoryTree()
    for entry in [*world.entries[:7], b"another", *world.entries[8:]]:
        forked.append(leaf_hash(entry))
    fork = Checkpoint(ORIGIN, 12, root(12, forked))
    data = make_receipt(world.entries[5], 5, inclusion_proof(5, 12, forked), sign_checkpoint(fork, world.log))
    verify_receipt(parse_receipt(data), world.trust)
    assert refused(data, world.trust, held=[Held("每日邮件", world.checkpoint)]) == "not_an_extension"
    assert refused(data, world.trust, held=[Held("别处", dataclasses.replace(fork, origin="x"))]) == "wrong_log"


@given(index=st.sampled_from([3, 5]), place=st.integers(0, 10**6), bit=st.integers(0, 7))
def test_any_changed_bit_is_refused(world, index, place, bit):
    data = bytearray(world.receipt(index))
    data[place % len(data)] ^= 1 << bit
    refused(bytes(data), world.trust)


@given(place=st.integers(0, 10**6), added=st.binary(min_size=1, max_size=3))
def test_any_inserted_or_deleted_byte_is_refused(world, place, added):
    data = world.receipt(5)
    at = place % len(data)
    refused(data[:at] + added + data[at:], world.trust)
    refused(data[:at] + data[at + 1 :], world.trust)


def swapped(data: bytes, **changes) -> bytes:
    return canonical({k: v for k, v in (orjson.loads(data) | changes).items() if v is not None}) + b"\n"


def test_forged_parts_in_good_form(world):
    data = world.receipt(5)
    entry = orjson.loads(world.entries[5])
    other = orjson.loads(content_body(SALT, FIELDS | {"name": "另一个名称"}))
    forgeries = {
        "entry altered": (swapped(data, entry=entry | {"at": "2026-09-17T01:02:03.005Z"}), "entry_not_included"),
        "entry of another log": (swapped(data, entry=entry | {"log": "x"}), "wrong_log"),
        "other place": (swapped(data, index=4), "entry_not_included"),
        "place beyond the log": (swapped(data, index=12), "entry_not_included"),
        "no proof": (swapped(data, proof=[]), "entry_not_included"),
        "longer proof": (swapped(data, proof=[*orjson.loads(data)["proof"]] * 2), "entry_not_included"),
        "short hash": (swapped(data, proof=["AAAA"]), "entry_not_included"),
        "content of another record": (swapped(data, content=other), "content_mismatch"),
        "content with a bad salt": (swapped(data, content=other | {"salt": "zz"}), "content_mismatch"),
        "content where none belongs": (
            swapped(world.receipt(3), content=orjson.loads(world.content)),
            "content_mismatch",
        ),
        "opening where none belongs": (
            swapped(data, opening={"salt": SALT.hex(), "statement": STATEMENT}),
            "opening_mismatch",
        ),
        "other statement": (
            swapped(world.receipt(3), opening={"salt": SALT.hex(), "statement": {"name": "x"}}),
            "opening_mismatch",
        ),
        "short salt": (swapped(world.receipt(3), opening={"salt": "00", "statement": STATEMENT}), "opening_mismatch"),
    }
    for name, (forged, expected) in forgeries.items():
        assert refused(forged, world.trust) == expected, name


def test_the_checkpoint_of_another_log_is_refused(world):
    other = dataclasses.replace(world.checkpoint, origin="log.example.org/other")
    data = make_receipt(world.entries[5], 5, inclusion_proof(5, 12, world.tree), sign_checkpoint(other, world.log))
    assert refused(data, world.trust) == "wrong_log"
    assert refused(world.receipt(5), dataclasses.replace(world.trust, origin="log.example.org/other")) == "wrong_log"


BAD_FORMS = {
    "not JSON": b"{",
    "not an object": b"[]\n",
    "no newline": None,
    "nested beyond reason": b"[" * 900 + b"]" * 900,
    "nested in the entry": b'{"checkpoint":"","entry":'
    + b'{"a":' * 600
    + b"1"
    + b"}" * 600
    + b',"index":0,"proof":[],"v":1}\n',
    "too long": b" " * 8_000_001,
}


@pytest.mark.parametrize("data", [v for v in BAD_FORMS.values() if v], ids=[k for k, v in BAD_FORMS.items() if v])
def test_what_is_no_receipt(data):
    with pytest.raises(LedgerError) as caught:
        parse_receipt(data)
    assert caught.value.code == "receipt_malformed"


@pytest.mark.parametrize(
    "changes",
    [
        {"v": 2},
        {"v": True},
        {"v": None},
        {"index": -1},
        {"index": True},
        {"index": "5"},
        {"entry": "text"},
        {"proof": "text"},
        {"proof": [1]},
        {"proof": ["AAAB", "AAB="]},
        {"proof": ["AAAA"] * 65},
        {"checkpoint": {}},
        {"extra": 1},
        {"content": "text"},
        {"content": {"salt": "00"}},
        {"content": {"salt": 1, "fields": {}}},
        {"opening": {"salt": "00", "statement": []}},
    ],
)
def test_members_of_a_wrong_form(world, changes):
    with pytest.raises(LedgerError) as caught:
        parse_receipt(swapped(world.receipt(5), **changes))
    assert caught.value.code == "receipt_malformed"


@given(st.binary(max_size=200))
def test_parse_knows_only_its_own_error(data):
    with pytest.raises(LedgerError):
        parse_receipt(data)


JSON = st.recursive(
    st.one_of(st.booleans(), st.integers(-9, 99), st.text(max_size=5), st.sampled_from([ORIGIN, "AAAA"])),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(["log", "public", "content", "salt", "x"]), inner)
    ),
    max_leaves=8,
)


@given(entry=st.dictionaries(st.sampled_from(["log", "public", "sealed", "x"]), JSON), content=JSON, opening=JSON)
def test_verify_knows_only_its_own_error(world, entry, content, opening):
    """Entries that a hostile log really holds: any shape under a true proof and signature."""
    entry = entry | {"log": ORIGIN}
    tree = MemoryTree()
    tree.append(leaf_hash(canonical(entry)))
    note = sign_checkpoint(Checkpoint(ORIGIN, 1, root(1, tree)), world.log).decode()
    value = {"v": 1, "entry": entry, "index": 0, "proof": [], "checkpoint": note}
    for more in ({}, {"content": content}, {"opening": opening}, {"content": {"salt": "zz", "fields": entry}}):
        try:
            report = verify_receipt(parse_receipt(canonical(value | more) + b"\n"), world.trust)
            assert not more and [str(statement) for statement in report.statements]
        except LedgerError:
            pass


@pytest.mark.parametrize(
    "arguments",
    [
        {"entry": b'{"b":1,"a":2}'},
        {"entry": b"[]"},
        {"entry": b"{"},
        {"entry": '{"a":"e\u0301"}'.encode()},
        {"checkpoint": b"\xff"},
        {"content": b'{"salt":"00", "fields":{}}'},
        {"opening": (SALT, {"x": 1.5})},
        {"index": -1},
    ],
)
def test_a_receipt_that_would_not_read_back_is_not_made(world, arguments):
    good = {"entry": world.entries[5], "index": 5, "proof": [bytes(32)], "checkpoint": b"x"}
    with pytest.raises(LedgerError) as caught:
        make_receipt(**(good | arguments))
    assert caught.value.code == "receipt_malformed"


@pytest.mark.skipif(not sm2.available(), reason="libcrypto of this machine has no SM2")
def test_gm_mode_demands_a_valid_sm2_signature(world, monkeypatch):
    gm = NoteSigner(ORIGIN, sm2.Sm2Key(hashlib.sha256(b"gm").digest()))
    trust = dataclasses.replace(
        world.trust,
        keys=(*world.trust.keys, gm.key),
        required=frozenset({Algorithm.ED25519, Algorithm.SM2}),
    )
    both = world.receipt(5, world.log, gm)
    assert codes(verify_receipt(parse_receipt(both), trust)).count("signed") == 2
    assert refused(world.receipt(5), trust) == "required_signature_missing"
    assert refused(world.receipt(5, gm), trust) == "required_signature_missing"
    note = parse_receipt(both).checkpoint.decode().splitlines()
    raw = bytearray(base64.b64decode(note[-1].split(" ")[2]))
    raw[20] ^= 1
    note[-1] = note[-1].rpartition(" ")[0] + " " + base64.b64encode(raw).decode()
    broken = swapped(both, checkpoint="\n".join(note) + "\n")
    assert refused(broken, trust) == "signature_invalid"
    lenient = dataclasses.replace(trust, required=frozenset({Algorithm.ED25519}))
    assert refused(broken, lenient) == "signature_invalid"
    monkeypatch.setattr(sm2, "available", lambda: False)
    assert "sm2_not_checked" in codes(verify_receipt(parse_receipt(both), lenient))
