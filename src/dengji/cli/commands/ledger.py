"""`dengji ledger`: examine the log, export it as static files, show its keys, rotate them."""

from __future__ import annotations

import argparse
from pathlib import Path

from dengji.core.errors import N_

from ..failure import DONE, NO
from ..output import Progress, _, show, table

NAME = "ledger"
HELP = N_("存证日志：核查、导出、查看密钥、轮换密钥")
NEEDS_DATABASE = True

_STAGES = {
    "entries": N_("记录"),
    "tiles": N_("分块"),
    "checkpoints": N_("检查点"),
    "cosignatures": N_("联署"),
    "contents": N_("内容"),
    "content": N_("内容"),
    "tile": N_("分块"),
    "decisions": N_("决定"),
    "decisions_lost": N_("恢复时失去的决定"),
    "pending": N_("等待编号"),
    "versions": N_("所提交的版本"),
    "registered": N_("登记版本"),
    "access_lines": N_("访问日志"),
    "cosignatures_of_unknown_witnesses": N_("未知见证方的联署"),
}


def configure(parser: argparse.ArgumentParser) -> None:
    """Add `check`, `export`, `keys` and `rotate`."""
    actions = parser.add_subparsers(dest="action", required=True)
    check = actions.add_parser("check", help=_("由全部记录重新推算日志，与所存的一切比对"))
    check.add_argument("--full", action="store_true", help=_("核验每一个签名和每一段密封的理由"))
    check.set_defaults(handler=_check)
    export = actions.add_parser("export", help=_("把日志导出为可自行验证的静态文件；再次运行即增量更新"))
    export.add_argument("directory", type=Path, metavar="DIR")
    export.set_defaults(handler=_export)
    actions.add_parser("keys", help=_("签名密钥与验证密钥")).set_defaults(handler=_keys)
    rotate = actions.add_parser("rotate", help=_("轮换签名密钥：先公告，新旧共同签署；--finish 停用旧密钥"))
    rotate.add_argument("--key", choices=("log", "cosigner", "sm2"), default="log", help=_("轮换哪一把，默认 log"))
    rotate.add_argument("--finish", action="store_true", help=_("停用旧密钥，此后只由新密钥签署"))
    rotate.set_defaults(handler=_rotate)


def run(args: argparse.Namespace) -> int:
    """Do what was asked for; raises DomainError of keyring and export, OSError."""
    code: int = args.handler(args)
    return code


class _Bars:
    """One line of progress for each stage."""

    def __init__(self) -> None:
        self._bars: dict[str, Progress] = {}

    def __call__(self, stage: str, done: int, total: int) -> None:
        if stage not in self._bars:
            self._bars[stage] = Progress(_(_STAGES.get(stage, stage)), total)
        self._bars[stage].at(done)


def _check(args: argparse.Namespace) -> int:
    from dengji.ledger import audit

    report = audit.check(full=args.full, progress=_Bars(), two_processes=True)
    found = [{"what": _(one.what), "where": one.where, "code": one.code} for one in report.findings]
    data = {"counts": dict(report.counts), "findings": found, "more": dict(report.more)}
    lines = ["  ".join(f"{_(_STAGES.get(name, name))} {number}" for name, number in report.counts.items())]
    if found:
        lines += table([_("代码"), _("问题"), _("位置")], [(one["code"], one["what"], one["where"]) for one in found])
        lines += [_("{code}：另有 {count} 处", code=code, count=number) for code, number in report.more.items()]
    else:
        lines.append(_("日志完好：未发现不一致（不等于内容真实；有无外部见证请用 dengji verify 查看）"))
    show(args, data, lines)
    return NO if found else DONE


def _export(args: argparse.Namespace) -> int:
    from dengji.ledger.export import export

    done = export(args.directory, _Bars())
    data = {"size": done.size, "written": done.written, "removed": done.removed, "directory": str(args.directory)}
    show(args, data, [_("已导出 {size} 条记录：写入 {written} 个文件，移除 {removed} 个", **data)])
    return DONE


def _keys(args: argparse.Namespace) -> int:
    from dengji.ledger import keyring

    now, ever = keyring.vkeys(), keyring.history()
    data = {"vkeys": [str(key) for key in now], "history": [str(key) for key in ever]}
    rows = [(key.algorithm.name, _("使用中") if key in now else _("停用或未公告"), str(key)) for key in ever]
    show(args, data, table([_("算法"), _("状态"), _("验证密钥")], rows))
    return DONE


def _rotate(args: argparse.Namespace) -> int:
    from dengji.ledger import rotation, sequencer

    done = rotation.retire(args.key) if args.finish else rotation.rotate(args.key)
    sequencer.run_once(finish=True)
    data = {"act": done.act, "key": done.slot, "old": str(done.old), "new": str(done.new)}
    said = _("旧密钥已停用，此后只由新密钥签署") if args.finish else _("已公告新密钥，此后新旧两把密钥共同签署")
    show(args, data, [said, _("旧：{old}", **data), _("新：{new}", **data)])
    return DONE
