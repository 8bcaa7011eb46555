"""A bureau sets itself up and takes a record from draft to code, at the command line alone."""

from __future__ import annotations

import hashlib
import io
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest

from dengji.core import clock
from dengji.law.calendar import SHANGHAI
from dengji.law.codes import make_credit_code
from dengji.ledger import checkpointing
from dengji.parties.selectors import actor_for_token
from dengji.registration.models import Application, Decision, Registration
from dengji.registration.services import clockwork
from tests.cli.harness import Command
from tests.factories.world import MATERIALS, PDF, RECORD, SECRECY

AGENCY, REGISTRANT = make_credit_code("12620700900000001"), make_credit_code("12620700900000002")
ROLES = {
    "clerk": ("clerk", "--organisation", REGISTRANT),
    "head": ("business_reviewer", "--organisation", REGISTRANT),
    "acceptor": ("acceptor", "--register", "zhangye"),
    "reviewer": ("reviewer", "--register", "zhangye"),
    "opener": ("notice_opener", "--register", "zhangye"),
    "officer": ("objection_officer", "--register", "zhangye"),
    "boss": ("agency_supervisor", "--register", "zhangye"),
    "authority": ("authority_supervisor", "--jurisdiction", "gansu"),
    "sysadmin": ("system_admin",),
}


@dataclass
class Bureau:
    """The bureau of the test with its command."""

    dengji: Command
    files: Path
    people: dict[str, str] = field(default_factory=dict)

    def act(self, reference: object, act: str, username: str, **data: Any) -> dict[str, Any]:
        """One act that must be done."""
        words = ["act", reference, act, "--as", username]
        if data:
            words += ["--data", json.dumps(data, default=str)]
        done: dict[str, Any] = self.dengji.data(*words)
        return done

    def draft(self, name: str = RECORD["name"]) -> str:
        """A draft with its materials; its id."""
        file = self.files / "record.json"
        file.write_text(json.dumps({**RECORD, "name": name}), "utf-8")
        made = self.dengji.data("apply", "--as", "clerk", "--organisation", REGISTRANT, "--data", f"@{file}")
        for kind in MATERIALS:
            path = self.files / f"{kind}.pdf"
            path.write_bytes(PDF)
            self.dengji.data("attach", made["id"], kind, path, "--as", "clerk")
        return str(made["id"])

    def noticed(self, name: str = RECORD["name"]) -> str:
        """An application whose notice runs; its id."""
        pk = self.draft(name)
        self.act(pk, "submit_for_business_review", "clerk")
        self.act(pk, "submit", "head", **SECRECY)
        self.act(pk, "accept", "acceptor")
        self.act(pk, "begin_review", "reviewer")
        self.act(pk, "pass_review", "reviewer")
        self.act(pk, "open_notice", "opener")
        return pk

    def after_notice(self, pk: str) -> None:
        """Move the legal clock past the notice by the command, and tick."""
        ends = Application.objects.get(pk=pk).notice_ends
        assert ends is not None
        day = ends.astimezone(SHANGHAI).date().isoformat()
        self.dengji.data("node", "clock", "--to", f"{day}T00:06:00")
        clockwork.tick()


@pytest.fixture
def bureau(committed: str, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Bureau:
    dengji = Command(capsys)
    dengji.data("register", "add-jurisdiction", "gansu", "甘肃省", "--region", "620000", "--rulebook", "cn-gs")
    dengji.data("organisation", "add", AGENCY, "示例登记中心", "--kind", "public_institution", "--example")
    dengji.data(
        *("organisation", "add", REGISTRANT, "张掖市大数据中心", "--kind", "government_organ"),
        *("--region", "620700", "--address", "示例路1号", "--example"),
    )
    dengji.data(
        *("register", "add", "zhangye", "示例登记簿", "--jurisdiction", "gansu", "--agency", AGENCY),
        *("--level", "city", "--issuer", "demo"),
    )
    for username, role in ROLES.items():
        dengji.data("person", "add", username, f"示例{username}", "--phone", "13800000000")
        dengji.data("role", "grant", username, *role)
    return Bureau(dengji, tmp_path)


def test_a_record_goes_from_draft_to_code_by_the_command_alone(bureau: Bureau) -> None:
    pk = bureau.noticed()
    shown = bureau.dengji.data("show", pk, "--as", "clerk")
    assert shown["state"] == "NOTICE"
    assert [d["act"] for d in shown["decisions"]][-1] == "open_notice"
    bureau.after_notice(pk)
    serial = shown["serial"]
    done = bureau.dengji.data("show", serial, "--as", "boss")
    assert done["state"] == "REGISTERED"
    public = bureau.dengji("show", done["code"])
    assert public.code == 0
    assert done["code"] in public.out
    assert "登记机构仅作形式审核" in public.out
    assert "演示数据" in public.out
    assert "13800000000" not in public.out
    assert bureau.dengji.data("rebuild")["differences"] == []


def test_a_finished_case_goes_into_the_archive_and_is_handed_over(bureau: Bureau) -> None:
    pk, dengji = bureau.noticed(), bureau.dengji
    assert "没有应当归档的案卷" in dengji("archive", "list", "--due", "--as", "boss").out
    early = dengji("archive", "make", pk, "--as", "boss", "--json")
    assert (early.code, early.error["code"]) == (1, "archive_not_due")
    bureau.after_notice(pk)
    assert dengji("archive", "make", "--as", "boss").code == 2
    assert [one["case"] for one in dengji.data("archive", "list", "--due", "--as", "boss")["items"]] == [pk]
    checkpointing.keep(at_once=True)
    assert dengji("archive", "make", pk, "--as", "acceptor", "--json").error["code"] == "forbidden"
    assert dengji.data("archive", "make", "--due", "--as", "boss")["made"] == 1
    (kept,) = dengji.data("archive", "list", "--as", "boss")["items"]
    file = bureau.files / "package.zip"
    dengji.data("archive", "get", kept["id"], "--output", file, "--as", "boss")
    assert hashlib.sha256(file.read_bytes()).hexdigest() == kept["sha256"]
    moved = dengji.data("archive", "transfer", kept["id"], "--receiver", "示例档案馆", "--as", "boss")
    assert moved["count"] == 1
    again = dengji("archive", "transfer", kept["id"], "--receiver", "示例档案馆", "--as", "boss", "--json")
    assert again.error["code"] == "archive_handed_over"


def test_the_queue_tells_each_person_what_waits(bureau: Bureau) -> None:
    pk = bureau.draft()
    waiting = bureau.dengji.data("queue", "--as", "clerk")["items"]
    assert [(i["id"], "submit_for_business_review" in i["acts"]) for i in waiting] == [(pk, True)]
    assert bureau.dengji.data("queue", "--as", "acceptor")["items"] == []
    bureau.act(pk, "submit_for_business_review", "clerk")
    bureau.act(pk, "submit", "head", **SECRECY)
    said = bureau.dengji("queue", "--as", "acceptor").out
    assert "accept" in said
    assert Application.objects.get(pk=pk).serial in said
    assert "没有待办事项" in bureau.dengji("queue", "--as", "opener").out


def test_a_retry_with_the_same_transaction_id_does_nothing_twice(bureau: Bureau) -> None:
    pk = bureau.draft()
    words = ("act", pk, "submit_for_business_review", "--as", "clerk", "--transaction-id", "t1")
    assert bureau.dengji.data(*words) == bureau.dengji.data(*words)
    assert Decision.objects.filter(object_id=pk, act="submit_for_business_review").count() == 1
    other = bureau.dengji("act", pk, "withdraw", "--as", "clerk", "--transaction-id", "t1", "--json")
    assert (other.code, other.error["code"]) == (1, "transaction_id_reused")


@pytest.mark.parametrize(
    ("words", "code", "name"),
    [
        (("accept", "--as", "acceptor"), 1, "not_found"),  # not yet submitted: outside the agency's scope
        (("accept", "--as", "clerk"), 1, "forbidden"),
        (("return_to_clerk", "--as", "head", "--data", '{"reason": "缺"}'), 1, "wrong_state"),
        (("return_to_clerk", "--as", "head"), 2, "invalid_input"),
        (("return_to_clerk", "--as", "head", "--data", '{"reason": "缺", "more": 1}'), 2, "invalid_input"),
        (("withdraw", "--as", "clerk", "--data", "{"), 2, "usage"),
        (("withdraw",), 2, "usage"),
        (("close_notice", "--as", "boss"), 2, "usage"),  # the clock's, nobody's
        (("revoke", "--as", "clerk", "--data", '{"ground": "x", "reason": "y"}'), 1, "not_found"),
        (("withdraw", "--as", "nobody-known"), 1, "not_found"),
    ],
)
def test_what_may_not_be_done_is_told_by_code(bureau: Bureau, words: tuple[str, ...], code: int, name: str) -> None:
    pk = bureau.draft()
    answer = bureau.dengji("act", pk, *words, "--json")
    assert (answer.code, answer.error["code"]) == (code, name)
    assert Decision.objects.filter(object_id=pk).count() == 1


def test_a_bad_record_is_refused_with_every_finding_and_its_mending(bureau: Bureau) -> None:
    made = bureau.dengji.data("apply", "--as", "clerk", "--organisation", REGISTRANT, "--data", '{"name": "数据"}')
    answer = bureau.dengji("act", made["id"], "submit_for_business_review", "--as", "clerk", "--json")
    assert (answer.code, answer.error["code"]) == (1, "findings")
    assert all(f["message"] and f["fix"] for f in answer.error["findings"])
    checked = bureau.dengji("check", made["id"], "--as", "clerk", "--json")
    assert checked.code == 1
    assert {f["code"] for f in checked.data["findings"]} == {f["code"] for f in answer.error["findings"]}
    bureau.dengji.data("apply", "--as", "clerk", "--draft", made["id"], "--data", json.dumps(RECORD))
    again = bureau.dengji("check", made["id"], "--as", "clerk", "--json").data["findings"]
    assert {f["code"] for f in again if f["severity"] == "error"} == {"material_missing", "material_missing_case"} & {
        f["code"] for f in again
    }


def test_an_objection_is_lodged_with_its_evidence_and_upheld(bureau: Bureau) -> None:
    pk = bureau.noticed()
    proof = bureau.files / "proof.pdf"
    proof.write_bytes(PDF)
    words = bureau.files / "objection.json"
    identity = {"name": "示例异议人", "document_type": "resident_id", "document_number": "110101199003070000"}
    words.write_text(
        json.dumps({"objector_kind": "person", "identity": identity, "relation": "利害关系", "grounds": "权属有争议"}),
        "utf-8",
    )
    refused = bureau.dengji("act", pk, "lodge", "--data", f"@{words}", "--json")
    assert (refused.code, refused.error["code"]) == (1, "evidence_required")
    lodged = bureau.dengji.data("act", pk, "lodge", "--data", f"@{words}", "--file", proof)
    assert lodged["key"]
    bureau.act(lodged["id"], "verify", "officer")
    bureau.act(lodged["id"], "uphold", "officer", reason="异议成立")
    assert Application.objects.get(pk=pk).state == "TERMINATED"


def test_an_objector_without_account_retracts_by_key(bureau: Bureau) -> None:
    pk = bureau.noticed()
    proof = bureau.files / "proof.pdf"
    proof.write_bytes(PDF)
    identity = {"name": "示例异议人", "document_type": "resident_id", "document_number": "110101199003070000"}
    data = {"objector_kind": "person", "identity": identity, "relation": "利害关系", "grounds": "权属有争议"}
    lodged = bureau.dengji.data("act", pk, "lodge", "--data", json.dumps(data), "--file", proof)
    wrong = bureau.dengji("act", lodged["id"], "retract", "--data", '{"key": "0"}', "--json")
    assert (wrong.code, wrong.error["code"]) == (1, "not_found")
    right = bureau.dengji.data("act", lodged["id"], "retract", "--data", json.dumps({"key": lodged["key"]}))
    assert right["state"] == "RETRACTED"


def test_complaints_and_rechecks_begin_at_the_register(bureau: Bureau) -> None:
    filed = bureau.dengji.data("act", "zhangye", "file_complaint", "--data", '{"text": "登记内容不实"}')
    answered = bureau.act(filed["number"], "answer_complaint", "boss", reason="已核实")
    assert answered["state"] == "ANSWERED"
    pk = bureau.noticed()
    bureau.after_notice(pk)
    drawn = bureau.act("zhangye", "draw_recheck", "boss", period="2026-H2")
    assert len(drawn["drawn"]) == 1
    found = bureau.act(drawn["drawn"][0], "find_conforming", "boss")
    assert found["state"] == "CONFORMING"


def test_a_change_names_the_registration_by_its_code(bureau: Bureau) -> None:
    pk = bureau.noticed()
    bureau.after_notice(pk)
    code = Registration.objects.get().code
    change = bureau.dengji.data(
        *("apply", "--as", "clerk", "--organisation", REGISTRANT, "--kind", "change", "--registration", code),
        *("--data", '{"update_frequency": "weekly"}', "--request", '{"categories": ["update_frequency"]}'),
    )
    assert Application.objects.get(pk=change["id"]).kind == "change"
    missing = bureau.dengji("apply", "--as", "clerk", "--kind", "change", "--json")
    assert missing.code == 2


def test_a_stranger_sees_nothing(bureau: Bureau) -> None:
    pk = bureau.noticed()
    bureau.dengji.data("person", "add", "stranger", "示例")
    for words in (("show", pk), ("act", pk, "withdraw"), ("check", pk)):
        answer = bureau.dengji(*words, "--as", "stranger", "--json")
        assert (answer.code, answer.error["code"]) == (1, "not_found")
    assert bureau.dengji("show", "DEMO-0000", "--json").error["code"] == "not_found"


def test_an_inactive_person_acts_no_more(bureau: Bureau, owner_connection: psycopg.Connection) -> None:
    owner_connection.execute("UPDATE parties_person SET is_active = false WHERE username = 'clerk'")
    answer = bureau.dengji("queue", "--as", "clerk", "--json")
    assert (answer.code, answer.error["code"]) == (1, "person_inactive")


def test_what_a_bureau_set_up_can_be_listed_and_ended(bureau: Bureau) -> None:
    dengji = bureau.dengji
    assert [r["slug"] for r in dengji.data("register", "list")] == ["zhangye"]
    assert [j["code"] for j in dengji.data("register", "jurisdictions")] == ["gansu"]
    assert {o["credit_code"] for o in dengji.data("organisation", "list")} == {AGENCY, REGISTRANT}
    assert [o["credit_code"] for o in dengji.data("organisation", "list", "大数据")] == [REGISTRANT]
    assert {p["username"] for p in dengji.data("person", "list")} == set(ROLES)
    assert "示例clerk" not in dengji("person", "list").out
    roles = {r["username"]: r for r in dengji.data("role", "list")}
    assert roles["acceptor"]["register"] == "zhangye"
    dengji.data("role", "end", roles["acceptor"]["id"])
    assert dengji.data("role", "list", "acceptor") == []
    assert "审核人员" in dengji("role", "kinds").out
    again = dengji("role", "grant", "reviewer", *ROLES["reviewer"], "--json")
    assert (again.code, again.error["code"]) == (1, "exists")
    assert dengji("role", "end", 999999, "--json").error["code"] == "not_found"


def test_a_token_is_shown_once_and_can_be_revoked(bureau: Bureau) -> None:
    dengji = bureau.dengji
    secret = dengji("token", "create", "clerk", "--label", "test", "--days", 7).out.split()[0]
    assert actor_for_token(secret) is not None
    (row,) = dengji.data("token", "list", "clerk")
    assert secret not in json.dumps(row)
    dengji.data("token", "revoke", row["id"])
    assert actor_for_token(secret) is None
    assert dengji("token", "revoke", 999999, "--json").error["code"] == "not_found"
    assert dengji("token", "create", "clerk", "--days", 9999, "--json").error["code"] == "days_invalid"


def test_a_password_comes_by_stdin_never_by_the_words(bureau: Bureau, monkeypatch: pytest.MonkeyPatch) -> None:
    from dengji.parties.models import Person

    monkeypatch.setattr("sys.stdin", io.StringIO("correct horse battery\n"))
    bureau.dengji.data("person", "add", "with-password", "示例", "--password")
    assert Person.objects.get(username="with-password").check_password("correct horse battery")
    monkeypatch.setattr("sys.stdin", io.StringIO("short\n"))
    assert bureau.dengji("person", "add", "weak", "示例", "--password", "--json").error["code"] == "password_weak"


def test_a_new_calendar_moves_running_deadlines(bureau: Bureau) -> None:
    pk = bureau.noticed()
    before = Application.objects.get(pk=pk).notice_last_day
    assert before is not None
    file = bureau.files / "calendar.toml"
    file.write_text(
        f'version = "test-1"\n[[overrides]]\nday = {before.isoformat()}\nworking = false\nsource = "示例通知"\n',
        "utf-8",
    )
    assert bureau.dengji("calendar", "set", file, "--as", "clerk", "--json").error["code"] == "forbidden"
    assert bureau.dengji.data("calendar", "set", file, "--as", "sysadmin")["recalculated"] == 1
    after = Application.objects.get(pk=pk).notice_last_day
    assert after is not None
    assert after > before
    shown = bureau.dengji.data("calendar", "show")
    assert (shown["version"], shown["overrides"][0]["day"]) == ("test-1", before.isoformat())
    added = bureau.dengji.data("workdays", "between", before.isoformat(), before.isoformat(), "--node")
    assert added["calendar"] == "test-1"
    again = bureau.dengji("calendar", "set", file, "--as", "sysadmin", "--json")
    assert (again.code, again.error["code"]) == (1, "version_taken")


@pytest.mark.parametrize("text", ["version = ", "version = 'x'", "overrides = [1]"])
def test_a_calendar_file_that_cannot_be_read_is_wrong_use(bureau: Bureau, text: str) -> None:
    file = bureau.files / "calendar.toml"
    file.write_text(text)
    assert bureau.dengji("calendar", "set", file, "--as", "sysadmin").code == 2


def test_the_clock_moves_forward_only(bureau: Bureau) -> None:
    before = clock.legal_now()
    moved = bureau.dengji.data("node", "clock", "--to", "2030-01-02T03:04:05+08:00")
    assert moved["legal_time"].startswith("2030-01-01T19:04")
    assert clock.legal_now() > before
    back = bureau.dengji("node", "clock", "--to", "2029-01-01T00:00:00", "--json")
    assert (back.code, back.error["code"]) == (1, "clock_backwards")
    assert bureau.dengji("node", "clock", "--to", "tomorrow").code == 2
    assert bureau.dengji.data("node", "show")["demonstration"] is True
