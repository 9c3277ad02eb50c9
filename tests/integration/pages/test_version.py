"""The version of Eventsite on its pages."""

from __future__ import annotations

import pytest
from django.test import Client

from eventsite.version import version


@pytest.mark.django_db
def test_only_a_signed_in_person_sees_the_version(viewer: Client, at: str) -> None:
    words = f"Eventsite {version()}"
    assert words in viewer.get(at).content.decode()
    response = Client().get("/login/", follow=True)
    assert response.status_code == 200
    assert words not in response.content.decode()
