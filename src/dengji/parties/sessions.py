"""Sessions kept in the database by the digest of their key, each known to be a person's (SESSION_ENGINE)."""

from __future__ import annotations

import hashlib
import logging
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.core.exceptions import SuspiciousOperation
from django.utils import timezone

from dengji.core.encryption import seal_json

if TYPE_CHECKING:
    from .models import Session

#: Members of a session: when it began, when it was last used (ISO), and from where.
STARTED, SEEN, PLACE = "dengji_started", "dengji_seen", "dengji_place"


def key_digest(session_key: str) -> str:
    """Return the digest under which a session is stored; keys carry 160 random bits, so no salt is needed."""
    return hashlib.sha256(session_key.encode()).hexdigest()[:40]


class SessionStore(DatabaseStore):
    """Django's sessions in the database, with what a person may know of their own."""

    @classmethod
    def get_model_class(cls) -> type[Session]:
        """Return our model."""
        from .models import Session

        return Session

    def _get_session_from_db(self) -> Session | None:
        row: Session | None = None
        try:
            row = (
                self.get_model_class()
                .objects.filter(session_key=key_digest(self.session_key or ""), expire_date__gt=timezone.now())
                .first()
            )
        except SuspiciousOperation as error:
            logging.getLogger("django.security").warning(type(error).__name__)
        if row is None:
            self._session_key = None
        return row

    def exists(self, session_key: str) -> bool:
        """Tell whether a key is taken."""
        return bool(self.model.objects.filter(session_key=key_digest(session_key)).exists())

    def create_model_instance(self, data: dict[str, Any]) -> Session:
        """Return the row of a session."""
        row = self.get_model_class()(session_data=self.encode(data), expire_date=self.get_expiry_date())
        row.session_key = key_digest(self._get_or_create_session_key())  # type: ignore[attr-defined]
        row.person_id = data.get(SESSION_KEY) or None
        row.started_at = _instant(data.get(STARTED))
        row.seen_at = _instant(data.get(SEEN))
        row.place_sealed = seal_json(data.get(PLACE), b"session") if row.person_id else None
        return row

    def delete(self, session_key: str | None = None) -> None:
        """End a session."""
        key = session_key or self.session_key
        if key is not None:
            self.model.objects.filter(session_key=key_digest(key)).delete()


def _instant(text: Any) -> datetime | None:
    return datetime.fromisoformat(text) if isinstance(text, str) else None
