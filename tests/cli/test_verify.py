"""`dengji verify`: what it proves and refuses, in which words, with which exit code, without Django or a database."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dengji.cli.main import main
from dengji.core.canonical import canonical, salted_digest
from dengji.ledger.entries import content_address, content_body
from dengji.ledger.pure import sm2
from dengji.ledger.pure.checkpoints import Checkpoint, sign_checkpoint
from dengji.ledger.pure.cosignatures import Cosigner
from dengji.ledger.pure.merkle import MemoryTree, consistency_proof, inclusion_proof, leaf_hash, root
from dengji.ledger.pure.notes import NoteSigner, VerifierKey, add_signatures
from dengji.ledger.pure.receipts import make_receipt
from dengji.ledger.pure.stamps import complete_note
from tests.ledger.pure.conftest import FIELDS, NOW, SALT, key

from .harness import Command, environment

ORIGIN = "log.example.org/register"
WORDS = {"reason": "数据来源不明"}
WORDS_SALT = bytes(range(32, 64))
STATEMENT = {"act": "reject", "n": 3, "detail": salted_digest(WORDS_SALT, WORDS)}
PUBLIC, SEALED, ROTATED = 5, 3, 8


class Log:
    """A log of twelve entries in memory: one public with content, one key rotation, all others sealed."""

    def __init__(self) -> None:
        self.log = NoteSigner(ORIGIN, key("log"))
        self.successor = NoteSigner(ORIGIN, key("successor"))
        self.clock = NoteSigner(ORIGIN, Cosigner(key("clock"), NOW))
        self.witness = NoteSigner("witness.example.net/w1", Cosigner(key("witness"), NOW + 5))
        self.content = content_body(SALT, FIELDS)
        self.entries = [self._entry(n) for n in range(12)]
        self.tree = self.grown(self.entries)

    def _entry(self, n: int) -> bytes:
        entry: dict[str, Any] = {"v": 1, "log": ORIGIN, "act": "reject", "at": "2026-09-17T01:02:03.004Z", "n": n}
        entry["object"] = "register/application/1"
        if n == PUBLIC:
            entry |= {"act": "assign_code", "public": {"content": content_address(self.content), "code": "GD-1"}}
        elif n == ROTATED:
            old, new = str(self.log.key), str(self.successor.key)
            entry |= {"act": "key_rotated", "public": {"slot": "log", "old_key": old, "new_key": new}}
        else:
            entry["sealed"] = salted_digest(SALT, STATEMENT)
        return canonical(entry)

    @staticmethod
    def grown(entries: list[bytes]) -> MemoryTree:
        tree = MemoryTree()
        for entry in entries:
            tree.append(leaf_hash(entry))
        return tree

    def checkpoint(self, size: int, *signers: NoteSigner, tree: MemoryTree | None = None) -> bytes:
        made = Checkpoint(ORIGIN, size, root(size, tree or self.tree))
        return sign_checkpoint(made, *(signers or (self.log, self.clock)))

    def receipt(self, index: int, *signers: NoteSigner, size: int = 12, tree: MemoryTree | None = None) -> bytes:
        public = index in (PUBLIC, ROTATED)
        return make_receipt(
            self.entries[index],
            index,
            inclusion_proof(index, size, tree or self.tree),
            complete_note(self.checkpoint(size, *signers, tree=tree)),
            content=self.content if index == PUBLIC else None,
            opening=None if public else (SALT, STATEMENT),
        )

    @property
    def vkeys(self) -> str:
        return f"{self.log.key}\n{self.clock.key}\n"


LOG = Log()


@pytest.fixture
def dengji(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Command:
    """The command in a directory of its own, with nothing remembered, speaking Chinese."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("DENGJI_LANG", "zh")
    monkeypatch.chdir(tmp_path)
    Path("vkey").write_text(LOG.vkeys)
    return Command(capsys)


@pytest.fixture
def file(tmp_path: Path) -> Callable[[str, bytes], str]:
    """Write a file into the directory of the test; its name."""

    def write(name: str, data: bytes) -> str:
        (tmp_path / name).write_bytes(data)
        return name

    return write


def codes(data: dict[str, Any]) -> list[str]:
    """The codes of what was said."""
    return [one["code"] for one in data["statements"]]


def refusal(dengji: Command, *words: object) -> str:
    """The code with which a receipt is not proven."""
    answer = dengji("verify", *words, "--vkey", "vkey", "--json")
    assert answer.code == 1 and answer.data["proven"] is False and answer.data["message"], answer.err
    return str(answer.data["code"])


def test_a_public_act_is_told_in_words(dengji: Command, file: Any) -> None:
    answer = dengji("verify", file("r.json", LOG.receipt(PUBLIC)), "--vkey", "vkey")
    assert answer.code == 0, answer.err
    for words in ("已证实", "赋码", "GD-1", "第 5 号记录", "不等于内容真实", "时间仅由节点自己主张", "由您指定"):
        assert words in answer.out
    assert "演示数据" not in answer.out and "{" not in answer.out.replace('{ "code"', "").replace('{ "content"', "")


def test_the_same_as_json(dengji: Command, file: Any) -> None:
    data = dengji.data("verify", file("r.json", LOG.receipt(SEALED)), "--vkey", "vkey")
    assert (data["proven"], data["index"], data["size"], data["origin"]) == (True, SEALED, 12, ORIGIN)
    assert data["anchors"] == [] and data["keys"] == "pinned"
    wanted = ["included", "signed", "node_time", "opening_matches", "time_by_node_alone"]
    assert codes(data) == [*wanted, "without_time_stamp", "keys_pinned", "not_truth"]


def test_it_needs_no_django_no_database_and_no_network(file: Any, dengji: Command, tmp_path: Path) -> None:
    file("r.json", LOG.receipt(PUBLIC))
    program = (
        "import sys, socket\n"
        "for name in ('django', 'ninja', 'procrastinate'): sys.modules[name] = None\n"
        "def refuse(*_): raise AssertionError('neither network nor database')\n"
        "socket.socket.connect = socket.getaddrinfo = refuse\n"
        "from dengji.cli.main import main\n"
        "sys.exit(main(['verify', 'r.json', '--vkey', 'vkey', '--json']))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env=environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["proven"] is True


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=150)
@given(index=st.sampled_from([PUBLIC, SEALED]), place=st.integers(0, 10**6), bit=st.integers(0, 7))
def test_any_flipped_bit_is_not_proven(dengji: Command, file: Any, index: int, place: int, bit: int) -> None:
    # The witness is one whom this reader does not know.
    data = bytearray(LOG.receipt(index, LOG.log, LOG.clock, LOG.witness))
    data[place % len(data)] ^= 1 << bit
    assert main(["verify", file("flipped.json", bytes(data)), "--vkey", "vkey"]) == 1


def swapped(data: bytes, **changes: Any) -> bytes:
    """The receipt with members replaced, in good form."""
    return canonical(orjson.loads(data) | changes) + b"\n"


def test_swapped_parts_are_refused_with_a_precise_sentence(dengji: Command, file: Any) -> None:
    other = orjson.loads(content_body(SALT, FIELDS | {"name": "另一个名称"}))
    public, sealed = LOG.receipt(PUBLIC), LOG.receipt(SEALED)
    opening = {"salt": SALT.hex(), "statement": {**STATEMENT, "n": 4}}
    cases = {
        "content_mismatch": (swapped(public, content=other), "所附内容不是该记录所指的内容"),
        "opening_mismatch": (swapped(sealed, opening=opening), "所附陈述不是该记录所密封的陈述"),
        "entry_not_included": (swapped(public, index=4), "记录与检查点不符"),
        "receipt_malformed": (public + b" ", "不是规范的回执文件"),
    }
    for code, (data, words) in cases.items():
        answer = dengji("verify", file("r.json", data), "--vkey", "vkey")
        assert answer.code == 1 and f"[{code}]" in answer.out and words in answer.out
        assert "未能证实" in answer.out


def test_without_a_key_one_is_told_where_to_get_it(dengji: Command, file: Any) -> None:
    answer = dengji("verify", file("r.json", LOG.receipt(PUBLIC)), "--json")
    assert answer.code == 2 and "--vkey" in answer.error["message"] and ORIGIN in answer.error["message"]
    for bad in ("nobody+00000000+AAAA", "missing-file"):
        assert dengji("verify", "r.json", "--vkey", bad).code in (2, 3)
    assert dengji("verify", "./no-such-file.json", "--vkey", "vkey").code == 2


def test_the_keys_of_another_log_do_not_speak_for_this_one(dengji: Command, file: Any) -> None:
    other = NoteSigner("log.example.org/other", key("log")).key
    answer = dengji("verify", file("r.json", LOG.receipt(PUBLIC)), "--vkey", other, "--json")
    assert answer.code == 1 and answer.data["code"] == "note_unsigned"
    stranger = NoteSigner(ORIGIN, key("stranger")).key
    assert dengji("verify", "r.json", "--vkey", stranger, "--json").data["code"] == "note_unsigned"


def test_keys_remembered_at_first_use(dengji: Command, file: Any) -> None:
    receipt = file("r.json", LOG.receipt(PUBLIC))
    assert dengji("verify", receipt, "--vkey", "vkey", "--remember").code == 0
    again = dengji("verify", receipt)
    assert again.code == 0 and "首次使用时记下" in again.out
    forger = NoteSigner(ORIGIN, key("forger"))
    forged = file("forged.json", LOG.receipt(PUBLIC, forger))
    assert dengji("verify", forged, "--json").data["code"] == "note_unsigned"
    answer = dengji("verify", forged, "--vkey", forger.key, "--remember", "--json")
    assert answer.code == 1 and answer.data["code"] == "keys_changed"
    assert dengji("verify", receipt).code == 0
    Path("config/dengji/known-logs.json").write_text("{")
    assert dengji("verify", receipt).code == 3


def test_a_failed_proof_remembers_nothing(dengji: Command, file: Any) -> None:
    receipt = file("r.json", swapped(LOG.receipt(PUBLIC), index=4))
    assert dengji("verify", receipt, "--vkey", "vkey", "--remember").code == 1
    assert not Path("config").exists()


def test_a_rotated_key_is_believed_on_the_word_of_the_old_one(dengji: Command, file: Any) -> None:
    new = file("new.json", LOG.receipt(PUBLIC, LOG.successor))
    assert refusal(dengji, new) == "note_unsigned"
    announcement = file("rotation.json", LOG.receipt(ROTATED, LOG.log, LOG.successor))
    data = dengji.data("verify", new, "--vkey", "vkey", "--rotation", announcement)
    assert "rotated" in codes(data)
    alone = file("alone.json", LOG.receipt(ROTATED, LOG.successor))
    assert refusal(dengji, new, "--rotation", alone) == "note_unsigned"
    assert refusal(dengji, new, "--rotation", file("r.json", LOG.receipt(SEALED))) == "not_a_rotation"


def test_witnesses_count_where_they_are_trusted(dengji: Command, file: Any) -> None:
    receipt = file("r.json", LOG.receipt(PUBLIC, LOG.log, LOG.witness))
    without = dengji.data("verify", receipt, "--vkey", "vkey")
    assert without["anchors"] == [] and "unknown_signatures" in codes(without)
    data = dengji.data("verify", receipt, "--vkey", "vkey", "--witness", LOG.witness.key)
    assert data["anchors"] == [{"kind": "witness", "name": "witness.example.net/w1", "at": NOW + 5}]
    assert "time_by_node_alone" not in codes(data)


def test_a_checkpoint_held_from_a_mail(dengji: Command, file: Any) -> None:
    receipt = file("r.json", LOG.receipt(PUBLIC, size=9))
    same = file("same.txt", LOG.checkpoint(9))
    data = dengji.data("verify", receipt, "--vkey", "vkey", "--checkpoint", same)
    assert [one["kind"] for one in data["anchors"]] == ["held_checkpoint"]
    later = file("later.txt", LOG.checkpoint(12))
    answer = dengji("verify", receipt, "--vkey", "vkey", "--checkpoint", later, "--json")
    assert answer.code == 2 and "consistency?old=9&new=12" in answer.error["message"]
    proof = {"old": 9, "new": 12, "proof": [_base64(one) for one in consistency_proof(9, 12, LOG.tree)]}
    between = file("between.json", json.dumps(proof).encode())
    data = dengji.data("verify", receipt, "--vkey", "vkey", "--checkpoint", later, "--consistency", between)
    assert data["anchors"] == [{"kind": "held_checkpoint", "name": "later.txt", "at": None}]
    wrong = file("wrong.json", json.dumps(proof | {"proof": proof["proof"][:-1]}).encode())
    assert refusal(dengji, receipt, "--checkpoint", later, "--consistency", wrong) == "not_an_extension"
    assert refusal(dengji, receipt, "--checkpoint", later, "--consistency", later) == "consistency_malformed"


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def test_a_receipt_from_a_fork_is_refused_by_what_one_holds(dengji: Command, file: Any) -> None:
    forked = Log.grown([*LOG.entries[:7], b'{"another":1}', *LOG.entries[8:]])
    receipt = file("fork.json", LOG.receipt(PUBLIC, tree=forked))
    assert dengji("verify", receipt, "--vkey", "vkey").code == 0
    mailed = file("mailed.txt", LOG.checkpoint(12))
    answer = dengji("verify", receipt, "--vkey", "vkey", "--checkpoint", mailed)
    assert answer.code == 1 and "历史已被改写" in answer.out
    unsigned = file("unsigned.txt", LOG.checkpoint(12, NoteSigner(ORIGIN, key("stranger"))))
    assert refusal(dengji, receipt, "--checkpoint", unsigned) == "held_checkpoint_invalid"


def test_the_reasons_of_a_private_act(dengji: Command, file: Any) -> None:
    receipt = file("r.json", LOG.receipt(SEALED))
    words = {"salt": WORDS_SALT.hex(), "words": WORDS, "demonstration": "演示数据 非登记结果"}
    good = file("words.json", json.dumps(words).encode())
    assert "words_match" in codes(dengji.data("verify", receipt, "--vkey", "vkey", "--words", good))
    for bad in ({**words, "words": {"reason": "别的理由"}}, {}, []):
        assert refusal(dengji, receipt, "--words", file("bad.json", json.dumps(bad).encode())) == "words_mismatch"
    public = file("p.json", LOG.receipt(PUBLIC))
    assert refusal(dengji, public, "--words", good) == "words_mismatch"


@pytest.mark.skipif(not sm2.available(), reason="libcrypto of this machine has no SM2")
def test_gm_demands_sm2(dengji: Command, file: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    gm = NoteSigner(ORIGIN, sm2.Sm2Key((7).to_bytes(32, "big")))
    Path("gm.vkey").write_text(f"# 公钥\n{LOG.vkeys}{gm.key}\n")
    plain, both = file("plain.json", LOG.receipt(PUBLIC)), file("both.json", LOG.receipt(PUBLIC, LOG.log, gm))
    answer = dengji("verify", plain, "--gm", "--vkey", "gm.vkey")
    assert answer.code == 1 and "SM2" in answer.out and "required_signature_missing" in answer.out
    assert dengji("verify", both, "--gm", "--vkey", "gm.vkey").code == 0
    assert dengji("verify", both, "--gm", "--vkey", "vkey").code == 1
    other = add_signatures(LOG.checkpoint(12), gm.sign(b"something else\n")).decode()
    bad = file("bad.json", swapped(LOG.receipt(PUBLIC), checkpoint=other))
    assert dengji("verify", bad, "--gm", "--vkey", "gm.vkey", "--json").data["code"] == "signature_invalid"
    monkeypatch.setattr(sm2, "_libcrypto", _no_library)
    assert dengji("verify", both, "--gm", "--vkey", "gm.vkey", "--json").error["code"] == "sm2_unavailable"


def _no_library() -> None:
    raise sm2._unavailable()


def test_a_demonstration_says_so(dengji: Command, file: Any) -> None:
    signer = NoteSigner("demo.example", key("demo"))
    entry = canonical({"v": 1, "log": "demo.example", "act": "x", "sealed": "sha256:00"})
    tree = Log.grown([entry])
    note = sign_checkpoint(Checkpoint("demo.example", 1, root(1, tree)), signer)
    receipt = file("demo.json", make_receipt(entry, 0, [], note))
    assert "演示数据 非登记结果" in dengji("verify", receipt, "--vkey", signer.key).out
    assert dengji.data("verify", receipt, "--vkey", signer.key)["demonstration"] == "演示数据 非登记结果"
    assert "演示数据" not in dengji("verify", file("r.json", LOG.receipt(PUBLIC)), "--vkey", "vkey").out


def test_from_standard_input(dengji: Command, file: Any, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "dengji.cli", "verify", "-", "--vkey", str(VerifierKey.parse(str(LOG.log.key)))],
        cwd=tmp_path,
        env=environment(),
        input=LOG.receipt(PUBLIC),
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.django_db
def test_a_code_is_verified_from_the_nodes_own_database(
    dengji: Command, db: None, settings: Any, tmp_path: Path
) -> None:
    from dengji.ledger import sequencer
    from tests.factories import world as w

    settings.DENGJI_DATA_DIR = tmp_path / "node"
    coded = w.registered(w.build())
    assert dengji("verify", coded["code"], "--json").error["code"] == "receipt_pending"
    sequencer.run_once()
    answer = dengji("verify", coded["code"])
    assert answer.code == 0 and "取自本机节点自己" in answer.out and coded["code"] in answer.out
    unknown = dengji("verify", "DEMO-unknown", "--json")
    assert unknown.code == 1 and unknown.error["code"] == "not_found"
