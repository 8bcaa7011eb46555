"""How the command line tells of an error: what it is called, which field, the way out; never a traceback unasked."""

from __future__ import annotations

import dataclasses
import difflib
import os
import sys
import traceback
from typing import Any

from dengji.core.errors import N_, DomainError
from dengji.database.errors import DatabaseError
from dengji.law.codes import CodeError
from dengji.law.rulebook import RulebookError

from .output import _, as_json, fields, two

DONE, NO, WRONG_USE, FAILED = 0, 1, 2, 3

#: What to do next, where the message alone does not say it.
WAYS_OUT: dict[str, str] = {
    "not_found": N_("请核对编号，以及 --as 所指用户的单位和角色"),
    "forbidden": N_("请以具有相应角色的用户办理：dengji role list 列出各人角色"),
    "wrong_role": N_("请以具有相应角色的用户办理：dengji role list 列出各人角色"),
    "wrong_state": N_("dengji show 可查看当前状态和可以办理的事项"),
    "register_required": N_("请用 --register 指明登记簿：dengji register list 列出全部"),
    "transaction_id_reused": N_("不写 --transaction-id 即使用新的事务号"),
    "findings": N_("请逐条改正后再提交：dengji check 可随时检查"),
    "unknown_rulebook": N_("dengji rules list 列出全部规则册"),
    "usage": N_("dengji {command} --help 说明用法"),
    "database_unreachable": N_("dengji doctor 可检查数据库"),
    "migrations_missing": N_("请先运行 dengji up，它会升级数据库"),
    "internal": N_("设置 DENGJI_DEBUG=1 后重试可看到详情"),
    "port_taken": N_("请停止占用该端口的程序，或用 --port 指定其他端口"),
    "origin_required": N_("例如：DENGJI_ORIGIN=data.example.gov.cn dengji up；只是试用请用 dengji up --demo"),
    "demonstration_fixed": N_("请用 --data-dir 指定另一个数据目录"),
}


class UsageError(Exception):
    """The command was called wrongly; `command` is what to ask for help about."""

    def __init__(self, message: str, command: str = "") -> None:
        super().__init__(message)
        self.command = command


@dataclasses.dataclass
class Failure:
    """One error as it is told: exit code, stable code, message and what else helps."""

    exit: int
    code: str
    message: str
    field: str | None = None
    article: str = ""
    way_out: str = ""
    findings: list[dict[str, Any]] = dataclasses.field(default_factory=list)


def _of_domain(error: DomainError) -> Failure:
    exit_code = WRONG_USE if error.status == 400 else FAILED if error.status >= 500 else NO
    findings = [
        {
            "code": one.code,
            "field": one.field,
            "severity": one.severity,
            "message": _(one.message, **one.params),
            "fix": _(one.fix, **one.params),
            "article": one.article,
        }
        for one in error.findings
    ]
    return Failure(
        exit_code, error.code, _(error.message, **error.params), error.field, error.article, findings=findings
    )


def _of_database(error: DatabaseError) -> Failure:
    return Failure(FAILED, error.code, two(error.message_zh, error.message_en))


def _of_rulebook(error: RulebookError) -> Failure:
    known = WRONG_USE if error.code in ("unknown_rulebook", "unknown_key") else FAILED
    return Failure(known, error.code, _(error.message, **error.params), way_out=_(WAYS_OUT["unknown_rulebook"]))


def _of_code(error: CodeError) -> Failure:
    return Failure(WRONG_USE, error.code, _(error.message, **error.params))


def _of_usage(error: UsageError) -> Failure:
    return Failure(
        WRONG_USE, "usage", str(error), way_out=_(WAYS_OUT["usage"], command=error.command).replace("  ", " ")
    )


def _of_interrupt(error: KeyboardInterrupt) -> Failure:
    return Failure(FAILED, "interrupted", _("已中断"))


def _of_os(error: OSError) -> Failure:
    where = f"{error.filename}: " if error.filename else ""
    return Failure(FAILED, "io_error", f"{where}{error.strerror or error}")


_KINDS: tuple[tuple[type[BaseException], Any], ...] = (
    (DomainError, _of_domain),
    (DatabaseError, _of_database),
    (RulebookError, _of_rulebook),
    (CodeError, _of_code),
    (UsageError, _of_usage),
    (KeyboardInterrupt, _of_interrupt),
    (OSError, _of_os),
)


def _unforeseen(error: BaseException) -> Failure:
    """A driver's text may repeat values of a statement, so that only its kind is told."""
    module = type(error).__module__.partition(".")[0]
    if module in ("psycopg", "django") and "Operational" in type(error).__name__:
        return Failure(FAILED, "database_unreachable", _("无法使用数据库"))
    return Failure(FAILED, "internal", _("程序内部错误（{kind}）", kind=type(error).__name__))


def failure_of(error: BaseException) -> Failure:
    """Return how an error is told and with which code the command exits (design §8)."""
    make = next((make for kind, make in _KINDS if isinstance(error, kind)), _unforeseen)
    found: Failure = make(error)
    if not found.way_out:
        found.way_out = _(WAYS_OUT.get(found.code, ""))
    return found


def report(error: BaseException, *, json: bool) -> int:
    """Tell of an error on stderr and return the exit code."""
    found = failure_of(error)
    if os.environ.get("DENGJI_DEBUG") == "1":
        traceback.print_exception(error)
    if json:
        parts = {k: v for k, v in vars(found).items() if v not in (None, "", []) and k != "exit"}
        print(as_json({"error": parts}), file=sys.stderr)
        return found.exit
    print(f"{_('错误')} [{found.code}] {found.message}", file=sys.stderr)
    for line in fields(((_("字段"), found.field), (_("依据条款"), found.article), (_("办法"), found.way_out))):
        print(f"  {line}", file=sys.stderr)
    for one in found.findings:
        print(f"  - [{one['severity']}] {one['field'] or ''} {one['message']} → {one['fix']}", file=sys.stderr)
    return found.exit


def unknown_command(name: str, known: list[str]) -> UsageError:
    """Return the error for a command that does not exist, naming the nearest one."""
    near = difflib.get_close_matches(name, known, n=1)
    hint = _("；是否想用 {near}？", near=near[0]) if near else ""
    return UsageError(_("没有名为 {name} 的命令", name=name) + hint)
