"""Anchors outside the node: time stamps of a real local authority, witnesses, the daily copy; and their failures."""

from __future__ import annotations

import base64
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from django.core import mail

from dengji.cli.main import main
from dengji.core.clock import real_now
from dengji.core.errors import DomainError
from dengji.ledger import anchors, checkpointing, keyring, outbound, sequencer
from dengji.ledger.models import Anchor, Cosignature, SignedCheckpoint
from dengji.ledger.pure import stamps
from dengji.ledger.pure.checkpoints import Checkpoint, open_checkpoint, require_extension
from dengji.ledger.pure.cosignatures import Cosigner
from dengji.ledger.pure.errors import LedgerError
from dengji.ledger.pure.keys import Ed25519Key
from dengji.ledger.pure.notes import NoteSigner, open_note, split_note
from dengji.ledger.pure.receipts import Trust, parse_receipt, verify_receipt
from dengji.registration import receipts
from tests.ledger.conftest import add
from tests.ledger.pure.conftest import key

needs_openssl = pytest.mark.skipif(
    shutil.which("openssl") is None or not stamps.available(),
    reason="a local time-stamping authority needs the openssl command and rfc3161-client",
)

CONFIG = """
[req]
distinguished_name = dn
[dn]
[tsa]
extendedKeyUsage = critical,timeStamping
keyUsage = critical,digitalSignature
basicConstraints = CA:FALSE
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[ca]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign
subjectKeyIdentifier = hash
[t]
serial = ./serial
signer_cert = ./tsa.pem
signer_key = ./tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
accuracy = secs:1
ess_cert_id_chain = no
"""


class Service:
    """A small HTTP server on this machine that answers POSTs as it is told, and remembers what it was asked."""

    def __init__(self, answer: Callable[[str, bytes], tuple[int, bytes]]) -> None:
        self.asked: list[tuple[str, bytes]] = []
        self.answer = answer
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.asked.append((self.path, body))
                status, reply = outer.answer(self.path, body)
                self.send_response(status)
                if status in (301, 302, 307):
                    self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", str(len(reply)))
                self.end_headers()
                self.wfile.write(reply)

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def service() -> Iterator[Callable[..., Service]]:
    """Start services; all stop at the end."""
    running: list[Service] = []

    def start(answer: Callable[[str, bytes], tuple[int, bytes]]) -> Service:
        running.append(Service(answer))
        return running[-1]

    yield start
    for one in running:
        one.close()


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the certificates and key of a time-stamping authority of our own."""
    home = tmp_path_factory.mktemp("tsa")
    (home / "c.cnf").write_text(CONFIG)
    (home / "serial").write_text("01\n")
    new = ["openssl", "req", "-newkey", "rsa:2048", "-nodes", "-config", "c.cnf"]
    for words in (
        [*new, "-x509", "-keyout", "ca.key", "-out", "ca.pem", "-days", "30", "-subj", "/CN=CA", "-extensions", "ca"],
        [*new, "-new", "-keyout", "tsa.key", "-out", "tsa.csr", "-subj", "/CN=TSA"],
        ["openssl", "x509", "-req", "-in", "tsa.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
         "-out", "tsa.pem", "-days", "30", "-extfile", "c.cnf", "-extensions", "tsa"],
    ):  # fmt: skip
        subprocess.run(words, cwd=home, check=True, capture_output=True)
    return home


def stamping(home: Path) -> Callable[[str, bytes], tuple[int, bytes]]:
    """Answer time-stamp queries with the openssl command."""

    def answer(path: str, body: bytes) -> tuple[int, bytes]:
        (home / "q.tsq").write_bytes(body)
        words = ["openssl", "ts", "-reply", "-config", "c.cnf", "-section", "t", "-queryfile", "q.tsq", "-out", "r.tsr"]
        subprocess.run(words, cwd=home, check=True, capture_output=True)
        return 200, (home / "r.tsr").read_bytes()

    return answer


@pytest.fixture
def node(log: str, settings: Any) -> Iterator[None]:
    """A log with one signed entry; nothing remembered of earlier failures."""
    anchors.forget()
    add()
    sequencer.run_once()
    yield
    anchors.forget()


def grow() -> SignedCheckpoint:
    """Place another entry and sign at once."""
    add()
    sequencer.place_pending()
    return checkpointing._sign(checkpointing.examine().now, real_now())


def later(monkeypatch: pytest.MonkeyPatch, **more: float) -> None:
    """Let the anchors believe that time has passed."""
    at = real_now() + timedelta(**more)
    monkeypatch.setattr(anchors, "real_now", lambda: at)


def trust() -> Trust:
    """This node's keys."""
    keys = tuple(keyring.vkeys())
    return Trust(keys[0].name, keys)


# Time stamps


@needs_openssl
def test_a_time_stamp_comes_into_the_receipt_and_is_verified_offline(
    node: None, service: Any, authority: Path, settings: Any, tmp_path: Path, capsys: Any, monkeypatch: Any
) -> None:
    settings.DENGJI_TSA_URL = f"{service(stamping(authority)).url}/tsa"
    settings.DENGJI_TSA_CA = str(authority / "ca.pem")
    assert receipts.of_entry(0).time_stamp == "waiting"
    assert anchors.keep() == {"time_stamp": 1} and anchors.keep() == {"time_stamp": 0}
    made = receipts.of_entry(0)
    assert made.time_stamp == "present"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DENGJI_LANG", "zh")
    Path("r.json").write_bytes(made.data)
    Path("vkey").write_text("\n".join(map(str, keyring.vkeys())))
    words = ["verify", "r.json", "--vkey", "vkey"]
    assert main([*words, "--tsa-ca", str(authority / "ca.pem")]) == 0
    said = capsys.readouterr().out
    assert "时间戳机构 127.0.0.1 证明此检查点在" in said and "仅由节点自己主张" not in said
    # Without its certificate, or under another's, the stamp is told but not believed.
    other = authority / "tsa.pem"
    for more in ([], ["--tsa-ca", str(other)]):
        assert main([*words, *more]) == 0
        said = capsys.readouterr().out
        assert "未予采信" in said and "时间仅由节点自己主张" in said
    Path("not.pem").write_text("x")
    assert main([*words, "--tsa-ca", "not.pem"]) == 1


@needs_openssl
def test_any_changed_byte_of_a_stamped_receipt_is_refused(
    node: None, service: Any, authority: Path, settings: Any
) -> None:
    settings.DENGJI_TSA_URL = service(stamping(authority)).url
    anchors.keep()
    data = receipts.of_entry(0).data
    believed = trust()
    for place in range(len(data)):
        changed = bytearray(data)
        changed[place] ^= 1 << place % 8
        with pytest.raises(LedgerError):
            receipt = parse_receipt(bytes(changed))
            note, _ = stamps.split_stamps(receipt.checkpoint)
            verify_receipt(type(receipt)(receipt.entry, receipt.index, receipt.proof, note), believed)


@needs_openssl
def test_a_stamp_of_another_checkpoint_is_refused(
    node: None, service: Any, authority: Path, settings: Any, tmp_path: Path, monkeypatch: Any, capsys: Any
) -> None:
    settings.DENGJI_TSA_URL = service(stamping(authority)).url
    anchors.keep()
    line = bytes(Anchor.objects.get().data).decode()
    row = grow()
    note = stamps.complete_note(checkpointing.published(row), [line])
    monkeypatch.setattr(anchors, "note_of", lambda row: note)
    (tmp_path / "r.json").write_bytes(receipts.of_entry(1).data)
    vkeys = [word for one in keyring.vkeys() for word in ("--vkey", str(one))]
    assert main(["verify", str(tmp_path / "r.json"), *vkeys, "--json"]) == 1
    assert "time_stamp_mismatch" in capsys.readouterr().out


@needs_openssl
def test_receipts_prefer_the_earliest_stamped_checkpoint_and_stamps_keep_their_interval(
    node: None, service: Any, authority: Path, settings: Any, monkeypatch: Any
) -> None:
    tsa = service(stamping(authority))
    settings.DENGJI_TSA_URL = tsa.url
    anchors.keep()
    first = SignedCheckpoint.objects.latest("id").size
    grow()
    assert anchors.keep() == {"time_stamp": 0} and len(tsa.asked) == 1
    assert receipts.of_entry(0).size == first and receipts.of_entry(1).time_stamp == "waiting"
    later(monkeypatch, hours=1, minutes=1)
    assert anchors.keep() == {"time_stamp": 1}
    assert receipts.of_entry(1).time_stamp == "present" and receipts.of_entry(0).size == first


@needs_openssl
def test_a_log_at_rest_is_stamped_anew_each_day_and_carries_the_first_and_the_newest(
    node: None, service: Any, authority: Path, settings: Any, monkeypatch: Any
) -> None:
    settings.DENGJI_TSA_URL = service(stamping(authority)).url
    assert anchors.keep() == {"time_stamp": 1}
    later(monkeypatch, hours=23)
    assert anchors.keep() == {"time_stamp": 0}
    for days in (2, 4, 6):
        later(monkeypatch, days=days)
        assert anchors.keep() == {"time_stamp": 1}
    row = SignedCheckpoint.objects.latest("id")
    held = [bytes(one.data).strip() for one in Anchor.objects.filter(kind="time_stamp", size=row.size).order_by("at")]
    note = anchors.note_of(row)
    assert [stamp in note for stamp in held] == [True, False, False, True]


@needs_openssl
def test_what_the_authority_should_not_have_answered_is_not_taken(
    node: None, service: Any, authority: Path, settings: Any
) -> None:
    right = stamping(authority)
    kept: list[bytes] = []

    def replayed(path: str, body: bytes) -> tuple[int, bytes]:
        kept.append(right(path, body)[1])
        return 200, kept[0]

    settings.DENGJI_TSA_URL = service(replayed).url
    row = SignedCheckpoint.objects.latest("id")
    anchors.request_stamp(row)
    for error, wrong in (
        ("time_stamp_malformed", replayed),  # the nonce is that of an earlier question
        ("time_stamp_malformed", lambda *_: (200, b"0")),
        ("anchor_unreachable", lambda *_: (500, b"")),
        ("anchor_unreachable", lambda *_: (302, b"")),
        ("anchor_unreachable", lambda *_: (200, bytes(70_000))),
    ):
        tsa = service(wrong)
        settings.DENGJI_TSA_URL = tsa.url
        with pytest.raises(DomainError) as caught:
            anchors.request_stamp(row)
        assert caught.value.code == error and len(tsa.asked) == 1  # no redirect is followed
    settings.DENGJI_TSA_URL = service(right).url
    settings.DENGJI_TSA_CA = str(authority / "tsa.pem")
    with pytest.raises(DomainError) as caught:
        anchors.request_stamp(row)
    assert caught.value.code == "time_stamp_invalid"


def test_an_authority_that_is_away_stops_nobody_and_after_four_hours_receipts_say_so(
    node: None, settings: Any, monkeypatch: Any, caplog: Any
) -> None:
    settings.DENGJI_TSA_URL = "http://127.0.0.1:9/"
    assert anchors.keep() == {}
    assert [r.getMessage() for r in caplog.records] == ["anchor time_stamp: anchor_unreachable, trying again"]
    asked = []
    monkeypatch.setattr(outbound, "post", lambda *a: asked.append(a))
    assert anchors.keep() == {} and not asked  # not again within the minute
    add()
    sequencer.run_once()
    made = receipts.of_entry(0)
    assert made.time_stamp == "waiting"
    verify_receipt(parse_receipt(made.data), trust())
    later(monkeypatch, hours=3, minutes=59)
    assert receipts.of_entry(0).time_stamp == "waiting"
    later(monkeypatch, hours=4, minutes=1)
    assert receipts.of_entry(0).time_stamp == "without" and anchors.is_stale()
    assert list(anchors.overdue()) == ["time_stamp"]
    anchors.keep()
    assert asked  # and tried again for ever
    settings.DENGJI_TSA_URL = ""
    assert receipts.of_entry(0).time_stamp == "off" and not anchors.is_stale()


def test_only_http_addresses_are_asked() -> None:
    for url in ("file:///etc/passwd", "ftp://example.org/", "nothing"):
        with pytest.raises(DomainError) as caught:
            outbound.post(url, b"", "text/plain")
        assert caught.value.code == "anchor_address"


# Witnesses


class Witness:
    """A witness after C2SP tlog-witness: it cosigns what extends what it has seen, and nothing else."""

    def __init__(self, seen: Checkpoint | None = None) -> None:
        self.signer = Ed25519Key(key("witness").private)
        self.seen = seen
        self.name = "witness.example.net/w1"
        self.log_keys = tuple(keyring.vkeys())

    @property
    def vkey(self) -> str:
        return str(NoteSigner(self.name, Cosigner(self.signer, 0)).key)

    def __call__(self, path: str, body: bytes) -> tuple[int, bytes]:
        assert path == "/w/add-checkpoint"
        head, _, note = body.partition(b"\n\n")
        first, *proof = head.decode().split("\n")
        old = int(first.removeprefix("old "))
        checkpoint, _ = open_checkpoint(note, self.log_keys)
        if old != (self.seen.size if self.seen else 0):
            return 409, f"{self.seen.size if self.seen else 0}\n".encode()
        if self.seen is not None:
            require_extension(self.seen, checkpoint, [base64.b64decode(one) for one in proof])
        self.seen = checkpoint
        cosigner = NoteSigner(self.name, Cosigner(self.signer, int(real_now().timestamp())))
        return 200, cosigner.sign(split_note(note)[0]).line.encode()


def test_witnesses_cosign_what_grew_and_receipts_carry_it(node: None, service: Any, settings: Any) -> None:
    witness = Witness()
    running = service(witness)
    settings.DENGJI_WITNESSES, settings.DENGJI_WITNESS_URLS = witness.vkey, f"{running.url}/w/"
    name = f"witness:{running.url}/w"
    assert anchors.keep() == {name: 1} and anchors.keep() == {}
    for _ in range(3):
        grow()
        assert anchors.keep() == {name: 1}
    assert witness.seen and witness.seen.size == SignedCheckpoint.objects.latest("id").size
    report = verify_receipt(
        parse_receipt(receipts.of_entry(0).data),
        Trust(trust().origin, trust().keys, tuple(keyring.witnesses())),
    )
    assert [anchor.kind for anchor in report.anchors] == ["witness"]


def test_a_witness_that_knows_the_log_already_says_from_where(node: None, service: Any, settings: Any) -> None:
    known = open_checkpoint(bytes(SignedCheckpoint.objects.latest("id").note), keyring.vkeys())[0]
    row = grow()
    witness = Witness(known)
    running = service(witness)
    settings.DENGJI_WITNESSES, settings.DENGJI_WITNESS_URLS = witness.vkey, f"{running.url}/w"
    assert list(anchors.keep().values()) == [1] and len(running.asked) == 2
    opened = open_note(checkpointing.published(row), keyring.witnesses())
    assert len(opened.verified) == 1
    witness.seen = Checkpoint(known.origin, row.size + 5, bytes(32))
    grow()
    anchors.forget()
    # It has seen more than this log now shows: nothing is stored, and the node goes on.
    assert anchors.keep() == {} and Cosignature.objects.filter(name=witness.name).count() == 1


def test_a_cosignature_that_is_not_the_witnesss_is_not_stored(node: None, service: Any, settings: Any) -> None:
    witness = Witness()
    witness.signer = Ed25519Key(key("impostor").private)
    running = service(witness)
    settings.DENGJI_WITNESSES = str(NoteSigner(witness.name, Cosigner(key("witness"), 0)).key)
    settings.DENGJI_WITNESS_URLS = f"{running.url}/w"
    assert anchors.keep() == {}
    assert not Cosignature.objects.filter(name=witness.name).exists()


# The daily copy


def test_each_day_one_checkpoint_is_mailed_and_exported(
    node: None, settings: Any, tmp_path: Path, monkeypatch: Any
) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    settings.DENGJI_CHECKPOINT_MAIL = "a@example.org, b@example.org"
    settings.DENGJI_CHECKPOINT_DIR = str(tmp_path / "daily")
    assert anchors.keep() == {"mail": 1, "export": 1} and anchors.keep() == {"mail": 0, "export": 0}
    (message,) = mail.outbox
    assert message.to == ["a@example.org", "b@example.org"] and "日志检查点" in message.subject
    name, attached, kind = message.attachments[0]
    (file,) = (tmp_path / "daily").iterdir()
    assert (file.name, file.read_text()) == (name, attached) and kind == "text/plain"
    assert bytes(Anchor.objects.get(kind="export").data) == file.read_bytes()
    later(monkeypatch, days=1)
    assert anchors.keep() == {"mail": 1, "export": 1}
    assert len(mail.outbox) == 2 and len(list((tmp_path / "daily").iterdir())) == 2


def test_the_mailed_checkpoint_is_an_anchor_for_a_receipt(
    node: None, settings: Any, tmp_path: Path, capsys: Any
) -> None:
    settings.DENGJI_CHECKPOINT_DIR = str(tmp_path / "daily")
    anchors.keep()
    (file,) = (tmp_path / "daily").iterdir()
    (tmp_path / "r.json").write_bytes(receipts.of_entry(0).data)
    vkeys = [word for one in keyring.vkeys() for word in ("--vkey", str(one))]
    assert main(["verify", str(tmp_path / "r.json"), *vkeys, "--checkpoint", str(file), "--lang", "zh"]) == 0
    assert f"与另行保存的检查点（{file.name}）一致" in capsys.readouterr().out
    file.write_bytes(file.read_bytes().replace(b"\n1\n", b"\n2\n"))
    assert main(["verify", str(tmp_path / "r.json"), *vkeys, "--checkpoint", str(file)]) == 1


def test_a_copy_that_cannot_be_sent_or_written_stops_nothing(
    node: None, settings: Any, tmp_path: Path, monkeypatch: Any, caplog: Any
) -> None:
    (tmp_path / "file").write_text("")
    settings.EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"
    settings.DENGJI_CHECKPOINT_MAIL = "a@example.org"
    settings.DENGJI_CHECKPOINT_DIR = str(tmp_path / "file" / "daily")
    assert anchors.keep() == {} and not Anchor.objects.exists()
    assert {r.getMessage() for r in caplog.records} == {
        "anchor mail: mail_not_set, trying again",
        "anchor export: NotADirectoryError, trying again",
    }
    assert receipts.of_entry(0).data
    settings.DENGJI_CHECKPOINT_DIR = str(tmp_path / "daily")
    later(monkeypatch, seconds=61)
    assert anchors.keep() == {"export": 1} and not anchors.overdue()
    later(monkeypatch, days=2, seconds=30)
    assert list(anchors.overdue()) == ["mail"]  # the file was written a minute later than the log began
