"""The admin API, behind HTTP Basic (docs/reference/http.md, Operation)."""

import base64
from importlib.metadata import version
from typing import Any

import pytest

from infrastructure.settings import Administrator
from tests.presentation.api import ADMIN, ADMINISTRATOR, Api, document, slug, without_a_store

PATHS = ["/server", "/database", "/logging"]


def basic(text: str | bytes) -> str:
    return "Basic " + base64.b64encode(text.encode() if isinstance(text, str) else text).decode()


WRONG_CREDENTIALS = {
    "none": "",
    "a wrong user": basic("root:correct horse battery staple"),
    "a wrong password": basic("admin:wrong"),
    "no password": basic("admin:"),
    "no colon": basic("admin"),
    "nothing": basic(":"),
    "the two swapped": basic("correct horse battery staple:admin"),
    "in capitals": basic("ADMIN:correct horse battery staple"),
    "with a space": basic("admin :correct horse battery staple"),
    "no UTF-8": basic(b"\xff\xfe:\xff"),
    "surrogates": basic("admin:\udcff".encode("utf-8", "surrogatepass")),
    "no base64": "Basic !!!!",
    "base64 cut short": "Basic YWRtaW4",
    "no ASCII": "Basic \xff",
    "no blank": "BasicYWRtaW46eA==",
    "nothing after the scheme": "Basic",
    "another scheme": "Bearer correct horse battery staple",
    "digest": 'Digest username="admin", response="x"',
    "in the clear": "admin:correct horse battery staple",
}


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("kind", WRONG_CREDENTIALS)
def test_a_request_without_the_right_credentials_is_refused(api: Api, path: str, kind: str) -> None:
    answer = api.client.get(ADMIN + path, environ_overrides={"HTTP_AUTHORIZATION": WRONG_CREDENTIALS[kind]})

    assert (answer.status_code, slug(answer)) == (401, "unauthenticated")
    assert answer.headers["WWW-Authenticate"].startswith('Basic realm="')


@pytest.mark.parametrize("encoding", ["utf-8", "iso-8859-1"])
@pytest.mark.parametrize(("user", "password"), [("admin", "pässwörd"), ("jürgen", "x:ÿ"), ("jürgen", "Ã¼")])
def test_credentials_are_read_in_utf_8_and_in_iso_8859_1(user: str, password: str, encoding: str) -> None:
    client = Api(administrator=Administrator(user, password)).client

    def status(sent: str) -> int:
        header = basic(sent.encode(encoding))
        return client.get(f"{ADMIN}/server", environ_overrides={"HTTP_AUTHORIZATION": header}).status_code

    assert status(f"{user}:{password}") == 200
    assert {status(f"{user}:{password}x"), status(f"x{user}:{password}"), status(f"{user}:")} == {401}


def test_a_password_beyond_iso_8859_1_is_read_in_utf_8() -> None:
    answer = Api(administrator=Administrator("admin", "пароль")).client.get(
        f"{ADMIN}/server", headers={"Authorization": basic("admin:пароль")}
    )

    assert answer.status_code == 200


def test_a_request_without_the_right_credentials_changes_nothing(api: Api) -> None:
    answer = api.client.put(f"{ADMIN}/logging", json={"level": "DEBUG"}, auth=("admin", "wrong"))

    assert answer.status_code == 401
    assert api.snapshot() == {}


def test_requests_without_credentials_get_401_with_any_body(api: Api) -> None:
    assert api.client.put(f"{ADMIN}/logging", data=b"garbage").status_code == 401


@pytest.mark.parametrize("path", PATHS)
def test_without_an_administrator_there_is_no_admin_api(path: str) -> None:
    answer = Api(administrator=None).client.get(ADMIN + path, auth=ADMINISTRATOR)

    assert (answer.status_code, slug(answer)) == (404, "not-found")


def test_the_state_of_the_server_contains_its_time_and_version(api: Api) -> None:
    assert document(api.client.get(f"{ADMIN}/server", auth=ADMINISTRATOR)) == {
        "status": "up",
        "datetime": "2040-11-22T12:00:00Z",
        "version": version("open-mfa"),
    }


def test_the_state_of_the_database_contains_its_version(api_on_redis: Api) -> None:
    described = document(api_on_redis.client.get(f"{ADMIN}/database", auth=ADMINISTRATOR))

    assert described["status"] == "up"
    assert described["version"] == api_on_redis.redis.info("server")["redis_version"]


def test_the_state_of_the_database_contains_its_time(api_on_redis: Api) -> None:
    described = document(api_on_redis.client.get(f"{ADMIN}/database", auth=ADMINISTRATOR))

    assert described["datetime"].endswith("Z")


def test_an_unreachable_database_is_reported_as_down_with_status_200() -> None:
    answer = without_a_store().client.get(f"{ADMIN}/database", auth=ADMINISTRATOR)

    assert (answer.status_code, document(answer)) == (200, {"status": "down", "datetime": None, "version": None})


def test_the_log_level_of_the_settings_applies_until_another_is_set(api: Api) -> None:
    assert document(api.client.get(f"{ADMIN}/logging", auth=ADMINISTRATOR)) == {"level": "INFO"}


@pytest.mark.parametrize("level", ["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"])
def test_the_log_level_that_was_set_is_shown(api: Api, level: str) -> None:
    answer = api.client.put(f"{ADMIN}/logging", json={"level": level}, auth=ADMINISTRATOR)

    assert (answer.status_code, document(answer)) == (200, {"level": level})
    assert document(api.client.get(f"{ADMIN}/logging", auth=ADMINISTRATOR)) == {"level": level}


@pytest.mark.parametrize("body", [{}, {"level": "debug"}, {"level": "NOTSET"}, {"level": 10}, {"level": None}])
def test_an_unknown_log_level_is_refused(api: Api, body: Any) -> None:
    answer = api.client.put(f"{ADMIN}/logging", json=body, auth=ADMINISTRATOR)

    assert (answer.status_code, list(document(answer)["errors"])) == (400, ["level"])
    assert api.snapshot() == {}
