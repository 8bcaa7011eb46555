"""`dengji backup`: one encrypted file of the whole node, made while it serves; and the check of such a file."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dengji import database
from dengji.core.errors import N_

from ..failure import DONE, UsageError
from ..node import open_node
from ..output import Progress, _, fields, say, show

if TYPE_CHECKING:
    from dengji.backup.make import Made
    from dengji.ledger.pure.notes import VerifierKey

NAME = "backup"
HELP = N_("备份：服务运行中把整个节点写入一个加密文件；--verify 核对备份文件")

_LABELS = {
    "tables": N_("数据表"),
    "files": N_("材料"),
    "verify": N_("核对"),
    "rows": N_("数据行"),
    "tail": N_("存档片段"),
}
_STEPS = {"tables": 20, "files": 500, "rows": 100_000, "verify": 256 << 20}


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the file, --verify with what it needs, and --nightly."""
    parser.add_argument(
        "file", type=Path, nargs="?", metavar="FILE", help=_("备份写入此文件；已有的文件在新备份完整后才被替换")
    )
    parser.add_argument("--verify", action="store_true", help=_("核对此备份文件是否完整，不需要数据库"))
    parser.add_argument(
        "--recovery-code",
        default="",
        metavar="CODE|@FILE",
        help=_("核对时一并解密，看恢复码是否适用；恢复码最好写在文件里"),
    )
    parser.add_argument("--vkey", action="append", default=[], metavar="KEY|@FILE", help=_("可信的日志验证密钥"))
    parser.add_argument("--nightly", action="store_true", help=_("按每夜备份的位置和份数办理"))


def run(args: argparse.Namespace) -> int:
    """Make or check a backup; raises DomainError recipient_missing, node_recovering, backup_damaged, …; OSError."""
    if (args.file is None) == (not args.nightly) or (args.nightly and args.verify):
        raise UsageError(_("请给出备份文件，或 --nightly"), NAME)
    if args.verify:
        return _verify(args)
    with open_node(args):
        return _make(args)


class Meter:
    """Tells on stderr how far the work is, each part by its own counter."""

    def __init__(self) -> None:
        self._now = self._last = ("", 0)
        self._progress: Progress | None = None

    def __call__(self, what: str, done: int, total: int) -> None:
        """Tell how much of a part is done."""
        step = _STEPS.get(what, 1000)
        if total and (what, done) == self._last:
            return
        self._last = (what, done)
        if (what, total) != self._now or self._progress is None:
            self._now = (what, total)
            self._progress = Progress(_(_LABELS.get(what, what)), total, step=1)
            self._told = 0
        if done == total or done - self._told >= step:
            self._told = done
            self._progress.at(done)


def _make(args: argparse.Namespace) -> int:
    from dengji.backup import nightly
    from dengji.backup.make import make

    made = nightly.run(Meter()) if args.nightly else make(args.file, progress=Meter())
    if made is None:
        show(args, {"made": False}, [_("另一个备份正在进行")])
        return DONE
    if made.missing:
        say(_("有 {count} 份材料在备份时已不在存储中", count=len(made.missing)))
    show(args, {"made": True, **_facts(made)}, _lines(made.manifest, made))
    return DONE


def _facts(made: Made) -> dict[str, Any]:
    return {
        "file": made.path,
        "manifest": made.manifest,
        "rows": made.rows,
        "files": made.files,
        "missing": made.missing,
    }


def _lines(manifest: dict[str, Any], made: Made | None = None) -> list[str]:
    pairs = [
        (_("备份文件"), made.path if made else ""),
        (_("日志名称"), manifest["origin"]),
        (_("备份时刻"), manifest["made_at"]),
        (_("日志条数"), manifest["log"]["size"] if "log" in manifest else ""),
        (_("字节数"), manifest["payload"]["size"]),
        (_("数据行"), made.rows if made else ""),
        (_("材料"), made.files if made else ""),
        ("SHA-256", manifest["payload"]["sha256"]),
    ]
    return fields(pairs)


def trusted(words: list[str]) -> list[VerifierKey]:
    """Return the verifier keys given on the command line, or in the files named after an `@`."""
    from dengji.ledger.pure.notes import VerifierKey

    texts = [Path(word[1:]).expanduser().read_text() if word.startswith("@") else word for word in words]
    return [VerifierKey.parse(one) for text in texts for one in text.split()]


def _own_keys(data_dir: Path) -> list[VerifierKey]:
    path = data_dir / "keys" / "vkeys"
    return trusted([f"@{path}"]) if path.is_file() else []


def _verify(args: argparse.Namespace) -> int:
    """Digests always; the signature where keys are known; everything inside where the recovery code is given."""
    from dengji.backup import container, recipient, restoring

    keys = trusted(args.vkey) or _own_keys(database.data_dir(args.data_dir))
    meter = Meter()
    if args.recovery_code:
        code = recipient.parse_code(args.recovery_code)
        found = restoring.examine(args.file, code, vkeys=keys, progress=meter)
        manifest, signed = found.manifest, found.signed_by
    else:
        manifest = container.read_manifest(args.file)
        container.require_whole(args.file, manifest, meter)
        signed = manifest.verify(keys) if keys else []
    data = {
        "file": args.file,
        "manifest": manifest.facts,
        "signed_by": [str(key) for key in signed],
        "pinned": bool(keys),
        "decrypted": bool(args.recovery_code),
    }
    said = (
        _("签名有效：{names}", names="、".join(key.name for key in signed))
        if signed
        else _("签名未核对：没有可信的密钥，可用 --vkey 给出")
    )
    inside = _("已解密并通读全部内容") if args.recovery_code else _("未解密：给出 --recovery-code 可通读内容")
    show(args, data, [*_lines(manifest.facts), _("文件完整"), said, inside])
    return DONE
