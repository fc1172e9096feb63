"""Invalid requests are refused with every invalid member named (docs/reference/http.md, Conventions)."""

import json
import re
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

from presentation.http.factors.requests import EnrolTotpBody
from presentation.http.framework.request_body import LARGEST_BODY
from tests.domain.test_parameters import NAMES, NO_NAMES
from tests.presentation.api import PASTED, RFC_SECRET, Api, document, slug

POSTS = ["otp", "otp/verify", "hotp", "hotp/verify", "hotp/resync", "totp", "totp/verify", "totp/resync"]
NOT_A_JSON_OBJECT = {
    "nothing but spaces": b"  ",
    "no JSON": b"digits=6",
    "cut short": b'{"digits": 6',
    "more than one": b"{}{}",
    "a number": b"5",
    "a string": b'"code"',
    "an array": b"[]",
    "null": b"null",
    "true": b"true",
    "no UTF-8": b'{"label": "\xff"}',
    "UTF-16": '{"label": "x"}'.encode("utf-16"),
    "a byte order mark": b"\xef\xbb\xbf{}",
    "a member twice": b'{"digits": 6, "digits": 6}',
    "a member twice, deeper": b'{"delivery": {"channel": "response", "channel": "response"}}',
    "NaN": b'{"digits": NaN}',
    "Infinity": b'{"digits": Infinity}',
    "minus Infinity": b'{"digits": -Infinity}',
    "half a surrogate pair": b'{"label": "\\ud800"}',
    "half a surrogate pair in a name": b'{"\\udfff": 1}',
    "deep arrays": b"[" * LARGEST_BODY,
    "a number of 5000 digits": b'{"digits": ' + b"9" * 5000 + b"}",
    "a control character": b'{"label": "\x00"}',
}
NOT_AN_INTEGER: dict[str, bytes] = {
    "a boolean": b"true",
    "a fraction": b"6.5",
    "a whole number with a point": b"6.0",
    "a whole number with an exponent": b"6e0",
    "a number beyond all floats": b"1e400",
    "a string": b'"6"',
    "null": b"null",
    "an array": b"[6]",
    "an object": b"{}",
}
NOT_A_STRING: dict[str, Any] = {"a number": 123456, "null": None, "a boolean": True, "an array": ["x"], "an object": {}}
OUT_OF_RANGE = [
    ("otp", "digits", (5, 11, -1, 10**400)),
    ("otp", "lifetime", (29, 3601, 0)),
    ("hotp", "digits", (5, 9)),
    ("hotp", "initial_counter", (-1, 2**63)),
    ("hotp", "look_ahead", (-1, 51)),
    ("totp", "digits", (5, 9)),
    ("totp", "interval", (14, 301)),
    ("totp", "window", (-1, 11)),
]
IN_RANGE = [
    ("otp", "digits", (6, 10)),
    ("otp", "lifetime", (30, 3600)),
    ("hotp", "digits", (6, 8)),
    ("hotp", "initial_counter", (0, 2**63 - 1)),
    ("hotp", "look_ahead", (0, 50)),
    ("totp", "digits", (6, 8)),
    ("totp", "interval", (15, 300)),
    ("totp", "window", (0, 10)),
]
NO_CODES: list[Any] = [
    "",
    "     ",
    "12345",
    "12345678901",
    "12345a",
    "１２３４５６",  # noqa: RUF001 - full-width digits
    "٣٤٥٦٧٨",
    "²³¹⁴⁵⁶",
    "+12345",
    "0x1234",
    "1234.56",
    "123\u200b456",
    "123\x0b_456",
    "1" * 600,
    "-" * 500 + "755224" + "-" * 500,
    755224,
    755224.0,
    True,
    None,
    ["755224"],
    {"code": "755224"},
]
OTHER_MEDIA_TYPES = [
    "text/plain",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "application/xml",
    "application/vnd.api+json",
    "application/problem+json",
    "application/json; charset=utf-16",
    "application/json; charset=iso-8859-1",
    "application/jsonp",
    "json",
    "garbage",
]


@pytest.mark.parametrize("path", POSTS)
@pytest.mark.parametrize("kind", NOT_A_JSON_OBJECT)
def test_a_body_that_is_not_a_json_object_is_refused(api: Api, path: str, kind: str) -> None:
    answer = api.raw(path, NOT_A_JSON_OBJECT[kind])

    assert (answer.status_code, slug(answer)) == (400, "invalid-request")
    assert list(document(answer)["errors"]) == ["body"]


@pytest.mark.parametrize("path", POSTS)
def test_deeply_nested_json_and_unknown_members_are_refused(api: Api, path: str) -> None:
    """The limit of the depth depends on the version of Python."""
    answer = api.raw(path, b'{"deep":' * 1800 + b"1" + b"}" * 1800)

    assert (answer.status_code, slug(answer)) == (400, "invalid-request")
    assert {"body", "deep"} & set(document(answer)["errors"])


@pytest.mark.parametrize("member", ["digits", "lifetime"])
@pytest.mark.parametrize("kind", NOT_AN_INTEGER)
def test_a_value_that_is_not_an_integer_is_refused(api: Api, member: str, kind: str) -> None:
    answer = api.raw("otp", b'{"%s": %s}' % (member.encode(), NOT_AN_INTEGER[kind]))

    assert answer.status_code == 400
    assert list(document(answer)["errors"]) == [member]


@pytest.mark.parametrize("member", ["algorithm", "label", "issuer", "secret"])
@pytest.mark.parametrize("kind", NOT_A_STRING)
def test_a_value_that_is_not_a_string_is_refused(api: Api, member: str, kind: str) -> None:
    answer = api.post("totp", {member: NOT_A_STRING[kind]})

    assert answer.status_code == 400
    assert list(document(answer)["errors"]) == [member]


@pytest.mark.parametrize(
    ("factor", "member", "value"), [(f, member, value) for f, member, values in OUT_OF_RANGE for value in values]
)
def test_a_value_out_of_range_is_refused(api: Api, factor: str, member: str, value: int) -> None:
    answer = api.post(factor, {member: value})

    assert answer.status_code == 400
    assert list(document(answer)["errors"]) == [member]


def test_a_huge_number_beside_an_escaped_character_is_out_of_range(api: Api) -> None:
    body = b'{"label": "\\u0041", "digits": ' + str(2**64).encode() + b"}"

    answer = api.raw("totp", body)

    assert answer.status_code == 400
    assert list(document(answer)["errors"]) == ["digits"]


@pytest.mark.parametrize(
    ("factor", "member", "value"), [(f, member, value) for f, member, values in IN_RANGE for value in values]
)
def test_the_limits_of_every_range_are_allowed(api: Api, factor: str, member: str, value: int) -> None:
    assert api.post(factor, {member: value}).status_code == 201


@pytest.mark.parametrize("value", ["sha1", "MD5", "SHA-256", "", "SHA1 "])
def test_an_unknown_algorithm_is_refused(api: Api, value: str) -> None:
    assert list(document(api.post("hotp", {"algorithm": value}))["errors"]) == ["algorithm"]


@pytest.mark.parametrize("value", ["", " ", "a:b", "a\x00b", "a\u200fb", "a\nb", "x" * 129, "日" * 43])
@pytest.mark.parametrize("member", ["label", "issuer"])
def test_a_name_with_invisible_characters_is_refused(api: Api, member: str, value: str) -> None:
    assert list(document(api.post("totp", {member: value}))["errors"]) == [member]


@pytest.mark.parametrize(
    "value",
    ["", "A", "0" * 32, "GEZDGNBVGY3TQOJQGEZDGNBV1", "GEZDGNBVGY3TQOJQGEZDGNBVG!", "A" * 25, "A" * 206, "A" * 600],
)
def test_a_secret_that_is_not_base32_or_has_a_wrong_size_is_refused(api: Api, value: str) -> None:
    assert list(document(api.post("hotp", {"secret": value}))["errors"]) == ["secret"]


def test_a_refused_secret_is_not_repeated(api: Api) -> None:
    assert "GEZDGNBVGY3TQOJ0" not in api.post("hotp", {"secret": "GEZDGNBVGY3TQOJ0"}).text


@pytest.mark.parametrize("path", POSTS)
def test_an_unknown_member_is_refused(api: Api, path: str) -> None:
    answer = api.post(path, {"surprise": 1})

    assert answer.status_code == 400
    assert "surprise" in document(answer)["errors"]


def test_all_invalid_members_are_named_at_once(api: Api) -> None:
    body = {
        "algorithm": "MD5",
        "digits": 5,
        "interval": 1,
        "window": 99,
        "label": ":",
        "issuer": "",
        "secret": "1",
        "surprise": 1,
    }

    assert set(document(api.post("totp", body))["errors"]) == set(body)


@pytest.mark.parametrize(
    ("delivery", "named"),
    [
        ({"channel": "email", "to": "alice@example.com"}, {"delivery.channel"}),
        ({"channel": "webhook", "to": "alice"}, {"delivery.channel"}),
        ({"channel": "email"}, {"delivery.to"}),
        ({"channel": "response", "to": "alice@example.com"}, {"delivery.to"}),
        ({"to": "alice@example.com"}, {"delivery.to"}),
        ({"channel": "email", "to": "a" * 255}, {"delivery.to"}),
        ({"channel": "email", "to": 5}, {"delivery.to"}),
        ({"channel": "pigeon"}, {"delivery.channel"}),
        ({"channel": None}, {"delivery.channel"}),
        ({"surprise": 1}, {"delivery.surprise"}),
        ("response", {"delivery"}),
        (5, {"delivery"}),
        (None, {"delivery"}),
        ([], {"delivery"}),
    ],
)
def test_a_channel_that_is_not_configured_is_refused(api: Api, delivery: Any, named: set[str]) -> None:
    answer = api.post("otp", {"delivery": delivery})

    assert answer.status_code == 400
    assert set(document(answer)["errors"]) == named


@pytest.mark.parametrize("code", NO_CODES)
@pytest.mark.parametrize("factor", ["otp", "hotp", "totp"])
def test_a_malformed_code_is_a_bad_request_and_not_counted(api: Api, factor: str, code: Any) -> None:
    api.enrol(factor)

    answer = api.verify(factor, code)

    assert (answer.status_code, list(document(answer)["errors"])) == (400, ["code"])
    assert document(api.get(factor))["failed_attempts"] == 0


@pytest.mark.parametrize("factor", ["otp", "hotp", "totp"])
def test_a_code_of_a_wrong_length_is_a_bad_request_and_not_counted(api: Api, factor: str) -> None:
    api.enrol(factor, digits=8)

    answer = api.verify(factor, "755224")

    assert (answer.status_code, list(document(answer)["errors"])) == (400, ["code"])
    assert document(api.get(factor))["failed_attempts"] == 0


@pytest.mark.parametrize(
    "codes", [[], ["755224"], ["755224"] * 3, "755224", None, ["755224", 287082], ["755224", None], ["755224", ""]]
)
def test_a_malformed_pair_of_codes_is_a_bad_request_and_not_counted(api: Api, codes: Any) -> None:
    api.enrol("hotp")

    answer = api.post("hotp/resync", {"codes": codes})

    assert answer.status_code == 400
    assert document(api.get("hotp"))["failed_attempts"] == 0


@pytest.mark.parametrize("typed", PASTED)
def test_characters_that_pasting_adds_to_a_code_are_ignored(api: Api, typed: str) -> None:
    api.enrol("hotp", secret=RFC_SECRET)

    assert api.verify("hotp", typed.format("755", "224")).status_code == 200


@pytest.mark.parametrize("typed", PASTED)
def test_characters_that_pasting_adds_to_a_secret_are_ignored(api: Api, typed: str) -> None:
    enrolled = api.enrol("hotp", secret=typed.format(RFC_SECRET[:16].lower(), RFC_SECRET[16:]))

    assert enrolled["secret"] == RFC_SECRET


def test_digits_of_other_scripts_are_a_bad_request_and_not_counted(api: Api) -> None:
    api.enrol("hotp")

    for typed in ("\uff17\uff15\uff15\uff12\uff12\uff14", "\u0667\u0665\u0665\u0662\u0662\u0664", "755\u200b224"):
        assert api.verify("hotp", typed).status_code == 400
    assert document(api.get("hotp"))["failed_attempts"] == 0


def test_an_invisible_character_in_the_middle_is_named(api: Api) -> None:
    api.enrol("hotp")

    (code,) = document(api.verify("hotp", "755\u200b224"))["errors"]["code"]
    (secret,) = document(api.post("totp", {"secret": f"{RFC_SECRET[:9]}\u2060{RFC_SECRET[9:]}"}))["errors"]["secret"]

    assert "invisible character (U+200B) in the middle" in code
    assert "invisible character (U+2060) in the middle" in secret


@pytest.mark.parametrize("extra", ["A", "ABC", "ABCDEF"])
def test_a_secret_of_an_impossible_base32_length_gets_an_exact_message(api: Api, extra: str) -> None:
    answer = api.post("totp", {"secret": RFC_SECRET + extra})

    (told,) = document(answer)["errors"]["secret"]
    assert answer.status_code == 400
    assert told.startswith(f"Has {len(RFC_SECRET + extra)} characters, which base32 never has: ")


@pytest.mark.parametrize("path", ["otp/verify", "hotp/verify", "totp/verify", "hotp/resync", "totp/resync"])
def test_a_required_body_must_be_present(api: Api, path: str) -> None:
    answer = api.client.post(f"/api/v1/session/{path}")

    assert (answer.status_code, slug(answer)) == (400, "invalid-request")


@pytest.mark.parametrize("factor", ["otp", "hotp", "totp"])
def test_an_optional_body_may_be_absent(api: Api, factor: str) -> None:
    assert api.client.post(f"/api/v1/session/{factor}").status_code == 201


@pytest.mark.parametrize("media_type", OTHER_MEDIA_TYPES)
@pytest.mark.parametrize("path", POSTS)
def test_a_body_of_another_media_type_is_refused(api: Api, path: str, media_type: str) -> None:
    answer = api.raw(path, b"{}", media_type)

    assert (answer.status_code, slug(answer)) == (415, "unsupported-media-type")


@pytest.mark.parametrize("path", POSTS)
def test_a_body_without_a_media_type_is_refused(api: Api, path: str) -> None:
    assert api.raw(path, b'{"code": "755224"}', None).status_code == 415


def test_an_empty_form_is_refused(api: Api) -> None:
    assert api.raw("totp", b"", "application/x-www-form-urlencoded").status_code == 415


@pytest.mark.parametrize(
    "media_type", ["application/json; charset=utf-8", 'application/json; charset="UTF-8"', "Application/JSON"]
)
def test_json_may_declare_utf_8(api: Api, media_type: str) -> None:
    assert api.raw("totp", b"{}", media_type).status_code == 201


@pytest.mark.parametrize("path", POSTS)
def test_a_body_over_16_kib_is_refused(api: Api, path: str) -> None:
    answer = api.raw(path, b" " * (LARGEST_BODY + 1))

    assert (answer.status_code, slug(answer)) == (413, "too-large")


def test_a_body_of_16_kib_is_read(api: Api) -> None:
    assert api.raw("totp", b"{" + b" " * (LARGEST_BODY - 2) + b"}").status_code == 201


def test_an_unexpected_body_is_not_read(api: Api) -> None:
    api.enrol("totp")

    assert api.client.delete("/api/v1/session/totp", data=b"x" * LARGEST_BODY * 2).status_code == 204


def test_an_escaped_member_name_is_the_same_member(api: Api) -> None:
    answer = api.raw("totp", json.dumps({"digits": 8}).replace("digits", "\\u0064igits").encode())

    assert document(answer)["digits"] == 8


@pytest.mark.parametrize("name", NAMES)
def test_labels_and_issuers_may_be_names_in_any_script(api: Api, name: str) -> None:
    uri = api.enrol("totp", label=name, issuer=name)["uri"]

    assert unquote(urlsplit(uri).path) == f"/{name}:{name}"
    assert re.search(EnrolTotpBody().fields["label"].metadata["pattern"], name)


@pytest.mark.parametrize("name", [name for name in NO_NAMES if "lone surrogate" not in str(name)])
@pytest.mark.parametrize("member", ["label", "issuer"])
def test_a_name_that_authenticators_cannot_show_is_a_bad_request(api: Api, member: str, name: str) -> None:
    answer = api.post("totp", {member: name})

    assert (answer.status_code, list(document(answer)["errors"])) == (400, [member])
