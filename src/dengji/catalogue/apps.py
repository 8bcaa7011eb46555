"""The room `catalogue` of design §2."""

from django.apps import AppConfig


class CatalogueConfig(AppConfig):
    """The public read side: search, facets, pages, statistics, open exports."""

    name = "dengji.catalogue"
    label = "catalogue"

    def ready(self) -> None:
        """Follow the log between ticks and in every tick."""
        from dengji.registration.services import clockwork

        from . import follow, tasks
        from .following import telling

        clockwork.add_phase("catalogued", follow.follow)
        clockwork.add_follower("catalogued", follow.follow)
        # Not in every tick: only the worker's process may write the index.
        clockwork.add_follower("indexed", tasks.keep)
        clockwork.add_phase("told", telling.tell)
        clockwork.add_follower("told", telling.tell)
        clockwork.add_follower("hooks", telling.ask_to_send)
