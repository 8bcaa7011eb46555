"""Registration: THE main job."""

from django.apps import AppConfig


class RegistrationConfig(AppConfig):
    """Applications, decisions, registrations, materials, notices, objections."""

    name = "dengji.registration"
    label = "registration"
