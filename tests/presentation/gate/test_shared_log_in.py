"""One log-in for all hosts of a domain (docs/reference/http.md, Gate)."""

import pytest

from tests.presentation.api import Api
from tests.presentation.gate.support import APP, DOMAIN, check_forward, code, log_in


class TestSharedByHosts:
    """One log-in for all hosts of a domain."""

    @pytest.fixture
    def domain(self, only_domain: Api) -> Api:
        only_domain.reset()
        return only_domain

    def test_the_cookie_is_for_the_whole_domain(self, domain: Api) -> None:
        cookie = log_in(domain, code(domain)).headers["Set-Cookie"]

        assert cookie.startswith("__Secure-open_mfa_gate=")
        assert {"Domain=example.com", "Path=/", "Secure", "HttpOnly"} <= set(cookie.split("; "))

    def test_the_log_in_redirects_to_the_requested_host(self, domain: Api) -> None:
        wanted = "https://reports.example.com/x?year=2026"
        page = domain.client.get("/auth/login", query_string={"return_to": wanted})
        answer = log_in(domain, code(domain), return_to=wanted)

        assert f'value="{wanted}"' in page.text
        assert answer.headers["Location"] == wanted

    @pytest.mark.parametrize("wanted", ["https://evil.example/", "http://app.example.com/", "//app.example.com/"])
    def test_a_target_outside_of_the_domain_is_replaced(self, domain: Api, wanted: str) -> None:
        assert log_in(domain, code(domain), return_to=wanted).headers["Location"] == "/"

    def test_hosts_do_not_share_a_log_in_by_default(self, gate: Api) -> None:
        answer = log_in(gate, code(gate), return_to="https://app.example.com/")

        assert answer.headers["Location"] == "/"
        assert "Domain" not in answer.headers["Set-Cookie"]

    @pytest.mark.parametrize(
        ("headers", "return_to"),
        [
            ({}, "https%3A//app.example.com/x%3Fy%3Dz"),
            ({"X-Forwarded-Host": "app.example.com:8443"}, "https%3A//app.example.com%3A8443/x%3Fy%3Dz"),
            ({"X-Forwarded-Proto": "http"}, "/x%3Fy%3Dz"),
            ({"X-Forwarded-Host": "app.other.example"}, "/x%3Fy%3Dz"),
            ({"X-Forwarded-Host": "evil.example, app.example.com"}, "https%3A//app.example.com/x%3Fy%3Dz"),
            ({"X-Forwarded-Host": "app.example.com, evil.example"}, "/x%3Fy%3Dz"),
            ({"X-Forwarded-Host": "user@app.example.com"}, "/x%3Fy%3Dz"),
            ({"X-Forwarded-Host": "app.example.com/x?"}, "/x%3Fy%3Dz"),
            ({"X-Forwarded-Uri": "//evil.example"}, "/"),
            ({"X-Forwarded-Uri": "x"}, "/"),
            ({"X-Forwarded-Uri": ".evil.example/"}, "/"),
            ({"X-Forwarded-Uri": "@evil.example/"}, "/"),
            ({"X-Forwarded-Uri": ":8443@evil.example/"}, "/"),
        ],
    )
    def test_a_trusted_proxy_reports_the_target_of_the_log_in(
        self, domain: Api, headers: dict[str, str], return_to: str
    ) -> None:
        location = check_forward(domain, APP | {"X-Forwarded-Uri": "/x?y=z"} | headers)

        assert location == f"/auth/login?return_to={return_to}"

    def test_without_a_trusted_proxy_the_forwarded_host_is_ignored(self) -> None:
        untrusted = Api(**DOMAIN | {"trusted_proxies": 0})

        assert check_forward(untrusted, APP | {"X-Forwarded-Uri": "/x"}) == "/auth/login?return_to=/x"

    def test_a_form_of_another_host_of_the_domain_is_refused(self, domain: Api) -> None:
        headers = {"Sec-Fetch-Site": "same-site", "Origin": "https://app.example.com"}

        assert log_in(domain, code(domain), headers=headers).status_code == 403  # type: ignore[arg-type]
