"""Changing a signing key in the open: the successor is announced in the log, then the old key ends there."""

from __future__ import annotations

from django.db import transaction

from dengji.core.clock import legal_now
from dengji.core.errors import N_, DomainError, conflict
from dengji.core.frame import lock_words

from . import checkpointing, services
from .keyring import NODE, OBJECT_KIND, SLOTS, Rotation, Slot, candidates, make, object_id, rotations, settle
from .models import Entry
from .pure.notes import VerifierKey


def rotate(slot_name: str = "log") -> Rotation:
    """Announce the successor of a slot's key in the log; from then on both sign. Safe to call again after a crash.

    Raises DomainError next_key_missing where key or device come from outside and offer no second one.
    """
    slot = SLOTS[slot_name]
    settle(slot)
    offered = candidates(slot)
    if len(offered) < 2:
        if slot.setting("SIGNER") or slot.setting("KEY"):
            raise DomainError(
                "next_key_missing",
                N_("密钥 {name} 来自外部：请先在同一处给出第二把密钥"),
                params={"name": slot.name},
            )
        make(slot, slot.next_path)
        offered = candidates(slot)
    old, new = (slot.vkey(one) for one in offered[:2])
    return _say("key_rotated", slot, old, new)


def retire(slot_name: str = "log") -> Rotation:
    """End a rotation: the old key signs no more, the new one alone does. Safe to call again after a crash.

    Raises DomainError rotation_not_begun, or rotation_not_covered while no checkpoint signed by both holds the
    announcement: without one nobody could tell the successor from an intruder's key.
    """
    slot = SLOTS[slot_name]
    offered = candidates(slot)
    keys = [slot.vkey(one) for one in offered[:2]]
    announced = [one for one in rotations() if one.act == "key_rotated" and [one.old, one.new] == keys]
    if not announced:
        raise conflict("rotation_not_begun", N_("没有正在进行的密钥轮换：请先运行 dengji ledger rotate"))
    _require_covered(announced[0])
    done = _say("key_retired", slot, *keys)
    transaction.on_commit(lambda: settle(slot))
    return done


def _require_covered(announced: Rotation) -> None:
    if not {announced.old.key_id, announced.new.key_id} <= checkpointing.vouching(announced.entry_id):
        raise conflict("rotation_not_covered", N_("轮换公告尚未进入由新旧两把密钥共同签署的检查点：请稍后再试"))


def _say(act: str, slot: Slot, old: VerifierKey, new: VerifierKey) -> Rotation:
    wanted = Rotation(act, slot.name, old, new)
    with transaction.atomic():
        lock_words("dengji", "log keys")
        if wanted not in rotations():
            services.record(
                act=act,
                at=legal_now(),
                register=NODE,
                object_kind=OBJECT_KIND,
                object_id=object_id(),
                n=Entry.objects.filter(object_id=object_id()).count() + 1,
                public={"slot": slot.name, "old_key": str(old), "new_key": str(new)},
            )
    return wanted
