"""`dengji adopt`: registrations made on other platforms, with their original codes and dates (Art. 14, design §8)."""

from __future__ import annotations

import argparse

from dengji.core.errors import N_

from ..failure import UsageError
from ..files import add_file_options, import_file
from ..output import _
from ..who import add_register
from .import_ import write_template

NAME = "adopt"
HELP = N_("承接既有登记：导入其他平台已登记的记录，保留原编号、查询码、日期和登记机构")
NEEDS_DATABASE = True


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the file, the register and what `import` has too."""
    add_file_options(parser)
    add_register(parser)
    parser.add_argument(
        "--as", dest="username", metavar="USERNAME", help=_("以哪个登记机构负责人办理；默认为本机管理员")
    )


def run(args: argparse.Namespace) -> int:
    """Adopt or check a file; exit 1 where rows were refused. Raises DomainError of `imports.services`."""
    if args.template:
        return write_template(args, adoption=True)
    if args.file is None:
        raise UsageError(_("请指明文件"), NAME)
    return import_file(args, "adoption", None, False)
