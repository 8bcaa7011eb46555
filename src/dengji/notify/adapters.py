"""The ways out of the system: e-mail through Django's backend, SMS through a class named in settings."""

from __future__ import annotations

from typing import Protocol, cast

from django.conf import settings
from django.core.mail import EmailMessage
from django.utils.module_loading import import_string

from dengji.parties import selectors as parties
from dengji.parties.models import Person


class Gateway(Protocol):
    """What a text-message provider offers; the class is named by DENGJI_SMS_GATEWAY and made without arguments."""

    def send(self, number: str, text: str) -> None:
        """Send one text; raises any exception where it was not taken."""


class Adapter(Protocol):
    """One way out: whether this node has it, where it reaches a person, and the sending itself."""

    def configured(self) -> bool:
        """Tell whether this node can send this way at all."""

    def address(self, person: Person) -> str:
        """Return where the person is reached, decrypted now; empty where unknown."""

    def send(self, address: str, subject: str, body: str) -> None:
        """Send; raises any exception where it was not taken."""


class Email:
    """E-mail by Django's configured backend; the dummy backend of a node without a mail server sends nothing."""

    def configured(self) -> bool:
        """Tell whether a mail server is set."""
        return not settings.EMAIL_BACKEND.endswith("dummy.EmailBackend")

    def address(self, person: Person) -> str:
        """Return the person's e-mail address."""
        return parties.email_of(person)

    def send(self, address: str, subject: str, body: str) -> None:
        """Send one message to one person; raises what the backend raises."""
        EmailMessage(subject, body, to=[address], headers={"Auto-Submitted": "auto-generated"}).send()


class Sms:
    """Text messages; none is shipped, an operator names a gateway."""

    def configured(self) -> bool:
        """Tell whether a gateway is named."""
        return bool(settings.DENGJI_SMS_GATEWAY)

    def address(self, person: Person) -> str:
        """Return the person's telephone number."""
        return parties.phone_of(person)

    def send(self, address: str, subject: str, body: str) -> None:
        """Send subject and body as one text; raises what the gateway raises."""
        cast(Gateway, import_string(settings.DENGJI_SMS_GATEWAY)()).send(address, f"{subject}\n{body}")


ADAPTERS: dict[str, Adapter] = {"email": Email(), "sms": Sms()}
#: The sealed column that says whether a person can be reached this way.
COLUMNS = {"email": "email_sealed", "sms": "phone_sealed"}
