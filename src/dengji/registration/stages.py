"""The stages of a case at the desk: in which states which roles of the agency have to act (appendix A).

Read off the transition table, so that a new act finds its place by itself. What is possible at any time, as a
suspension or a suppression, makes no case wait for anybody.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from dengji.law.procedure import TABLE
from dengji.parties.roles import AGENCY_ROLES

#: Taking back and stopping are always possible for a while; they do not make a file wait for anybody.
NOT_WORK = frozenset(
    {"withdraw", "retract", "terminate", "suspend_notice", "cancel_request", "suppress_content", "cancel", "revoke"}
)
#: States of an application that share one stage; whoever holds a case holds it until the next one.
_STAGES: dict[str, tuple[str, ...]] = {
    "acceptance": ("BUSINESS_REVIEW", "SUBMITTED", "SUPPLEMENT"),
    "review": ("ACCEPTED", "UNDER_REVIEW"),
    "notice": ("REVIEW_PASSED", "NOTICE", "NOTICE_SUSPENDED"),
    "coding": ("CODING", "CODING_REFUSED"),
}
_BY_STATE = {state: stage for stage, states in _STAGES.items() for state in states}
#: What the agency has in hand, whoever acts next; a draft before its first submission is nobody's business here.
OPEN: dict[str, tuple[str, ...]] = {
    "application": tuple(state for states in _STAGES.values() for state in states),
    "objection": ("LODGED", "VERIFIED"),
    "complaint": ("RECEIVED",),
    "recheck": ("DRAWN",),
}


def stage_of(kind: str, state: str) -> str:
    """Return the stage at which a case stands; objects without stages have one, `case`."""
    return _BY_STATE.get(state, "end") if kind == "application" else "case"


def stages(kind: str) -> dict[str, tuple[str, ...]]:
    """Return each stage of an object kind with its open states."""
    return dict(_STAGES) if kind == "application" else {"case": OPEN.get(kind, ())}


@cache
def next_roles(obj: str, state: str, kind: str = "first") -> tuple[str, ...]:
    """Return which roles act next on an object in a state, agency's or others', in the table's order."""
    found: list[str] = []
    for act in TABLE.values():
        if act.object == obj and state in act.sources and kind in act.kinds and act.name not in NOT_WORK:
            found += [role for role in sorted(act.roles) if role != "follows"]
    return tuple(dict.fromkeys(found))


@cache
def working_states(obj: str, roles: frozenset[str]) -> tuple[str, ...]:
    """Return the states of an object kind in which one of these roles of the agency has work to do."""
    mine = roles & AGENCY_ROLES
    acts = [act for act in TABLE.values() if act.object == obj and act.name not in NOT_WORK and act.roles & mine]
    return tuple(sorted({state for act in acts for state in act.sources}))


def agency_waits(states: Iterable[str], obj: str = "application") -> tuple[str, ...]:
    """Return those states in which the agency itself has to act."""
    return tuple(s for s in states if set(next_roles(obj, s)) & (AGENCY_ROLES - {"gateway"}))
