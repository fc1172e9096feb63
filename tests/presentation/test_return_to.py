"""Where a log-in leads: to a path of the same site, whatever tricks there are."""

from urllib.parse import urljoin, urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from presentation.return_to import HOME, safe_return_to

SITE = "https://app.example.com/auth/login"
ELSEWHERE = [
    "//evil.example",
    "///evil.example",
    "/\\evil.example",
    "/\\/evil.example",
    "\\/evil.example",
    "\\\\evil.example",
    "/\t/evil.example",
    "/\n/evil.example",
    "/\r\n/evil.example",
    "\t//evil.example",
    " //evil.example",
    "/ /evil.example",
    "/\x00/evil.example",
    "/%2fevil.example",
    "/%2Fevil.example",
    "/%5cevil.example",
    "/%5Cevil.example",
    "/%252fevil.example",
    "/%09/evil.example",
    "/%0d%0aLocation:%20//evil.example",
    "/a%0d%0aSet-Cookie:%20x=y",
    "/a\r\nSet-Cookie: x=y",
    "https://evil.example",
    "https:evil.example",
    "HTTPS://evil.example/",
    "javascript:alert(1)",
    "data:text/html,x",
    "evil.example",
    "@evil.example",
    "?x",
    "#x",
    ".",
    "",
    "/" + "a" * 3000,
    "/\u2028/evil.example",
]
OURS = [
    "/",
    "/a",
    "/a/b?c=d&e=f#g",
    "/search?q=a%20b",
    "/a%2Fb",
    "/~user/;x=y",
    "/a?next=//b",
    "/a?u=https://b/c",
    "/%C3%A9",
]


@pytest.mark.parametrize("text", ELSEWHERE)
def test_what_leads_elsewhere_or_might_leads_home(text: str) -> None:
    assert safe_return_to(text) == HOME


@pytest.mark.parametrize("text", OURS)
def test_a_path_of_ours_is_kept_as_it_is(text: str) -> None:
    assert safe_return_to(text) == text


def test_a_path_beyond_ascii_is_encoded() -> None:
    assert safe_return_to("/é?ü=ö") == "/%C3%A9?%C3%BC=%C3%B6"


def test_nothing_leads_home() -> None:
    assert safe_return_to(None) == HOME


@given(st.text(st.sampled_from("/\\%25cf0aAdD.:@?#\t\r\n\x00 evil\u2028é"), max_size=30).map("/".__add__))
@example("/%2525252fevil")
def test_whatever_is_asked_for_stays_on_the_site(text: str) -> None:
    location = safe_return_to(text)

    assert location.isascii()
    assert location.isprintable()
    assert " " not in location
    # As a browser reads it (WHATWG URL): tabs and line breaks dropped, backslashes taken for slashes.
    target = urlsplit(urljoin(SITE, location.replace("\\", "/")))
    assert (target.scheme, target.netloc) == ("https", "app.example.com")
