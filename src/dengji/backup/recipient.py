"""To whom backups are encrypted: a key pair made at first start, whose private half leaves the machine (design §5).

The private half is the recovery code, an age identity; the public half stays and is all that a backup needs.
"""

from __future__ import annotations

import os
from pathlib import Path

import pyrage
from pyrage import x25519

from dengji.core.errors import N_, DomainError

#: Recipients chosen by the operator, one a word, in place of the one made at first start.
SETTING = "DENGJI_RECOVERY_RECIPIENT"
_PUBLIC = "recovery.recipient"
CODE_FILE = "recovery-code.txt"
_NOTE = """\
# 恢复码：没有它，任何备份都不能恢复；有了它和备份文件，就能读到全部数据。
# 请抄写或复制到本机以外的两处安全地点（如保险柜、密钥管理系统），然后删除本文件。
# Recovery code: without it no backup can be restored; with it and a backup file, everything can be read.
# Copy it to two safe places away from this machine (a safe, a key manager), then delete this file.
# 恢复 / to restore:  dengji restore FILE --recovery-code @FILE-WITH-THIS-CODE --data-dir NEW
"""


def code_path(keys: Path) -> Path:
    """Return where the private half lies until the operator has taken it away."""
    return keys / CODE_FILE


def ensure(keys: Path) -> str:
    """Make the key pair of a new node; return the recovery code if it was made now, else an empty text.

    Nothing is made where the operator has named recipients, or where the public half exists. Raises OSError.
    """
    if os.environ.get(SETTING, "").strip() or (keys / _PUBLIC).exists():
        return ""
    keys.mkdir(parents=True, exist_ok=True, mode=0o700)
    kept = code_path(keys)
    made = not kept.exists()
    # The code first: a recipient whose code was never written would make every backup useless.
    code = x25519.Identity.generate() if made else parse_code(f"@{kept}")
    if made:
        _write(kept, f"{_NOTE}{code}\n")
    _write(keys / _PUBLIC, f"{code.to_public()}\n")
    return str(code) if made else ""


def _write(path: Path, text: str) -> None:
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def recipients(keys: Path) -> list[str]:
    """Return the recipients in the text form of age, the operator's own first; empty where there is none."""
    chosen = os.environ.get(SETTING, "").split()
    if chosen or not (keys / _PUBLIC).exists():
        return chosen
    return (keys / _PUBLIC).read_text().split()


def parsed(keys: Path) -> list[x25519.Recipient]:
    """Return the recipients to encrypt to; raises DomainError recipient_missing, recipient_malformed."""
    found = recipients(keys)
    if not found:
        raise DomainError(
            "recipient_missing", N_("没有恢复密钥，不能备份：请运行 dengji up，它会生成恢复码"), status=503
        )
    try:
        return [x25519.Recipient.from_str(one) for one in found]
    except pyrage.RecipientError:
        raise DomainError("recipient_malformed", N_("恢复密钥的公钥不合规范（应为 age1… 形式）"), status=503) from None


def parse_code(text: str) -> x25519.Identity:
    """Return the private half from a code, or from the file named after an `@`, whose comment lines are passed over.

    Raises DomainError recovery_code_malformed, which never repeats the code; OSError.
    """
    if text.startswith("@"):
        lines = Path(text[1:]).expanduser().read_text().splitlines()
        text = "".join(line for line in lines if not line.startswith("#"))
    try:
        return x25519.Identity.from_str("".join(text.split()).upper())
    except pyrage.IdentityError:
        raise DomainError(
            "recovery_code_malformed", N_("不是恢复码（应以 AGE-SECRET-KEY-1 开头）"), "recovery_code", status=400
        ) from None
