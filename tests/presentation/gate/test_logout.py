"""Log-outs at the gate (docs/reference/http.md, Gate)."""

import pytest

from tests.presentation.api import GATE_COOKIE as COOKIE
from tests.presentation.api import Api, slug
from tests.presentation.gate.support import MOST, check, code, junk, log_in, passing_with, token


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_logging_out_revokes_the_cookie_on_the_server(gate: Api, method: str) -> None:
    log_in(gate, code(gate))
    cookie = gate.client.get_cookie(COOKIE)
    assert cookie is not None

    answer = gate.client.open("/auth/logout", method=method, headers={"Referer": "http://localhost/"})

    assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    stolen = gate.another()
    stolen.set_cookie(COOKIE, cookie.value)
    assert stolen.get("/auth/check").status_code == 401


@pytest.mark.parametrize("number", [3, 4, MOST])
def test_logging_out_revokes_all_tokens_of_the_request(gate: Api, number: int) -> None:
    log_in(gate, code(gate))
    first = token(gate)
    gate.client = gate.another()
    log_in(gate, code(gate, 1))
    second = token(gate)
    cookies = "; ".join(f"{COOKIE}={each}" for each in (*junk(number), first, *junk(number)[:10], second))

    answer = gate.client.post("/auth/logout", environ_overrides={"HTTP_COOKIE": cookies})

    assert answer.status_code == 303
    assert [passing_with(gate, first), passing_with(gate, second)] == [401, 401]


class TestLogOut:
    """A log-out without a question requires a request of the site itself, or a typed address."""

    BROWSER = {"Accept-Language": "de"}  # noqa: RUF012 - a constant
    FOLLOWED = BROWSER | {"Accept": "text/html,*/*;q=0.8"}

    @pytest.mark.parametrize("method", ["GET", "POST"])
    @pytest.mark.parametrize(
        "headers",
        [
            {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"},
            {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "navigate", "Referer": "http://localhost/"},
            {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"},
            {"Sec-Fetch-Site": "unheard-of", "Sec-Fetch-Mode": "navigate"},
            {"Referer": "http://sub.localhost/"},
            {"Referer": "http://localhost.evil.example/"},
            {"Referer": "http://localhost@evil.example/"},
            {"Referer": "localhost"},
            {"Referer": "http://"},
            {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Referer": "http://localhost/"},
            {},
        ],
        ids=str,
    )
    def test_a_log_out_requested_by_another_host_shows_a_page_that_asks(
        self, gate: Api, method: str, headers: dict[str, str]
    ) -> None:
        log_in(gate, code(gate))
        # Browsers without Fetch Metadata also send Origin with a form.
        origin = {"Origin": "https://sub.localhost"} if method == "POST" else {}

        answer = gate.client.open("/auth/logout", method=method, headers=self.FOLLOWED | headers | origin)

        assert (answer.status_code, answer.mimetype) == (403, "text/html")
        assert 'method="post" action="/auth/logout"' in answer.text
        assert "Set-Cookie" not in answer.headers
        assert check(gate).status_code == 200

    @pytest.mark.parametrize(
        "headers",
        [
            {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "navigate"},
            {"Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate"},
            {"Referer": "http://localhost/reports"},
            {"Referer": "http://localhost/reports", "Accept": "*/*"},
        ],
        ids=str,
    )
    def test_a_link_of_the_site_logs_out(self, gate: Api, headers: dict[str, str]) -> None:
        log_in(gate, code(gate))

        answer = gate.client.get("/auth/logout", headers=self.FOLLOWED | headers)

        assert (answer.status_code, answer.headers["Location"]) == (303, "/")
        assert check(gate).status_code == 401

    @pytest.mark.parametrize(
        "accept",
        ["*/*", "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8", "text/css,*/*;q=0.1", "", None],
    )
    @pytest.mark.parametrize(
        "headers",
        [
            {},
            {"Referer": "http://sub.localhost/"},
            {"Sec-Fetch-Site": "same-origin"},
            {"Sec-Fetch-Site": "none"},
            {"Sec-Fetch-Site": "same-site"},
            {"Sec-Fetch-Mode": "navigate"},
        ],
        ids=str,
    )
    def test_a_get_that_may_come_from_another_site_does_not_log_out(
        self, gate: Api, accept: str | None, headers: dict[str, str]
    ) -> None:
        """A picture on another host sends no Referer if its page forbids it, and no Fetch Metadata over plain HTTP."""
        log_in(gate, code(gate))

        accepting = {} if accept is None else {"Accept": accept}
        answer = gate.client.get("/auth/logout", headers=self.BROWSER | headers | accepting)

        assert (answer.status_code, answer.mimetype) == (403, "text/html")
        assert 'method="post" action="/auth/logout"' in answer.text
        assert "Set-Cookie" not in answer.headers
        assert check(gate).status_code == 200

    @pytest.mark.parametrize("method", ["GET", "POST"])
    @pytest.mark.parametrize("headers", [{}, {"Accept": "*/*"}, {"User-Agent": "curl/8"}], ids=str)
    def test_a_program_logs_out(self, gate: Api, method: str, headers: dict[str, str]) -> None:
        log_in(gate, code(gate))

        assert gate.client.open("/auth/logout", method=method, headers=headers).status_code == 303
        assert check(gate).status_code == 401

    def test_a_person_who_confirms_is_logged_out(self, gate: Api) -> None:
        log_in(gate, code(gate))

        answer = gate.client.post("/auth/logout", headers=self.FOLLOWED | {"Origin": "http://localhost"})

        assert answer.status_code == 303
        assert check(gate).status_code == 401

    def test_a_script_of_another_host_gets_a_problem_document(self, gate: Api) -> None:
        answer = gate.client.post(
            "/auth/logout", headers={"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "cors", "Origin": "https://x.y"}
        )

        assert slug(answer) == "cross-site-request"


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "no-cors"},
        {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "navigate", "Sec-Purpose": "prefetch"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"},
    ],
    ids=["picture", "prefetch", "other site"],
)
def test_a_get_logs_out_only_if_a_link_of_the_site_is_followed(gate: Api, headers: dict[str, str]) -> None:
    log_in(gate, code(gate))
    answers = [gate.client.get("/auth/logout", headers=headers), gate.client.head("/auth/logout")]

    assert [answer.status_code for answer in answers] == [403, 403]
    assert check(gate).status_code == 200
    follow = {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "navigate"}
    assert gate.client.get("/auth/logout", headers=follow).status_code == 303
    assert check(gate).status_code == 401


def test_a_form_of_another_site_does_not_log_out(gate: Api) -> None:
    log_in(gate, code(gate))

    assert gate.client.post("/auth/logout", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert check(gate).status_code == 200
