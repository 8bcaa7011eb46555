"""Materials: by content, within limits, digested, encrypted where they lie, never overwritten (R51)."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import boto3
import pytest
from django.core.files.storage import default_storage, storages
from django.test import override_settings
from moto import mock_aws

from dengji.core.errors import DomainError
from dengji.registration import services
from dengji.registration.models import Material, Version
from tests.factories import world as w

from .kit import application, lodge, noticed, on, overrule, refused

pytestmark = pytest.mark.django_db
PLANTED = b"%PDF-1.7\nPLANTED-620102199001010000 \xe5\xbc\xa0\xe6\x8e\x96\n%%EOF"


@pytest.fixture
def world() -> w.World:
    """A register with its people."""
    return w.build()


@pytest.fixture
def disk(tmp_path: Path, settings: Any) -> Iterator[Path]:
    """Materials on a disk of their own."""
    where = tmp_path / "materials"
    changed = {**settings.STORAGES["default"]["OPTIONS"], "location": str(where)}
    with override_settings(
        STORAGES={**settings.STORAGES, "default": {**settings.STORAGES["default"], "OPTIONS": changed}}
    ):
        yield where


def add(world: w.World, pk: Any, data: bytes = w.PDF, actor: str = "clerk", **more: Any) -> dict[str, Any]:
    """Attach one file to an application."""
    values = {"owner_kind": "application", "owner_id": pk, "kind": "description_document"}
    return on(world, "add_material", actor, **(values | {"upload": services.Upload("说明.pdf", data)} | more))


def read(world: w.World, material_id: Any, actor: str = "clerk") -> tuple[Any, bytes]:
    """Read one file."""
    return services.read_material(actor=world.actor(actor), material_id=UUID(str(material_id)))


def draft(world: w.World) -> UUID:
    """A draft without materials."""
    made = on(world, "create_application", "clerk", register_id=world.register.pk, organisation_id=world.registrant.pk)
    return UUID(made["id"])


def stored(where: Path) -> list[Path]:
    """The files on a disk."""
    return [path for path in where.rglob("*") if path.is_file()]


def test_a_file_is_read_as_it_was_and_lies_encrypted(world: w.World, disk: Path) -> None:
    pk = draft(world)
    made = add(world, pk, PLANTED)
    assert made["sha256"] == hashlib.sha256(PLANTED).hexdigest() and made["content_type"] == "application/pdf"
    about, data = read(world, made["id"])
    assert data == PLANTED and about["name"] == "说明.pdf"
    (file,) = stored(disk)
    lying = file.read_bytes()
    assert b"PLANTED" not in lying and b"%PDF" not in lying and "张" not in file.name
    assert file.stat().st_mode & 0o077 == 0 and file.parent.stat().st_mode & 0o077 == 0
    row = Material.objects.get(pk=made["id"])
    assert "说明".encode() not in bytes(row.name_sealed) and "说明" not in row.storage_key


def test_two_equal_files_do_not_look_equal(world: w.World, disk: Path) -> None:
    pk = draft(world)
    add(world, pk)
    add(world, pk)
    one, two = stored(disk)
    assert one.read_bytes() != two.read_bytes()


def test_a_file_swapped_or_damaged_on_disk_is_noticed(world: w.World, disk: Path) -> None:
    pk = draft(world)
    one, two = add(world, pk, PLANTED), add(world, pk)
    first, second = (Material.objects.get(pk=m["id"]).storage_key for m in (one, two))
    (disk / first).write_bytes((disk / second).read_bytes())
    with refused("content_unreadable", 500):
        read(world, one["id"])
    broken = bytearray((disk / second).read_bytes())
    broken[-1] ^= 1
    (disk / second).write_bytes(broken)
    with refused("content_unreadable", 500):
        read(world, two["id"])


def test_a_digest_that_does_not_fit_is_noticed(world: w.World, disk: Path) -> None:
    made = add(world, draft(world))
    Material.objects.filter(pk=made["id"]).update(sha256="0" * 64)
    with refused("file_damaged", 500):
        read(world, made["id"])


def container(*names: str) -> bytes:
    """An office file with these parts."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in names:
            archive.writestr(name, "<x/>")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "file_size"),
        (b"<html>not a pdf</html>", "file_type"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "file_type"),
        (container("a.txt"), "file_type"),
        (container("word/document.xml", "word/vbaProject.bin"), "file_type"),
        (b"MZ\x90", "file_type"),
    ],
)
def test_what_is_refused_leaves_nothing_behind(world: w.World, disk: Path, data: bytes, code: str) -> None:
    pk = draft(world)
    with refused(code) as caught:
        add(world, pk, data)
    assert caught.value.field == "file"
    assert not Material.objects.exists() and stored(disk) == []


@pytest.mark.parametrize(
    ("data", "mime"),
    [
        (w.PDF, "application/pdf"),
        (b"\x89PNG\r\n\x1a\n", "image/png"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (container("word/document.xml"), "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
        (container("xl/workbook.xml"), "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
        (container("OFD.xml"), "application/ofd"),
        ("甲,乙\n1,2\n".encode(), "text/csv"),
        (b"{}", "application/json"),
        ("说明".encode(), "text/plain"),
    ],
)
def test_what_is_taken(world: w.World, disk: Path, data: bytes, mime: str) -> None:
    assert add(world, draft(world), data)["content_type"] == mime


def test_limits_are_the_rulebooks(world: w.World, disk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pk = draft(world)
    with monkeypatch.context() as small:
        overrule(small, "materials.max_bytes", len(w.PDF))
        add(world, pk)
        with refused("file_size"):
            add(world, pk, w.PDF + b"\n")
    overrule(monkeypatch, "materials.max_files", 2)
    add(world, pk)
    with refused("file_count"):
        add(world, pk)
    with refused("material_kind"):
        add(world, pk, kind="selfie")


def infected(data: bytes) -> None:
    """A scanner that finds something in everything."""
    raise DomainError("malware", "发现恶意代码", "file")


def test_a_scanner_may_refuse(world: w.World, disk: Path) -> None:
    pk = draft(world)
    with override_settings(DENGJI_MALWARE_HOOK=f"{__name__}.infected"), refused("malware"):
        add(world, pk)
    assert stored(disk) == []


def test_a_lodging_that_fails_leaves_no_file(world: w.World, disk: Path) -> None:
    pk = noticed(world)
    before = len(stored(disk))
    evidence = [services.Upload("a.pdf", w.PDF), services.Upload("b.pdf", b"<html>")]
    with refused("file_type"):
        lodge(world, pk, evidence=evidence)
    assert len(stored(disk)) == before


@pytest.mark.parametrize(
    ("actor", "code"),
    [("business_reviewer", ""), ("stranger_clerk", "not_found"), ("acceptor", "not_found"), ("nobody", "not_found")],
)
def test_who_adds_to_a_draft(world: w.World, disk: Path, actor: str, code: str) -> None:
    pk = draft(world)
    if not code:
        assert add(world, pk, actor=actor)["size"]
        return
    with refused(code, 404):
        add(world, pk, actor=actor)


def test_nothing_is_added_or_removed_once_submitted(world: w.World, disk: Path) -> None:
    pk = w.draft(world)
    w.advance(world, pk, "submit")
    material = Material.objects.filter(owner_id=pk).first()
    assert material is not None
    with refused("wrong_state", 409):
        add(world, pk)
    with refused("wrong_state", 409):
        on(world, "remove_material", "clerk", material_id=material.pk)
    with refused("forbidden", 403):
        add(world, pk, actor="acceptor")


def test_a_removed_file_stays_in_the_version_that_froze_it(world: w.World, disk: Path) -> None:
    """R5."""
    pk = w.draft(world)
    w.advance(world, pk, "submit")
    w.act(world, "request_supplement", pk, "acceptor", items=[{"field": "description_document", "text": "重新上传"}])
    old = Material.objects.get(owner_id=pk, kind="description_document")
    with refused("not_found", 404):
        on(world, "remove_material", "stranger_clerk", material_id=old.pk)
    on(world, "remove_material", "clerk", material_id=old.pk)
    with refused("not_found", 404):
        on(world, "remove_material", "clerk", material_id=old.pk)
    add(world, pk, PLANTED)
    held = services.list_materials(actor=world.actor("clerk"), owner_kind="application", owner_id=pk)
    assert str(old.pk) not in {m["id"] for m in held} and len(held) == 4
    assert {m["name"] for m in held} >= {"说明.pdf"}
    frozen = Version.objects.get(application_id=pk, number=1).materials
    assert {"id": str(old.pk), "kind": old.kind, "sha256": old.sha256, "size": old.size} in frozen
    assert read(world, old.pk, "acceptor")[1] == w.PDF


def test_unknown_owners_and_files_are_not_found(world: w.World, disk: Path) -> None:
    with refused("not_found", 404):
        add(world, uuid4(), owner_kind="planet")
    with refused("not_found", 404):
        services.list_materials(actor=world.actor("clerk"), owner_kind="planet", owner_id=uuid4())
    with refused("not_found", 404):
        read(world, uuid4())
    with refused("not_found", 404):
        on(world, "remove_material", "clerk", material_id=uuid4())


def test_the_agency_reads_what_was_submitted_and_strangers_nothing(world: w.World, disk: Path) -> None:
    pk = w.draft(world)
    material = Material.objects.filter(owner_id=pk).first()
    assert material is not None
    with refused("not_found", 404):
        read(world, material.pk, "acceptor")
    w.advance(world, pk, "submit")
    for actor in ("acceptor", "business_reviewer", "authority_supervisor"):
        assert read(world, material.pk, actor)[1] == w.PDF
    for actor in ("stranger_clerk", "citizen", "system_admin"):
        with refused("not_found", 404):
            read(world, material.pk, actor)


def test_materials_may_lie_in_object_storage(world: w.World, monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    """Through django-storages: encrypted before they leave the machine."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    bucket = {
        "BACKEND": "storages.backends.s3.S3Storage",
        "OPTIONS": {"bucket_name": "materials", "file_overwrite": False},
    }
    with mock_aws(), override_settings(STORAGES={**settings.STORAGES, "default": bucket}):
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket="materials")
        assert storages["default"] is not None and default_storage.exists("x") is False
        pk = draft(world)
        made = add(world, pk, PLANTED)
        assert read(world, made["id"])[1] == PLANTED
        (key,) = (o["Key"] for o in client.list_objects_v2(Bucket="materials")["Contents"])
        assert b"PLANTED" not in client.get_object(Bucket="materials", Key=key)["Body"].read()
        with refused("file_type"):
            add(world, pk, b"<html>")
        assert client.list_objects_v2(Bucket="materials")["KeyCount"] == 1
    assert application(pk).state == "DRAFT"


def test_evidence_is_added_by_the_objector_or_the_officer(world: w.World, disk: Path) -> None:
    pk = noticed(world)
    objection = UUID(lodge(world, pk, "citizen")["id"])
    about = {"owner_kind": "objection", "kind": "objection_evidence"}
    for who in ("citizen", "objection_officer"):
        assert add(world, objection, actor=who, **about)["size"]
    with refused("forbidden", 403):
        add(world, objection, actor="agency_supervisor", **about)
    with refused("not_found", 404):
        add(world, objection, actor="clerk", **about)


def test_the_agency_sees_what_was_submitted_not_what_is_being_prepared(world: w.World, disk: Path) -> None:
    pk = w.draft(world)
    w.advance(world, pk, "submit")
    w.act(world, "request_supplement", pk, "acceptor", items=[{"field": "description_document", "text": "重新上传"}])
    late = add(world, pk, PLANTED)

    def listed(who: str) -> set[str]:
        held = services.list_materials(actor=world.actor(who), owner_kind="application", owner_id=pk)
        return {m["id"] for m in held}

    assert late["id"] in listed("clerk") and late["id"] not in listed("acceptor") and len(listed("acceptor")) == 4
    with refused("not_found", 404):
        read(world, late["id"], "acceptor")
