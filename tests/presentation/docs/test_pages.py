"""All pages: no resource of another site, no inline script or style, and a policy that forbids both."""

from html.parser import HTMLParser
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from werkzeug.test import TestResponse

from domain.secret import SharedSecret
from presentation.http.docs.resources import PAGE_POLICY
from tests.presentation.api import RFC_SECRET, Api

PAGES = {
    "/": lambda api: api.client.get("/"),
    "/docs": lambda api: api.client.get("/docs"),
    "/problems": lambda api: api.client.get("/problems"),
    "/problems/locked": lambda api: api.client.get("/problems/locked"),
    "log-in": lambda api: api.client.get("/auth/login?return_to=/reports"),
    "log-in, refused": lambda api: api.client.post("/auth/login", data={"code": "<b onclick=x>"}),
}


class Reader(HTMLParser):
    """The resources and links of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.inline: list[str] = []
        self._open = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._open = tag
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_data(self, data: str) -> None:
        if self._open in {"script", "style"} and data.strip():
            self.inline.append(data)

    def handle_endtag(self, tag: str) -> None:
        self._open = ""


@pytest.fixture
def gate() -> Api:
    return Api(gate_secret=SharedSecret.from_base32(RFC_SECRET))


@pytest.fixture(params=PAGES)
def page(request: pytest.FixtureRequest, gate: Api) -> TestResponse:
    answer: TestResponse = PAGES[request.param](gate)
    assert answer.mimetype == "text/html"
    return answer


def test_no_resource_comes_from_another_site(page: TestResponse) -> None:
    attributes = [attributes for _, attributes in Reader(page.text).tags]
    addresses = [found[name] for found in attributes for name in ("src", "href", "action") if name in found]

    assert addresses != []
    assert [address for address in addresses if urlsplit(address).netloc or urlsplit(address).scheme] == []


def test_nothing_is_inline(page: TestResponse) -> None:
    reader = Reader(page.text)

    assert reader.inline == []
    assert [name for _, found in reader.tags for name in found if name == "style" or name.startswith("on")] == []


def test_the_policy_allows_only_the_services_own_resources(page: TestResponse) -> None:
    (policy,) = page.headers.getlist("Content-Security-Policy")
    sources = {source for directive in policy.split("; ") for source in directive.split()[1:]}

    assert sources <= {"'none'", "'self'", "data:", "blob:"}
    scripts = [directive for directive in policy.split("; ") if directive.startswith("script-src")]
    assert scripts in ([], ["script-src 'self'"])


def test_the_policy_allows_data_urls_for_pictures_only() -> None:
    assert [directive.split()[0] for directive in PAGE_POLICY.split("; ") if ":" in directive] == ["img-src"]


def test_all_files_of_a_page_exist(page: TestResponse, gate: Api) -> None:
    found = [attributes for tag, attributes in Reader(page.text).tags if tag in {"a", "link", "script", "img"}]
    paths = {attributes.get("href") or attributes.get("src") for attributes in found} - {None}

    assert {path: gate.client.get(path).status_code for path in paths} == dict.fromkeys(paths, 200)


@pytest.mark.parametrize("gate_secret", [None, SharedSecret.from_base32(RFC_SECRET)])
def test_the_first_page_links_to_the_gate_if_there_is_one(gate_secret: SharedSecret | None) -> None:
    text = Api(gate_secret=gate_secret).client.get("/").text

    assert ("/auth/login" in text) == (gate_secret is not None)
    assert "/docs" in text


@pytest.mark.parametrize("tenant", [None, "staff"])
@pytest.mark.parametrize("path", ["/", "/auth/login"])
def test_no_keyboard_corrects_the_input_of_a_field(path: str, tenant: str | None) -> None:
    keys = (("staff", "s" * 32),)
    api = Api(gate_secret=SharedSecret.from_base32(RFC_SECRET), api_keys=keys, gate_tenant=tenant)
    fields = [
        attributes
        for tag, attributes in Reader(api.client.get(path).text).tags
        if tag in {"input", "textarea"} and attributes.get("type", "text") == "text"
    ]

    assert fields
    for field in fields:
        assert (field["autocapitalize"], field["autocorrect"], field["spellcheck"]) == ("none", "off", "false")


def test_swagger_ui_is_current() -> None:
    """The copy in flasgger is version 3 of 2020."""
    served = Api().client.get("/assets/swagger-ui-bundle.js").data

    assert int(version("flask-swagger-ui").partition(".")[0]) >= 5
    assert served == (Path(str(files("flask_swagger_ui"))) / "dist" / "swagger-ui-bundle.js").read_bytes()
    assert served != (Path(str(files("flasgger"))) / "ui3" / "static" / "swagger-ui-bundle.js").read_bytes()


def test_flasgger_lists_the_openapi_document() -> None:
    """The view of flasgger can also return a list of its documents."""
    shown = Api().client.get("/docs?json=true").get_json()

    assert [document["url"] for document in shown["specs"]] == ["/openapi.json"]
