"""`dengji node recover`: a restored node compares with what others know of its log, and serves again (design §5)."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from .commands.backup import trusted
from .failure import DONE
from .node import open_node
from .output import _, fields, show, when

if TYPE_CHECKING:
    from dengji.backup.recovery import Outcome

_SHOWN = 50


def configure(actions: Any) -> None:
    """Add `recover` to the actions of `dengji node`."""
    parser = actions.add_parser("recover", help=_("由备份恢复后，与见证方、邻近节点或导出的日志核对，重新开始服务"))
    parser.add_argument(
        "--witness", action="append", default=[], metavar="URL|FILE", help=_("他人持有的本日志检查点，可多次给出")
    )
    parser.add_argument("--export", default="", metavar="URL|DIR", help=_("本日志的副本：导出目录，或提供副本的地址"))
    parser.add_argument(
        "--vkey", action="append", default=[], metavar="KEY|@FILE", help=_("备份之后启用的日志验证密钥")
    )
    parser.add_argument("--new-epoch", action="store_true", help=_("无论如何以新的纪元继续"))
    parser.add_argument("--dry-run", action="store_true", help=_("只看结果，不作改动"))
    parser.set_defaults(handler=run)


def run(args: argparse.Namespace) -> int:
    """Compare and go on; raises DomainError not_recovering, recovery_fork, later_epoch_known, source_unreachable."""
    with open_node(args):
        from dengji.backup import known, recovery

        outcome = recovery.recover(
            witnesses=[known.checkpoint(place) for place in args.witness],
            copy=known.Copy(args.export) if args.export else None,
            vkeys=trusted(args.vkey),
            new_epoch=args.new_epoch,
            dry_run=args.dry_run,
        )
    show(args, {"dry_run": args.dry_run, **outcome.as_dict()}, _lines(outcome, dry=args.dry_run))
    return DONE


def _lines(outcome: Outcome, *, dry: bool) -> list[str]:
    said = {
        "continued": _("与已知最新检查点一致，日志继续"),
        "caught_up": _("已取回缺失的记录，日志继续"),
        "new_epoch": _("开始新的纪元：{origin}", origin=outcome.origin),
    }
    lines = [said[outcome.how]]
    lines += fields(
        (
            (_("备份时的日志条数"), outcome.restored_size),
            (_("现在的日志条数"), outcome.size),
            (_("已知最新检查点的条数"), outcome.known_size),
            (_("该检查点确认至"), when(outcome.vouched_until) if outcome.vouched_until else ""),
            (_("取回记录"), outcome.fetched or ""),
            (_("重新办理"), len(outcome.applied) or ""),
            (_("公开而未能重新办理，须人工处理"), _places(outcome.not_applied)),
            (_("内容已失的密封记录"), _places(outcome.lost_sealed)),
            (_("无处可取的公开内容"), len(outcome.contents_missing) or ""),
            (_("完全失去的记录"), f"{outcome.lost[0]}–{outcome.lost[1]}" if outcome.lost else ""),
        )
    )
    if dry:
        lines.append(_("以上为预演，没有改动"))
    elif outcome.how == "new_epoch":
        lines.append(_("请公布新的验证密钥（/log/vkey），并告知见证方和邻近节点"))
    return lines


def _places(numbers: list[int]) -> str:
    more = " …" if len(numbers) > _SHOWN else ""
    return ", ".join(map(str, numbers[:_SHOWN])) + more
