"""The way of a cluster: made, started, killed, found again, stopped."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest

from dengji.database import DatabaseError, session
from dengji.database.lock import FileLock
from dengji.database.server import find, read_pid_file

KEEP = """
import sys
from pathlib import Path
from dengji.database import Cluster
Cluster(Path(sys.argv[1]), test=True).start()
print("up", flush=True)
sys.stdin.read()
"""
SESSION = """
import sys
from pathlib import Path
from dengji.database import session
with session(Path(sys.argv[1]), test=True) as info:
    print(info.adopted, flush=True)
    sys.stdin.readline()
"""


def note(cluster, text):
    with psycopg.connect(cluster.dsn("migrator")) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS note (t text)")
        connection.execute("INSERT INTO note VALUES (%s)", [text])


def notes(cluster):
    with psycopg.connect(cluster.dsn("app")) as connection:
        return [row[0] for row in connection.execute("SELECT t FROM note ORDER BY t")]


def ask(dsn, query):
    with psycopg.connect(dsn) as connection:
        return connection.execute(query).fetchone()[0]


def gone(pid):
    """Dead, or dead and not yet buried by its parent."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def wait_for(condition):
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_data_survives_a_stop_and_a_second_start_makes_no_new_cluster(make, tmp_path):
    cluster = make(tmp_path)
    cluster.start()
    note(cluster, "公共数据")
    system = ask(cluster.dsn("owner"), "SELECT system_identifier FROM pg_control_system()")
    cluster.stop()
    assert not cluster.is_running()
    with pytest.raises(DatabaseError, match="dengji up"):
        cluster.dsn("app")
    cluster.start()
    assert notes(cluster) == ["公共数据"]
    assert ask(cluster.dsn("owner"), "SELECT system_identifier FROM pg_control_system()") == system


def test_a_node_is_durable_closed_and_utf8(make, tmp_path):
    cluster = make(tmp_path, test=False)
    cluster.start()
    wanted = {
        "fsync": "on",
        "synchronous_commit": "on",
        "full_page_writes": "on",
        "data_checksums": "on",
        "listen_addresses": "",
        "server_encoding": "UTF8",
        "password_encryption": "scram-sha-256",
        "TimeZone": "UTC",
        "shared_buffers": "512MB",
    }
    assert {name: ask(cluster.dsn("app"), f"SHOW {name}") for name in wanted} == wanted
    assert (
        ask(cluster.dsn("app"), "SELECT datctype || datlocale FROM pg_database WHERE datname = 'dengji'") == "CC.UTF-8"
    )
    assert (tmp_path / "run").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "pg").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "pg-passwords.json").stat().st_mode & 0o777 == 0o600


def test_the_log_never_holds_what_a_statement_carried(make, tmp_path):
    cluster = make(tmp_path)
    cluster.start()
    note(cluster, "x")
    with psycopg.connect(cluster.dsn("migrator"), autocommit=True) as connection:
        connection.execute("CREATE TABLE person (name text PRIMARY KEY)")
        connection.execute("INSERT INTO person VALUES ('某某某')")
        with pytest.raises(psycopg.errors.UniqueViolation):
            connection.execute("INSERT INTO person VALUES ('某某某')")
        with pytest.raises(psycopg.errors.InvalidTextRepresentation):
            connection.execute("SELECT '某某某'::int")
    cluster.stop()
    written = cluster.layout.log.read_text()
    assert "shutting down" in written
    assert "某某某" not in written


@pytest.mark.parametrize("password", ["", "wrong"])
def test_nobody_enters_without_the_password(running, password):
    host = running.layout.run
    for user in ("dengji_owner", "dengji_app"):
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(host=str(host), port=5432, user=user, dbname="dengji", password=password)


def test_a_cluster_opened_to_trust_is_not_started(make, tmp_path):
    cluster = make(tmp_path)
    cluster.start()
    cluster.stop()
    hba = tmp_path / "pg" / "pg_hba.conf"
    before = hba.read_text()
    hba.write_text(before + "local all all trust\n")
    with pytest.raises(DatabaseError) as caught:
        cluster.start()
    assert caught.value.code == "trust_refused"
    assert not cluster.is_running()
    hba.write_text(before + "# no trust here\n")
    cluster.start()


def test_the_second_start_on_a_directory_is_refused(make, tmp_path, elsewhere):
    first = elsewhere(KEEP, tmp_path)
    assert first.stdout.readline() == "up\n"
    second = make(tmp_path)
    with pytest.raises(DatabaseError) as caught:
        second.start()
    assert caught.value.code == "already_running"
    assert str(first.pid) in caught.value.message_en
    assert str(first.pid) in caught.value.message_zh
    assert second.is_running()
    second.stop(adopted=True)
    assert second.is_running(), "the keeper's server is not ours to stop"


def test_a_second_cluster_object_in_one_process_is_refused_too(make, tmp_path):
    make(tmp_path).start()
    with pytest.raises(DatabaseError) as caught:
        make(tmp_path).start()
    assert caught.value.code == "already_running"


def test_a_killed_server_leaves_no_obstacle_and_loses_nothing(make, tmp_path):
    cluster = make(tmp_path, test=False)
    cluster.start()
    note(cluster, "committed")
    server = find(tmp_path / "pg")
    idle = psycopg.connect(cluster.dsn("app"))
    os.kill(server.pid, signal.SIGKILL)
    wait_for(lambda: not cluster.is_running())
    cluster.leave()
    assert (tmp_path / "pg" / "postmaster.pid").exists()
    fresh = make(tmp_path, test=False)
    assert not fresh.is_running()
    assert not fresh.start().adopted
    assert notes(fresh) == ["committed"]
    idle.close()


@pytest.mark.parametrize("who", ["stranger", "zombie"])
def test_a_reused_process_number_is_not_taken_for_the_server(make, tmp_path, who):
    cluster = make(tmp_path)
    cluster.start()
    note(cluster, "kept")
    server = find(tmp_path / "pg")
    noted = (tmp_path / "pg" / "postmaster.pid").read_text()
    cluster.stop()
    argv = ["sleep", "60"] if who == "stranger" else ["true"]
    other = subprocess.Popen(argv)
    try:
        if who == "zombie":
            wait_for(lambda: gone(other.pid))
        for left in (tmp_path / "pg" / "postmaster.pid", tmp_path / "run" / ".s.PGSQL.5432.lock"):
            left.write_text(noted.replace(str(server.pid), str(other.pid), 1))
        assert not cluster.is_running()
        cluster.start()
        assert notes(cluster) == ["kept"]
    finally:
        other.kill()
        other.wait()


def test_a_server_that_outlived_its_keeper_is_adopted(make, tmp_path, elsewhere):
    keeper = elsewhere(KEEP, tmp_path)
    assert keeper.stdout.readline() == "up\n"
    server = find(tmp_path / "pg")
    keeper.kill()
    keeper.wait()
    cluster = make(tmp_path)
    assert cluster.is_running()
    assert cluster.start().adopted
    note(cluster, "after")
    assert find(tmp_path / "pg").pid == server.pid
    cluster.stop()
    assert cluster.is_running(), "stop() leaves alone what it did not start"
    cluster.start()
    cluster.stop(adopted=True)
    assert not cluster.is_running()
    # Its note goes a moment before the process.
    wait_for(lambda: gone(server.pid))


def test_attach_reaches_only_a_running_server(make, tmp_path, elsewhere):
    cluster = make(tmp_path)
    with pytest.raises(DatabaseError) as caught:
        cluster.attach()
    assert caught.value.code == "not_running"
    assert "dengji up" in caught.value.message_zh
    assert list(tmp_path.iterdir()) == []
    keeper = elsewhere(KEEP, tmp_path)
    assert keeper.stdout.readline() == "up\n"
    assert ask(cluster.attach().dsn("auditor"), "SELECT current_user") == "dengji_auditor"
    cluster.stop()
    assert cluster.is_running()


def test_a_command_uses_the_running_server_and_leaves_it(make, tmp_path):
    cluster = make(tmp_path)
    cluster.start()
    with session(tmp_path, test=True) as info:
        assert info.adopted
        assert ask(info.dsn("app"), "SELECT 1") == 1
    assert ask(cluster.dsn("app"), "SELECT 1") == 1


def test_a_command_without_a_server_starts_one_and_stops_it(make, tmp_path):
    with session(tmp_path, test=True) as info:
        assert not info.adopted
        assert ask(info.dsn("app"), "SELECT 1") == 1
    assert not make(tmp_path).is_running()
    assert not (tmp_path / "temporary").exists()


def test_a_failing_command_stops_its_server_too(make, tmp_path):
    with pytest.raises(ZeroDivisionError), session(tmp_path, test=True):
        raise ZeroDivisionError
    assert not make(tmp_path).is_running()


@pytest.mark.parametrize("first_to_leave", [0, 1])
def test_of_two_overlapping_commands_the_last_one_stops_the_server(make, tmp_path, elsewhere, first_to_leave):
    commands = [elsewhere(SESSION, tmp_path) for _ in range(2)]
    adopted = {command.stdout.readline() for command in commands}
    assert adopted == {"True\n", "False\n"}
    commands[first_to_leave].communicate("\n")
    cluster = make(tmp_path)
    assert ask(cluster.attach().dsn("app"), "SELECT 1") == 1
    commands[1 - first_to_leave].communicate("\n")
    assert not cluster.is_running()


def test_a_node_takes_over_the_server_of_a_passing_command(make, tmp_path, elsewhere):
    commands = [elsewhere(SESSION, tmp_path) for _ in range(2)]
    starter = next(command for command in commands if command.stdout.readline() == "False\n")
    other = next(command for command in commands if command is not starter)
    starter.communicate("\n")
    node = make(tmp_path)
    assert node.start().adopted
    other.communicate("\n")
    assert ask(node.dsn("app"), "SELECT 1") == 1


def test_a_forked_worker_does_not_keep_the_directory_locked(make, tmp_path):
    cluster = make(tmp_path)
    cluster.start()
    child = os.fork()
    if child == 0:
        time.sleep(60)
        os._exit(0)
    try:
        cluster.stop()
        make(tmp_path).start()
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def test_a_command_does_not_barge_in_while_another_stops_the_server(make, tmp_path):
    stopping = FileLock(make(tmp_path).layout.users)
    assert stopping.take()
    with pytest.raises(DatabaseError) as caught, session(tmp_path, test=True, timeout=0):
        pass
    assert caught.value.code == "already_running"
    stopping.release()
    assert not make(tmp_path).is_running()


def test_stopping_a_server_that_crashed_is_harmless(make, tmp_path):
    cluster = make(tmp_path)
    cluster.start()
    os.kill(find(tmp_path / "pg").pid, signal.SIGKILL)
    wait_for(lambda: not cluster.is_running())
    cluster.stop()
    make(tmp_path).start()


def test_ctrl_c_in_the_terminal_reaches_the_node_not_the_server(make, tmp_path):
    cluster = make(tmp_path)
    cluster.start()
    assert os.getsid(find(tmp_path / "pg").pid) != os.getsid(0)


def test_what_an_interrupted_initialisation_left_is_swept(make, tmp_path):
    (tmp_path / "pg.new-1").mkdir()
    (tmp_path / "pg.new-1" / "PG_VERSION").write_text("18")
    (tmp_path / "pg.new-1.pw").write_text("secret")
    make(tmp_path).start()
    assert list(tmp_path.glob("pg.new*")) == []


def test_an_older_cluster_runs_with_the_programs_of_its_version(make, tmp_path):
    from dengji.database.binaries import installed

    versions = installed()
    if len(versions) < 2:
        pytest.skip("only one PostgreSQL version installed")
    old = versions[-1]
    cluster = make(tmp_path, bindir=old.directory)
    cluster.start()
    note(cluster, "old")
    cluster.stop()
    later = make(tmp_path)
    later.start()
    assert ask(later.dsn("app"), "SHOW server_version_num").startswith(str(old.major))
    assert notes(later) == ["old"]


def test_the_pid_file_of_a_crashed_write_is_not_believed(tmp_path):
    (tmp_path / "postmaster.pid").write_text("")
    assert read_pid_file(tmp_path) is None
    assert find(tmp_path) is None


def test_starting_does_not_depend_on_the_environment(make, tmp_path, monkeypatch):
    for name, value in {"PGDATA": "/nowhere", "PGPORT": "1", "LC_ALL": "xx_YY", "LANG": "zh_CN.GB18030"}.items():
        monkeypatch.setenv(name, value)
    cluster = make(tmp_path)
    cluster.start()
    assert ask(cluster.dsn("app"), "SHOW lc_messages") == "C"
    assert sys.getfilesystemencoding() == "utf-8"
