"""`dengji reindex`: makes the search index anew while the old one serves."""

from __future__ import annotations

import argparse

from dengji.core.errors import N_

from ..failure import DONE
from ..output import Progress, _, show

NAME = "reindex"
HELP = N_("重建检索索引：重建期间原索引照常服务，中断后可继续")
NEEDS_DATABASE = True


def configure(parser: argparse.ArgumentParser) -> None:
    """Add --fresh."""
    parser.add_argument("--fresh", action="store_true", help=_("不接续上次中断的重建，从头开始"))


def run(args: argparse.Namespace) -> int:
    """Make it, with progress on stderr; 3 where another process is at it."""
    from dengji.catalogue import index

    shown: list[Progress] = []

    def tell(done: int, total: int) -> None:
        if not shown:
            shown.append(Progress(_("检索索引"), total))
        shown[0].at(done)

    made = index.make(tell, fresh=args.fresh)
    show(args, made, [_("已编入 {documents} 条登记", documents=made["documents"])])
    return DONE
