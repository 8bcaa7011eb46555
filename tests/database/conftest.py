"""Clusters that always end, and ways to be somebody else."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import traceback
from pathlib import Path

import pytest

from dengji.database import Cluster
from dengji.database.server import find

NOBODY = 65534


class Keeper:
    """Makes clusters for one test and stops whatever still runs at its end."""

    def __init__(self):
        self.made = []

    def __call__(self, root, **options):
        cluster = Cluster(root, **{"test": True, **options})
        self.made.append(cluster)
        return cluster

    def close(self):
        for cluster in self.made:
            cluster.leave()
        for cluster in self.made:
            cluster.stop(adopted=True, lock_wait=5)
            assert find(cluster.layout.cluster) is None


@pytest.fixture
def make():
    keeper = Keeper()
    yield keeper
    keeper.close()


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with Cluster(tmp_path_factory.mktemp("node"), test=True) as cluster:
        yield cluster


@pytest.fixture
def open_dir(make):
    """A directory that every user may pass through (pytest's own are closed)."""
    path = Path(tempfile.mkdtemp(dir="/var/tmp"))
    path.chmod(0o711)
    yield path
    make.close()
    shutil.rmtree(path)


@pytest.fixture
def elsewhere():
    """Run Python text in another process, with the data directory as argv[1]; gives the Popen, its output in a pipe."""
    started = []

    def run(text, *arguments):
        process = subprocess.Popen(
            [sys.executable, "-c", text, *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        )
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.communicate()


def as_nobody(function):
    """Run `function` in a forked child that has become `nobody`, and give back what it returned (JSON) or raise."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
            os.write(writer, json.dumps(function()).encode())
            status = 0
        except BaseException:
            os.write(writer, traceback.format_exc()[-4000:].encode())
        finally:
            os._exit(status)
    os.close(writer)
    with os.fdopen(reader, "rb") as stream:
        said = stream.read().decode()
    _, status = os.waitpid(child, 0)
    assert status == 0, said
    return json.loads(said)


def tree(root):
    """Every path below `root` with its type, size and content digest of small files: to prove that nothing changed."""
    found = {}
    for path in sorted(root.rglob("*")):
        state = path.lstat()
        content = path.read_bytes() if path.is_file() and state.st_size < 65536 else b""
        found[str(path.relative_to(root))] = (state.st_mode, state.st_uid, state.st_size, content)
    return found
