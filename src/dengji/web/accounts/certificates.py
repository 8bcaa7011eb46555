"""Signing in by a client certificate that a trusted gateway has checked and tells in a header."""

from __future__ import annotations

import hashlib
import ipaddress
from urllib.parse import unquote

from allauth.account.internal.flows.login import perform_login, record_authentication
from allauth.account.models import Login
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_POST

from dengji.core.errors import DomainError
from dengji.parties.access import log_refusal
from dengji.parties.accounts import selectors
from dengji.parties.accounts.services import normal_fingerprint


def told(request: HttpRequest) -> str:
    """Return the SHA-256 fingerprint of the client's certificate as a trusted gateway tells it, else nothing."""
    header = settings.DENGJI_CLIENT_CERT_HEADER
    value = request.headers.get(header, "") if header else ""
    if not value or not _from_gateway(request):
        return ""
    try:
        if "BEGIN" in value:
            certificate = x509.load_pem_x509_certificate(unquote(value).encode())
            return hashlib.sha256(certificate.public_bytes(Encoding.DER)).hexdigest().upper()
        return normal_fingerprint(value)
    except (ValueError, DomainError):
        return ""


def _from_gateway(request: HttpRequest) -> bool:
    try:
        peer = ipaddress.ip_address(request.META.get("REMOTE_ADDR", ""))
    except ValueError:
        return False
    return any(peer in ipaddress.ip_network(network) for network in settings.DENGJI_CLIENT_CERT_GATEWAYS)


@require_POST
def sign_in(request: HttpRequest) -> HttpResponse:
    """Sign in the person to whom the certificate is bound; an unknown one is refused."""
    fingerprint = told(request)
    person = selectors.person_by_certificate(fingerprint) if fingerprint else None
    if person is None:
        log_refusal(actor="public", act="sign_in", outcome="unknown_certificate", object_kind="person")
        return render(request, "web/accounts/unknown.html", status=403)
    record_authentication(request, person, method="certificate")
    response: HttpResponse = perform_login(request, Login(user=person))
    return response
