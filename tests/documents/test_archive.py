"""The archive package of a finished case: whole, steady, for the supervisor alone, checked by a script of nobody's."""

from __future__ import annotations

import hashlib
import io
import json
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dengji.documents import archive, archived, filing, making
from dengji.documents.models import ArchivePackage, Transfer
from dengji.ledger import checkpointing, keyring, proofs
from dengji.parties.models import AccessLog
from dengji.registration.models import Application, Decision
from tests.documents.conftest import Papers
from tests.documents.kit import run
from tests.factories import world as w
from tests.registration import kit

SCRIPT = Path(__file__).parents[2] / "examples" / "check_archive.py"


def _changed(data: bytes, name: str, new: bytes | None) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w") as made:
        for one in old.namelist():
            if one != name or new is not None:
                made.writestr(one, new if one == name and new is not None else old.read(one))
    return out.getvalue()


def _listed(data: bytes, name: str, new: bytes) -> bytes:
    """Change a file and the list of files with it, as a careful forger would."""
    data = _changed(data, name, new)
    with zipfile.ZipFile(io.BytesIO(data)) as package:
        files = json.loads(package.read("files.json"))
    files[name] = {"sha256": hashlib.sha256(new).hexdigest(), "size": len(new)}
    return _changed(data, "files.json", json.dumps(files).encode())


@pytest.fixture
def _own_keys(tmp_path: Path, settings: Any) -> Iterator[None]:
    """Keys of this log: another test may have left those of its own."""
    settings.DENGJI_DATA_DIR = tmp_path.parent / "archive-node"  # one for this file: what is stored stays readable
    proofs.forget()
    keyring.ensure_keys()
    yield
    proofs.forget()


@pytest.mark.usefixtures("_own_keys")
def test_a_package_is_whole_and_tampering_is_seen(papers: Papers, tmp_path: Path) -> None:
    checkpointing.keep(at_once=True)
    making.make_due(200)  # the confirmation sheets, which wait for a checkpoint
    world = papers.world
    supervisor = world.actor("agency_supervisor")
    row = Application.objects.filter(state="REGISTERED").latest("pk")
    make, asked = filing.make_package, w.tid()
    for name, code in (("acceptor", "forbidden"), ("clerk", "forbidden"), ("stranger_clerk", "not_found")):
        with kit.refused(code):
            make(actor=world.actor(name), transaction_id=w.tid(), application_id=row.pk)
    running = Application.objects.filter(ended_at=None).exclude(serial="").latest("pk")
    with kit.refused("archive_not_due"):
        make(actor=supervisor, transaction_id=w.tid(), application_id=running.pk)

    assert row in archived.due(supervisor) and not archived.due(world.actor("clerk")).exists()
    made = make(actor=supervisor, transaction_id=asked, application_id=row.pk)
    assert made["made"] and make(actor=supervisor, transaction_id=asked, application_id=row.pk) == made
    again = make(actor=supervisor, transaction_id=w.tid(), application_id=row.pk)
    assert again == made | {"made": False} and row not in archived.due(supervisor)
    stored = ArchivePackage.objects.get()
    assert (stored.retention, stored.number.split("-")[-2:]) == ("permanent", ["Y", "1"])
    name, data = filing.read(actor=supervisor, package_id=stored.pk)
    assert archive.assemble(supervisor, row, stored.number, stored.retention)[0] == data
    assert hashlib.sha256(data).hexdigest() == made["sha256"]
    for stranger, code in (("acceptor", "forbidden"), ("clerk", "not_found"), ("stranger_clerk", "not_found")):
        with kit.refused(code):
            filing.read(actor=world.actor(stranger), package_id=stored.pk)
    assert AccessLog.objects.filter(act="read_archive", object_id=stored.pk).count() == 1
    path = tmp_path / name
    path.write_bytes(data)
    assert run(sys.executable, "-I", str(SCRIPT), str(path)).strip() == "OK"
    with zipfile.ZipFile(path) as package:
        names = package.namelist()
        decisions = json.loads(package.read("decisions.json"))
        receipt = package.read("receipts/0001.json")
        told = package.read("metadata.xml").decode()
    assert f"<case>{row.pk}</case>" in told and f'<term name="档号">{stored.number}</term>' in told
    assert set(archived.files_of(stored)) == set(names) - {"files.json"}
    assert len(decisions) == Decision.objects.filter(object_id=row.pk).count() == row.n
    assert any(one.startswith("documents/acceptance_notice") for one in names)

    forged = json.loads(receipt)
    forged["entry"]["at"] = "2001-01-01T00:00:00Z"
    document = next(one for one in names if one.startswith("documents/"))
    for tampered, complaint in (
        (_changed(data, document, b"%PDF"), "changed"),
        (_changed(data, document, None), "missing"),
        (_changed(data, "receipts/0001.json", None), "missing"),
        (_listed(data, "receipts/0001.json", json.dumps(forged).encode()), "not in the log"),
        (_listed(data, "decisions.json", json.dumps(decisions[:1] + decisions[2:]).encode()), "out of order"),
        (data[:200], "not a readable"),
    ):
        path.write_bytes(tampered)
        with pytest.raises(AssertionError, match=complaint):
            run(sys.executable, "-I", str(SCRIPT), str(path))


@pytest.mark.usefixtures("_own_keys")
def test_handed_over_once_and_void_after_a_suppression(papers: Papers, tmp_path: Path) -> None:
    checkpointing.keep(at_once=True)
    making.make_due(200)  # the confirmation sheets, which wait for a checkpoint
    world = papers.world
    supervisor = world.actor("agency_supervisor")
    assert filing.make_due(actor=supervisor)["failed"] == [] and not archived.due(supervisor).exists()
    rows = list(archived.packages(supervisor))
    assert len({row.number for row in rows}) == len(rows) > 2
    objected = next(row for row in rows if any(one.startswith("objections/") for one in archived.files_of(row)))
    path = tmp_path / "objected.zip"
    path.write_bytes(filing.read(actor=supervisor, package_id=objected.pk)[1])
    assert run(sys.executable, "-I", str(SCRIPT), str(path)).strip() == "OK"
    with zipfile.ZipFile(path) as package:
        receipt = next(one for one in package.namelist() if one.startswith("objections/") and "/receipts/" in one)
    path.write_bytes(_changed(path.read_bytes(), receipt, None))
    with pytest.raises(AssertionError, match="missing"):
        run(sys.executable, "-I", str(SCRIPT), str(path))

    order: dict[str, Any] = {"register_id": world.register.pk, "package_ids": [objected.pk], "receiver": "示例档案馆"}
    with kit.refused("forbidden"):
        filing.transfer(actor=world.actor("acceptor"), transaction_id=w.tid(), **order)
    for wrong, code in (({"receiver": " "}, "receiver_required"), ({"package_ids": []}, "packages_required")):
        with kit.refused(code):
            filing.transfer(actor=supervisor, transaction_id=w.tid(), **order | wrong)
    made = filing.transfer(actor=supervisor, transaction_id=w.tid(), **order)
    assert made["count"] == 1 and Transfer.objects.get().items.get().sha256 == objected.sha256
    with kit.refused("archive_handed_over"):
        filing.transfer(actor=supervisor, transaction_id=w.tid(), **order)

    stored = next(row for row in rows if row.retention == "permanent" and row.pk != objected.pk)
    filing.void_all([stored.object_id], stored.at)
    void = archived.get(stored.pk, supervisor)
    assert void.number == stored.number and archived.files_of(void) == {} and not void.storage_key
    with kit.refused("content_gone"):
        filing.read(actor=supervisor, package_id=stored.pk)
    assert filing.make_due(actor=supervisor)["made"] == 1
