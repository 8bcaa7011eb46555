"""How each line of the table is tried: in which scene, by which request, and what shows that it was allowed."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from pydantic import BaseModel

from dengji.imports import services as imports
from dengji.imports.services import Order
from dengji.parties.actor import Actor
from dengji.registration import services
from dengji.registration.api.acts import ACTS
from tests.factories import world as w
from tests.registration import kit

from .people import Ground
from .scenes import EVIDENCE_NAME, REASON, Scene, rows

Body = dict[str, Any]
Seen = Callable[[Any, Scene], bool]
By = Callable[[Ground, Actor, Scene], Any]
_CITED = {"reason": "示例理由"}
_GROUND = {"ground": "error", **_CITED}
_SUBMISSION = {**w.SECRECY, "secrecy_date": "2025-01-03"}
_SUPPRESSION = {"ground": "authority_order", "authority": "示例机关", **_CITED}


@dataclass(frozen=True)
class Case:
    """One attempt: `path` has the scene's names in braces; a JSON body, or a form with a file; what proves success."""

    scene: str
    method: str = ""
    path: str = ""
    body: Callable[[Ground, Scene], Body] | None = None
    form: Callable[[Ground, Scene], Body] | None = None
    seen: Seen | None = None
    #: How the system's own actors do the same without HTTP.
    service: By | None = None
    #: Refusals that are not of the role's making: (status, code).
    also: tuple[int, str] = (0, "")

    def operation(self) -> tuple[str, str]:
        """The method and path under which the OpenAPI document lists it."""
        path = self.path.partition("?")[0]
        parts = [self._name(part) if part.startswith("{") else part for part in path.split("/")]
        return self.method.lower(), "/api/v1/" + "/".join(parts)

    def _name(self, part: str) -> str:
        own = {"{notification}": "{notification_id}", "{follower}": "{follower_id}"}
        return own.get(part, part if part in ("{code}", "{n}", "{index}", "{form}") else "{id}")


# -- acts of the table that have a path of their own ------------------------------------------------------------------

#: key → scene, body
_ACTS: dict[str, tuple[str, Body | None]] = {
    "application.confirm_joint": ("draft", None),
    "application.submit_for_business_review": ("draft", None),
    "application.submit_for_business_review rectification": ("rectifying", None),
    "application.return_to_clerk": ("business review", _CITED),
    "application.submit": ("business review", _SUBMISSION),
    "application.submit signed": ("signed", _SUBMISSION),
    "application.submit rectification": ("rectifying ready", _SUBMISSION),
    "application.withdraw": ("submitted", _CITED),
    "application.withdraw rectification": ("rectifying submitted", _CITED),
    "application.accept": ("submitted", None),
    "application.request_supplement": ("submitted", {"items": [{"field": "intro", "text": "x"}]}),
    "application.decline": ("submitted", _CITED),
    "application.begin_review": ("accepted", None),
    "application.pass_review": ("under review", {"opinion": "x"}),
    "application.reject": ("under review", _CITED),
    "application.explain_overdue": ("overdue", _CITED),
    "application.open_notice": ("review passed", None),
    "application.suspend_notice": ("notice", _GROUND),
    "application.resume_notice": ("suspended", None),
    "application.terminate": ("notice", _CITED),
    "application.terminate refused": ("coding refused", _CITED),
    "application.request_code": ("coding", {}),
    "application.request_code again": ("coding refused", {}),
    "application.cancel_request": ("requested", None),
    "application.assign_code": ("requested", {"code": "DEMO-1234-5678"}),
    "application.refuse_code": ("requested", _CITED),
    "application.complete": ("cancelling", None),
    "application.suppress_content": ("notice", _SUPPRESSION),
    "registration.cancel": ("expired", None),
    "registration.revoke": ("registered", {"ground": "false_materials", **_CITED}),
    "registration.suppress_content": ("registered", _SUPPRESSION),
    "objection.retract": ("objected", {}),
    "objection.verify": ("objected", None),
    "objection.find_inadmissible": ("objected", _CITED),
    "objection.uphold": ("verified", _CITED),
    "objection.dismiss": ("verified", _CITED),
    "complaint.answer_complaint": ("complained", _CITED),
    "recheck.find_conforming": ("rechecked", None),
    "recheck.find_deficient": ("rechecked", _CITED),
}

#: Refused to the clock by the rulebook: the agency confirms (R31).
_ALSO = {"registration.cancel": (409, "agency_confirms")}


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value.model_dump(exclude_none=True) if isinstance(value, BaseModel) else value


def _by_row(obj: str, act: str, body: Body | None) -> By:
    """The service behind a row of the API's own table, called as one of the system's actors."""
    row = next(row for row in ACTS if (row.object, row.act) == (obj, act))
    words = row.body.model_validate(body or {})
    values = {name: _plain(getattr(words, name)) for name in type(words).model_fields}

    def call(g: Ground, actor: Actor, scene: Scene) -> Any:
        target = {row.target or f"{obj}_id": scene[obj]}
        return row.service(actor=actor, transaction_id=w.tid(), **target, **values)

    return call


def _act(key: str) -> Case:
    scene, body = _ACTS[key]
    obj, act = key.partition(" ")[0].split(".")
    path = f"{obj}s/{{{obj}}}/acts/{act}"
    return Case(
        scene, "POST", path, lambda g, s: body or {}, service=_by_row(obj, act, body), also=_ALSO.get(key, (0, ""))
    )


# -- acts that come in by another way ---------------------------------------------------------------------------------


def _draft_of(g: Ground, scene: Scene) -> Body:
    return {"register_id": str(g.world.register.pk), "organisation_id": str(g.world.registrant.pk)}


def _draft_by_agent(g: Ground, scene: Scene) -> Body:
    """Each names an agency of their own: the file's agent its own, strangers theirs."""
    return {**_draft_of(g, scene), "agent_id": str(scene["own agency"])}


def _rectification(g: Ground, scene: Scene) -> Body:
    more = {"kind": "rectification", "registration_id": scene["registration"], "interested_party": True}
    return {**_draft_of(g, scene), **more}


def _create(g: Ground, actor: Actor, scene: Scene) -> Any:
    return services.create_application(
        actor=actor,
        transaction_id=w.tid(),
        register_id=g.world.register.pk,
        organisation_id=g.world.registrant.pk,
    )


def _close(g: Ground, actor: Actor, scene: Scene) -> Any:
    return services.close_notice(actor=actor, transaction_id=w.tid(), application_id=scene["application"])


def _objection(g: Ground, scene: Scene) -> Body:
    evidence = {"name": "a.pdf", "data": base64.b64encode(w.PDF).decode()}
    words = {"relation": "示例关系", "grounds": "示例理由", "evidence": [evidence]}
    return {"objector_kind": "person", "identity": kit.PERSON, **words}


def _late(g: Ground, scene: Scene) -> Body:
    from dengji.registration.models import Notice

    return {**_objection(g, scene), "received_on": Notice.objects.get(pk=scene["notice"]).last_day.isoformat()}


def _complaint(g: Ground, scene: Scene) -> Body:
    return {"register_id": str(g.world.register.pk), "text": "示例内容"}


def _draw(g: Ground, scene: Scene) -> Body:
    return {"register_id": str(g.world.register.pk), "period": "2026"}


def _import_form(kind: str) -> Callable[[Ground, Scene], Body]:
    def form(g: Ground, scene: Scene) -> Body:
        about = {"organisation": g.world.registrant.credit_code} if kind == "drafts" else {}
        file = SimpleUploadedFile("a.jsonl", rows(g))
        return {"register": g.world.register.slug, "kind": kind, "file": file, **about}

    return form


def _directory(g: Ground, scene: Scene) -> Body:
    file = SimpleUploadedFile("a.csv", "标识符,名称,单位\n示-2,示例目录,示例单位\n".encode())
    return {"register_slug": g.world.register.slug, "file": file}


def _adopt(g: Ground, actor: Actor, scene: Scene) -> Any:
    order = Order(g.world.register.pk, "adoption")
    return imports.submit_file(actor=actor, order=order, data=rows(g))


_OTHER_ACTS: dict[str, Case] = {
    "application.create_application": Case("empty", "POST", "applications", _draft_of, service=_create),
    "application.create_application agent": Case("empty", "POST", "applications", _draft_by_agent),
    "application.create_application rectification": Case("registered", "POST", "applications", _rectification),
    "application.close_notice": Case("notice over", service=_close),
    "objection.lodge": Case("notice", "POST", "notices/{notice}/objections", _objection),
    "objection.lodge late": Case("coding", "POST", "notices/{notice}/objections", _late, also=(409, "objection_open")),
    "objection.retract key": Case(
        "objected", "POST", "objections/{objection}/acts/retract", lambda g, s: {"key": s["key"]}
    ),
    "registration.adopt": Case("empty", "POST", "imports", form=_import_form("adoption"), service=_adopt),
    "complaint.file_complaint": Case("empty", "POST", "complaints", _complaint),
    "recheck.draw_recheck": Case("registered", "POST", "rechecks", _draw),
}

# -- everything else --------------------------------------------------------------------------------------------------


def _lists(name: str) -> Seen:
    return lambda answer, scene: scene[name] in [item["id"] for item in answer.json()["items"]]


def _shows(*path: str | int, equal: Any = None) -> Seen:
    """The answer holds something at this place."""

    def seen(answer: Any, scene: Scene) -> bool:
        value: Any = answer.json()
        for step in path:
            value = value.get(step) if isinstance(value, dict) else value[step]
            if value is None:
                return False
        return bool(value) if equal is None else bool(value == equal)

    return seen


def _says(text: str) -> Seen:
    return lambda answer, scene: text in answer.content.decode()


def _bytes(answer: Any, scene: Scene) -> bool:
    return bool(answer.content == w.PDF)


def _upload(kind: str) -> Callable[[Ground, Scene], Body]:
    return lambda g, scene: {"kind": kind, "file": SimpleUploadedFile("a.pdf", w.PDF)}


def _calendar(g: Ground, scene: Scene) -> Body:
    return {"version": "example-1", "overrides": [{"day": "2026-12-30", "working": False, "source": "示例通知"}]}


def _save(g: Ground, scene: Scene) -> Body:
    return {"content": {"intro": "示例简介"}}


def _wording(g: Ground, scene: Scene) -> Body:
    texts: Body = {"zh": {"closing": ["示例结语"]}, "en": {}}
    return {"register_id": str(g.world.register.pk), "kind": "acceptance_notice", "texts": texts}


def _stamped(g: Ground, scene: Scene) -> Body:
    scan = base64.b64encode(w.PDF).decode()
    return {"unit": g.world.registrant.name, "signed_on": "2026-01-05", "name": "a.pdf", "data": scan}


def _file(scene: str, more: str = "", seen: Seen | None = None) -> Case:
    return Case(scene, "GET", f"applications/{{application}}{more}", seen=seen)


def _objections(more: str, seen: Seen | None = None) -> Case:
    return Case("objected", "GET", f"objections/{{objection}}{more}", seen=seen)


def _proof(act: str, obj: str, what: str, seen: Seen | None = None) -> Case:
    return Case(f"log: {act}", "GET", f"{obj}s/{{{obj}}}/decisions/{{n}}/{what}", seen=seen)


_OPENED = _shows("opening")
_ENDPOINTS: dict[str, Case] = {
    "GET /registrations": Case("registered", "GET", "registrations", seen=_lists("registration")),
    "GET /registrations/{code}": Case("registered", "GET", "registrations/{code}"),
    "GET /suggestions": Case("registered", "GET", "suggestions?q=x"),
    "GET /notices": Case("notice", "GET", "notices", seen=_lists("notice")),
    "GET /notices/{id}": Case("notice", "GET", "notices/{notice}", seen=_shows("fields", "name")),
    "GET /rulebooks/{id}": Case("empty", "GET", "rulebooks/{rulebook}"),
    "POST /calendars": Case("empty", "POST", "calendars", _calendar),
    "GET /access-log": Case("empty", "GET", "access-log"),
    "GET /followers": Case("followed", "GET", "followers", seen=_says("push.example")),
    "POST /followers": Case("empty", "POST", "followers", lambda g, s: {"kind": "search", "url": "https://1.1.1.1/"}),
    "DELETE /followers/{follower_id}": Case("followed", "DELETE", "followers/{follower}"),
    "POST /tokens": Case("empty", "POST", "tokens", lambda g, s: {"label": "示例"}),
    "DELETE /tokens/{id}": Case("empty", "DELETE", "tokens/{token}"),
    "GET /notifications": Case("told", "GET", "notifications", seen=_lists("notification")),
    "POST /notifications/{notification_id}/read": Case("told", "POST", "notifications/{notification}/read"),
    "GET /documents": Case("papered", "GET", "documents", seen=_lists("document")),
    "GET /documents/{id}": Case("papered", "GET", "documents/{document}"),
    "GET /documents/{id}/file": Case("papered", "GET", "documents/{document}/file"),
    "POST /documents/{id}/make": Case("papered", "POST", "documents/{document}/make"),
    "POST /documents/{id}/remake": Case("papered", "POST", "documents/{document}/remake"),
    "POST /documents/{id}/seal": Case("papered", "POST", "documents/{document}/seal"),
    "POST /documents/{id}/scan": Case(
        "papered",
        "POST",
        "documents/{document}/scan",
        lambda g, s: {"name": "scan.pdf", "data": base64.b64encode(w.PDF).decode()},
    ),
    "POST /documents/{id}/service": Case(
        "papered",
        "POST",
        "documents/{document}/service",
        lambda g, s: {"channel": "telephone", "event": "served", "note": "示例"},
    ),
    "POST /document-wording": Case("empty", "POST", "document-wording", _wording),
    "POST /registrations/{id}/hearing-notice": Case(
        "registered",
        "POST",
        "registrations/{registration}/hearing-notice",
        lambda g, s: {"ground": "false_materials", "reason": "示例理由", "until": "2099-01-01"},
    ),
    "GET /applications/{id}/forms/{form}": _file("draft", "/forms/{form}"),
    "POST /applications/{id}/forms/{form}": Case("draft", "POST", "applications/{application}/forms/{form}", _stamped),
    "GET /queue": Case("submitted", "GET", "queue", seen=_lists("application")),
    "GET /applications draft": Case("draft", "GET", "applications", seen=_lists("application")),
    "GET /applications": Case("submitted", "GET", "applications", seen=_lists("application")),
    "GET /applications/{id} draft": _file("draft"),
    "GET /applications/{id}": _file("submitted"),
    "GET /applications/{id} rectification draft": _file("rectifying"),
    "GET /applications/{id} rectification": _file("rectifying submitted"),
    "PATCH /applications/{id}": Case("draft", "PATCH", "applications/{application}", _save),
    "PATCH /applications/{id} rectification": Case("rectifying", "PATCH", "applications/{application}", _save),
    "GET /applications/{id}/preview": _file("submitted", "/preview"),
    "GET /applications/{id}/findings": _file("submitted", "/findings"),
    "GET /applications/{id}/decisions": _file("submitted", "/decisions"),
    "GET /applications/{id}/materials": _file("submitted", "/materials", _lists("material")),
    "GET /applications/{id}/materials draft": _file("draft", "/materials", _lists("material")),
    "POST /applications/{id}/materials": Case(
        "draft", "POST", "applications/{application}/materials", form=_upload("other")
    ),
    "DELETE /materials/{id}": Case("draft", "DELETE", "materials/{material}"),
    "GET /registrations/{id}/materials": Case(
        "registered", "GET", "registrations/{registration}/materials", seen=_lists("paper")
    ),
    "POST /registrations/{id}/materials statement": Case(
        "registered", "POST", "registrations/{registration}/materials", form=_upload("registrant_statement")
    ),
    "POST /registrations/{id}/materials investigation": Case(
        "registered", "POST", "registrations/{registration}/materials", form=_upload("revocation_investigation")
    ),
    "GET /objections": Case("objected", "GET", "objections", seen=_lists("objection")),
    "GET /objections/{id}": _objections("", _shows("grounds")),
    "GET /objections/{id}/decisions": _objections("/decisions"),
    "GET /objections/{id}/materials": _objections("/materials", _lists("paper")),
    "POST /objections/{id}/materials": Case(
        "objected", "POST", "objections/{objection}/materials", form=_upload("objection_evidence")
    ),
    "GET /complaints": Case("complained", "GET", "complaints", seen=_lists("complaint")),
    "GET /complaints/{id}": Case("complained", "GET", "complaints/{complaint}", seen=_shows("text")),
    "GET /rechecks": Case("rechecked", "GET", "rechecks", seen=_lists("recheck")),
    "POST /imports": Case("empty", "POST", "imports", form=_import_form("drafts")),
    "POST /directory": Case("catalogued", "POST", "directory", form=_directory),
    "POST /directory/match": Case(
        "catalogued", "POST", "directory/match", lambda g, s: {"register_slug": g.world.register.slug}
    ),
    "POST /directory/decisions": Case(
        "catalogued", "POST", "directory/decisions", lambda g, s: {"act": "confirm", "proposals": [s["proposal"]]}
    ),
    "GET /directory/proposals": Case("catalogued", "GET", "directory/proposals", seen=_lists("proposal")),
    "GET /directory/counts": Case(
        "catalogued", "GET", "directory/counts", seen=lambda answer, scene: answer.json()["total"]["catalogued"] > 0
    ),
    "GET /directory/gaps": Case("catalogued", "GET", "directory/gaps", seen=_lists("entry")),
    "GET /imports/{id}": Case("imported", "GET", "imports/{import}"),
    "GET /imports/{id}/report": Case("imported", "GET", "imports/{import}/report"),
    "GET /registrations/{code}/receipt": Case("log: assign_code", "GET", "registrations/{code}/receipt"),
    "GET /entries/{index}/receipt": Case("log: submit", "GET", "entries/{index}/receipt"),
    "GET /consistency": Case("log: submit", "GET", "consistency?old=1"),
    "receipt application": _proof("request_supplement", "application", "receipt", _OPENED),
    "receipt application public": _proof("open_notice", "application", "receipt"),
    "receipt registration": _proof("revoke", "registration", "receipt"),
    "receipt objection": _proof("find_inadmissible", "objection", "receipt", _OPENED),
    "receipt objection key": _proof("find_inadmissible", "objection", "receipt?key={key}", _OPENED),
    "receipt complaint": _proof("answer_complaint", "complaint", "receipt", _OPENED),
    "receipt complaint key": _proof("answer_complaint", "complaint", "receipt?key={key}", _OPENED),
    "receipt recheck": _proof("find_deficient", "recheck", "receipt", _OPENED),
    "words application": _proof("request_supplement", "application", "words", _says(REASON)),
    "words registration": _proof("revoke", "registration", "words", _says(REASON)),
    "words objection": _proof("find_inadmissible", "objection", "words", _says(REASON)),
    "words complaint": _proof("answer_complaint", "complaint", "words", _says(REASON)),
    "words recheck": _proof("find_deficient", "recheck", "words", _says(REASON)),
    **{
        f"GET /{path}": Case("empty", "GET", path)
        for path in (
            "registers",
            "statistics",
            "statistics/catalogue",
            "statistics/months",
            "statistics/disclosure",
            "calendars",
            "rulebooks",
            "procedure",
            "me",
            "tokens",
            "imports/template",
        )
    },
}

_PHONE = _shows("content", "contact_phone")
_SENSITIVE: dict[str, Case] = {
    "personal draft": _file("draft", "?personal=true", _PHONE),
    "personal opened": _file("submitted", "?personal=true", _PHONE),
    "personal unasked": _file("submitted", "", _PHONE),
    "secrecy reviewer": _file("submitted", "/decisions", _says(w.SECRECY["secrecy_reviewer"])),
    "secrecy reviewer words": _proof("submit", "application", "words", _says(w.SECRECY["secrecy_reviewer"])),
    "reasons": _file("supplement", "/decisions", _says(REASON)),
    "unsubmitted words": _file("supplement", "/preview", _says("尚未提交的新简介")),
    "unsubmitted files": _file("supplement", "/materials", _says("未提交.pdf")),
    "material draft": Case("draft", "GET", "materials/{material}", seen=_bytes),
    "material": Case("submitted", "GET", "materials/{material}", seen=_bytes),
    "investigation": Case("registered", "GET", "materials/{paper}", seen=_bytes),
    "objector": _objections("", _shows("identity", "document_number")),
    "objector by key": _objections("?key={key}", _shows("identity", "document_number")),
    "evidence": Case("objected", "GET", "materials/{paper}", seen=_bytes),
    "evidence name": _objections("/materials", _says(EVIDENCE_NAME)),
    "complainant": Case("complained", "GET", "complaints/{complaint}", seen=_shows("contact", "name")),
    "complainant by key": Case("complained", "GET", "complaints/{complaint}?key={key}", seen=_shows("contact", "name")),
    "access log": Case("registered", "GET", "access-log", seen=_shows("items")),
}

CASES: dict[str, Case] = {**{key: _act(key) for key in _ACTS}, **_OTHER_ACTS, **_ENDPOINTS, **_SENSITIVE}
