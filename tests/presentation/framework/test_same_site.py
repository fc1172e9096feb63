"""Requests that another site makes a browser send change nothing (docs/reference/problems.md, cross-site-request)."""

import pytest

from tests.presentation.api import ADMINISTRATOR, Api, slug

HERE = {"Host": "mfa.example"}
CHANGING = [
    ("POST", "/api/v1/session/otp"),
    ("POST", "/api/v1/session/totp"),
    ("POST", "/api/v1/session/totp/verify"),
    ("POST", "/api/v1/session/hotp/resync"),
    ("DELETE", "/api/v1/session/totp"),
    ("DELETE", "/api/v1/session"),
    ("PUT", "/api/v1/admin/logging"),
]
OTHER_ORIGINS = [
    "https://evil.example",
    "http://evil.example",
    "https://mfa.example.evil.example",
    "https://evil-mfa.example",
    "https://sub.mfa.example",
    "https://mfa.example:8443",
    "null",
    "",
    "mfa.example",
    "https://",
]


@pytest.mark.parametrize(("method", "path"), CHANGING)
def test_a_change_requested_by_another_site_is_refused(api: Api, method: str, path: str) -> None:
    api.enrol("totp")
    before = api.snapshot()

    answer = api.client.open(path, method=method, json={}, headers={"Sec-Fetch-Site": "cross-site"}, auth=ADMINISTRATOR)

    assert (answer.status_code, slug(answer)) == (403, "cross-site-request")
    assert api.snapshot() == before


@pytest.mark.parametrize("site", ["same-origin", "same-site", "none"])
def test_requests_of_the_site_itself_and_of_a_person_are_served(api: Api, site: str) -> None:
    assert api.post("totp", headers={"Sec-Fetch-Site": site}).status_code == 201


@pytest.mark.parametrize("origin", OTHER_ORIGINS)
def test_without_fetch_metadata_only_a_different_origin_is_refused(api: Api, origin: str) -> None:
    assert slug(api.post("totp", headers=HERE | {"Origin": origin})) == "cross-site-request"


@pytest.mark.parametrize(("host", "origin"), [("mfa.example", "http://mfa.example"), ("h:81", "http://h:81")])
def test_a_request_of_the_own_origin_is_accepted(api: Api, host: str, origin: str) -> None:
    assert api.post("totp", headers={"Host": host, "Origin": origin}).status_code == 201


def test_clients_other_than_browsers_are_accepted(api: Api) -> None:
    assert api.post("totp").status_code == 201


@pytest.mark.parametrize("headers", [{"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}])
def test_reading_is_not_refused(api: Api, headers: dict[str, str]) -> None:
    assert api.get(headers=headers).status_code == 200


def test_fetch_metadata_outweighs_the_origin(api: Api) -> None:
    headers = {"Sec-Fetch-Site": "same-origin", "Origin": "https://renamed.example"}

    assert api.post("totp", headers=headers).status_code == 201


BEHIND_A_PROXY = {
    "Host": "10.0.0.7:8080",
    "X-Forwarded-Host": "mfa.example",
    "X-Forwarded-Proto": "https",
    "Origin": "https://mfa.example",
}


def test_behind_a_trusted_proxy_the_forwarded_host_counts() -> None:
    assert Api(trusted_proxies=1).post("totp", headers=BEHIND_A_PROXY).status_code == 201


def test_without_a_trusted_proxy_no_header_changes_the_host(api: Api) -> None:
    assert slug(api.post("totp", headers=BEHIND_A_PROXY)) == "cross-site-request"


def test_only_the_trusted_number_of_proxies_counts() -> None:
    forged = BEHIND_A_PROXY | {"X-Forwarded-Host": "evil.example, mfa.example", "Origin": "https://evil.example"}

    assert slug(Api(trusted_proxies=1).post("totp", headers=forged)) == "cross-site-request"


@pytest.mark.parametrize("origin", OTHER_ORIGINS)
def test_another_host_of_the_same_site_is_refused(api: Api, origin: str) -> None:
    headers = HERE | {"Sec-Fetch-Site": "same-site", "Origin": origin}

    assert slug(api.post("totp", headers=headers)) == "cross-site-request"


@pytest.mark.parametrize("site", ["", "cross-origin", "SAME-ORIGIN", "same-origin, none"])
def test_unknown_values_of_fetch_metadata_are_refused(api: Api, site: str) -> None:
    assert slug(api.post("totp", headers={"Sec-Fetch-Site": site})) == "cross-site-request"
