"""Who may follow what the embedded database commits, so that it can be kept outside (docs/adr/0013).

The server decodes its own write-ahead log into rows (`pgoutput`, part of every PostgreSQL); the role that asks for them
may log in and replicate and owns nothing.
"""

from __future__ import annotations

import psycopg
from psycopg import sql

ARCHIVER = "dengji_archiver"
PUBLICATION = "dengji_archive"

#: What the server needs: rows in its log, and a bound on what it keeps for an archiver that has stopped, so that a dead
#: archive never fills the disk. Beyond it the archive begins anew with a fresh backup.
SETTINGS = ("wal_level=logical", "max_slot_wal_keep_size=1GB")


def ensure(owner_dsn: str, password: str) -> None:
    """Bring role and publication of one database to the wanted state; `owner_dsn` is a superuser in that database."""
    with psycopg.connect(owner_dsn, autocommit=True) as connection:
        name = sql.Identifier(ARCHIVER)
        known = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [ARCHIVER]).fetchone()
        verb = sql.SQL("ALTER ROLE" if known else "CREATE ROLE")
        verifier = connection.pgconn.encrypt_password(password.encode(), ARCHIVER.encode(), b"scram-sha-256").decode()
        rights = "{} {} LOGIN REPLICATION NOSUPERUSER NOCREATEROLE NOCREATEDB PASSWORD {}"
        connection.execute(sql.SQL(rights).format(verb, name, sql.Literal(verifier)))
        # Decoding tells the server's log of each beginning, a few lines a minute that help nobody.
        connection.execute(sql.SQL("ALTER ROLE {} SET log_min_messages = fatal").format(name))
        connection.execute(
            sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(sql.Identifier(connection.info.dbname), name)
        )
        if not connection.execute("SELECT 1 FROM pg_publication WHERE pubname = %s", [PUBLICATION]).fetchone():
            connection.execute(sql.SQL("CREATE PUBLICATION {} FOR ALL TABLES").format(sql.Identifier(PUBLICATION)))
