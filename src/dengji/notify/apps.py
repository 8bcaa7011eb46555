"""The room `notify` of design §2."""

from django.apps import AppConfig


class NotifyConfig(AppConfig):
    """Messages to people: follows the log and the clock, sends by mail and SMS (R60)."""

    name = "dengji.notify"
    label = "notify"

    def ready(self) -> None:
        """Take part in every tick, and follow the log between ticks."""
        from dengji.registration.services import clockwork

        from . import consumer, tasks

        clockwork.add_phase("notified", consumer.follow)
        clockwork.add_phase("sent", tasks.send_in_tick)
        clockwork.add_follower("notified", consumer.follow)
        clockwork.add_follower("mail", tasks.ask_to_send)
