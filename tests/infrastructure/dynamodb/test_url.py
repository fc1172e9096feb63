"""The URL of a table."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infrastructure.dynamodb.url import InvalidTableUrl, TableUrl

VALID = {
    "dynamodb://open-mfa?region=eu-central-1": TableUrl("open-mfa", "eu-central-1"),
    "DYNAMODB://Open_MFA.2/?region=us-gov-west-1": TableUrl("Open_MFA.2", "us-gov-west-1"),
    "dynamodb://abc?region=local&endpoint=http://127.0.0.1:8000": TableUrl("abc", "local", "http://127.0.0.1:8000"),
    "dynamodb://abc?endpoint=https%3A%2F%2Fexample.org&region=x": TableUrl("abc", "x", "https://example.org"),
}
INVALID = [
    "",
    "open-mfa",
    "redis://open-mfa?region=eu-central-1",
    "dynamodb://",
    "dynamodb://ab?region=eu-central-1",
    "dynamodb://open-mfa",
    "dynamodb://open-mfa?region=",
    "dynamodb://open-mfa?region=EU",
    "dynamodb://open-mfa?region=eu.example.org/",
    "dynamodb://open-mfa?region=a&region=b",
    "dynamodb://open-mfa?region=a&password=b",
    "dynamodb://open-mfa?region",
    "dynamodb://user:secret@open-mfa?region=eu-central-1",
    "dynamodb://open-mfa/path?region=eu-central-1",
    "dynamodb://open mfa?region=eu-central-1",
    "dynamodb://open-mfa?region=a&endpoint=ftp://x",
    "dynamodb://open-mfa?region=a&endpoint=http://x/path",
    "dynamodb://open-mfa?region=a&endpoint=http://x?y=z",
    "dynamodb://open-mfa?region=a&endpoint=http://user:secret@x",
    "dynamodb://open-mfa?region=a&endpoint=http://user@x",
    "dynamodb://open-mfa?region=a&endpoint=http://",
    "dynamodb://open-mfa?region=a#b",
]


@pytest.mark.parametrize("text", VALID)
def test_a_url_names_table_region_and_endpoint(text: str) -> None:
    assert TableUrl.parse(text) == VALID[text]


@pytest.mark.parametrize("text", INVALID)
def test_any_other_url_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(InvalidTableUrl) as refusal:
        TableUrl.parse(text)
    assert "secret" not in str(refusal.value)


def test_the_refusal_of_a_url_of_redis_names_its_setting() -> None:
    with pytest.raises(InvalidTableUrl, match="for Redis, set OPEN_MFA_REDIS_URL instead"):
        TableUrl.parse("rediss://redis.example.com")


@given(st.text() | st.text().map(lambda text: f"dynamodb://{text}") | st.sampled_from([*VALID]).flatmap(st.just))
def test_no_text_causes_another_error(text: str) -> None:
    try:
        url = TableUrl.parse(text)
    except InvalidTableUrl:
        return
    assert url.table in str(url)


@pytest.mark.parametrize(
    ("endpoint", "unencrypted"),
    [
        ("", False),
        ("&endpoint=https://example.org", False),
        ("&endpoint=http://127.0.0.1:8000", False),
        ("&endpoint=http://localhost:8000", False),
        ("&endpoint=http://example.org", True),
        ("&endpoint=http://10.0.0.1:8000", True),
    ],
)
def test_http_to_another_machine_is_unencrypted(endpoint: str, unencrypted: bool) -> None:
    assert TableUrl.parse(f"dynamodb://abc?region=a{endpoint}").is_unencrypted is unencrypted
