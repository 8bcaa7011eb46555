"""The room `imports` of design §2."""

from django.apps import AppConfig


class ImportsConfig(AppConfig):
    """See the module's name in design §2."""

    name = "dengji.imports"
    label = "imports"
