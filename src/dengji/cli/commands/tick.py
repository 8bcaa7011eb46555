"""`dengji tick`: do what is due by legal time (design §3, §8)."""

from __future__ import annotations

import argparse

from dengji.core.errors import N_

from ..output import _, fields, show

NAME = "tick"
HELP = N_("办理到期事项：结束公示、赋码、逾期标记、提醒、到期、通知")
NEEDS_DATABASE = True
DONE, FAILED = 0, 3

_LABELS = {
    "close_notice": N_("公示期满"),
    "notice_over": N_("公示期满，待登记机构办结"),
    "assign_code": N_("赋码"),
    "overdue": N_("逾期标记"),
    "warning": N_("期限届满前提醒"),
    "validity": N_("续展与到期提醒"),
    "cancel": N_("到期注销"),
    "access_log_root": N_("访问日志存证"),
    "placed": N_("存证日志编号"),
    "notified": N_("站内通知"),
    "sent": N_("邮件和短信"),
    "failed": N_("未办成，下次再试"),
}


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the option: how many objects a phase takes in one round."""
    parser.add_argument("--limit", type=int, default=2000, metavar="N", help=_("每轮每项最多办理件数"))


def run(args: argparse.Namespace) -> int:
    """Tick until nothing more is due; exit 0, or 3 where an object failed (it is logged by id and tried again)."""
    from dengji.registration.services import clockwork

    limit = max(1, args.limit)
    total: dict[str, int] = {}
    while True:
        counts = clockwork.tick(limit)
        failed = counts.pop("failed")
        for name, count in counts.items():
            total[name] = total.get(name, 0) + count
        if failed or max(counts.values()) < limit:
            break
    total["failed"] = failed
    lines = fields((_(_LABELS.get(name, name)), count or None) for name, count in total.items())
    show(args, total, lines or [_("没有到期事项")])
    return FAILED if failed else DONE
