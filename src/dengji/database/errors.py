"""What can go wrong with the embedded database, each with what happened and the way out, in Chinese and English."""

from __future__ import annotations

import errno

# code → (Chinese, English). Every text names the way out: the reader stands before a node that will not start.
MESSAGES: dict[str, tuple[str, str]] = {
    "already_running": (
        "数据目录 {path} 正被另一个登记程序使用（进程 {pid}）。请先停止它，或用 --data-dir 指定另一个目录。",
        "The data directory {path} is in use by another dengji process (pid {pid}). "
        "Stop that one first, or choose another directory with --data-dir.",
    ),
    "not_running": (
        "数据目录 {path} 的数据库没有运行。请先执行 dengji up。",
        "No database is running for {path}. Start it with: dengji up",
    ),
    "unwritable": (
        "无法写入 {path}：{reason}。请改正目录的属主或权限，或用 --data-dir 指定可写的目录。",
        "Cannot write to {path}: {reason}. Correct its owner or mode, or choose a writable directory with --data-dir.",
    ),
    "disk_full": (
        "{path} 所在磁盘已满，已有数据未受影响。请腾出空间（至少 200 MB）后重试，或用 --data-dir 指定另一块磁盘。",
        "The disk that holds {path} is full; existing data was not touched. "
        "Free some space (at least 200 MB) and try again, or choose another disk with --data-dir.",
    ),
    "path_too_long": (
        "数据目录路径过长（{path}）。请用 --data-dir 指定较短的路径。",
        "The path of the data directory is too long ({path}). Choose a shorter one with --data-dir.",
    ),
    "binaries_missing": (
        "本机（{platform}）没有内置的 PostgreSQL 程序。请安装 PostgreSQL 15 或更高版本，"
        "并设置 DENGJI_DATABASE_URL（外部数据库）或 DENGJI_PG_BINDIR（程序目录）。",
        "There are no embedded PostgreSQL programs for this machine ({platform}). "
        "Install PostgreSQL 15 or later and set DENGJI_DATABASE_URL (a running server) "
        "or DENGJI_PG_BINDIR (a directory of programs).",
    ),
    "version_mismatch": (
        "{path} 由 PostgreSQL {found} 建立，现有程序为 {available}。数据未被改动。"
        "请用建立时的版本执行 dengji backup，再用新版本 dengji restore；"
        "或把 DENGJI_PG_BINDIR 指向 PostgreSQL {found}。",
        "{path} was made by PostgreSQL {found}, the programs at hand are {available}. Nothing was changed. "
        "Run dengji backup with the old version and dengji restore with the new, "
        "or point DENGJI_PG_BINDIR to PostgreSQL {found}.",
    ),
    "wrong_owner": (
        "{path} 属于用户 {owner}，当前用户 {user} 不能使用。请以该用户运行，或用 --data-dir 指定另一个目录。",
        "{path} belongs to user {owner}, not to the current user {user}. "
        "Run as that user, or choose another directory with --data-dir.",
    ),
    "no_server_user": (
        "PostgreSQL 不能以当前用户运行，可用的办法都不可行（{reason}）。请改用普通用户运行，"
        "或用 --data-dir 指定其他用户可以进入的目录（如 /var/lib/dengji），或设置 DENGJI_DATABASE_URL。",
        "PostgreSQL refuses to run as the current user, and no way around is open here ({reason}). "
        "Run as an ordinary user, choose a directory that others may enter with --data-dir "
        "(such as /var/lib/dengji), or set DENGJI_DATABASE_URL.",
    ),
    "unsafe_directory": (
        "套接字目录 {path} 不安全：{reason}。请删除它，或设置 XDG_RUNTIME_DIR，或用 --data-dir 指定较短的路径。",
        "The socket directory {path} is not safe: {reason}. "
        "Remove it, set XDG_RUNTIME_DIR, or choose a shorter path with --data-dir.",
    ),
    "foreign_directory": (
        "{path} 已存在，但不是数据库目录。没有改动任何文件。请移走它，或用 --data-dir 指定另一个目录。",
        "{path} exists but is not a database. Nothing was changed. "
        "Move it away, or choose another directory with --data-dir.",
    ),
    "trust_refused": (
        "{path} 允许免密登录（trust）。请把该行改为 scram-sha-256 后重试。",
        "{path} lets people in without a password (trust). Change that line to scram-sha-256 and try again.",
    ),
    "passwords_missing": (
        "数据库口令文件 {path} 缺失或损坏。请从备份恢复该文件，不要重新初始化数据库。",
        "The password file {path} is missing or damaged. Restore it from a backup; do not make a new database.",
    ),
    "initialise_failed": (
        "建立数据库失败，未留下任何文件。程序输出：\n{log}",
        "Making the database failed; nothing was left behind. The program said:\n{log}",
    ),
    "start_failed": (
        "数据库启动失败，数据未被改动。日志 {path} 的最后几行：\n{log}",
        "The database did not start; its data was not touched. Last lines of {path}:\n{log}",
    ),
    "start_timeout": (
        "数据库在 {seconds} 秒内没有就绪，已停止等待。日志 {path} 的最后几行：\n{log}",
        "The database was not ready within {seconds} s and was stopped. Last lines of {path}:\n{log}",
    ),
    "stop_timeout": (
        "数据库（进程 {pid}）在 {seconds} 秒内没有停止。请查看 {path}。",
        "The database (pid {pid}) did not stop within {seconds} s. See {path}.",
    ),
    "bad_url": (
        "环境变量 {name} 不是可用的 PostgreSQL 地址：{reason}。",
        "The environment variable {name} is not a usable PostgreSQL address: {reason}.",
    ),
    "server_too_old": (
        "数据库服务器版本为 {found}，需要 PostgreSQL 15 或更高版本。",
        "The database server is version {found}; PostgreSQL 15 or later is needed.",
    ),
    "io_error": ("读写 {path} 失败：{reason}。", "Reading or writing {path} failed: {reason}."),
}

_BY_ERRNO = {
    errno.EACCES: "unwritable",
    errno.EPERM: "unwritable",
    errno.EROFS: "unwritable",
    errno.ENOTDIR: "unwritable",
    errno.EEXIST: "unwritable",
    errno.ENOSPC: "disk_full",
    errno.EDQUOT: "disk_full",
    errno.ENAMETOOLONG: "path_too_long",
}


class DatabaseError(Exception):
    """A fault of the embedded database: `code` for programs, `message_zh` and `message_en` for people."""

    def __init__(self, code: str, **params: object) -> None:
        zh, en = MESSAGES[code]
        self.code = code
        self.params = params
        self.message_zh = zh.format(**params)
        self.message_en = en.format(**params)
        super().__init__(f"{self.message_zh}\n{self.message_en}")


def from_os_error(error: OSError, path: object) -> DatabaseError:
    """Name the cause of an operating-system error on `path` (full disk, no right to write, name too long)."""
    code = _BY_ERRNO.get(error.errno or 0, "io_error")
    return DatabaseError(code, path=path, reason=error.strerror or str(error))
