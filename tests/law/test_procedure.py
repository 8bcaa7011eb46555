"""The transition table against appendix A of the design, and the one function that reads it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dengji.law import rulebook as rulebooks
from dengji.law.calendar import end_of, load
from dengji.law.procedure import (
    KIND_LABELS,
    KINDS,
    OPEN_OBJECTION,
    STATES,
    TABLE,
    TERMINAL,
    Case,
    ProcedureError,
    acts_for,
    deadline_in,
    decide,
    limit_for,
)
from dengji.law.procedure.decide import _FACT_GUARDS

AT = datetime(2026, 9, 17, 2, 0, tzinfo=UTC)
RULES = rulebooks.load("cn")
CALENDAR = load()
EVERY_FACT = dict.fromkeys(_FACT_GUARDS, True)
ROLES = sorted({role for act in TABLE.values() for role in act.roles} | {"system_admin", "authority_supervisor"})

#: Appendix A as it is written: act → (object, from, to, who, entry). `-` begins an object, `=` leaves the state.
APPENDIX: dict[str, tuple[str, str, str, str, str]] = {
    "create_application": ("application", "-", "DRAFT", "clerk importer agent interested_party", "S"),
    "confirm_joint": ("application", "DRAFT SUPPLEMENT", "=", "co_registrant", "S"),
    "submit_for_business_review": (
        "application",
        "DRAFT SUPPLEMENT",
        "BUSINESS_REVIEW",
        "clerk agent interested_party",
        "S",
    ),
    "return_to_clerk": ("application", "BUSINESS_REVIEW", "DRAFT", "business_reviewer", "S"),
    "accept": ("application", "SUBMITTED", "ACCEPTED", "acceptor", "S"),
    "request_supplement": ("application", "SUBMITTED", "SUPPLEMENT", "acceptor", "S"),
    "decline": ("application", "SUBMITTED", "DECLINED", "acceptor", "S"),
    "begin_review": ("application", "ACCEPTED", "UNDER_REVIEW", "reviewer", "S"),
    "pass_review": ("application", "UNDER_REVIEW", "REVIEW_PASSED", "reviewer", "S"),
    "reject": ("application", "UNDER_REVIEW", "REJECTED", "reviewer", "S"),
    "explain_overdue": ("application", "UNDER_REVIEW", "=", "reviewer", "S"),
    "open_notice": ("application", "REVIEW_PASSED", "NOTICE", "notice_opener", "P"),
    "suspend_notice": ("application", "NOTICE", "NOTICE_SUSPENDED", "agency_supervisor", "P"),
    "resume_notice": ("application", "NOTICE_SUSPENDED", "NOTICE", "agency_supervisor", "P"),
    "close_notice": ("application", "NOTICE", "CODING", "clock", "P"),
    "assign_code": ("application", "CODING", "REGISTERED", "issuer gateway", "P"),
    "refuse_code": ("application", "CODING", "CODING_REFUSED", "gateway", "P"),
    "lodge": ("objection", "-", "LODGED", "objector objection_officer", "S"),
    "verify": ("objection", "LODGED", "VERIFIED", "objection_officer", "S"),
    "find_inadmissible": ("objection", "LODGED", "INADMISSIBLE", "objection_officer", "S"),
    "uphold": ("objection", "VERIFIED", "UPHELD", "objection_officer agency_supervisor", "S"),
    "dismiss": ("objection", "VERIFIED", "DISMISSED", "objection_officer agency_supervisor", "S"),
    "revise": ("registration", "VALID", "=", "follows", "P"),
    "revoke": ("registration", "VALID", "REVOKED", "agency_supervisor", "P"),
    "suppress_content": ("any", "-", "=", "agency_supervisor", "P"),
}


@pytest.mark.parametrize("name", APPENDIX)
def test_the_table_says_what_the_appendix_says(name: str) -> None:
    obj, sources, target, roles, entry = APPENDIX[name]
    act = TABLE[name]
    assert act.object == obj
    assert act.sources == frozenset(sources.replace("-", "").split())
    assert act.target == (None if target == "=" else target)
    assert act.roles == frozenset(roles.split())
    assert act.public == (entry == "P")


@pytest.mark.parametrize("name", ["decline", "reject", "find_inadmissible", "uphold", "dismiss", "revoke", "terminate"])
def test_what_goes_against_somebody_is_reasoned(name: str) -> None:
    assert TABLE[name].reasoned


def test_the_table_is_whole() -> None:
    for act in TABLE.values():
        kinds = list(STATES) if act.object == "any" else [act.object]
        states = set().union(*(STATES[kind] for kind in kinds))
        assert act.sources <= states, act.name
        assert act.target is None or act.target in states, act.name
        assert act.label and act.roles and act.kinds <= set(KINDS), act.name
        assert all(guard in _FACT_GUARDS or guard == "notice_over" for guard in act.guards), act.name
    assert KIND_LABELS.keys() == set(KINDS)
    assert STATES["application"].keys() >= TERMINAL and STATES["objection"].keys() >= OPEN_OBJECTION


def test_nothing_leaves_a_terminal_state() -> None:
    for act in TABLE.values():
        if act.object == "application":
            assert not act.sources & TERMINAL, act.name


def test_every_state_but_the_first_is_reached_and_left() -> None:
    for kind, states in STATES.items():
        acts = [act for act in TABLE.values() if act.object == kind]
        reached = {act.target for act in acts}
        # SUPPLEMENT is also reached by return_to_clerk; a hosted register begins by agreement, not by an act.
        assert set(states) - {"HOSTED"} <= reached, kind
        left = set().union(*(act.sources for act in acts))
        if kind == "application":
            assert set(states) - TERMINAL == left


def test_the_agency_cannot_close_a_notice_and_nobody_but_a_code_giver_assigns() -> None:
    assert TABLE["close_notice"].roles == {"clock"}
    assert TABLE["assign_code"].roles == {"issuer", "gateway"}
    assert not any(
        act.roles & {"system_admin", "security_admin", "audit_admin", "authority_supervisor"}
        for act in TABLE.values()
        if act.object in ("application", "registration", "objection")
    )


def attempt(name: str, case: Case, role: str, at: datetime = AT, obj: str | None = None) -> str:
    """The next state, or the code of the refusal."""
    try:
        return decide(name, case, role, RULES, CALENDAR, at, obj=obj).state
    except ProcedureError as error:
        return error.code


CASE_STATES = st.sampled_from([(kind, state) for kind, states in STATES.items() for state in [None, *states]])


@settings(max_examples=1500, derandomize=True, deadline=None)
@given(
    name=st.sampled_from([*TABLE, "sell"]),
    role=st.sampled_from(ROLES),
    place=CASE_STATES,
    kind=st.sampled_from(KINDS),
    over=st.booleans(),
)
def test_only_rows_of_the_table_are_allowed(
    name: str, role: str, place: tuple[str, str | None], kind: str, over: bool
) -> None:
    obj, state = place
    ends = AT - timedelta(hours=1) if over else AT + timedelta(hours=1)
    result = attempt(name, Case(state=state, kind=kind, notice_ends=ends, facts=EVERY_FACT), role, obj=obj)
    act = TABLE.get(name)
    if act is None:
        assert result == "unknown_act"
    elif role not in act.roles and "anyone" not in act.roles:
        assert result == "wrong_role"
    elif kind not in act.kinds:
        assert result == "wrong_kind"
    elif name in ("recalculate", "suppress_content"):
        assert result == ("wrong_state" if state is None or (name == "recalculate" and state in TERMINAL) else state)
    elif (state is None) != (not act.sources) or (state is not None and state not in act.sources):
        assert result == "wrong_state"
    elif name == "close_notice" and not over:
        assert result == "notice_running"
    else:
        assert result == (act.target or state)


@pytest.mark.parametrize("name", TABLE)
def test_each_guard_alone_stops_the_act(name: str) -> None:
    act = TABLE[name]
    kind = min(act.kinds)
    state = min(act.sources) if act.sources else (None if act.target else "VALID")
    role = min(act.roles)
    for guard in act.guards:
        facts = {**EVERY_FACT, guard: False, "not_overdue": False, "follows_application": False}
        case = Case(state=state, kind=kind, notice_ends=AT - timedelta(days=1), facts=facts)
        if guard == "notice_over":
            case = Case(state=state, kind=kind, notice_ends=None, facts=EVERY_FACT)
        assert attempt(name, case, role) == ("notice_running" if guard == "notice_over" else guard)


def test_a_guard_nobody_answered_stops_the_act() -> None:
    assert attempt("open_notice", Case(state="REVIEW_PASSED"), "notice_opener") == "notice_required"


def test_a_review_in_time_needs_no_explanation_and_a_cancellation_by_application_no_expiry() -> None:
    facts = {"not_overdue": True, "rectification_basis": True}
    assert attempt("pass_review", Case(state="UNDER_REVIEW", facts=facts), "reviewer") == "REVIEW_PASSED"
    assert attempt("cancel", Case(state="VALID", facts={"follows_application": True}), "follows") == "CANCELLED"
    assert attempt("cancel", Case(state="VALID", facts={}), "agency_supervisor") == "expired"


def test_a_draft_returned_within_a_supplement_stays_a_supplement() -> None:
    case = Case(state="BUSINESS_REVIEW", in_supplement=True)
    assert attempt("return_to_clerk", case, "business_reviewer") == "SUPPLEMENT"


def test_a_notice_closes_only_five_minutes_after_its_last_day() -> None:
    ends = end_of(date(2026, 10, 8))
    for minutes, expected in ((-1, "notice_running"), (4, "notice_running"), (5, "CODING")):
        case = Case(state="NOTICE", notice_ends=ends, facts={"no_open_objection": True})
        assert attempt("close_notice", case, "clock", ends + timedelta(minutes=minutes)) == expected


@pytest.mark.parametrize(
    ("name", "case", "role", "last_day"),
    [
        # The day of the event is not counted; 25–27 September and 1–7 October 2026 are off, 20 September is worked.
        ("submit", Case(state="BUSINESS_REVIEW"), "business_reviewer", date(2026, 9, 21)),
        ("accept", Case(state="SUBMITTED"), "acceptor", date(2026, 10, 21)),
        ("accept", Case(state="SUBMITTED", kind="cancellation"), "acceptor", date(2026, 10, 8)),
        ("open_notice", Case(state="REVIEW_PASSED"), "notice_opener", date(2026, 10, 8)),
        ("resume_notice", Case(state="NOTICE_SUSPENDED"), "agency_supervisor", date(2026, 10, 8)),
        ("lodge", Case(), "objector", date(2026, 9, 20)),
        ("begin_review", Case(state="ACCEPTED", accepted=AT - timedelta(days=3)), "reviewer", date(2026, 10, 16)),
    ],
)
def test_the_limits_of_the_measures(name: str, case: Case, role: str, last_day: date) -> None:
    facts = Case(**{**case.__dict__, "facts": EVERY_FACT})
    outcome = decide(name, facts, role, RULES, CALENDAR, AT)
    assert outcome.deadline is not None
    assert outcome.deadline.last_day == last_day
    assert outcome.deadline.ends == end_of(last_day)


def test_the_acceptance_clock_starts_anew_with_the_resubmission() -> None:
    """Measures Art. 10: the date runs from the re-submission."""
    case = Case(state="BUSINESS_REVIEW", receipt=AT - timedelta(days=30), facts=EVERY_FACT)
    outcome = decide("submit", case, "business_reviewer", RULES, CALENDAR, AT)
    assert outcome.deadline is not None and outcome.deadline.last_day == date(2026, 9, 21)


@given(
    at=st.integers(0, 3 * 365 * 24).map(lambda hours: datetime(2024, 3, 1, tzinfo=UTC) + timedelta(hours=hours)),
    place=CASE_STATES,
    kind=st.sampled_from(KINDS),
)
@settings(max_examples=300, derandomize=True, deadline=None)
def test_a_deadline_is_the_nth_working_day(at: datetime, place: tuple[str, str | None], kind: str) -> None:
    obj, state = place
    if state is None:
        return
    deadline = deadline_in(obj, state, Case(state=state, kind=kind), RULES, CALENDAR, at)
    limit = limit_for(obj, state, kind, RULES)
    days = RULES.get(limit[0]) if limit else None
    if days is None:
        assert deadline is None
        return
    assert deadline is not None
    start = (at + timedelta(hours=8)).date()
    assert CALENDAR.is_working(deadline.last_day) and deadline.last_day > start
    assert CALENDAR.between(start, deadline.last_day) == days
    assert deadline.ends == end_of(deadline.last_day)


class Silent:
    """A rulebook in which no limit is set."""

    def get(self, key: str) -> object:
        """No value."""
        return None


def test_where_the_rulebook_gives_no_limit_no_deadline_runs() -> None:
    for state in STATES["application"]:
        assert deadline_in("application", state, Case(state=state), Silent(), CALENDAR, AT) is None
    case = Case(state="NOTICE", notice_ends=AT, facts={"no_open_objection": True})
    assert decide("close_notice", case, "clock", Silent(), CALENDAR, AT).state == "CODING"


def test_a_refusal_carries_its_article_and_parameters() -> None:
    with pytest.raises(ProcedureError) as caught:
        decide("accept", Case(state="DRAFT"), "acceptor", RULES, CALENDAR, AT)
    assert (caught.value.code, caught.value.article) == ("wrong_state", "10")
    params: Mapping[str, str] = caught.value.params
    assert params == {"state": "DRAFT"}


def test_what_somebody_could_do_next() -> None:
    names = {act.name for act in acts_for("application", "SUBMITTED", "first", frozenset({"acceptor"}))}
    assert names == {"accept", "request_supplement", "decline"}
    assert acts_for("application", "REGISTERED", "first", frozenset(ROLES)) == ()
    clerk = {act.name for act in acts_for("application", "DRAFT", "first", frozenset({"clerk"}))}
    assert clerk == {"submit_for_business_review", "withdraw"}


def test_only_a_running_case_is_recalculated_and_only_an_existing_one_suppressed() -> None:
    for state in TERMINAL:
        assert attempt("recalculate", Case(state=state), "clock") == "wrong_state"
    assert attempt("recalculate", Case(), "clock") == "wrong_state"
    assert attempt("recalculate", Case(state="NOTICE"), "clock") == "NOTICE"
    assert attempt("suppress_content", Case(), "agency_supervisor") == "wrong_state"
    assert attempt("suppress_content", Case(state="REGISTERED"), "agency_supervisor") == "REGISTERED"
