"""The HTTP face of the register: routers without policy; who calls, limits and errors are the business of `web.api`."""

from ninja import Router

from . import account, acts, applications, desk, notices, objections, oversight, registrations


def routers() -> tuple[Router, ...]:
    """Return every router of this room, to be mounted under /api/v1."""
    rooms = (registrations, notices, applications, objections, oversight, desk, account, acts)
    return tuple(room.router for room in rooms)
