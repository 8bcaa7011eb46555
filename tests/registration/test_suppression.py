"""Content suppressed is gone from every table; log, digest and tombstone stay (Art. 4, design §5)."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest
from django.core.files.storage import default_storage
from django.db import connection

from dengji.core.encryption import unseal
from dengji.ledger import services as ledger
from dengji.ledger.models import Content, Entry
from dengji.registration import queries, services
from dengji.registration.models import (
    Application,
    Decision,
    DecisionDetail,
    Draft,
    Material,
    Registration,
    Version,
    VersionPrivate,
)
from dengji.registration.projection import differences
from tests.factories import world as w

from .kit import application, at_coding, follow_up, noticed, on, refused, registration

pytestmark = pytest.mark.django_db
WORDS = ("植入甲", "植入乙", "植入丙", "植入丁")
INTRO = "该数据资源为张掖市大数据中心在客运服务过程中产生，包含植入乙、线路名称等具体信息，可用于出行查询和调配。"


@pytest.fixture
def world() -> w.World:
    """A register with its people."""
    return w.build()


def planted() -> dict[str, Any]:
    """Fields with words that must not survive, one of them in a personal field."""
    return {"intro": INTRO, "duty_basis": "植入丙", "contact_name": "植入丁"}


def suppress(world: w.World, kind: str, pk: Any, actor: str = "agency_supervisor", **more: Any) -> dict[str, Any]:
    """Suppression by order of an authority."""
    values = {
        "object_kind": kind,
        "object_id": UUID(str(pk)),
        "ground": "personal_information",
        "authority": "示例机关",
        "reason": "含个人信息",
    }
    return on(world, "suppress_content", actor, **(values | more))


def places() -> set[str]:
    """Every table and column of the database in which a planted word can be read, sealed bytes opened."""
    found = set()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_name, column_name, data_type FROM information_schema.columns WHERE table_schema = 'public' "
            "AND data_type IN ('text', 'character varying', 'jsonb', 'json', 'bytea', 'ARRAY') "
            "AND table_name IN (SELECT tablename FROM pg_tables WHERE schemaname = 'public')"
        )
        columns = cursor.fetchall()
        for table, column, kind in columns:
            if kind == "bytea":
                cursor.execute(f'SELECT "{column}" FROM "{table}" WHERE "{column}" IS NOT NULL')
                blobs = [bytes(value) for (value,) in cursor.fetchall()]
                if any(word.encode() in blob for word in WORDS for blob in blobs):
                    found.add(f"{table}.{column}")
            else:
                pattern = "|".join(WORDS)
                cursor.execute(f'SELECT 1 FROM "{table}" WHERE "{column}"::text ~ %s LIMIT 1', [pattern])
                if cursor.fetchone():
                    found.add(f"{table}.{column}")
    return found


def test_the_search_finds_what_is_there(world: w.World) -> None:
    w.registered(world, title="植入甲客运信息", fields=planted())
    where = places()
    assert {
        "registration_version.fields",
        "registration_draft.fields",
        "registration_registrationversion.fields",
        "registration_registration.name",
        "registration_application.name",
        "registration_notice.fields",
        "registration_namekey.name",
        "ledger_content.body",
    } <= where
    assert not {place for place in where if place.startswith(("registration_decision", "ledger_entry", "core_"))}


@pytest.mark.parametrize("by", ["registration", "application"])
def test_no_word_is_left_anywhere(world: w.World, by: str) -> None:
    coded = w.registered(world, title="植入甲客运信息", fields=planted())
    pk = Registration.objects.get(pk=coded["registration"]).versions.get().application_id
    later = follow_up(world, "change", coded["registration"], fields={"collection_basis": "植入甲"})
    w.advance(world, later, "submit")
    result = suppress(world, by, coded["registration"] if by == "registration" else pk)
    assert places() == set()
    assert result["contents"] == sorted(f"sha256:{bytes(c.digest).hex()}" for c in Content.objects.all())
    assert not VersionPrivate.objects.exists()
    assert all(bytes(v.salt) == b"" for v in Version.objects.all())
    for address in result["contents"]:
        with refused("content_suppressed", 410) as caught:
            ledger.content(address)
        assert caught.value.params["ground"] == "personal_information"
    for row in (*Application.objects.filter(registration_id=coded["registration"]), registration(coded)):
        assert differences(row) == {}


def test_nothing_sealed_holds_the_words_either(world: w.World) -> None:
    """Personal fields are encrypted; the sealed form of the draft and the version is gone too."""
    pk = noticed(world, fields=planted())
    sealed = bytes(Draft.objects.get(pk=pk).private)
    assert "植入丁".encode() in unseal(sealed, context=pk.bytes)
    suppress(world, "application", pk)
    assert Draft.objects.get(pk=pk).private is None and not VersionPrivate.objects.exists()
    assert places() == set()


def test_log_and_tombstone_stay(world: w.World) -> None:
    coded = w.registered(world, fields=planted())
    before = list(Entry.objects.values_list("pk", "body"))
    digest = Version.objects.get().digest
    suppress(world, "registration", coded["registration"])
    after = list(Entry.objects.order_by("pk").values_list("pk", "body"))
    assert [(pk, bytes(b)) for pk, b in after[: len(before)]] == sorted((pk, bytes(b)) for pk, b in before)
    entry = Entry.objects.get(act="suppress_content")
    assert entry.public and b"personal_information" in bytes(entry.body)
    assert "示例机关".encode() not in bytes(entry.body)
    assert Version.objects.get().digest == digest
    row = registration(coded)
    assert row.state == "VALID" and row.code == coded["code"] and "屏蔽" in row.name


def test_a_second_suppression_finds_nothing_more(world: w.World) -> None:
    coded = w.registered(world, fields=planted())
    assert suppress(world, "registration", coded["registration"])["contents"]
    assert suppress(world, "registration", coded["registration"])["contents"] == []


def test_other_records_keep_their_words(world: w.World) -> None:
    one, two = w.registered(world), w.registered(world)
    suppress(world, "registration", one["registration"])
    row = registration(two)
    assert row.versions.get().fields["name"] == row.name and "屏蔽" not in row.name


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"ground": "bored"}, "ground_unknown"),
        ({"authority": " "}, "authority_required"),
        ({"reason": ""}, "reason_required"),
        ({"object_kind": "planet"}, "not_found"),
        ({"object_id": str(uuid4())}, "not_found"),
    ],
)
def test_a_suppression_has_ground_authority_and_reason(world: w.World, more: dict[str, Any], code: str) -> None:
    coded = w.registered(world)
    target = {"object_id": UUID(more.pop("object_id"))} if "object_id" in more else {}
    with refused(code):
        suppress(world, "registration", coded["registration"], **more, **target)
    assert not Content.objects.filter(suppressed_at__isnull=False).exists()
    assert registration(coded).name != "（内容已依法屏蔽）"


def test_only_the_supervisor_of_the_register(world: w.World) -> None:
    pk = at_coding(world)
    for actor in ("reviewer", "clerk", "objection_officer"):
        with refused("forbidden", 403):
            suppress(world, "application", pk, actor)
    for actor in ("authority_supervisor", "stranger_clerk", "system_admin"):
        with refused("not_found", 404):
            suppress(world, "application", pk, actor)
    assert application(pk).draft.fields and Content.objects.filter(suppressed_at=None).exists()


# -- copies, files, the words of decisions ----------------------------------------------------------------------------


def copied(world: w.World, source: Any, **more: Any) -> UUID:
    """A new draft with the content of a file that came to nothing."""
    made = on(
        world,
        "create_application",
        "clerk",
        register_id=world.register.pk,
        organisation_id=world.registrant.pk,
        copied_from=source,
        **more,
    )
    w.attach(world, made["id"])
    return UUID(made["id"])


def withdrawn(world: w.World, **more: Any) -> UUID:
    """A file with planted words that came to nothing, submitted once."""
    pk = w.draft(world, title="植入甲客运信息", fields=planted())
    w.advance(world, pk, "submit")
    on(world, "withdraw", "clerk", application_id=pk, reason="植入乙")
    return pk


def test_copies_in_both_directions_lose_the_words(world: w.World) -> None:
    first = withdrawn(world)
    second = copied(world, first)
    w.advance(world, second, "submit")
    on(world, "withdraw", "clerk", application_id=second)
    third = copied(world, second)
    assert "植入丙" in str(application(third).draft.fields)
    assert suppress(world, "application", second)["elsewhere"] == []
    assert places() == set()
    for pk in (first, second, third):
        assert application(pk).draft.fields == {} and unsealed(pk) == b"" and differences(application(pk)) == {}


def unsealed(pk: UUID) -> bytes:
    """The personal fields of a draft, opened."""
    sealed = application(pk).draft.private
    return unseal(bytes(sealed), context=pk.bytes) if sealed else b""


def test_a_registration_takes_the_files_it_was_copied_from_with_it(world: w.World) -> None:
    first = withdrawn(world)
    second = copied(world, first)
    w.advance(world, second, "open_notice")
    w.after_notice(second)
    w.act(world, "close_notice", second, "clock")
    coded = w.act(world, "assign_code", second, "issuer")
    suppress(world, "registration", coded["registration"])
    assert places() == set()


def test_a_copy_registered_on_its_own_is_named_and_left_to_its_own_order(world: w.World) -> None:
    first = withdrawn(world)
    second = copied(world, first)
    w.advance(world, second, "open_notice")
    w.after_notice(second)
    w.act(world, "close_notice", second, "clock")
    coded = w.act(world, "assign_code", second, "issuer")
    assert suppress(world, "application", first)["elsewhere"] == [coded["code"]]
    assert application(first).draft.fields == {} and application(second).draft.fields
    assert registration(coded).versions.get().fields


def test_the_words_of_decisions_go_but_not_why_it_was_suppressed(world: w.World) -> None:
    pk = withdrawn(world)
    before = Decision.objects.get(object_id=pk, act="withdraw").detail_id
    assert DecisionDetail.objects.filter(pk=before).exists()
    suppress(world, "application", pk)
    suppress(world, "application", pk)
    assert not DecisionDetail.objects.filter(pk=before).exists()
    kept = Decision.objects.filter(object_id=pk, act="suppress_content").values_list("detail_id", flat=True)
    assert DecisionDetail.objects.filter(pk__in=kept).count() == 2
    history = queries.decisions(world.actor("clerk"), Application, pk)
    assert {row["act"]: row["words_removed"] for row in history}["withdraw"]


def test_files_are_gone_and_told_to_be(world: w.World, django_capture_on_commit_callbacks: Any) -> None:
    pk = noticed(world, fields=planted())
    files = list(Material.objects.filter(owner_id=pk))
    keys = [file.storage_key for file in files]
    assert files and all(default_storage.exists(key) for key in keys)
    with django_capture_on_commit_callbacks(execute=True):
        suppress(world, "application", pk)
    assert not any(default_storage.exists(key) for key in keys)
    held = services.list_materials(actor=world.actor("clerk"), owner_kind="application", owner_id=pk)
    assert len(held) == len(files) and {file["name"] for file in held} == {""}
    with refused("file_suppressed", 410):
        services.read_material(actor=world.actor("clerk"), material_id=files[0].pk)


def test_a_suppression_that_fails_leaves_the_files(world: w.World, django_capture_on_commit_callbacks: Any) -> None:
    pk = noticed(world, fields=planted())
    with django_capture_on_commit_callbacks(execute=True), refused("reason_required"):
        suppress(world, "application", pk, reason="")
    assert all(default_storage.exists(m.storage_key) for m in Material.objects.filter(owner_id=pk))


def test_a_pending_cancellation_can_still_be_completed(world: w.World) -> None:
    coded = w.registered(world, fields=planted())
    pk = follow_up(world, "cancellation", coded["registration"], request={"ground": "lost", "note": "植入甲"})
    w.advance(world, pk, "pass_review")
    suppress(world, "registration", coded["registration"])
    assert places() == set()
    assert w.act(world, "complete", pk, "reviewer")["registration_state"] == "CANCELLED"
    assert registration(coded).ground == "lost"


def test_a_draft_of_a_renewal_keeps_its_term_and_loses_its_words(world: w.World) -> None:
    coded = w.registered(world, title="植入甲客运信息", fields=planted())
    pk = follow_up(world, "renewal", coded["registration"], request={"months": 12, "ground": "植入乙"})
    suppress(world, "registration", coded["registration"])
    assert application(pk).draft.request == {"months": 12} and places() == set()
