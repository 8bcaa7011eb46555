"""THE table of who is told what (R60): an act or a mark of the clock → (event, audience), …

An audience is a name that `recipients` turns into people. One person gets one message of one occurrence: the first
row that names them.
"""

from __future__ import annotations

#: (object kind, act) → rows; `any` is every kind.
ACTS: dict[tuple[str, str], tuple[tuple[str, str], ...]] = {
    ("application", "submit_for_business_review"): (("business_review_wanted", "business_reviewers"),),
    ("application", "return_to_clerk"): (("returned_to_clerk", "clerks"),),
    ("application", "submit"): (
        ("submitted", "applicants"),
        ("rectification_asked", "holder_if_asked_by_other"),
        ("to_accept", "agency:acceptor"),
    ),
    ("application", "accept"): (("accepted", "applicants"), ("to_review", "agency:reviewer")),
    ("application", "request_supplement"): (("supplement", "applicants"),),
    ("application", "decline"): (("declined", "applicants"),),
    ("application", "pass_review"): (("review_passed", "applicants"), ("to_publish", "agency:notice_opener")),
    ("application", "reject"): (("rejected", "applicants"),),
    ("application", "explain_overdue"): (("overdue_explained", "applicants"),),
    ("application", "open_notice"): (("notice_opened", "applicants"),),
    ("application", "suspend_notice"): (("notice_suspended", "applicants"),),
    ("application", "resume_notice"): (("notice_resumed", "applicants"),),
    ("application", "close_notice"): (("notice_closed", "applicants"), ("to_code", "gateway_if_upstream")),
    ("application", "terminate"): (("terminated", "applicants"),),
    ("application", "refuse_code"): (("code_refused", "agency:agency_supervisor"),),
    ("application", "assign_code"): (("coded", "applicants"),),
    ("application", "complete"): (("completed", "applicants_but_holder"),),
    ("application", "suppress_content"): (("content_suppressed", "applicants"),),
    ("objection", "lodge"): (
        ("objection_received", "objector"),
        ("objection_to_registrant", "applicants"),
        ("objection_to_agency", "agency:objection_officer"),
    ),
    ("objection", "verify"): (("objection_verified", "agency:objection_officer"),),
    ("objection", "find_inadmissible"): (
        ("objection_inadmissible", "objector"),
        ("objection_settled_registrant", "applicants"),
    ),
    ("objection", "uphold"): (("objection_upheld", "objector"), ("objection_upheld_registrant", "applicants")),
    ("objection", "dismiss"): (("objection_dismissed", "objector"), ("objection_dismissed_registrant", "applicants")),
    ("objection", "retract"): (("objection_settled_registrant", "applicants"),),
    ("objection", "close_moot"): (("objection_moot", "objector"),),
    ("registration", "revise"): (("revised", "holder"),),
    ("registration", "cancel"): (("cancelled", "holder"),),
    ("registration", "revoke"): (("revoked", "holder"),),
    ("registration", "suppress_content"): (("content_suppressed", "holder"),),
    ("complaint", "file_complaint"): (("complaint_received", "agency:agency_supervisor"),),
}

#: (object kind, mark, state or *) → rows. The clock's `renewal_open` is told by the reminder of the same window.
MARKS: dict[tuple[str, str, str], tuple[tuple[str, str], ...]] = {
    ("application", "warning", "SUPPLEMENT"): (("fix_warning", "applicants"),),
    ("application", "warning", "*"): (("warning", "desk"),),
    ("application", "overdue", "SUPPLEMENT"): (("fix_overdue", "applicants"),),
    ("application", "overdue", "*"): (("overdue", "desk"), ("overdue", "agency:agency_supervisor")),
    ("application", "notice_over", "*"): (
        ("to_complete", "agency:reviewer"),
        ("to_complete", "agency:agency_supervisor"),
    ),
    ("objection", "warning", "*"): (("warning", "agency:objection_officer"),),
    ("objection", "overdue", "*"): (("overdue", "agency:objection_officer"), ("overdue", "agency:agency_supervisor")),
    ("complaint", "warning", "*"): (("warning", "agency:agency_supervisor"),),
    ("complaint", "overdue", "*"): (("overdue", "agency:agency_supervisor"),),
    ("registration", "reminder", "VALID"): (("reminder", "holder"),),
    ("registration", "expired", "VALID"): (("expired", "holder"), ("to_cancel", "agency:agency_supervisor")),
}

#: At whose desk an application lies.
DESKS: dict[str, str] = {
    "SUBMITTED": "acceptor",
    "ACCEPTED": "reviewer",
    "UNDER_REVIEW": "reviewer",
    "REVIEW_PASSED": "notice_opener",
    "CODING": "gateway",
    "CODING_REFUSED": "gateway",
}
