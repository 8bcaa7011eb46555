"""Followers: asked first, told once of each change, by a message that an outside library verifies; in public only."""

from __future__ import annotations

import datetime as dt
import http.server
import ipaddress
import json
import socket
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from http_message_signatures import HTTPMessageVerifier, HTTPSignatureKeyResolver, InvalidSignature, algorithms

from dengji.catalogue.following import outside, services, telling
from dengji.catalogue.following.models import Follower, Message
from dengji.catalogue.models import Item
from dengji.core.clock import legal_now, real_now
from dengji.core.errors import DomainError
from dengji.law.calendar import shanghai_date
from dengji.registration.services.clockwork import Round
from tests.factories import world as w

from . import kit

HOST = "hook.example"


@dataclass
class Hook:
    """An outside receiver on this machine: what came, and how it answers."""

    url: str
    seen: list[Any] = field(default_factory=list)
    status: int = 200
    confirms: bool = True


@pytest.fixture
def world(db: None) -> w.World:
    """A register with its people."""
    return w.build()


def _certificate(home: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(1).not_valid_before(now - dt.timedelta(days=1)).not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    certificate, private = home / "c.pem", home / "k.pem"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return certificate, private


@pytest.fixture
def hook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hook]:
    """A receiver with TLS under a name of its own; for it alone, this machine counts as public."""
    certificate, private = _certificate(tmp_path)
    made = Hook("")

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            made.seen.append(SimpleNamespace(method="POST", url=made.url, headers=dict(self.headers), body=body))
            answer = json.loads(body).get("challenge", "") if made.confirms else ""
            self.send_response(made.status)
            self.send_header("Location", "https://127.0.0.1/")
            self.end_headers()
            self.wfile.write(answer.encode())

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, private)
    server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    made.url = f"https://{HOST}:{server.server_port}/in?key=1"
    found = socket.getaddrinfo

    def look_up(host: Any, *more: Any, **named: Any) -> Any:
        return found("127.0.0.1" if host == HOST else host, *more, **named)

    monkeypatch.setattr(outside.socket, "getaddrinfo", look_up)
    monkeypatch.setattr(outside, "is_public", lambda address: address == "127.0.0.1")
    monkeypatch.setattr(outside, "context", lambda: ssl.create_default_context(cafile=str(certificate)))
    yield made
    server.shutdown()
    thread.join()
    server.server_close()


def subscribe(world: w.World, hook: Hook | None = None, who: str = "clerk", **more: Any) -> dict[str, Any]:
    """A person has an address told."""
    values: dict[str, Any] = {"kind": "search", "url": hook.url if hook else "https://1.1.1.1/", "filters": {}}
    return services.subscribe(actor=world.actor(who), transaction_id=w.tid(), **(values | more))


def tell() -> int:
    """Let the catalogue read, queue messages, send them."""
    kit.catch_up()
    at = legal_now()
    telling.tell(Round(at, shanghai_date(at), 1000))
    return services.send_due()


class Key(HTTPSignatureKeyResolver):
    """The receiver's copy of the key."""

    def __init__(self, secret: str) -> None:
        self.secret = secret

    def resolve_public_key(self, key_id: str) -> bytes:
        """The same key signs and verifies."""
        return self.secret.encode()


def verify(request: Any, secret: str) -> None:
    """Verify as a receiver would."""
    HTTPMessageVerifier(signature_algorithm=algorithms.HMAC_SHA256, key_resolver=Key(secret)).verify(
        request,
        body=request.body,
        require_components=("@method", "@target-uri", "content-digest", "dengji-delivery"),
        max_age=dt.timedelta(minutes=5),
    )


def test_a_search_is_followed(world: w.World, hook: Hook) -> None:
    made = subscribe(world, hook, filters={"region": ["62"], "state": ["VALID"]})
    assert made["state"] == "unconfirmed" and len(made["secret"]) == 64
    first = w.registered(world)
    tell()
    assert [json.loads(one.body)["type"] for one in hook.seen] == ["confirmation"], "nothing before it was wanted"
    second = w.registered(world)
    tell()
    message = json.loads(hook.seen[-1].body)
    item = Item.objects.get(code=second["code"])
    assert (message["code"], message["position"]) == (second["code"], item.position) and message["act"] == "assign_code"
    assert message["links"]["receipt"].endswith(f"/api/v1/entries/{item.position}/receipt")
    assert first["code"] not in hook.seen[-1].body.decode()
    for text in ("示例", "张掖", "客运", "clerk"):
        assert text not in hook.seen[-1].body.decode()
    assert tell() == 0, "each change once"


def test_messages_are_signed_so_that_outsiders_can_tell(world: w.World, hook: Hook) -> None:
    made = subscribe(world, hook)
    tell()
    w.registered(world)
    tell()
    for request in hook.seen:
        verify(request, made["secret"])
        assert json.loads(request.body)["id"] == request.headers["Dengji-Delivery"]
        changed = SimpleNamespace(**{**vars(request), "body": request.body.replace(b'"', b"'")})
        for bad, secret in ((changed, made["secret"]), (request, "0" * 64)):
            with pytest.raises(InvalidSignature):
                verify(bad, secret)
    assert len({request.headers["Dengji-Delivery"] for request in hook.seen}) == len(hook.seen) == 2


def test_a_record_is_followed_and_others_are_not(world: w.World, hook: Hook) -> None:
    coded, other = w.registered(world), w.registered(world)
    kit.catch_up()
    subscribe(world, hook, kind="record", code=coded["code"])
    tell()
    kit.cancel(world, coded)
    kit.cancel(world, other)
    tell()
    told = [json.loads(one.body) for one in hook.seen[1:]]
    assert [(one["code"], one["act"], one["state"]) for one in told] == [(coded["code"], "cancel", "CANCELLED")]


def test_who_ends_hears_no_more(world: w.World, hook: Hook) -> None:
    made = subscribe(world, hook)
    tell()
    w.registered(world)
    kit.catch_up()
    for who in ("business_reviewer", "nobody"):
        with pytest.raises(DomainError, match="找不到"):
            services.unsubscribe(actor=world.actor(who), transaction_id=w.tid(), follower_id=made["id"])
    services.unsubscribe(actor=world.actor("clerk"), transaction_id=w.tid(), follower_id=made["id"])
    assert tell() == 0 and len(hook.seen) == 1 and not Message.objects.exists()


def test_failures_come_again_later_and_stop_at_last(world: w.World, hook: Hook) -> None:
    made = subscribe(world, hook)
    tell()
    hook.status = 500
    for _ in range(services.GIVEN_UP):
        w.registered(world)
    tell()
    assert len(hook.seen) == 1 + services.GIVEN_UP and services.send_due() == 0, "not at once"
    row = Follower.objects.get()
    assert (row.state, row.failures, row.error) == ("active", 0, "status_500")
    for _ in services.BACK_OFF:
        Message.objects.update(next_at=real_now())
        services.send_due()
    row.refresh_from_db()
    assert row.state == "stopped" and row.stopped_at
    shown = services.selectors.followers(world.actor("clerk"))[0]
    assert shown["id"] == row.pk == UUID(str(made["id"])) and "已停止" in shown["note"]
    seen = len(hook.seen)
    w.registered(world)
    tell()
    assert len(hook.seen) == seen, "a stopped one is left alone"


def test_one_success_forgives(world: w.World, hook: Hook) -> None:
    subscribe(world, hook)
    tell()
    Follower.objects.update(failures=2)
    w.registered(world)
    tell()
    assert Follower.objects.get().failures == 0


def test_an_address_that_does_not_confirm_is_never_told(world: w.World, hook: Hook) -> None:
    hook.confirms = False
    subscribe(world, hook)
    for _ in range(len(services.BACK_OFF) + 1):
        w.registered(world)
        Message.objects.update(next_at=real_now())
        tell()
    assert Follower.objects.get().state == "stopped"
    assert {json.loads(one.body)["type"] for one in hook.seen} == {"confirmation"}


def test_redirects_are_not_followed(world: w.World, hook: Hook) -> None:
    hook.status = 302
    subscribe(world, hook)
    tell()
    assert len(hook.seen) == 1 and Follower.objects.get().error == "status_302"


def test_a_certificate_of_another_name_is_refused(world: w.World, hook: Hook, monkeypatch: pytest.MonkeyPatch) -> None:
    found = outside.socket.getaddrinfo
    monkeypatch.setattr(outside.socket, "getaddrinfo", lambda host, *a, **k: found("127.0.0.1", *a, **k))
    hook.url = hook.url.replace(HOST, "other.example")
    subscribe(world, hook)
    tell()
    assert not hook.seen and Follower.objects.get().error == "SSLCertVerificationError"


PRIVATE = (
    "127.0.0.1", "127.8.8.8", "0.0.0.0",  # noqa: S104 "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
    "192.0.0.1", "192.0.2.1", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255",
    "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "ff02::1", "::ffff:127.0.0.1",
    "::ffff:10.0.0.1", "::127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "2001:0:7f00:1::", "2001:db8::1", "nonsense",
)  # fmt: skip


@pytest.mark.parametrize("address", PRIVATE)
def test_no_address_of_inside_is_public(address: str) -> None:
    assert not outside.is_public(address)


@pytest.mark.parametrize("address", ["1.1.1.1", "223.5.5.5", "2400:3200::1", "2606:4700::1111"])
def test_public_addresses_are(address: str) -> None:
    assert outside.is_public(address) and ipaddress.ip_address(address).is_global


@pytest.mark.parametrize(
    "url",
    [
        "http://1.1.1.1/", "https://127.0.0.1/", "https://[::1]/", "https://[::ffff:127.0.0.1]/", "https://localhost/",
        "https://169.254.169.254/latest/meta-data/", "https://2130706433/", "https://0x7f.1/", "https://1.1.1.1:22/",
        "https://user:word@1.1.1.1/", "https://1.1.1.1@127.0.0.1/", "https://1.1.1.1/#x", "https://1.1.1.1\\@127.0.0.1/",
        "ftp://1.1.1.1/", "file:///etc/passwd", "https:///x", "https://1.1.1.1:99999/", "https://1.1.1.1/ x",
        "https://1.1.1.1/\r\nHost: x", "https://例子.example/", "https://" + "a" * 500,
    ],
)  # fmt: skip
def test_addresses_that_nobody_may_follow_from(world: w.World, url: str) -> None:
    with pytest.raises(DomainError) as refused:
        subscribe(world, url=url)
    assert refused.value.code == "webhook_address" and not Follower.objects.exists()


def test_a_name_that_later_leads_inside_is_refused_when_sending(
    world: w.World, hook: Hook, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The name is looked up once for each message, and what was looked up is what is connected to (rebinding)."""
    subscribe(world, hook)
    connected: list[Any] = []
    monkeypatch.setattr(outside, "is_public", lambda address: False)
    monkeypatch.setattr(outside.socket, "create_connection", lambda *a, **k: connected.append(a))
    tell()
    assert not connected and not hook.seen and Follower.objects.get().error == "webhook_address"


def test_a_name_is_looked_up_once_and_one_bad_address_spoils_it(
    world: w.World, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter([["1.1.1.1"], ["1.1.1.1", "10.0.0.1"]])
    asked: list[str] = []

    def look_up(host: str, *_: Any, **__: Any) -> Any:
        asked.append(host)
        return [(0, 0, 0, "", (address, 443)) for address in next(answers)]

    monkeypatch.setattr(outside.socket, "getaddrinfo", look_up)
    connected: list[Any] = []

    def connect(address: Any, *_: Any) -> Any:
        connected.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr(outside.socket, "create_connection", connect)
    with pytest.raises(ConnectionRefusedError):
        outside.post("https://hook.example/", b"", {})
    assert connected == [("1.1.1.1", 443)] and asked == ["hook.example"]
    with pytest.raises(DomainError):
        outside.post("https://hook.example/", b"", {})
    assert len(connected) == 1


def test_a_retry_is_the_same_follower_and_the_key_is_kept_nowhere(world: w.World, hook: Hook) -> None:
    values: dict[str, Any] = {"kind": "search", "url": hook.url, "filters": {}}
    same = w.tid()
    made = [services.subscribe(actor=world.actor("clerk"), transaction_id=same, **values) for _ in range(2)]
    assert made[0]["id"] == made[1]["id"] and Follower.objects.count() == 1
    row = Follower.objects.get()
    assert made[0]["secret"].encode() not in bytes(row.url) and b"key=1" not in bytes(row.url)
    with pytest.raises(DomainError, match="事务号"):
        services.subscribe(
            actor=world.actor("clerk"), transaction_id=same, **(values | {"filters": {"year": ["2025"]}})
        )


def test_refusals(world: w.World, hook: Hook, settings: Any) -> None:
    for more, code in (
        ({"who": "nobody"}, "forbidden"),
        ({"kind": "record", "code": "unknown"}, "not_found"),
        ({"filters": {"region": ["x"]}}, "filter_invalid"),
    ):
        with pytest.raises(DomainError) as refused:
            subscribe(world, hook, **more)
        assert refused.value.code == code
    settings.DENGJI_FOLLOWERS = 2
    for _ in range(2):
        subscribe(world, hook)
    with pytest.raises(DomainError) as full:
        subscribe(world, hook)
    assert full.value.code == "followers_full"
    assert [one["id"] for one in services.selectors.followers(world.actor("business_reviewer"))] == []
    with pytest.raises(DomainError):
        services.unsubscribe(actor=world.actor("clerk"), transaction_id=w.tid(), follower_id=uuid4())


def test_old_messages_are_forgotten(world: w.World, hook: Hook) -> None:
    subscribe(world, hook)
    tell()
    assert services.forget_old() == 0
    Message.objects.update(at=real_now() - dt.timedelta(days=31))
    assert services.forget_old() == 1
