"""What every response forbids a browser, and the two places that need more."""

import re

import pytest
from django.test import Client

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("path", ["/", "/c/x", "/healthz", "/api/me", "/nothing", "/api/docs", "/admin/login/"])
def test_every_response_has_a_policy_without_inline_scripts(path: str) -> None:
    response = Client().get(path)
    rules = dict(rule.split(" ", 1) for rule in response["Content-Security-Policy"].split("; "))
    assert rules["default-src"] == rules["base-uri"] == rules["frame-ancestors"] == "'none'"
    assert "unsafe-inline" not in rules["script-src"]
    assert "http" not in " ".join(rules.values())
    assert ("unsafe" in " ".join(rules.values())) == path.startswith("/admin/")
    assert "camera=()" in response["Permissions-Policy"]
    assert response["Cross-Origin-Opener-Policy"] == response["Cross-Origin-Resource-Policy"] == "same-origin"
    assert response["Referrer-Policy"] == "same-origin"
    assert response["X-Content-Type-Options"] == "nosniff"


def test_only_the_admin_may_compile_and_style_inline() -> None:
    def policy(path: str) -> str:
        return Client().get(path)["Content-Security-Policy"]

    assert "'unsafe-eval'" in policy("/admin/login/")
    assert "style-src 'self' 'unsafe-inline'" in policy("/admin/chat/")
    assert "unsafe" not in policy("/") + policy("/api/docs") + policy("/administration")


@pytest.mark.parametrize("path", ["/", "/api/docs", "/admin/login/"])
def test_no_page_has_a_script_that_its_policy_forbids(path: str) -> None:
    page = Client().get(path).content.decode()
    for attributes, inline in re.findall(r"<script([^>]*)>(.*?)</script>", page, re.DOTALL):
        assert "src=" in attributes or "application/json" in attributes or not inline.strip(), inline
    assert not re.search(r"<[^>]* on[a-z]+=", page)
