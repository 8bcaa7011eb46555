"""The room `documents` of design §2."""

from django.apps import AppConfig


class DocumentsConfig(AppConfig):
    """The documents that follow from acts, rendered, sealed, served and archived."""

    name = "dengji.documents"
    label = "documents"

    def ready(self) -> None:
        """Follow the log, make what is due with every tick, and forget what is suppressed."""
        from dengji.registration.services import clockwork, suppression

        from . import consumer, filing, making, sheets, tasks
        from .services import void_all

        making.add_maker("sheet", sheets.make)
        clockwork.add_phase("documents", consumer.follow)
        clockwork.add_phase("documents_made", tasks.make_in_tick)
        clockwork.add_follower("documents", consumer.follow)
        clockwork.add_follower("documents_made", tasks.ask_to_make)
        suppression.add_forgetter(void_all)
        suppression.add_forgetter(filing.void_all)
