"""The archive at the desk: due, made, shown, taken, handed over once; by the head alone, and nothing for strangers."""

from __future__ import annotations

import hashlib
import io
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.urls import reverse

from dengji.documents import filing
from dengji.documents.models import ArchivePackage, Transfer
from dengji.ledger import checkpointing, keyring, proofs
from dengji.ledger import services as ledger
from dengji.registration.models import Application
from tests.factories import world as w
from tests.web.desk.conftest import Clients, transaction_in


@pytest.fixture
def case(world: w.World, tmp_path: Path, settings: Any) -> Iterator[Application]:
    """A finished case in a log with keys of its own."""
    settings.DENGJI_DATA_DIR = tmp_path / "node"
    proofs.forget()
    keyring.ensure_keys()
    w.registered(world)
    while ledger.place_pending():
        pass
    checkpointing.keep(at_once=True)
    yield Application.objects.get(state="REGISTERED")
    proofs.forget()


def test_from_due_to_handed_over(world: w.World, case: Application, clients: Clients) -> None:
    here, make = reverse("desk:archive"), reverse("desk:make-packages")
    head, acceptor = clients("agency_supervisor"), clients("acceptor")
    page = head.get(here).content.decode()
    assert case.serial in page and make in page and "没有归档包" in page
    shown = acceptor.get(here).content.decode()
    assert case.serial in shown and make not in shown
    assert acceptor.post(make).status_code == 302 and not ArchivePackage.objects.exists()
    assert "只有登记机构负责人" in acceptor.get(here).content.decode()
    for stranger in ("clerk", "stranger_clerk", "authority_supervisor"):
        for refused in (clients(stranger).get(here), clients(stranger).post(make)):
            assert refused.status_code == 403
    assert clients("nobody").get(here).status_code == 302

    head.post(make)
    row = ArchivePackage.objects.get()
    page = head.get(here).content.decode()
    assert "已归档 1 件" in page and "没有待归档的案卷" in page and row.number in page
    assert row.number not in head.get(here, {"year": "1999"}).content.decode()
    own, file = reverse("desk:package", args=[row.pk]), reverse("desk:package-file", args=[row.pk])
    shown = head.get(own).content.decode()
    assert "metadata.xml" in shown and row.sha256 in shown and file in shown
    assert file not in acceptor.get(own).content.decode() and acceptor.get(file).status_code == 403
    taken = head.get(file).content
    assert hashlib.sha256(taken).hexdigest() == row.sha256

    move = reverse("desk:hand-over")
    assert "请先勾选" in head.post(move, follow=True).content.decode()
    asked = head.post(move, {"package": [row.pk]})
    assert asked.status_code == 200 and not Transfer.objects.exists()
    common = {"package": [row.pk], "transaction_id": transaction_in(asked.content.decode())}
    empty = head.post(move, {**common, "receiver": ""})
    assert empty.status_code == 422 and "receiver" in empty.content.decode()
    assert acceptor.post(move, {**common, "receiver": "示例档案馆"}).status_code == 403
    done = head.post(move, {**common, "receiver": "=1+1"})
    batch = Transfer.objects.get()
    assert done.headers["Location"] == reverse("desk:transfer", args=[batch.pk])
    assert head.post(move, {**common, "transaction_id": "again", "receiver": "示例"}).status_code == 422
    shown = head.get(done.headers["Location"]).content.decode()
    assert row.sha256 in shown and batch.digest in shown
    assert batch.number in head.get(reverse("desk:transfers")).content.decode()
    sheet = head.get(reverse("desk:transfer-sheet", args=[batch.pk])).content
    with zipfile.ZipFile(io.BytesIO(sheet)) as book:
        texts = "".join(book.read(name).decode() for name in book.namelist() if name.endswith(".xml"))
    assert row.sha256 in texts and "=1+1" in texts and not re.search(r"<f[ >]", texts)

    filing.void_all([case.pk], row.at)
    shown = head.get(own).content.decode()
    assert "已作废" in shown and row.sha256 in shown and "metadata.xml" not in shown
    assert head.get(file).status_code == 410


def test_a_case_that_cannot_be_archived_yet_is_told_by_its_number(
    world: w.World, case: Application, clients: Clients
) -> None:
    w.registered(world)
    head, here = clients("agency_supervisor"), reverse("desk:archive")
    head.post(reverse("desk:make-packages"))
    newer = Application.objects.exclude(pk=case.pk).get(state="REGISTERED")
    page = head.get(here).content.decode()
    assert ArchivePackage.objects.get().object_id == case.pk
    assert page.count(newer.serial) == 2 and "还有 1 件待归档" in page
