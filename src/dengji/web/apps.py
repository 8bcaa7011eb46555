"""The room `web` of design §2."""

from django.apps import AppConfig


class WebConfig(AppConfig):
    """See the module's name in design §2."""

    name = "dengji.web"
    label = "web"

    def ready(self) -> None:
        """Hear of sign-ins, sign-outs and failures."""
        from .accounts import lockout, signals  # noqa: F401
