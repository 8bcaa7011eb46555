"""Signing in by login name and password: what is let in, what is refused, what is written down."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from dengji.parties import services as parties
from dengji.parties.models import Person
from dengji.parties.services import OPERATOR

PASSWORD = "correct-horse-battery"
pytestmark = [pytest.mark.django_db, pytest.mark.filterwarnings("ignore:No directory at")]


@pytest.fixture
def person() -> Person:
    """Somebody with a password."""
    return parties.add_person(actor=OPERATOR, username="anyone", name="示例甲", password=PASSWORD)


def sign_in(client: Client, password: str = PASSWORD, username: str = "Anyone", **more: Any) -> Any:
    """Post the form."""
    return client.post("/accounts/login/", {"login": username, "password": password, **more})


def test_the_right_password_opens_the_account_and_leaves_it_again(client: Client, person: Person) -> None:
    assert client.get("/accounts/").headers["Location"] == "/accounts/login/?next=/accounts/"
    page = client.get("/accounts/login/")
    assert page.status_code == 200 and "登录名" in page.content.decode()
    answer = sign_in(client, next="/accounts/")
    assert answer.status_code == 302 and answer.headers["Location"] == "/accounts/"
    assert "示例甲" in client.get("/accounts/").content.decode()
    assert client.get("/accounts/logout/").status_code == 200, "leaving asks once"
    assert client.post("/accounts/logout/").status_code == 302
    assert client.get("/accounts/").status_code == 302


def test_foreign_addresses_forged_forms_and_closed_doors(person: Person) -> None:
    client = Client()
    assert sign_in(client, next="https://evil.example/").headers["Location"] == "/accounts/"
    client.logout()
    assert sign_in(client, next="//evil.example/").headers["Location"] == "/accounts/"
    assert Client(enforce_csrf_checks=True).post("/accounts/login/", {}).status_code == 403
    assert Client().get("/accounts/login/", headers={"host": "evil.example"}).status_code == 400
    for closed in ("signup/", "email/", "password/reset/", "password/set/", "confirm-email/", "3rdparty/signup/"):
        assert Client().get(f"/accounts/{closed}").status_code == 404, closed


def test_repeated_failures_lock_the_name_and_leave_no_name_behind(person: Person) -> None:
    from axes.models import AccessAttempt

    client = Client(headers={"user-agent": "secret browser"})
    for _ in range(4):
        assert sign_in(client, "wrong").status_code == 200
    assert sign_in(client, "wrong").status_code == 429
    assert sign_in(client).status_code == 429, "the right password no longer helps"
    [row] = AccessAttempt.objects.all()
    kept = f"{row.username} {row.ip_address} {row.user_agent} {row.get_data} {row.post_data}"
    assert "nyone" not in kept and "127.0.0.1" not in kept and "secret" not in kept and "wrong" not in kept
