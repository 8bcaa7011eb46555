"""The room `documents` of design §2."""

from django.apps import AppConfig


class DocumentsConfig(AppConfig):
    """The documents that follow from acts, rendered, sealed, served and archived."""

    name = "dengji.documents"
    label = "documents"
