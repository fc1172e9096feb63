"""The QR codes that authenticators scan (docs/reference/http.md, Factors)."""

from base64 import b32encode
from typing import Any

import pytest

from tests.presentation.api import Account, Api, slug
from tests.support.pictures import qr_text

SVG, PNG, OCTETS = "image/svg+xml", "image/png", "application/octet-stream"
PROBLEM = "application/problem+json"
ACCEPTED = [
    (None, SVG),
    ("", SVG),
    ("*/*", SVG),
    ("image/*", SVG),
    (SVG, SVG),
    (PNG, PNG),
    ("image/PNG", PNG),
    (f"{SVG};q=0.4, {PNG};q=0.5", PNG),
    (f"{SVG};q=0.5, {PNG};q=0.4", SVG),
    (f"{SVG};q=0.5, {PNG};q=0.5", SVG),
    (f"{PNG}, */*;q=0.1", PNG),
    (f"{SVG};q=0, */*", PNG),
    (f"{PNG};q=0, image/*", SVG),
    ("image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8", SVG),
    ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", SVG),
    (OCTETS, OCTETS),
    ("application/*", OCTETS),
    (f"{OCTETS}, {PNG};q=0.9", OCTETS),
    # Generated clients name the media type of errors first, or no other.
    (PROBLEM, SVG),
    ("application/json", SVG),
    (f"{PROBLEM}, application/json;q=0.5", SVG),
    (f"{PROBLEM}, {PNG};q=0.1", PNG),
    ("application/json, text/plain, */*", SVG),
    (f"text/html, {PROBLEM};q=0.1", SVG),
]
ON_A_PAGE = 265
"""The width in pixels at which the try-it page shows the picture."""
REFUSED = [
    f"{PROBLEM};q=0",
    "application/xml",
    "text/html",
    "image/gif, image/webp",
    f"{SVG};q=0",
    "*/*;q=0",
    f"{PNG};q=0, {SVG};q=0",
    "garbage",
]
ENROLMENTS: list[dict[str, Any]] = [
    {},
    {"algorithm": "SHA256"},
    {"algorithm": "SHA512", "digits": 8},
    {"label": "Zoë Ångström 日本語 🔐", "issuer": "Büro & Söhne"},
    {"label": "a/b?c=d#e%f+g h@i", "issuer": "100% sure"},
    {"label": "\u5c71\u7530\u3000\u592a\u90ce", "issuer": "Soci\u00e9t\u00e9\u00a0\u00ab\u00a0M\u00a0\u00bb"},
    {"label": "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645", "issuer": "\U0001f469\u200d\U0001f4bb\u2764\ufe0f"},
    {"label": "x" * 128, "issuer": "y" * 128},
    {"label": "日" * 42, "issuer": "本" * 42, "secret": "A" * 205, "algorithm": "SHA512"},
]


@pytest.mark.parametrize("body", ENROLMENTS)
@pytest.mark.parametrize("factor", ["hotp", "totp"])
def test_the_picture_contains_the_provisioning_uri(api: Api, factor: str, body: dict[str, Any]) -> None:
    enrolled = api.enrol(factor, **body)

    picture = api.get(f"{factor}/qr.png").data
    assert qr_text(picture) == enrolled["uri"]
    assert qr_text(picture, ON_A_PAGE) == enrolled["uri"]


@pytest.mark.parametrize(("accept", "media_type"), ACCEPTED)
def test_the_accept_header_chooses_the_format(api: Api, accept: str | None, media_type: str) -> None:
    api.enrol("totp")

    answer = api.get("totp/qr", headers={} if accept is None else {"Accept": accept})

    assert (answer.status_code, answer.mimetype, answer.headers["Vary"]) == (200, media_type, "Accept")


@pytest.mark.parametrize("accept", REFUSED)
def test_a_client_that_accepts_neither_format_gets_406(api: Api, accept: str) -> None:
    api.enrol("totp")

    answer = api.get("totp/qr", headers={"Accept": accept})

    assert (answer.status_code, slug(answer)) == (406, "not-acceptable")


def test_a_client_that_accepts_neither_format_gets_406_before_its_owner_is_searched_for(api: Api) -> None:
    answer = api.get("totp/qr", headers={"Accept": REFUSED[0]})

    assert (answer.status_code, slug(answer)) == (406, "not-acceptable")


@pytest.mark.parametrize(("ending", "media_type", "start"), [("svg", SVG, b"<?xml"), ("png", PNG, b"\x89PNG")])
@pytest.mark.parametrize("factor", ["hotp", "totp"])
def test_the_ending_of_the_path_overrides_the_accept_header(
    api: Api, factor: str, ending: str, media_type: str, start: bytes
) -> None:
    api.enrol(factor)

    answer = api.get(f"{factor}/qr.{ending}", headers={"Accept": "text/html"})

    assert (answer.mimetype, answer.data[:5][: len(start)]) == (media_type, start)


@pytest.mark.parametrize(("name", "start"), [("qr", b"\x89PNG"), ("qr.svg", b"<?xml"), ("qr.png", b"\x89PNG")])
def test_a_client_that_accepts_only_octets_gets_a_picture(api: Api, name: str, start: bytes) -> None:
    api.enrol("totp")

    answer = api.get(f"totp/{name}", headers={"Accept": OCTETS})

    assert (answer.mimetype, answer.data[: len(start)]) == (OCTETS, start)


@pytest.mark.parametrize("name", ["qr", "qr.svg", "qr.png"])
@pytest.mark.parametrize("factor", ["hotp", "totp"])
def test_the_picture_is_not_available_after_the_first_accepted_code(api: Api, factor: str, name: str) -> None:
    api.verify(factor, api.good_code(factor, api.enrol(factor)))

    answer = api.get(f"{factor}/{name}")

    assert (answer.status_code, slug(answer)) == (409, "already-confirmed")


@pytest.mark.parametrize("name", ["qr", "qr.svg", "qr.png"])
@pytest.mark.parametrize("factor", ["hotp", "totp"])
def test_there_is_no_picture_without_an_enrolment(api: Api, factor: str, name: str) -> None:
    assert slug(api.get(f"{factor}/{name}")) == "not-enrolled"


def test_the_path_in_an_enrolment_is_that_of_the_picture(api: Api) -> None:
    assert api.client.get(api.enrol("hotp")["qr"]).status_code == 200


def test_a_wrong_code_does_not_hide_the_picture(api: Api) -> None:
    api.fail("totp", api.good_code("totp", api.enrol("totp")), 1)

    assert api.get("totp/qr").status_code == 200


@pytest.mark.parametrize("picture", ["qr.svg", "qr.png"])
def test_the_longest_account_id_fits_in_a_qr_code_with_the_longest_other_values(picture: str) -> None:
    account = Account().named("%7C" * 255)
    secret = b32encode(bytes(range(128))).decode().rstrip("=")
    account.enrol("totp", issuer="\U0001f510" * 32, secret=secret, algorithm="SHA512", digits=8, interval=300)

    assert account.get(f"totp/{picture}").status_code == 200
