"""A frozen version says what was submitted; of personal fields that were deleted nothing can be confirmed any more."""

from __future__ import annotations

import itertools
from typing import Any
from uuid import UUID

import pytest
from django.db import connection

from dengji.core.canonical import plain, salted_digest
from dengji.core.encryption import seal_json, unseal_json
from dengji.law import record
from dengji.ledger.entries import new_salt
from dengji.registration import freezing, inspection
from dengji.registration.models import Decision, Version, VersionPrivate
from tests.factories import world as w

pytestmark = pytest.mark.django_db
PHONE = "13800000000"


@pytest.fixture
def submitted() -> UUID:
    """An application at the agency's door."""
    world = w.build()
    pk = w.draft(world, fields={"contact_phone": PHONE})
    w.advance(world, pk, "submit")
    return pk


def test_a_version_agrees_with_its_digest_and_the_decision_pins_it(submitted: UUID) -> None:
    version = Version.objects.get(application_id=submitted)
    sealed = VersionPrivate.objects.get(version=version)
    assert freezing.agrees(version, sealed) and freezing.agrees(version, None)
    assert freezing.digest_of(version) == version.digest
    assert Decision.objects.get(object_id=submitted, act="submit").data["digest"] == version.digest
    assert inspection.version_content(version, personal=True)["contact_phone"] == PHONE


@pytest.mark.parametrize(
    ("column", "value"), [("fields", {}), ("request", {"a": "b"}), ("materials", []), ("private_digest", "sha256:00")]
)
def test_a_changed_version_is_found(submitted: UUID, column: str, value: Any) -> None:
    version = Version.objects.get(application_id=submitted)
    setattr(version, column, value)
    assert freezing.digest_of(version) != version.digest
    assert not freezing.agrees(version, VersionPrivate.objects.get(version=version))


def test_changed_personal_fields_are_found(submitted: UUID) -> None:
    version = Version.objects.get(application_id=submitted)
    sealed = VersionPrivate.objects.get(version=version)
    held = unseal_json(sealed.data, context=submitted.bytes)
    held["fields"]["contact_phone"] = "13900000000"
    sealed.data = seal_json(held, context=submitted.bytes)
    assert not freezing.agrees(version, sealed)


def test_after_a_deletion_nothing_confirms_a_guess(submitted: UUID) -> None:
    """Whoever knows everything but the telephone number cannot try numbers: no salt that covers it is left."""
    version = Version.objects.get(application_id=submitted)
    private = freezing.personal_of(version)
    VersionPrivate.objects.filter(version=version).delete()
    assert freezing.personal_of(version) == {} and freezing.agrees(version, None)
    with connection.cursor() as cursor:
        cursor.execute("SELECT salt FROM registration_version UNION ALL SELECT salt FROM registration_decision")
        salts = [bytes(salt) for (salt,) in cursor.fetchall()]
    digests = {version.digest, version.private_digest}
    whole = {"fields": version.fields, "request": version.request, "materials": version.materials}
    for salt, guess in itertools.product([*salts, b""], [private, {"private": private, **whole}]):
        assert salted_digest(salt, plain(guess)) not in digests


def test_versions_of_before_are_read_and_checked(submitted: UUID) -> None:
    """A version whose digest still covers the personal fields themselves."""
    before = Version.objects.get(application_id=submitted)
    content = inspection.version_content(before, personal=True)
    clear, private = record.split_personal(content)
    frozen = {"fields": clear, "private": private, "request": before.request, "materials": before.materials}
    salt = new_salt()
    old = Version.objects.create(
        application_id=submitted,
        number=2,
        fields=clear,
        request=before.request,
        materials=before.materials,
        salt=salt,
        digest=salted_digest(salt, plain(frozen)),
        at=before.at,
    )
    sealed = VersionPrivate.objects.create(version=old, data=seal_json(private, context=submitted.bytes))
    assert inspection.version_content(old, personal=True) == content
    assert freezing.agrees(old, sealed)
    old.fields = {**old.fields, "intro": "x"}
    assert not freezing.agrees(old, sealed)
