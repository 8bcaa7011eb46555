"""Core: node identity, idempotency, encryption keys."""

from django.apps import AppConfig


class CoreConfig(AppConfig):
    """The rooms' common ground."""

    name = "dengji.core"
    label = "core"
