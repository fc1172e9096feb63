"""The page where a person tries it, in a real browser: two widths, both themes, every verdict."""

import re
import time
from collections.abc import Callable, Iterator

import pyotp
import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.support.browser import Witness, keep_picture, serious_findings
from tests.support.pictures import qr_text
from tests.support.processes import wait_until
from tests.support.service import Service

STATUSES = re.compile("the server responded with a status of 4")
"""A browser notes every answer that is not a success, whatever the page makes of it."""


class Visit:
    """A person at the page."""

    def __init__(self, page: Page, base: str, name: str) -> None:
        self.page = page
        self.base = base
        self.name = name
        self.witness = Witness(page)
        self.verdict = page.locator("#verdict")
        self.code = page.get_by_label("Code", exact=True)

    def open(self) -> None:
        self.page.goto(f"{self.base}/")
        expect(self.page.get_by_role("group", name="Factor")).to_be_visible()

    def enrol(self, factor: str) -> str:
        """Chooses and enrols a factor; what the picture on the screen says to a phone."""
        self.page.get_by_role("radio", name=factor).check()
        self.page.get_by_role("button", name=f"Enrol {factor}").click()
        return self.scan()

    def scan(self) -> str:
        # Not by wait_for_function: it polls by eval, which the page's policy forbids.
        expect(self.page.locator("#qr[src]")).to_have_js_property("complete", value=True)
        expect(self.page.locator("#qr[src]")).to_be_visible()
        return qr_text(self.page.screenshot(full_page=True))

    def key(self) -> str:
        return self.page.locator("#groups").inner_text()

    def send(self, code: str) -> None:
        # Pressed while the page still asks, it would count as pressed twice.
        expect(self.page.get_by_role("button", name="Verify")).not_to_have_attribute("aria-disabled", "true")
        self.code.fill(code)
        self.code.press("Enter")

    def hold(self, path: str) -> Callable[[], Route]:
        """Lets no request to the path through; what is returned waits for the next one."""
        held: list[Route] = []
        self.page.route(path, lambda route: held.append(route))  # noqa: PLW0108 - playwright can't wrap append

        def next_one() -> Route:
            # The browser is asked for something, or the handler would never be called.
            wait_until(lambda: self.page.title() != "" and held != [], f"the request to {path}")
            return held.pop(0)

        return next_one

    def wrong_code(self, good: set[str]) -> str:
        return next(code for code in ("000000", "111111", "222222", "333333") if code not in good)

    def look(self, moment: str) -> None:
        """What it looks like: kept for people, and judged where a program can."""
        keep_picture(self.page, f"try-{moment}-{self.name}")
        assert self.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), moment
        assert serious_findings(self.page) == [], moment


@pytest.fixture(params=[(1280, "light"), (320, "dark"), (320, "light"), (1280, "dark")], ids="{0[0]}-{0[1]}".format)
def visit(request: pytest.FixtureRequest, browser: Browser, service: Service) -> Iterator[Visit]:
    """The page; it fails the test when the page complains, or asks anybody else."""
    width, theme = request.param
    context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=theme)
    visit = Visit(context.new_page(), service.base, f"{width}-{theme}")
    visit.open()
    yield visit
    assert [text for text in visit.witness.complaints if not STATUSES.search(text)] == []
    assert visit.witness.hosts == {f"127.0.0.1:{service.port}"}
    context.close()


@pytest.fixture
def guest(browser: Browser, service: Service) -> Iterator[Visit]:
    """The page, where neither width nor theme matters."""
    context = browser.new_context()
    visit = Visit(context.new_page(), service.base, "guest")
    visit.open()
    yield visit
    context.close()


def test_totp_is_scanned_typed_accepted_replayed_refused_and_locked(visit: Visit) -> None:
    visit.look("start")
    uri = visit.enrol("TOTP")
    authenticator = pyotp.parse_uri(uri)
    assert isinstance(authenticator, pyotp.TOTP)
    expect(visit.page.get_by_role("heading", name="2. Scan")).to_be_focused()
    assert visit.key() == " ".join(re.findall("....", authenticator.secret))
    assert visit.page.get_by_role("link", name="Open in an app").get_attribute("href") == uri
    visit.look("enrolled")

    good = authenticator.at(int(time.time()))
    visit.send(f"{good[:3]} {good[3:]}")
    expect(visit.verdict).to_contain_text("Accepted.")
    expect(visit.code).to_be_focused()
    expect(visit.page.locator("#qr")).to_be_hidden()
    assert authenticator.secret not in visit.page.inner_text("body").replace(" ", "")
    visit.look("accepted")

    visit.send(good)
    expect(visit.verdict).to_contain_text("Replayed.")
    near = {authenticator.at(int(time.time()) + 30 * steps) for steps in range(-3, 4)}
    for left in ("4 attempts", "3 attempts", "2 attempts", "1 attempt"):
        visit.send(visit.wrong_code(near))
        expect(visit.verdict).to_contain_text(f"{left} left")
    visit.send(visit.wrong_code(near))
    expect(visit.verdict).to_contain_text("one too many")
    expect(visit.page.get_by_text("You can try again in")).to_be_visible()
    visit.send(good)
    expect(visit.verdict).to_contain_text("Locked.")
    visit.page.get_by_text("Requests and answers").click()
    expect(visit.page.get_by_text('"type": "/problems/locked"')).to_be_visible()
    assert authenticator.secret not in (visit.page.locator("body").text_content() or "").replace(" ", "")
    visit.look("locked")


def test_hotp_shows_the_counter_that_it_waits_for(guest: Visit) -> None:
    authenticator = pyotp.parse_uri(guest.enrol("HOTP"))
    assert isinstance(authenticator, pyotp.HOTP)
    expect(guest.page.get_by_text("that of counter 0.")).to_be_visible()

    guest.send(authenticator.at(2))

    expect(guest.verdict).to_contain_text("Accepted.")
    expect(guest.page.get_by_text("that of counter 3.")).to_be_visible()
    guest.send(authenticator.at(1))
    expect(guest.verdict).to_contain_text("Replayed.")


def test_a_one_time_code_is_good_once(visit: Visit) -> None:
    visit.page.get_by_role("radio", name="One-time code").check()
    visit.page.get_by_role("button", name="Ask for a code").click()
    code = visit.page.locator("#issued-code")
    expect(code).to_be_visible()
    expect(visit.page.get_by_text("The code ends in 4 minutes")).to_be_visible()
    visit.look("issued")
    text = code.inner_text()

    visit.send(text)

    expect(visit.verdict).to_contain_text("Accepted.")
    expect(code).to_be_hidden()


def test_the_step_runs_out(guest: Visit) -> None:
    guest.enrol("TOTP")
    progress = guest.page.locator("#progress")

    def left() -> float:
        seconds: float = progress.evaluate("element => element.value")
        return seconds

    first = left()
    wait_until(lambda: left() != first, "the clock")
    # The Date header has whole seconds, and both answers take their time.
    off = abs((30 - time.time() % 30) - left())
    assert min(off, 30 - off) < 2


def test_a_device_with_a_wrong_clock_shows_the_step_of_the_service(browser: Browser, service: Service) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.clock.install(time=time.time() + 1000)
    visit = Visit(page, service.base, "late")
    visit.open()
    visit.enrol("TOTP")

    page.clock.run_for(250)

    text = page.locator("#time").inner_text()
    (shown,) = map(int, re.findall(r"\d+", text))
    off = abs(shown - (30 - time.time() % 30))
    assert min(off, 30 - off) < 3
    context.close()


def test_after_a_reload_one_goes_on_or_begins_again_with_another_key(guest: Visit) -> None:
    first = guest.enrol("TOTP")
    guest.page.reload()
    expect(guest.page.get_by_text("It was shown when you enrolled.")).to_be_visible()
    assert guest.scan() == first

    guest.page.get_by_role("button", name="Begin again").click()
    expect(guest.page.get_by_role("heading", name="1. Enrol")).to_be_focused()
    second = guest.enrol("TOTP")

    assert second != first
    assert guest.key().replace(" ", "") in second
    guest.send(pyotp.parse_uri(second).at(int(time.time())))
    expect(guest.verdict).to_contain_text("Accepted.")


def test_what_is_no_code_is_said_and_costs_nothing(guest: Visit) -> None:
    guest.enrol("TOTP")

    guest.send("12a")

    expect(guest.verdict).to_contain_text("digits")
    expect(guest.code).to_have_attribute("aria-invalid", "true")
    guest.page.get_by_role("radio", name="HOTP").check()
    expect(guest.verdict).to_be_empty()


def test_it_can_be_used_without_a_mouse(guest: Visit) -> None:
    keyboard = guest.page.keyboard
    guest.page.get_by_role("radio", name="TOTP").focus()
    keyboard.press("ArrowDown")
    expect(guest.page.get_by_role("radio", name="HOTP")).to_be_checked()
    keyboard.press("Tab")
    expect(guest.page.get_by_role("button", name="Enrol HOTP")).to_be_focused()
    keyboard.press("Enter")
    authenticator = pyotp.parse_uri(guest.scan())
    assert isinstance(authenticator, pyotp.HOTP)
    expect(guest.page.get_by_role("heading", name="2. Scan")).to_be_focused()
    for _ in range(5):
        keyboard.press("Tab")
        if guest.code.evaluate("element => element === document.activeElement"):
            break
    keyboard.type(authenticator.at(0))
    keyboard.press("Enter")

    expect(guest.verdict).to_contain_text("Accepted.")


def test_a_late_answer_does_not_land_on_what_was_chosen_since(guest: Visit) -> None:
    guest.enrol("HOTP")
    guest.page.get_by_role("radio", name="TOTP").check()
    guest.page.get_by_role("button", name="Enrol TOTP").click()
    expect(guest.page.get_by_text("The code changes in")).to_be_visible()
    held = guest.hold("**/totp/verify")
    guest.send("000000")
    request = held()
    guest.page.get_by_role("radio", name="HOTP").check()
    with guest.page.expect_response("**/totp/verify"):
        request.continue_()

    expect(guest.page.get_by_text("that of counter 0.")).to_be_visible()
    expect(guest.verdict).to_be_empty()
    assert guest.scan().startswith("otpauth://hotp/")


def test_no_picture_stands_beside_another_key(guest: Visit) -> None:
    guest.enrol("TOTP")
    guest.enrol("HOTP")
    held = guest.hold("**/session/totp/qr")

    guest.page.get_by_role("radio", name="TOTP").check()
    request = held()
    picture = guest.scan()
    assert picture.startswith("otpauth://hotp/")
    assert guest.key().replace(" ", "") in picture
    request.continue_()
    expect(guest.page.get_by_text("The code changes in")).to_be_visible()
    assert guest.key().replace(" ", "") in guest.scan()

    guest.page.get_by_role("button", name="Begin again").click()
    guest.page.get_by_role("button", name="Enrol TOTP").click()
    request = held()
    expect(guest.page.locator("#qr")).to_be_hidden()
    expect(guest.page.locator("#qr[src]")).to_have_count(0)
    request.continue_()
    assert guest.key().replace(" ", "") in guest.scan()


@pytest.mark.parametrize(
    "fail",
    [lambda route: route.abort(), lambda route: route.fulfill(status=503, json={"title": "Away", "detail": "Away."})],
    ids=["no answer", "503"],
)
def test_an_accepted_code_stays_accepted_though_the_next_answer_fails(
    guest: Visit, fail: Callable[[Route], None]
) -> None:
    authenticator = pyotp.parse_uri(guest.enrol("HOTP"))
    assert isinstance(authenticator, pyotp.HOTP)
    guest.page.route("**/api/v1/session", fail)

    guest.send(authenticator.at(0))

    expect(guest.verdict).to_contain_text("Accepted.")
    expect(guest.page.locator("#groups")).to_be_hidden()
    assert authenticator.secret not in (guest.page.locator("body").text_content() or "").replace(" ", "")


@pytest.mark.parametrize(
    ("status", "text", "said"), [(502, "<h1>Bad Gateway</h1>", "with status 502"), (500, "{}", "Not understood")]
)
def test_an_answer_that_is_not_the_services_is_told(guest: Visit, status: int, text: str, said: str) -> None:
    guest.page.route("**/session/totp", lambda route: route.fulfill(status=status, body=text))

    guest.page.get_by_role("button", name="Enrol TOTP").click()

    expect(guest.verdict).to_contain_text(said)


def test_what_another_tab_has_begun_again_is_not_shown_with_the_former_key(guest: Visit) -> None:
    guest.enrol("TOTP")
    enrolled = int(time.time())
    other = guest.page.context.new_page()
    other.goto(f"{guest.base}/")
    other.get_by_role("button", name="Begin again").click()
    # Enrolments are told apart by the second in which they end.
    wait_until(lambda: int(time.time()) > enrolled, "the next second")
    other.get_by_role("button", name="Enrol TOTP").click()
    expect(other.locator("#qr[src]")).to_be_visible()

    guest.page.get_by_role("radio", name="HOTP").check()
    guest.page.get_by_role("radio", name="TOTP").check()

    expect(guest.page.get_by_text("It was shown when you enrolled.")).to_be_visible()
    expect(guest.page.locator("#groups")).to_be_hidden()


def test_a_service_that_went_away_is_told(browser: Browser) -> None:
    context = browser.new_context()
    with Service() as service:
        visit = Visit(context.new_page(), service.base, "alone")
        visit.open()
    visit.page.get_by_role("button", name="Enrol TOTP").click()

    expect(visit.verdict).to_contain_text("could not be reached")
    context.close()


def test_without_script_it_says_so_and_leads_to_the_documentation(browser: Browser, service: Service) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{service.base}/")

    expect(page.get_by_text("which takes JavaScript")).to_be_visible()
    expect(page.get_by_role("button")).to_have_count(0)
    page.get_by_role("link", name="the documentation").click()
    page.wait_for_url("**/docs")
    context.close()


def test_it_leads_to_the_gate_where_there_is_one(browser: Browser, guest: Visit) -> None:
    expect(guest.page.get_by_role("link", name="log in at the gate")).to_have_count(0)
    context = browser.new_context()
    with Service(OPEN_MFA_GATE_SECRET="GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ") as service:
        visit = Visit(context.new_page(), service.base, "gate")
        visit.open()
        visit.page.get_by_role("link", name="log in at the gate").click()
        visit.page.wait_for_url("**/auth/login")
    context.close()
