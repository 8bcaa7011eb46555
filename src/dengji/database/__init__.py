"""The embedded PostgreSQL of a node, its roles, and the probes of a server. Floor 0: no Django."""

from dengji.database.errors import DatabaseError
from dengji.database.launcher import Cluster, ConnectionInfo
from dengji.database.paths import data_dir
from dengji.database.probes import Probe, probe
from dengji.database.roles import Urls, ensure_roles, resolve_urls
from dengji.database.session import session

__all__ = [
    "Cluster",
    "ConnectionInfo",
    "DatabaseError",
    "Probe",
    "Urls",
    "data_dir",
    "ensure_roles",
    "probe",
    "resolve_urls",
    "session",
]
