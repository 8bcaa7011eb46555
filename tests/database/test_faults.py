"""Whatever is wrong with the machine: a named error with a way out, and nothing damaged."""

import hashlib
import json
import os
import subprocess
from pathlib import Path

import psycopg
import pytest

from dengji.database import Cluster, DatabaseError, data_dir
from dengji.database import server_user as users
from dengji.database.errors import MESSAGES
from dengji.database.server import find

from .conftest import NOBODY, as_nobody, tree

root_only = pytest.mark.skipif(os.geteuid() != 0, reason="needs to be root")


def code_of(function, *arguments, **options):
    with pytest.raises(DatabaseError) as caught:
        function(*arguments, **options)
    return caught.value.code


def works(cluster):
    with psycopg.connect(cluster.dsn("app")) as connection:
        return connection.execute("SELECT current_user").fetchone()[0] == "dengji_app"


@pytest.fixture
def small_disk(make, tmp_path):
    """Mounts a file system of the wanted size; skips where the machine does not permit it."""
    mounted = []

    def mount(size):
        place = tmp_path / "disk"
        place.mkdir()
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={size},mode=0711", "tmpfs", place], capture_output=True, check=False
        )
        if done.returncode:
            pytest.skip("this machine lets us mount no file system to fill")
        mounted.append(place)
        return place

    yield mount
    make.close()
    for place in mounted:
        subprocess.run(["umount", "-l", place], check=True)


def fill(place):
    fd = os.open(place / "ballast", os.O_WRONLY | os.O_CREAT)
    try:
        while True:
            os.write(fd, b"\1" * 4096)
    except OSError:
        os.close(fd)


def test_every_message_speaks_both_languages_and_shows_its_values():
    for code, (zh, en) in MESSAGES.items():
        assert any("\u4e00" <= letter <= "\u9fff" for letter in zh), code
        assert en.isascii(), code
        fields = ("{path}", "{pid}", "{reason}", "{found}", "{log}")
        assert [f for f in fields if f in zh] == [f for f in fields if f in en], code


@pytest.mark.parametrize("depth", [3, 20])
def test_a_path_longer_than_a_socket_may_be_works(make, tmp_path, depth):
    root = tmp_path.joinpath(*["a-rather-long-directory-name"] * depth)
    assert len(os.fsencode(root)) > 80
    cluster = make(root)
    info = cluster.start()
    assert works(cluster)
    assert len(os.fsencode(info.socket_dir)) < 80
    assert info.socket_dir.stat().st_mode & 0o777 == 0o700
    cluster.stop()
    assert not info.socket_dir.exists() or info.socket_dir == root / "run"
    assert cluster.start().socket_dir == info.socket_dir


def test_a_second_process_finds_the_socket_with_another_environment(make, tmp_path, monkeypatch):
    root = tmp_path.joinpath(*["a-rather-long-directory-name"] * 3)
    runtime = tmp_path / "rt"
    if len(os.fsencode(runtime)) > 50:
        runtime = Path(f"/tmp/dengji-test-{os.getpid()}")  # noqa: S108
    runtime.mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime))
    cluster = make(root)
    where = cluster.start().socket_dir
    assert where.parent == runtime
    monkeypatch.delenv("XDG_RUNTIME_DIR")
    assert make(root).attach().socket_dir == where
    cluster.stop()
    runtime.rmdir()


@pytest.mark.parametrize("name", ["有空格 的目录", "a,b", 'it\'s "here" @50%', "x" * 200])
def test_an_unusual_directory_name_works(make, tmp_path, name):
    cluster = make(tmp_path / name)
    cluster.start()
    assert works(cluster)


def test_a_path_beyond_what_postgresql_or_the_kernel_can_take_is_named(tmp_path):
    for root in (tmp_path.joinpath(*["x" * 200] * 6), tmp_path / ("x" * 300)):
        assert code_of(Cluster(root, test=True).start) == "path_too_long"
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_the_way_is_not_touched(tmp_path):
    place = tmp_path / "node"
    place.write_text("thesis")
    assert code_of(Cluster(place, test=True).start) == "unwritable"
    assert code_of(Cluster(place / "below", test=True).start) == "unwritable"
    assert place.read_text() == "thesis"


def test_a_foreign_directory_in_the_clusters_place_is_not_touched(make, tmp_path):
    (tmp_path / "pg").mkdir()
    (tmp_path / "pg" / "thesis.txt").write_text("thesis")
    cluster = make(tmp_path)
    assert code_of(cluster.start) == "foreign_directory"
    assert [path.name for path in (tmp_path / "pg").iterdir()] == ["thesis.txt"]
    (tmp_path / "pg" / "thesis.txt").unlink()
    cluster.start()
    assert works(cluster)


@pytest.mark.asroot
@root_only
def test_an_unwritable_directory_is_named(open_dir):
    (open_dir / "node").mkdir(mode=0o755)
    before = tree(open_dir)
    for root in (open_dir / "node", open_dir / "node" / "new"):

        def start(root=root):
            try:
                Cluster(root, test=True).start()
            except DatabaseError as error:
                return [error.code, error.message_en]

        code, message = as_nobody(start)
        assert code == "unwritable"
        assert str(root) in message
        assert "--data-dir" in message
    assert tree(open_dir) == before


@pytest.mark.asroot
@root_only
def test_an_ordinary_user_runs_it_directly(open_dir):
    home = open_dir / "home"
    home.mkdir(mode=0o700)
    os.chown(home, NOBODY, -1)

    def run():
        with Cluster(home / "node", test=True) as cluster:
            worked = works(cluster)
            pid = find(cluster.layout.cluster).pid
            return [worked, Path(f"/proc/{pid}").stat().st_uid]

    assert as_nobody(run) == [True, NOBODY]
    assert {path.lstat().st_uid for path in home.rglob("*")} == {NOBODY}


@pytest.mark.asroot
@root_only
def test_another_users_cluster_is_left_alone(make, open_dir):
    cluster = make(open_dir / "node")
    cluster.start()
    cluster.stop()
    os.chown(open_dir / "node" / "pg", 12345, -1)
    before = tree(open_dir / "node" / "pg")
    assert code_of(cluster.start) == "wrong_owner"
    assert tree(open_dir / "node" / "pg") == before


@pytest.mark.asroot
@root_only
def test_root_below_a_closed_directory_opens_nothing_and_adds_nobody(make, tmp_path):
    closed = tmp_path / "root"
    closed.mkdir(mode=0o700)
    accounts = Path("/etc/passwd").read_bytes()
    cluster = make(closed / "node")
    cluster.start()
    assert works(cluster)
    assert closed.stat().st_mode & 0o777 == 0o700
    assert Path("/etc/passwd").read_bytes() == accounts
    status = Path(f"/proc/{find(closed / 'node' / 'pg').pid}/status").read_text()
    seen = Path(f"/proc/{find(closed / 'node' / 'pg').pid}/uid_map").read_text().split()
    assert seen == [str(NOBODY), "0", "1"], status


@pytest.mark.asroot
@root_only
def test_root_in_an_open_directory_runs_the_server_as_nobody(make, open_dir):
    cluster = make(open_dir / "node")
    cluster.start()
    if not users.nobody().can_use(_postgres(), Path("/tmp")):  # noqa: S108
        pytest.skip("the programs lie where nobody may not enter")
    assert works(cluster)
    assert Path(f"/proc/{find(open_dir / 'node' / 'pg').pid}").stat().st_uid == NOBODY
    assert (open_dir / "node" / "pg").stat().st_uid == NOBODY
    assert (open_dir / "node" / "pg-passwords.json").stat().st_uid == 0
    # What the server's user may do: pass through, and nothing else.
    assert as_nobody(lambda: [os.access(open_dir / "node", mode) for mode in (os.X_OK, os.R_OK, os.W_OK)]) == [
        True,
        False,
        False,
    ]
    assert not as_nobody(lambda: os.access(open_dir / "node" / "pg-passwords.json", os.R_OK))


def _postgres():
    from dengji.database.binaries import installed

    return installed()[0].program("postgres")


def test_where_no_way_is_open_the_way_out_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(
        users, "candidates", lambda: [lambda: users.ServerUser("barred", os.geteuid(), ("/bin/false",))]
    )
    with pytest.raises(DatabaseError) as caught:
        Cluster(tmp_path, test=True).start()
    assert caught.value.code == "no_server_user"
    assert "barred" in caught.value.message_zh
    assert not (tmp_path / "pg").exists()
    assert list(tmp_path.glob("pg.*")) == []


def test_without_programs_the_way_out_is_told(tmp_path, monkeypatch):
    monkeypatch.setenv("DENGJI_PG_BINDIR", str(tmp_path / "nothing"))
    with pytest.raises(DatabaseError) as caught:
        Cluster(tmp_path / "node", test=True).start()
    assert caught.value.code == "binaries_missing"
    assert "DENGJI_DATABASE_URL" in caught.value.message_zh
    assert not (tmp_path / "node" / "pg").exists()


def test_without_the_package_the_way_out_is_told(tmp_path, monkeypatch):
    from dengji.database import binaries

    monkeypatch.setattr(binaries, "_PACKAGE", "a_package_this_platform_has_no_wheel_of")
    monkeypatch.delenv("DENGJI_PG_BINDIR", raising=False)
    assert code_of(Cluster(tmp_path, test=True).start) == "binaries_missing"


def test_a_cluster_of_an_unknown_version_is_not_touched(make, tmp_path):
    cluster = make(tmp_path)
    cluster.start()
    cluster.stop()
    version = tmp_path / "pg" / "PG_VERSION"
    right = version.read_text()
    version.write_text("14\n")
    before = tree(tmp_path / "pg")
    with pytest.raises(DatabaseError) as caught:
        cluster.start()
    assert caught.value.code == "version_mismatch"
    assert "14" in caught.value.message_en
    assert right.strip() in caught.value.message_en
    assert tree(tmp_path / "pg") == before
    version.write_text(right)
    cluster.start()
    assert works(cluster)


def test_a_server_that_is_not_ready_in_time_is_ended_and_harmless(make, tmp_path):
    cluster = make(tmp_path)
    cluster.start()
    cluster.stop()
    assert code_of(cluster.start, timeout=0) == "start_timeout"
    assert not cluster.is_running()
    cluster.start()
    assert works(cluster)


def test_a_server_that_refuses_to_start_says_why(make, tmp_path):
    cluster = make(tmp_path)
    cluster.start()
    cluster.stop()
    settings = tmp_path / "pg" / "postgresql.conf"
    before = settings.read_text()
    settings.write_text(before + "work_mem = banana\n")
    with pytest.raises(DatabaseError) as caught:
        cluster.start()
    assert caught.value.code == "start_failed"
    assert "banana" in caught.value.message_en
    settings.write_text(before)
    cluster.start()
    assert works(cluster)


@pytest.mark.parametrize("content", [None, "", "{}", "[1]"])
def test_lost_passwords_are_named_and_never_replaced(make, tmp_path, content):
    cluster = make(tmp_path)
    cluster.start()
    cluster.stop()
    file = tmp_path / "pg-passwords.json"
    kept = file.read_text()
    file.unlink()
    if content is not None:
        file.write_text(content)
    assert code_of(cluster.start) == "passwords_missing"
    assert not cluster.is_running()
    assert not file.exists() if content is None else file.read_text() == content
    file.write_text(kept)
    cluster.start()
    assert works(cluster)


def test_passwords_differ_and_are_not_shown(running):
    known = json.loads(running.layout.passwords.read_text())
    assert len(set(known.values())) == 5
    assert min(map(len, known.values())) >= 40
    assert not any(password in repr(running.attach()) for password in known.values())


@pytest.mark.asroot
@root_only
@pytest.mark.parametrize("trap", ["link", "foreign"])
def test_a_prepared_socket_directory_is_refused(make, tmp_path, trap):
    root = tmp_path.joinpath(*["a-rather-long-directory-name"] * 4)
    digest = hashlib.sha256(os.fsencode(root)).hexdigest()[:16]
    place = Path(f"/tmp/dengji-0-{digest}")  # noqa: S108
    (tmp_path / "target").mkdir()
    try:
        if trap == "link":
            place.symlink_to(tmp_path / "target")
        else:
            place.mkdir(mode=0o777)
            os.chown(place, NOBODY, -1)
        assert code_of(make(root).start) == "unsafe_directory"
        assert not (root / "pg").exists()
        assert list((tmp_path / "target").iterdir()) == []
    finally:
        place.unlink() if place.is_symlink() else place.rmdir()


def test_a_full_disk_at_the_first_start_leaves_nothing_half_made(make, small_disk):
    place = small_disk("20m")
    cluster = make(place / "node")
    with pytest.raises(DatabaseError) as caught:
        cluster.start()
    assert caught.value.code == "disk_full"
    assert "200 MB" in caught.value.message_zh
    left = {path.name for path in (place / "node").iterdir()}
    assert left <= {"lock", "log", "run", "pg-passwords.json"}
    subprocess.run(["mount", "-o", "remount,size=300m", place], check=True)
    cluster.start()
    assert works(cluster)
    cluster.stop()


def test_a_disk_with_no_byte_left_is_named(make, small_disk):
    place = small_disk("1m")
    fill(place)
    assert code_of(make(place / "node").start) == "disk_full"


def test_a_full_disk_at_a_later_start_harms_nothing(make, small_disk):
    place = small_disk("300m")
    cluster = make(place / "node", test=False)
    cluster.start()
    with psycopg.connect(cluster.dsn("migrator")) as connection:
        connection.execute("CREATE TABLE note AS SELECT '公共数据' AS t")
    cluster.stop()
    fill(place)
    assert code_of(cluster.start) == "disk_full"
    assert not cluster.is_running()
    (place / "ballast").unlink()
    cluster.start()
    with psycopg.connect(cluster.dsn("app")) as connection:
        assert connection.execute("SELECT t FROM note").fetchone() == ("公共数据",)
    cluster.stop()


@pytest.mark.parametrize(
    ("explicit", "env", "expected"),
    [
        ("/e", {"DENGJI_DATA_DIR": "/d", "XDG_DATA_HOME": "/x"}, "/e"),
        (None, {"DENGJI_DATA_DIR": "/d", "XDG_DATA_HOME": "/x"}, "/d"),
        (None, {"XDG_DATA_HOME": "/x"}, "/x/dengji"),
        (None, {"XDG_DATA_HOME": "relative-is-invalid"}, "~/.local/share/dengji"),
        (None, {}, "~/.local/share/dengji"),
        ("~/d", {}, "~/d"),
    ],
)
def test_the_data_directory_follows_the_xdg_rules(explicit, env, expected):
    chosen = data_dir(Path(explicit) if explicit else None, env)
    assert chosen == Path(expected).expanduser().resolve()
