"""Files that only look like backups: each is refused before anything is written, whoever signed it."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyrage
import pytest

from dengji.backup import container, recipient, restoring
from dengji.core.canonical import canonical
from dengji.core.errors import DomainError
from dengji.ledger import keyring
from tests.backup.conftest import Node

_END = canonical({"rows": {}, "sequences": {}, "files": 0, "missing": []})
_ABOUT = canonical({"vkeys": [], "migrations": []})


def member(name: str, data: bytes = b"", kind: bytes = tarfile.REGTYPE) -> tuple[tarfile.TarInfo, bytes]:
    """One member of a payload."""
    info = tarfile.TarInfo(name)
    info.size, info.type, info.linkname = len(data), kind, "elsewhere" if kind == tarfile.SYMTYPE else ""
    return info, data


def packed(*members: tuple[tarfile.TarInfo, bytes]) -> bytes:
    """A plain payload."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for info, data in members:
            tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


def put(node: Node, path: Path, payload: bytes, **facts: Any) -> Path:
    """A file of the right form, signed by the node's own key, around any payload."""

    def produce(stream: Any) -> dict[str, Any]:
        stream.write(payload)
        return {"gm": False, **facts}

    recipients = recipient.parsed(node.home / "keys")
    container.write(path, produce, recipients=recipients, signers=keyring.signers)
    return path


def refused(node: Node, path: Path) -> str:
    """The code with which reading the file is refused."""
    with pytest.raises(DomainError) as error:
        restoring.examine(path, recipient.parse_code(node.code))
    return error.value.code


@pytest.mark.parametrize(
    "payload",
    [
        pytest.param(b"no tar at all" * 100, id="no tar"),
        pytest.param(packed(member("about.json", _ABOUT)), id="no end"),
        pytest.param(packed(member("end.json", _END)), id="nothing about it"),
        pytest.param(packed(member("about.json", b"[]"), member("end.json", _END)), id="about is a list"),
        pytest.param(packed(member("about.json", b"{"), member("end.json", _END)), id="about is cut"),
        pytest.param(
            packed(member("about.json", _ABOUT), member("end.json", canonical({"rows": {}, "files": 1}))),
            id="a file is missing",
        ),
        pytest.param(
            packed(member("about.json", _ABOUT), member("end.json", canonical({"rows": {"x": 1}, "files": 0}))),
            id="a table is missing",
        ),
        pytest.param(member("keys/large", b"\0" * (1 << 25))[0].tobuf() + b"\0" * 1024, id="a key of 32 MiB"),
        pytest.param(packed(member("../outside", b"x")), id="a way out"),
        pytest.param(packed(member("/etc/outside", b"x")), id="a place of its own"),
        pytest.param(packed(member("files/link", kind=tarfile.SYMTYPE)), id="a link"),
    ],
)
def test_a_payload_that_is_none_is_refused(node: Node, tmp_path: Path, payload: bytes) -> None:
    assert refused(node, put(node, tmp_path / "crafted", payload)) == "backup_damaged"
    assert not (tmp_path / "outside").exists()


def test_a_member_that_is_no_file_has_no_content(tmp_path: Path) -> None:
    with tarfile.open(fileobj=io.BytesIO(packed(member("files/link", kind=tarfile.SYMTYPE)))) as tar:
        (only,) = tar
        with pytest.raises(DomainError) as error:
            container.content(tar, only)
    assert error.value.code == "backup_damaged"


def test_a_backup_of_a_later_program_is_told(node: Node, tmp_path: Path) -> None:
    payload = packed(member("about.json", _ABOUT), member("end.json", _END))
    with pytest.raises(DomainError) as error:
        put(node, tmp_path / "later", payload, format=container.FORMAT + 1)
    assert error.value.code == "backup_newer"
    assert not (tmp_path / "later").exists()


def _rename(data: bytes, old: bytes, new: bytes) -> bytes:
    """Rename an outer part, with a header that is whole in itself."""
    at = data.index(old)
    info = tarfile.TarInfo.frombuf(data[at : at + 512], "utf-8", "strict")
    info.name = new.decode()
    return data[:at] + info.tobuf(tarfile.GNU_FORMAT) + data[at + 512 :]


@pytest.mark.parametrize(
    "change",
    [
        lambda data: _rename(data, b"payload.age", b"payload.old"),
        lambda data: _rename(data, b"manifest.note", b"manifest.text"),
        lambda data: data + b"more",
        lambda data: b"",
    ],
    ids=["payload renamed", "manifest renamed", "something behind", "empty"],
)
def test_a_file_of_another_form_is_no_backup(node: Node, tmp_path: Path, change: Callable[[bytes], bytes]) -> None:
    payload = packed(member("about.json", _ABOUT), member("end.json", _END))
    path = put(node, tmp_path / "crafted", payload)
    path.write_bytes(change(path.read_bytes()))
    assert refused(node, path) == "backup_damaged"


@pytest.mark.parametrize(("size", "told"), [(10, "备份文件残缺"), (8 << 20, "No space")], ids=["at its end", "within"])
def test_a_disk_that_fails_below_the_encryption_leaves_nothing(
    node: Node, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int, told: str
) -> None:
    """The producer sees a broken pipe at most; the caller what happened, or that the file read back is not whole."""

    def fail(self: Any, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(container._Tee, "write", fail)
    with pytest.raises((DomainError, pyrage.EncryptError), match=told):
        put(node, tmp_path / "crafted", b"x" * size)
    assert [one for one in tmp_path.iterdir() if one.is_file()] == []
