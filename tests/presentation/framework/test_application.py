"""The application finds routes without the host of the request."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.presentation.api import SESSION, Account, Api, slug


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(host=st.text(st.characters(max_codepoint=255, exclude_categories=["Cc"])))
def test_any_host_has_the_same_routes(api: Api, host: str) -> None:
    environ = {"HTTP_HOST": host}

    assert api.client.get("/healthz", environ_overrides=environ).status_code == 200
    assert slug(api.client.get(f"{SESSION}/totp", environ_overrides=environ)) == "not-enrolled"
    assert slug(api.client.get("/healthz/", environ_overrides=environ)) == "not-found"


def test_no_route_ends_with_a_slash(account: Account) -> None:
    """Werkzeug would redirect from the path without the slash, to a URL that lacks the host."""
    assert [
        rule.rule for rule in account.app.url_map.iter_rules() if rule.rule.endswith("/") and rule.rule != "/"
    ] == []


@pytest.mark.parametrize("path", ["/docs/", "/healthz/", "/api//v1/session"])
def test_no_path_is_redirected_to_a_similar_one(api: Api, path: str) -> None:
    assert slug(api.client.get(path)) == "not-found"
