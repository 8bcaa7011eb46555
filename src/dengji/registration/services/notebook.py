"""The agency's own words beside the procedure: remarks, telephone log, wordings, saved filters (内部备注、电话记录)."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from dengji.core.encryption import seal_json
from dengji.core.errors import N_, DomainError, forbidden, not_found
from dengji.core.ids import new_id
from dengji.law.procedure import TABLE
from dengji.parties.access import log_work
from dengji.parties.actor import Actor

from ..models import CaseNote, CaseNoteText, SavedFilter, Wording
from .assignments import case_for
from .engine import perform

NOTE_KINDS = {"remark": N_("内部备注"), "telephone": N_("电话记录")}
_NOTE_LENGTH, _TITLE_LENGTH, _WORDING_LENGTH, _FILTERS = 2000, 60, 4000, 20


def add_note(
    *, actor: Actor, transaction_id: str, object_kind: str, object_id: UUID, kind: str, text: str
) -> dict[str, Any]:
    """Note an internal remark or a telephone call on a case; only the agency reads it, nobody changes it.

    Raises DomainError text_required, text_long, note_kind, forbidden, own_file, not_found.
    """

    def work(at: datetime) -> dict[str, Any]:
        row = case_for(actor, object_kind, object_id)
        if kind not in NOTE_KINDS:
            raise DomainError("note_kind", N_("请选择备注或电话记录"), "kind")
        note = CaseNote(
            id=new_id(),
            object_kind=object_kind,
            object_id=row.pk,
            register_id=row.register_id,
            kind=kind,
            at=at,
            by=actor.key,
        )
        note.save(force_insert=True)
        words = {"text": _words(text, _NOTE_LENGTH)}
        CaseNoteText.objects.create(note=note, data=seal_json(words, context=note.pk.bytes))
        return {"id": str(note.pk), "act": "add_note"}

    return perform(
        "add_note",
        actor=actor,
        transaction_id=transaction_id,
        target=object_id,
        request={"object": object_kind, "kind": kind, "text": text},
        work=work,
    )


def _words(text: str, most: int) -> str:
    plain = text.strip()
    if not plain:
        raise DomainError("text_required", N_("请填写内容"), "text")
    if len(plain) > most:
        raise DomainError("text_long", N_("不超过{limit}个字符"), "text", params={"limit": most})
    return plain


def save_wording(
    *, actor: Actor, transaction_id: str, register_id: UUID, act: str, title: str, text: str
) -> dict[str, Any]:
    """Keep a text of the register's own for one act (文书模板); supervisors, and whoever does the act.

    Raises DomainError act_unknown, title_required, text_required, text_long, forbidden.
    """

    def work(at: datetime) -> dict[str, Any]:
        if act not in TABLE:
            raise DomainError("act_unknown", N_("没有这一事项"), "act")
        if register_id not in actor.registers("agency_supervisor", *TABLE[act].roles):
            raise forbidden()
        if not 0 < len(title.strip()) <= _TITLE_LENGTH:
            raise DomainError("title_required", N_("标题必填，且不超过60个字符"), "title")
        row = Wording.objects.create(
            register_id=register_id,
            act=act,
            title=title.strip(),
            text=_words(text, _WORDING_LENGTH),
            at=at,
            by=actor.key,
        )
        return {"id": str(row.pk), "act": "save_wording"}

    request = {"act": act, "title": title, "text": text}
    return perform(
        "save_wording", actor=actor, transaction_id=transaction_id, target=register_id, request=request, work=work
    )


def drop_wording(*, actor: Actor, transaction_id: str, wording_id: UUID) -> dict[str, Any]:
    """Withdraw a wording; those who may write it. Raises DomainError not_found."""

    def work(at: datetime) -> dict[str, Any]:
        row = Wording.objects.select_for_update().filter(pk=wording_id, ended_at=None).first()
        if row is None or row.register_id not in actor.registers("agency_supervisor", *TABLE[row.act].roles):
            raise not_found()
        row.ended_at = at
        row.save(update_fields=["ended_at"])
        log_work(
            actor=actor.key, act="drop_wording", object_id=row.pk, object_kind="wording", register_id=row.register_id
        )
        return {"id": str(row.pk), "act": "drop_wording"}

    return perform("drop_wording", actor=actor, transaction_id=transaction_id, target=wording_id, request={}, work=work)


def save_filter(*, actor: Actor, name: str, query: str) -> None:
    """Keep a filter of the queue for oneself, replacing one of the same name; raises DomainError name_required."""
    if actor.person_id is None:
        raise forbidden()
    if not 0 < len(name.strip()) <= SavedFilter._meta.get_field("name").max_length:  # type: ignore[operator]
        raise DomainError("name_required", N_("请填写筛选名称，不超过30个字符"), "name")
    kept = SavedFilter.objects.filter(person_id=actor.person_id)
    if kept.exclude(name=name.strip()).count() >= _FILTERS:
        raise DomainError("filters_full", N_("最多保存20个筛选：请先删除不用的"), "name")
    kept.update_or_create(name=name.strip(), defaults={"person_id": actor.person_id, "query": query[:400]})


def drop_filter(*, actor: Actor, filter_id: int) -> None:
    """Forget one of one's own filters; another's is left alone."""
    if actor.person_id is not None:
        SavedFilter.objects.filter(pk=filter_id, person_id=actor.person_id).delete()
