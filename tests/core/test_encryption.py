"""Encryption at rest: opened only with the key and in its place; two modes; blind indexes (design §3)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from django.test import override_settings

from dengji.core import encryption
from dengji.core.encryption import (
    FileKeyProvider,
    blind_index,
    follow_key,
    keyed_digest,
    seal,
    seal_json,
    unseal,
    unseal_json,
)
from dengji.core.errors import DomainError
from dengji.core.models import DataKey

pytestmark = pytest.mark.django_db


@pytest.fixture(params=[False, True], ids=["aes-256-gcm", "sm4-gcm"])
def mode(request: pytest.FixtureRequest) -> Iterator[str]:
    """Each algorithm in turn."""
    with override_settings(DENGJI_GM=request.param):
        encryption.forget_keys()
        yield "sm4-gcm" if request.param else "aes-256-gcm"
    encryption.forget_keys()


def test_what_is_sealed_opens_only_unaltered_and_in_its_place(mode: str) -> None:
    plain = "张三 620102199001010000".encode()
    sealed = seal(plain, b"here")
    assert unseal(sealed, b"here") == plain and plain not in sealed
    assert seal(plain, b"here") != sealed
    assert DataKey.objects.get(pk=int.from_bytes(sealed[:4], "big")).algorithm == mode
    broken = [sealed[:-1] + bytes([sealed[-1] ^ 1]), sealed[:20] + bytes([sealed[20] ^ 1]) + sealed[21:]]
    for body, context in [(b, b"here") for b in broken] + [(sealed, b"there"), (sealed, b"")]:
        with pytest.raises(DomainError) as caught:
            unseal(body, context)
        assert caught.value.code == "content_unreadable"


def test_both_modes_are_read_side_by_side() -> None:
    old = seal(b"x", b"c")
    with override_settings(DENGJI_GM=True):
        encryption.forget_keys()
        new = seal(b"x", b"c")
        assert unseal(old, b"c") == unseal(new, b"c") == b"x"
    encryption.forget_keys()


def test_json_and_nothing() -> None:
    value = {"a": ["甲", 1]}
    assert unseal_json(seal_json(value, b"c"), b"c") == value
    assert seal_json({}) is None and unseal_json(None) == {}
    assert unseal_json(memoryview(seal_json(value) or b"")) == value


def test_a_blind_index_finds_equals_and_tells_nothing() -> None:
    one = blind_index("91330100799655058b")
    assert one == blind_index(" 9133 0100 7996 5505 8B ") != blind_index("91330100799655058C")
    assert len(one) == 16 and keyed_digest(b"a") != keyed_digest(b"b")


def test_a_follow_key_belongs_to_one_object() -> None:
    one, two = uuid4(), uuid4()
    assert follow_key(one) == follow_key(one) != follow_key(two) and len(follow_key(one)) == 32


def test_data_keys_lie_wrapped() -> None:
    encryption.ensure_keys()
    assert {row.purpose for row in DataKey.objects.all()} >= {"content", "index"}
    for row in DataKey.objects.all():
        assert FileKeyProvider().unwrap(bytes(row.wrapped)) not in bytes(row.wrapped)


def test_the_key_file_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    DataKey.objects.all().delete()
    file = tmp_path / "keys" / "master.key"
    provider = FileKeyProvider(file)
    wrapped = provider.wrap(b"k" * 32)
    assert file.stat().st_mode & 0o777 == 0o600 and file.stat().st_size == 32
    assert FileKeyProvider(file).unwrap(wrapped) == b"k" * 32


def test_a_lost_changed_or_exposed_key_file_is_named(tmp_path: Path) -> None:
    encryption.ensure_keys()
    with pytest.raises(DomainError) as caught:
        FileKeyProvider(tmp_path / "gone").wrap(b"x")
    assert (caught.value.code, caught.value.status) == ("key_missing", 503)
    other = tmp_path / "other"
    other.write_bytes(os.urandom(32))
    other.chmod(0o600)
    with pytest.raises(DomainError) as caught:
        FileKeyProvider(other).unwrap(bytes(DataKey.objects.all()[0].wrapped))
    assert caught.value.code == "key_mismatch"
    other.chmod(0o644)
    with pytest.raises(DomainError) as caught:
        FileKeyProvider(other).wrap(b"x")
    assert caught.value.code == "key_exposed"
