"""The HTTP face of the register: routers without policy; who calls, limits and errors are the business of `web.api`."""

from ninja import Router


def routers() -> tuple[Router, ...]:
    """Return every router of this room, to be mounted under /api/v1."""
    # Taken up here: who only wants a word of `base` does not wait for every schema.
    from .account import router as account
    from .acts import router as acts
    from .applications import router as applications
    from .desk import router as desk
    from .notices import router as notices
    from .objections import router as objections
    from .oversight import router as oversight
    from .receipts import router as receipts
    from .registrations import router as registrations

    return (registrations, notices, applications, objections, oversight, desk, account, acts, receipts)
