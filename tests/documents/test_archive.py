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

from dengji.documents import archive
from dengji.ledger import checkpointing, keyring, proofs
from dengji.parties.models import AccessLog
from dengji.registration.models import Application, Decision
from tests.documents.conftest import Papers
from tests.documents.kit import run
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
    settings.DENGJI_DATA_DIR = tmp_path / "node"
    proofs.forget()
    keyring.ensure_keys()
    yield
    proofs.forget()


@pytest.mark.usefixtures("_own_keys")
def test_a_package_is_whole_and_tampering_is_seen(papers: Papers, tmp_path: Path) -> None:
    checkpointing.keep(at_once=True)
    world = papers.world
    supervisor = world.actor("agency_supervisor")
    row = Application.objects.filter(state="REGISTERED").latest("pk")
    for name, code in (("acceptor", "forbidden"), ("clerk", "forbidden"), ("stranger_clerk", "not_found")):
        with kit.refused(code):
            archive.package(actor=world.actor(name), application_id=row.pk)
    running = Application.objects.filter(ended_at=None).exclude(serial="").latest("pk")
    with kit.refused("archive_not_due"):
        archive.package(actor=supervisor, application_id=running.pk)

    name, data = archive.package(actor=supervisor, application_id=row.pk)
    assert archive.package(actor=supervisor, application_id=row.pk) == (name, data)
    assert AccessLog.objects.filter(act="read_archive", object_id=row.pk).count() == 2
    path = tmp_path / name
    path.write_bytes(data)
    assert run(sys.executable, "-I", str(SCRIPT), str(path)).strip() == "OK"
    with zipfile.ZipFile(path) as package:
        names = package.namelist()
        decisions = json.loads(package.read("decisions.json"))
        receipt = package.read("receipts/0001.json")
        assert f"<case>{row.pk}</case>" in package.read("metadata.xml").decode()
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
