"""`dengji up`: database, web server and worker of one node, in the foreground; Ctrl-C stops all of them."""

from __future__ import annotations

import argparse
import contextlib
import importlib
import importlib.util
import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dengji import database
from dengji.core.errors import N_, DomainError
from dengji.database import Cluster, Urls, resolve_urls
from dengji.database.paths import prepare_root

from ..failure import DONE, UsageError
from ..node import child_environment, collect_static, enter, prepare
from ..output import _, as_json, both
from ..supervisor import Supervisor

NAME = "up"
HELP = N_("启动节点：数据库、网页与接口服务、后台任务；Ctrl-C 全部停止")

_LOCK_WAIT = 10.0
_READY_SECONDS = 60.0
_DEMO = "dengji.cli.commands.demo"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of `dengji up`."""
    parser.add_argument("--demo", action="store_true", help=_("演示节点：载入示例辖区；不能转为正式节点"))
    parser.add_argument("--host", default="127.0.0.1", metavar="H", help=_("监听地址，默认 127.0.0.1"))
    parser.add_argument("--port", type=int, default=8000, metavar="P", help=_("监听端口，默认 8000；0 为任一空闲端口"))
    parser.add_argument("--workers", type=int, default=2, metavar="N", help=_("网页服务进程数，默认 2"))
    parser.add_argument("--no-worker", action="store_true", help=_("不启动后台任务"))


def run(args: argparse.Namespace) -> int:
    """Start the node, tell its address, keep it running; return 0 after a clean stop."""
    if args.workers < 1 or not 0 <= args.port <= 65535:
        raise UsageError(_("端口应为 0 至 65535，进程数至少为 1"), NAME)
    port = _free_port(args.host, args.port)
    data_dir = database.data_dir(args.data_dir)
    both(f"数据目录：{data_dir}", "data directory")
    supervisor = Supervisor({})
    with supervisor.signals(), _database(data_dir) as urls, enter(data_dir, urls, migrate=True):
        _prepare(args.demo)
        collect_static()
        supervisor.environment = child_environment() | _allowed_host(args.host)
        supervisor.serving = True
        try:
            _serve(supervisor, args, port)
        finally:
            both("正在停止……", "Stopping …")
            supervisor.stop()
    both("已停止。", "Stopped.")
    return DONE


def _free_port(host: str, port: int) -> int:
    """Return the port to listen on; raises DomainError port_taken, host_unknown before anything has been started."""
    try:
        family, kind, protocol, _name, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except socket.gaierror as error:
        raise DomainError("host_unknown", N_("无法监听地址 {host}"), "host", params={"host": host}) from error
    with socket.socket(family, kind, protocol) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except OSError as error:
            raise DomainError(
                "port_taken",
                N_("不能监听 {host} 的端口 {port}：{reason}"),
                "port",
                status=500,
                params={"host": host, "port": port, "reason": error.strerror or str(error)},
            ) from error
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def _database(data_dir: Path) -> Iterator[Urls]:
    """The operator's own server, or the embedded one, kept until the end."""
    external = resolve_urls()
    if external is not None:
        prepare_root(data_dir)
        both("使用外部数据库", "Using the external database")
        yield external
        return
    both("正在启动数据库……", "Starting the database …")
    cluster = Cluster(data_dir)
    cluster.start(lock_wait=_LOCK_WAIT)
    try:
        yield Urls(cluster.dsn("app"), cluster.dsn("migrator"), cluster.dsn("auditor"))
    finally:
        cluster.stop(adopted=True)


def _demo_module() -> Any:
    """The command that loads the example, where this installation has it."""
    return importlib.import_module(_DEMO) if importlib.util.find_spec(_DEMO) else None


def _prepare(demonstration: bool) -> None:
    from dengji.parties.selectors import registers

    demo = _demo_module() if demonstration else None
    origin, fresh = prepare(demonstration=demonstration, legal_start=getattr(demo, "LEGAL_START", None))
    kind = ("演示节点", "demonstration node") if demonstration else ("正式节点", "production node")
    both(f"{kind[0]} {origin}", f"{kind[1]} {origin}")
    if fresh and not demonstration and origin == "localhost":
        both(
            "节点的日志名称为 localhost，此后不能更改；正式使用前请以 DENGJI_ORIGIN 指定域名并换用新的数据目录",
            "This node's log is named localhost for ever; for real use name a domain by DENGJI_ORIGIN first",
        )
    if demo is not None and not registers():
        both("正在载入示例……", "Loading the example …")
        demo.load(lambda *words: both(str(words[0]), str(words[-1])))


def _allowed_host(host: str) -> dict[str, str]:
    """Let the server answer under the address it was told to listen on."""
    if "DENGJI_ALLOWED_HOSTS" in os.environ or host in ("127.0.0.1", "localhost", "::1"):
        return {}
    return {"DENGJI_ALLOWED_HOSTS": f"127.0.0.1,localhost,[::1],{host},{socket.gethostname()}"}


def _web_command(host: str, port: int, workers: int) -> list[str]:
    application = "dengji.config.wsgi:application"
    if importlib.util.find_spec("granian"):
        options = ["--interface", "wsgi", "--host", host, "--port", str(port), "--workers", str(workers)]
        options += ["--blocking-threads", "2", "--no-ws", "--http", "1", "--log-level", "warning"]
        options += ["--respawn-failed-workers", "--workers-kill-timeout", "5"]
        return [sys.executable, "-m", "granian", *options, application]
    both("本机没有 granian，改用 gunicorn", "granian is not installed; using gunicorn")
    place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    options = ["--bind", place, "--workers", str(workers), "--threads", "2", "--graceful-timeout", "5"]
    return [sys.executable, "-m", "gunicorn", *options, "--log-level", "warning", application]


def _administrators(address: str, *, demonstration: bool) -> None:
    """Found the three administrators of a fresh production node, and give the operator their links."""
    from django.conf import settings
    from django.urls import reverse

    from dengji.parties.accounts import services
    from dengji.parties.services import OPERATOR

    made = [] if demonstration else services.found_administrators()
    for person in made:
        key = services.opening_key(actor=OPERATOR, person=person)
        link = (settings.DENGJI_PUBLIC_URL.rstrip("/") or address) + reverse("accounts-open", args=(person.pk, key))
        both(f"{person.username}：请本人在三日内打开，设置密码 {link}", "to be opened by its holder within three days")


def _serve(supervisor: Supervisor, args: argparse.Namespace, port: int) -> None:
    both("正在启动服务……", "Starting the server …")
    supervisor.start(("网页服务", "web server"), _web_command(args.host, port, args.workers))
    if not args.no_worker:
        supervisor.start(("后台任务", "worker"), [sys.executable, "-m", "dengji.cli.worker"])
    local = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(args.host, args.host)  # noqa: S104 - compared, not bound
    address = f"http://{f'[{local}]' if ':' in local else local}:{port}"
    if not supervisor.await_answer(f"{address}/healthz", _READY_SECONDS):
        return
    _administrators(address, demonstration=args.demo)
    if args.json:
        print(as_json({"address": address, "pid": os.getpid(), "demonstration": args.demo}), flush=True)
    else:
        print(_("已就绪：{address}（Ctrl-C 停止）", address=address), flush=True)
    supervisor.run()
