"""The room `notify` of design §2."""

from django.apps import AppConfig


class NotifyConfig(AppConfig):
    """See the module's name in design §2."""

    name = "dengji.notify"
    label = "notify"
