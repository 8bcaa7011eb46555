"""A register with a bit of everything in it, for the catalogue's tests."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from dengji.catalogue import follow, index
from dengji.core.clock import legal_now
from dengji.law.calendar import shanghai_date
from dengji.ledger.services import place_pending
from dengji.registration import services
from dengji.registration.generator import load
from dengji.registration.services.clockwork import Round
from tests.factories import world as w
from tests.registration.kit import follow_up, on


def catch_up(limit: int = 100_000) -> int:
    """Place what waits and let the catalogue read it."""
    while place_pending():
        pass
    at = legal_now()
    return follow.follow(Round(at, shanghai_date(at), limit))


def current(keeper: index.Keeper) -> None:
    """Let items and index have all that is in the log."""
    catch_up()
    keeper.keep(100_000)


def change(world: w.World, coded: dict[str, Any], **fields: Any) -> None:
    """A completed change of some fields."""
    pk = follow_up(world, "change", UUID(str(coded["registration"])), fields=fields)
    w.advance(world, pk, "open_notice")
    w.after_notice(pk)
    w.act(world, "complete", pk, "reviewer")


def cancel(world: w.World, coded: dict[str, Any]) -> None:
    """A completed cancellation."""
    pk = follow_up(world, "cancellation", UUID(str(coded["registration"])))
    w.advance(world, pk, "pass_review")
    w.act(world, "complete", pk, "reviewer")


def revoke(world: w.World, coded: dict[str, Any]) -> None:
    """A revocation by the book."""
    pk = UUID(str(coded["registration"]))
    for kind in ("revocation_investigation", "registrant_statement"):
        on(
            world,
            "add_material",
            "agency_supervisor",
            owner_kind="registration",
            owner_id=pk,
            kind=kind,
            upload=services.Upload(f"{kind}.pdf", w.PDF),
        )
    on(world, "revoke", "agency_supervisor", registration_id=pk, ground="false_materials", reason="示例理由")


def suppress(world: w.World, kind: str, pk: Any) -> None:
    """A suppression of a registration or of the application behind it."""
    on(
        world,
        "suppress_content",
        "agency_supervisor",
        object_kind=kind,
        object_id=UUID(str(pk)),
        ground="personal_information",
        authority="示例机关",
        reason="示例理由",
    )


def mixed(world: w.World) -> Iterator[str]:
    """Do a bit of everything; yields after each step, so that a reader may read between any two."""
    load(world.register, 30, seed=5)
    yield "adopted"
    coded = [w.registered(world, title=f"独一无二客运{n}") for n in range(4)]
    yield "registered"
    change(world, coded[0], industries=["54", "65"], coverage_regions=["620702", "110000"])
    yield "changed"
    cancel(world, coded[1])
    yield "cancelled"
    revoke(world, coded[2])
    yield "revoked"
    suppress(world, "registration", coded[3]["registration"])
    yield "suppressed"
