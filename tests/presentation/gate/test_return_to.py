"""The target of a log-in is always a path of the same site, or a URL of a host that shares the log-in."""

import re
from urllib.parse import unquote, urljoin, urlsplit

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from presentation.http.gate.return_to import HOME, ReturnTo
from tests.support.urls import URL_PIECES

safe_return_to = ReturnTo().safe
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
def test_a_target_that_may_be_on_another_site_is_replaced(text: str) -> None:
    assert safe_return_to(text) == HOME


@pytest.mark.parametrize("text", OURS)
def test_a_path_of_the_same_site_is_kept_unchanged(text: str) -> None:
    assert safe_return_to(text) == text


def test_a_path_beyond_ascii_is_encoded() -> None:
    assert safe_return_to("/é?ü=ö") == "/%C3%A9?%C3%BC=%C3%B6"


@pytest.mark.parametrize(
    ("text", "location"),
    [
        ("/My File.pdf", "/My%20File.pdf"),
        ("/My%20File.pdf", "/My%20File.pdf"),
        ("/100%2520", "/100%2520"),
        ("/a /b?c=d e", "/a%20/b?c=d%20e"),
        ("/ /evil.example", "/%20/evil.example"),
    ],
)
def test_a_path_with_spaces_is_kept(text: str, location: str) -> None:
    assert safe_return_to(text) == location


def test_a_missing_target_becomes_the_first_page() -> None:
    assert safe_return_to(None) == HOME


@given(st.text(st.sampled_from("/\\%25cf0aAdD.:@?#\t\r\n\x00 evil\u2028é"), max_size=30).map("/".__add__))
@example("/%2525252fevil")
def test_every_target_is_on_the_site(text: str) -> None:
    location = safe_return_to(text)

    assert location.isascii()
    assert location.isprintable()
    assert " " not in location
    # Browsers drop tabs and line breaks, and treat backslashes as slashes (WHATWG URL).
    target = urlsplit(urljoin(SITE, location.replace("\\", "/")))
    assert (target.scheme, target.netloc) == ("https", "app.example.com")


DOMAIN = "example.com"
on_the_domain = ReturnTo(domain=DOMAIN).safe
ELSEWHERE_OF_THE_DOMAIN = [
    "http://app.example.com/",
    "ftp://app.example.com/",
    "//app.example.com/",
    "https:app.example.com/",
    "https:/app.example.com/",
    "https:///app.example.com/",
    "https:\\\\app.example.com/",
    "https://evil.example/",
    "https://example.com.evil.example/",
    "https://evilexample.com/",
    "https://example.co",
    "https://com/",
    "https://example.com@evil.example/",
    "https://user@app.example.com/",
    "https://user:password@app.example.com/",
    "https://evil.example\\@app.example.com/",
    "https://evil.example\\.example.com/",
    "https://evil.example/.example.com",
    "https://evil.example#.example.com",
    "https://evil.example?.example.com",
    "https://evil.example:443.example.com/",
    "https://evil.example%2f.example.com/",
    "https://evil.example%00.example.com/",
    "https://evil.example\t.example.com/",
    "https://evil.example .example.com/",
    "https://evil.example\uff0f.example.com/",
    "https://evil.example\u2100.example.com/",
    "https://ex\u0430mple.com/",
    "https://example\u3002com/",
    "https://app.ex\u00adample.com/",
    "https://[::1].example.com/",
    "https://app.example.com./",
    "https://app.example.com:/",
    "https://app.example.com:0/",
    "https://app.example.com:65536/",
    "https://app.example.com:443x/",
    "https://app.example.com:80@evil.example/",
    "https://app..example.com/",
    "https://.example.com/",
    "https://..example.com/",
    "https://app.example.com//evil.example",
    "https://app.example.com/\\evil.example",
    "https://app.example.com/a\r\nSet-Cookie: x=y",
    "https://app.example.com/%0d%0aSet-Cookie:%20x=y",
    "https://app.example.com/auth/logout",
    "https://app.example.com/x/../auth/logout",
    "https://app.example.com/" + "a" * 3000,
    "\thttps://app.example.com/",
    "javascript:alert(1)//app.example.com",
]
OF_THE_DOMAIN = [
    "https://example.com/",
    "https://app.example.com/",
    "https://a.b-c.example.com/reports?year=2026&u=https://x/y#z",
    "https://app.example.com:8443/",
    "https://xn--bcher-kva.example.com/",
    "https://example.com.example.com/%C3%A9",
    "/reports?year=2026",
]


@pytest.mark.parametrize("text", ELSEWHERE_OF_THE_DOMAIN)
def test_a_target_that_may_be_outside_of_the_domain_is_replaced(text: str) -> None:
    assert on_the_domain(text) == HOME


@pytest.mark.parametrize("text", OF_THE_DOMAIN)
def test_hosts_that_share_a_log_in_are_kept(text: str) -> None:
    assert on_the_domain(text) == text


def test_a_host_without_a_path_is_a_target() -> None:
    assert on_the_domain("https://app.example.com") == "https://app.example.com/"


@pytest.mark.parametrize("text", [text for text in OF_THE_DOMAIN if text.startswith("https:")])
def test_without_a_shared_domain_no_target_names_a_host(text: str) -> None:
    assert safe_return_to(text) == HOME


@pytest.mark.parametrize("path", ["/mfa/auth/logout", "/mfa/auth", "/mfa/x/../auth/login", "/mfa%2fauth%2flogout"])
def test_the_pages_of_the_gate_are_below_the_path(path: str) -> None:
    below = ReturnTo("/mfa/auth").safe

    assert below(path) == HOME
    assert below("/auth/logout") == "/auth/logout", "this path belongs to the application"


@given(st.lists(st.sampled_from(URL_PIECES), max_size=8).map("".join))
def test_every_target_stays_on_the_domain(text: str) -> None:
    location = on_the_domain(text)
    target = urlsplit(urljoin("https://login.example.com/auth/login", location.replace("\\", "/")))

    assert location.isascii()
    assert location.isprintable()
    assert target.scheme == "https"
    assert target.username is None
    assert f".{target.hostname}".endswith(".example.com")


@pytest.mark.parametrize(
    "path",
    [
        "/auth//../logout",
        "/auth/x//../../logout",
        "/x//../../auth/logout",
        "/auth//%2e%2e/logout",
        "/auth//.%2E/logout",
        "//../auth/logout",
        "/./auth/logout",
        "/.//auth/logout",
        "/a%2fb/%2e%2e/auth/logout",
        "/a%3fb/%2e%2e/auth/logout",
        "/a%23b/%2e%2e/auth/logout",
        "/a%2fb/../auth/logout",
        "/x/%252e%252e/auth/logout",
        "/auth?x",
        "/auth%3fx",
        "/auth#x",
    ],
)
def test_no_spelling_of_a_path_is_a_page_of_the_gate(path: str) -> None:
    assert safe_return_to(path) == HOME
    assert ReturnTo("/mfa/auth").safe(f"/mfa{path}") == HOME
    assert on_the_domain(f"https://app.example.com{path}") == HOME


@pytest.mark.parametrize(
    "path", ["/mfa//auth/logout", "/mfa//..//auth/logout", "/mfa/.//auth", "/mfa%2f%2fauth/logout"]
)
def test_a_target_with_merged_slashes_is_not_a_page_of_the_gate(path: str) -> None:
    assert ReturnTo("/mfa/auth").safe(path) == HOME


@pytest.mark.parametrize(
    "path", ["/a//b", "/.well-known/x", "/a/...", "/a/..b/c..", "/a/.b", "/a?x=/../auth/logout", "/a#/.."]
)
def test_dots_and_slashes_without_a_special_meaning_are_kept(path: str) -> None:
    assert safe_return_to(path) == path


PATH_PIECES = [
    *(
        "/",
        "//",
        ".",
        "..",
        "/..",
        "/../",
        "/./",
        "%2e",
        "%2E%2e",
        ".%2e",
        "%252e",
        "%2f",
        "%252f",
        "%3f",
        "%23",
        "?",
        "#",
    ),
    *("mfa", "auth", "logout", "/auth/logout", "/mfa/auth/logout", "a", "%61uth", ";"),
]


def as_a_browser_resolves(path: str) -> str:
    """Return the path as the URL standard parses it (WHATWG URL, path state)."""
    segments: list[str] = []
    parts = path[1:].split("/")
    for number, part in enumerate(parts):
        plain = part.lower().replace("%2e", ".")
        if plain == "..":
            segments = segments[:-1]
        elif plain != ".":
            segments.append(part)
        if plain in {".", ".."} and number == len(parts) - 1:
            segments.append("")
    return "/" + "/".join(segments)


@pytest.mark.parametrize(
    ("path", "resolved"),
    [
        ("/auth//../logout", "/auth/logout"),
        ("/a/../../b", "/b"),
        ("/a/b/..", "/a/"),
        ("/a/%2E./b/.", "/b/"),
        ("/a//b", "/a//b"),
    ],
)
def test_the_targets_resolve_like_url_references(path: str, resolved: str) -> None:
    assert as_a_browser_resolves(path) == resolved


@settings(max_examples=1000)
@given(
    st.sampled_from(["/auth", "/mfa/auth"]),
    st.lists(st.sampled_from(PATH_PIECES), max_size=8).map(lambda pieces: "/" + "".join(pieces)),
)
def test_no_interpretation_of_a_target_is_a_page_of_the_gate(gate: str, text: str) -> None:
    """A browser resolves the path first. A proxy may then decode it, merge slashes and resolve it once more."""
    location = ReturnTo(gate).safe(text)
    path = re.split("[?#]", location, maxsplit=1)[0]
    browser = as_a_browser_resolves(path)
    seen = {path, browser}
    for _ in range(2):
        seen |= {unquote(each) for each in seen}
        seen |= {re.sub("/+", "/", each) for each in seen}
        seen |= {as_a_browser_resolves(each) for each in seen if each.startswith("/")}
    seen |= {re.split("[?#]", each, maxsplit=1)[0] for each in seen}

    assert [each for each in seen if f"{each}/".startswith(f"{gate}/")] == []
