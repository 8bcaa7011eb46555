"""/verify by HTTP: codes, addresses, receipts; what is forged, revoked, superseded or of another host says so."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from dengji.core.canonical import canonical
from dengji.core.clock import legal_now
from dengji.documents import making
from dengji.documents import services as documents
from dengji.documents.models import Document
from dengji.ledger import checkpointing, keyring, proofs
from dengji.ledger import services as ledger
from dengji.registration import receipts
from dengji.registration.models import Registration
from dengji.web.limits import BUCKETS
from tests.documents.conftest import read_on
from tests.factories import world as w

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _own_place(settings: Any, tmp_path: Path) -> Iterator[None]:
    settings.DENGJI_DATA_DIR = tmp_path / "node"
    proofs.forget()
    keyring.ensure_keys()
    settings.WHITENOISE_AUTOREFRESH = settings.WHITENOISE_USE_FINDERS = True
    settings.DENGJI_RATE_LIMITS = False
    yield
    proofs.forget()


@pytest.fixture
def code() -> str:
    made = w.registered(w.build())
    while ledger.place_pending():
        pass
    checkpointing.keep(at_once=True)
    return str(made["code"])


def shown(client: Client, **asked: Any) -> str:
    answer = client.get("/verify", asked)
    assert answer.status_code == 200, answer.content.decode()
    return answer.content.decode()


def uploaded(client: Client, data: bytes) -> str:
    answer = client.post("/verify", {"file": SimpleUploadedFile("receipt.json", data, "application/json")})
    assert answer.status_code == 200, answer.content.decode()
    return answer.content.decode()


def test_a_code_and_a_receipt_are_verified_and_each_standing_is_said(client: Client, code: str) -> None:
    for text in (code, f" {code.lower()} ", f"http://testserver/verify?code={code}", f"http://testserver/r/{code}"):
        page = shown(client, code=text)
        assert "登记现行有效" in page and "未被改动" in page and "不等于内容真实" in page, text
    receipt = receipts.of_registration(code).data
    assert "登记现行有效" in uploaded(client, receipt)
    row = Registration.objects.filter(code=code)
    row.update(version=2)
    assert "已被更新的版本取代" in uploaded(client, receipt)
    assert "已被更新的版本取代" in shown(client, code=f"http://testserver/verify?code={code}&version=1")
    row.update(state="REVOKED", ended_at=legal_now())
    said = uploaded(client, receipt)
    assert "登记已被撤销" in said and "登记现行有效" not in said
    row.update(state="CANCELLED")
    assert "登记已注销" in shown(client, code=code)


def test_what_is_forged_or_of_another_host_proves_nothing(client: Client, code: str) -> None:
    receipt = receipts.of_registration(code).data
    value = orjson.loads(receipt)
    value["entry"]["public"]["code"] = "X" * 8
    foreign = orjson.loads(receipt)
    foreign["entry"]["log"] = "other.example"
    deep = b'{"a":' * 5000
    for data in (canonical(value) + b"\n", receipt[:-1], canonical(foreign) + b"\n", deep, b"%PDF-1.7\n", b"\xff\xfe"):
        page = uploaded(client, data)
        assert "未能证实" in page and "已证实" not in page, data[:20]
    assert "本节点没有这个查询码" in shown(client, code="NO-SUCH-CODE")
    for address in (
        f"https://testserver.example/verify?code={code}",
        f"https://testserver@evil.example/r/{code}",
        f"https://tеstserver/verify?code={code}",
        f"https://[bad/verify?code={code}",
        "javascript://testserver/%0aalert(1)",
    ):
        page = shown(client, code=address)
        if address.startswith("https"):
            assert "不属于本节点" in page and "登记现行有效" not in page, address
        assert "alert(1)</" not in page
    assert client.get("/verify", {"code": ""}).status_code == 422
    assert client.get("/verify", {"code": "a\0b"}).status_code in (200, 422)
    assert client.post("/verify", {}).status_code == 422


def test_verifying_is_limited(client: Client, settings: Any) -> None:
    settings.DENGJI_RATE_LIMITS, settings.DENGJI_RATE_ADDRESS = True, "1/60"
    BUCKETS.clear()
    shown(client, code="NO-SUCH-CODE")
    again = client.get("/verify", {"code": "NO-SUCH-CODE"})
    assert again.status_code == 429 and int(again.headers["Retry-After"]) > 0
    assert client.get("/verify").status_code == 200


def test_a_sheet_is_told_from_a_forged_a_swapped_and_a_revoked_one(client: Client, code: str) -> None:
    read_on()
    making.make_due(50)
    pdf = documents.bytes_of(Document.objects.get(kind="confirmation_sheet"))[1]
    page = uploaded(client, pdf)
    assert "确认单是原件" in page and "登记现行有效" in page and code in page
    forged = uploaded(client, pdf.replace(b"receipt.json", b"receipt.jsom"))
    assert "未能证实" in forged and "确认单是原件" not in forged
    changed = uploaded(client, pdf + b"\n% changed")
    assert "确认单不是原件" in changed and "登记现行有效" in changed
    assert "未能证实" in uploaded(client, b"%PDF-1.7 nothing")
    Registration.objects.filter(code=code).update(state="REVOKED", ended_at=legal_now())
    page = uploaded(client, pdf)
    assert 0 < page.index("登记已被撤销") < page.index("确认单是原件")  # the gravest first
