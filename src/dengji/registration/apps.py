"""Registration: THE main job."""

from django.apps import AppConfig


class RegistrationConfig(AppConfig):
    """Applications, decisions, registrations, materials, notices, objections."""

    name = "dengji.registration"
    label = "registration"

    def ready(self) -> None:
        """Answer the ledger, which lies below, about what only this room knows."""
        from dengji.ledger import audit as ledger_audit
        from dengji.ledger import services

        from . import audit, audit_rows

        services.add_withholder(audit.withheld)
        ledger_audit.add_examiner(audit_rows.registered)
        ledger_audit.add_examiner(audit.findings, alone=True)
