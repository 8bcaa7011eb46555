"""`dengji import`: records from a spreadsheet, .csv or .jsonl into drafts (design §8)."""

from __future__ import annotations

import argparse
from pathlib import Path

from dengji.core.errors import N_

from ..failure import DONE, UsageError
from ..files import add_file_options, import_file
from ..output import _, show
from ..who import add_register

NAME = "import"
HELP = N_("批量导入：把 .xlsx、.csv、.jsonl 中的记录导入为草稿，或生成填报模板")
NEEDS_DATABASE = True


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the file, --organisation, --type, --allow-duplicates, --template and what `adopt` has too."""
    add_file_options(parser)
    add_register(parser)
    parser.add_argument("--organisation", metavar="CREDIT_CODE", help=_("登记主体的统一社会信用代码"))
    parser.add_argument("--allow-duplicates", action="store_true", help=_("与已有登记同名的也导入"))
    parser.add_argument("--as", dest="username", metavar="USERNAME", help=_("以哪个经办人导入；默认为本机管理员"))


def run(args: argparse.Namespace) -> int:
    """Import or check a file; exit 1 where rows were refused. Raises DomainError of `imports.services`."""
    if args.template:
        return write_template(args, adoption=False)
    if args.file is None or not args.organisation:
        raise UsageError(_("请指明文件和 --organisation"), NAME)
    from dengji.parties.selectors import organisation_by_code

    return import_file(args, "drafts", organisation_by_code(args.organisation), args.allow_duplicates)


def write_template(args: argparse.Namespace, *, adoption: bool) -> int:
    """Write the workbook to fill in; raises OSError."""
    from dengji.imports.template import template

    path: Path = args.template
    path.write_bytes(template(args.type, adoption=adoption))
    show(args, {"template": str(path)}, [_("模板已写入 {path}", path=path)])
    return DONE
