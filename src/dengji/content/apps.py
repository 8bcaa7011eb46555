"""The room `content` of design §2."""

from django.apps import AppConfig


class ContentConfig(AppConfig):
    """See the module's name in design §2."""

    name = "dengji.content"
    label = "content"
