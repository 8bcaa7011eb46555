"""The one door for writes: a function per legal act, keyword-only (design §2 rule 3)."""

from .assignments import claim, end_deputy, reassign, release, set_deputy
from .clockwork import tick
from .coding import assign_code, cancel_request, refuse_code, request_code
from .desk import accept, begin_review, decline, explain_overdue, pass_review, reject, request_supplement
from .drafting import create_application, save_draft
from .materials import Upload, add_material, list_materials, read_material, remove_material
from .notebook import add_note, drop_filter, drop_wording, save_filter, save_wording
from .notices import close_notice, open_notice, resume_notice, suspend_notice, terminate
from .objections import dismiss, find_inadmissible, lodge, retract, uphold, verify
from .oversight import answer_complaint, draw_rechecks, file_complaint, find_recheck, set_calendar
from .results import cancel, complete, revoke
from .submission import confirm_joint, preview, return_to_clerk, submit, submit_for_business_review, withdraw
from .suppression import suppress_content

__all__ = [
    "Upload",
    "accept",
    "add_material",
    "add_note",
    "answer_complaint",
    "assign_code",
    "begin_review",
    "cancel",
    "cancel_request",
    "claim",
    "close_notice",
    "complete",
    "confirm_joint",
    "create_application",
    "decline",
    "dismiss",
    "draw_rechecks",
    "drop_filter",
    "drop_wording",
    "end_deputy",
    "explain_overdue",
    "file_complaint",
    "find_inadmissible",
    "find_recheck",
    "list_materials",
    "lodge",
    "open_notice",
    "pass_review",
    "preview",
    "read_material",
    "reassign",
    "refuse_code",
    "reject",
    "release",
    "remove_material",
    "request_code",
    "request_supplement",
    "resume_notice",
    "retract",
    "return_to_clerk",
    "revoke",
    "save_draft",
    "save_filter",
    "save_wording",
    "set_calendar",
    "set_deputy",
    "submit",
    "submit_for_business_review",
    "suppress_content",
    "suspend_notice",
    "terminate",
    "tick",
    "uphold",
    "verify",
    "withdraw",
]
