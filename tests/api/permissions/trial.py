"""Every case tried by everybody, each try taken back before the next: one scene at a time, in savepoints."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import groupby
from typing import Any
from uuid import UUID

from django.db import transaction

from dengji.core.errors import DomainError
from dengji.ledger import own_copy
from dengji.registration import rules
from tests.api.conftest import Caller
from tests.factories import world as w

from .cases import CASES, Case
from .people import CALLERS, SYSTEM, Ground, ground
from .scenes import SCENES, Scene

#: What came of one try: the HTTP status (or a service's), the problem's code, and whether what was asked for was got.
Outcome = tuple[int, str, bool]
REFUSALS = (401, 403, 404)


@contextmanager
def taken_back() -> Iterator[None]:
    """A savepoint that is always rolled back."""
    try:
        with transaction.atomic():
            yield
            transaction.set_rollback(True)
    finally:
        # What was signed within has been taken back, and with it the log that its copy speaks of.
        own_copy.forget()


def all_outcomes() -> dict[str, dict[str, Outcome]]:
    """Return what came of each case by each caller: {key: {caller: outcome}}."""
    found: dict[str, dict[str, Outcome]] = {}
    with taken_back():
        g = ground()
        for name, keys in groupby(sorted(CASES, key=lambda key: CASES[key].scene), lambda key: CASES[key].scene):
            with taken_back():
                scene = SCENES[name](g)
                for key in keys:
                    found[key] = _everybody(g, CASES[key], scene)
    return found


def _everybody(g: Ground, case: Case, scene: Scene) -> dict[str, Outcome]:
    found: dict[str, Outcome] = {}
    for name in CALLERS:
        with taken_back():
            found[name] = _knock(g, case, scene, name) if case.method else _ask(g, case, scene, name)
    for column in SYSTEM if case.service else ():
        with taken_back():
            found[column.key] = _ask(g, case, scene, column.key)
    rules.forget()
    return found


def _names(g: Ground, scene: Scene, name: str) -> Mapping[str, Any]:
    own = g.strange if name == "stranger_agent" else g.agency
    return {"token": g.tokens["clerk"], "rulebook": "cn", "own agency": own.pk, **scene}


def _knock(g: Ground, case: Case, scene: Scene, name: str) -> Outcome:
    caller, known = g.callers[name], _names(g, scene, name)
    path = case.path.format(**known)
    if case.form is not None:
        sent = caller.headers | {"Idempotency-Key": w.tid()}
        answer = caller.client.post(f"/api/v1/{path}", case.form(g, dict(known)), headers=sent)
    elif case.method == "GET":
        answer = caller.get(path)
    else:
        answer = caller.send(case.method, path, case.body(g, dict(known)) if case.body else None)
    return _outcome(answer, case, dict(known), caller)


def _outcome(answer: Any, case: Case, scene: Scene, caller: Caller) -> Outcome:
    if answer.status_code >= 300:
        return answer.status_code, answer.json()["code"], False
    if answer.streaming:
        b"".join(answer.streaming_content)
    return answer.status_code, "", case.seen is None or case.seen(answer, scene)


def _ask(g: Ground, case: Case, scene: Scene, name: str) -> Outcome:
    """What a service answers to an actor who does not come over HTTP."""
    assert case.service is not None
    known = {key: UUID(value) if _is_id(value) else value for key, value in scene.items()}
    try:
        case.service(g, g.actor(name), known)
    except DomainError as error:
        return error.status, error.code, False
    return 200, "", True


def _is_id(value: Any) -> bool:
    return isinstance(value, str) and len(value) == 36 and value.count("-") == 4
