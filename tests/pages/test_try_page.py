"""The try-it page in a real browser: at three widths, in both themes, with every verdict."""

import re
import time
from collections.abc import Callable, Iterator

import pyotp
import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.pages.looks import LOOKS, Look, check_look
from tests.support.browser import Witness
from tests.support.pictures import qr_text
from tests.support.processes import wait_until
from tests.support.service import Service

STATUSES = re.compile("the server responded with a status of 4")
"""A browser logs every response that is not a success."""


class Visit:
    """A person who uses the page."""

    def __init__(self, page: Page, base: str, look: Look | None = None) -> None:
        self.page = page
        self.base = base
        self._look = look
        self.witness = Witness(page)
        self.verdict = page.locator("#verdict")
        self.code = page.get_by_label("Code", exact=True)

    def open(self) -> None:
        self.page.goto(f"{self.base}/")
        expect(self.page.get_by_role("radiogroup", name="1 Choose a factor")).to_be_visible()

    def enrol(self, factor: str) -> str:
        """Choose and enrol a factor. Return the text of the QR code on the screen."""
        self.page.get_by_role("radio", name=factor).check()
        self.page.get_by_role("button", name=f"Enrol {factor}").click()
        return self.scan()

    def scan(self) -> str:
        # The page's policy forbids eval, which wait_for_function uses.
        expect(self.page.locator("#qr[src]")).to_have_js_property("complete", value=True)
        expect(self.page.locator("#qr[src]")).to_be_visible()
        return qr_text(self.page.screenshot(full_page=True))

    def key(self) -> str:
        return self.page.locator("#groups").inner_text()

    def send(self, code: str) -> None:
        # While an action runs, the page ignores the button.
        expect(self.page.get_by_role("button", name="Verify")).not_to_have_attribute("aria-disabled", "true")
        self.code.fill(code)
        self.code.press("Enter")

    def hold(self, path: str) -> Callable[[], Route]:
        """Hold back all requests to the path. Return a function that waits for the next one."""
        held: list[Route] = []
        self.page.route(path, lambda route: held.append(route))  # noqa: PLW0108 - playwright can't wrap append

        def next_one() -> Route:
            # Playwright calls the handler only while the test talks to the browser.
            wait_until(lambda: self.page.title() != "" and held != [], f"the request to {path}")
            return held.pop(0)

        return next_one

    def text_of_the_page(self) -> str:
        """Return all text, shown or hidden, without spaces."""
        return (self.page.locator("body").text_content() or "").replace(" ", "")

    def look(self, moment: str) -> None:
        """Take a picture of the page, and check its accessibility and its width."""
        if self._look is not None:
            check_look(self.page, f"try-{moment}", self._look)


def wrong_code(good: set[str]) -> str:
    return next(code for code in ("000000", "111111", "222222", "333333") if code not in good)


@pytest.fixture(params=LOOKS, ids=str)
def visit(request: pytest.FixtureRequest, browser: Browser, service: Service) -> Iterator[Visit]:
    """Yield the page. The test fails if the page logs an error or sends a request to another host."""
    look: Look = request.param
    context = browser.new_context(viewport={"width": look.width, "height": 800}, color_scheme=look.theme)
    visit = Visit(context.new_page(), service.base, look)
    visit.open()
    yield visit
    assert [text for text in visit.witness.complaints if not STATUSES.search(text)] == []
    assert visit.witness.hosts == {f"127.0.0.1:{service.port}"}
    context.close()


@pytest.fixture
def guest(browser: Browser, service: Service) -> Iterator[Visit]:
    """Yield the page for tests that do not depend on its width and theme."""
    context = browser.new_context()
    visit = Visit(context.new_page(), service.base)
    visit.open()
    yield visit
    context.close()


def test_a_totp_code_is_accepted_then_replayed_and_wrong_codes_lock_the_factor(visit: Visit) -> None:
    visit.look("start")
    uri = visit.enrol("TOTP")
    authenticator = pyotp.parse_uri(uri)
    assert isinstance(authenticator, pyotp.TOTP)
    expect(visit.page.get_by_role("heading", name="2 Enrol")).to_be_focused()
    assert visit.key() == " ".join(re.findall("....", authenticator.secret))
    assert visit.page.get_by_role("link", name="Open in an app").get_attribute("href") == uri
    visit.look("enrolled")

    good = authenticator.at(int(time.time()))
    visit.send(f"{good[:3]} {good[3:]}")
    expect(visit.verdict).to_contain_text("Accepted")
    expect(visit.verdict).to_be_in_viewport()
    expect(visit.code).to_be_focused()
    expect(visit.page.locator("#qr")).to_be_hidden()
    assert authenticator.secret not in visit.text_of_the_page()
    visit.look("accepted")

    visit.send(good)
    expect(visit.verdict).to_contain_text("Replayed")
    visit.look("replayed")
    near = {authenticator.at(int(time.time()) + 30 * steps) for steps in range(-3, 4)}
    for left in ("4 attempts", "3 attempts", "2 attempts", "1 attempt"):
        visit.send(wrong_code(near))
        expect(visit.verdict).to_contain_text(f"{left} left")
    visit.look("wrong")
    visit.send(wrong_code(near))
    expect(visit.verdict).to_contain_text("now locked")
    expect(visit.page.get_by_text("You can try again in")).to_be_visible()
    visit.send(good)
    expect(visit.verdict.get_by_text("Locked", exact=True)).to_be_visible()
    visit.page.get_by_text("Requests and responses").click()
    expect(visit.page.get_by_text('"type": "/problems/locked"')).to_be_visible()
    assert authenticator.secret not in visit.text_of_the_page()
    visit.look("locked")


def test_a_lock_is_shown_after_a_reload_and_its_end_is_announced(guest: Visit) -> None:
    authenticator = pyotp.parse_uri(guest.enrol("HOTP"))
    assert isinstance(authenticator, pyotp.HOTP)
    wrong = wrong_code({authenticator.at(counter) for counter in range(20)})
    for _ in range(5):
        guest.send(wrong)
    expect(guest.verdict).to_contain_text("now locked")
    guest.page.clock.install(time=time.time())

    guest.page.reload()
    guest.page.get_by_role("radio", name="HOTP").check()
    expect(guest.verdict).to_contain_text("Locked")
    guest.page.clock.run_for(31_000)

    expect(guest.verdict).to_contain_text("Unlocked")
    expect(guest.page.get_by_text("You can try again in")).to_be_hidden()


def test_hotp_shows_the_counter_of_the_next_code(guest: Visit) -> None:
    authenticator = pyotp.parse_uri(guest.enrol("HOTP"))
    assert isinstance(authenticator, pyotp.HOTP)
    expect(guest.page.get_by_text("the code of counter 0.")).to_be_visible()

    guest.send(authenticator.at(2))

    expect(guest.verdict).to_contain_text("Accepted")
    expect(guest.page.get_by_text("the code of counter 3.")).to_be_visible()
    guest.send(authenticator.at(1))
    expect(guest.verdict).to_contain_text("Replayed")


def test_a_one_time_code_is_accepted_once(visit: Visit) -> None:
    visit.page.get_by_role("radio", name="One-time code").check()
    visit.page.get_by_role("button", name="Issue a code").click()
    code = visit.page.locator("#issued-code")
    expect(code).to_be_visible()
    expect(visit.page.get_by_text("The code expires in 4 minutes")).to_be_visible()
    visit.look("issued")
    text = code.inner_text()

    visit.send(text)

    expect(visit.verdict).to_contain_text("Accepted")
    expect(code).to_be_hidden()


def test_the_progress_bar_shows_the_rest_of_the_time_step(guest: Visit) -> None:
    guest.enrol("TOTP")
    progress = guest.page.locator("#progress")

    def left() -> float:
        seconds: float = progress.evaluate("element => element.value")
        return seconds

    first = left()
    wait_until(lambda: left() != first, "the clock")
    # The Date header has whole seconds, and both responses take some time.
    off = abs((30 - time.time() % 30) - left())
    assert min(off, 30 - off) < 2


def test_a_device_with_a_wrong_clock_shows_the_time_step_of_the_service(browser: Browser, service: Service) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.clock.install(time=time.time() + 1000)
    visit = Visit(page, service.base)
    visit.open()
    visit.enrol("TOTP")

    page.clock.run_for(250)

    text = page.locator("#time").inner_text()
    (shown,) = map(int, re.findall(r"\d+", text))
    off = abs(shown - (30 - time.time() % 30))
    assert min(off, 30 - off) < 3
    context.close()


def test_after_a_reload_a_person_can_continue_or_begin_again_with_another_key(guest: Visit) -> None:
    first = guest.enrol("TOTP")
    guest.page.reload()
    expect(guest.page.get_by_text("The key was shown when you enrolled.")).to_be_visible()
    assert guest.scan() == first

    guest.page.get_by_role("button", name="Begin again").click()
    expect(guest.page.get_by_role("heading", name="2 Enrol")).to_be_focused()
    second = guest.enrol("TOTP")

    assert second != first
    assert guest.key().replace(" ", "") in second
    guest.send(pyotp.parse_uri(second).at(int(time.time())))
    expect(guest.verdict).to_contain_text("Accepted")


def test_malformed_input_gets_an_explanation_and_costs_no_attempt(guest: Visit) -> None:
    guest.enrol("TOTP")

    guest.send("12a")

    expect(guest.verdict).to_contain_text("digits")
    expect(guest.code).to_have_attribute("aria-invalid", "true")
    guest.page.get_by_role("radio", name="HOTP").check()
    expect(guest.verdict).to_be_empty()


def test_the_page_works_with_the_keyboard_alone(guest: Visit) -> None:
    keyboard = guest.page.keyboard
    guest.page.get_by_role("radio", name="TOTP").focus()
    keyboard.press("ArrowDown")
    expect(guest.page.get_by_role("radio", name="HOTP")).to_be_checked()
    keyboard.press("Tab")
    expect(guest.page.get_by_role("button", name="Enrol HOTP")).to_be_focused()
    keyboard.press("Enter")
    authenticator = pyotp.parse_uri(guest.scan())
    assert isinstance(authenticator, pyotp.HOTP)
    expect(guest.page.get_by_role("heading", name="2 Enrol")).to_be_focused()
    for _ in range(5):
        keyboard.press("Tab")
        if guest.code.evaluate("element => element === document.activeElement"):
            break
    keyboard.type(authenticator.at(0))
    keyboard.press("Enter")

    expect(guest.verdict).to_contain_text("Accepted")


def test_a_late_response_does_not_change_a_factor_that_was_chosen_since(guest: Visit) -> None:
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

    expect(guest.page.get_by_text("the code of counter 0.")).to_be_visible()
    expect(guest.verdict).to_be_empty()
    assert guest.scan().startswith("otpauth://hotp/")


def test_a_qr_code_is_never_shown_beside_another_key(guest: Visit) -> None:
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
    ids=["no response", "503"],
)
def test_the_page_still_shows_an_acceptance_if_the_next_request_fails(
    guest: Visit, fail: Callable[[Route], None]
) -> None:
    authenticator = pyotp.parse_uri(guest.enrol("HOTP"))
    assert isinstance(authenticator, pyotp.HOTP)
    guest.page.route("**/api/v1/session", fail)

    guest.send(authenticator.at(0))

    expect(guest.verdict).to_contain_text("Accepted")
    expect(guest.page.locator("#groups")).to_be_hidden()
    assert authenticator.secret not in guest.text_of_the_page()


@pytest.mark.parametrize(
    ("status", "text", "shown"), [(502, "<h1>Bad Gateway</h1>", "with status 502"), (500, "{}", "Not understood")]
)
def test_the_page_reports_a_response_that_does_not_come_from_the_service(
    guest: Visit, status: int, text: str, shown: str
) -> None:
    guest.page.route("**/session/totp", lambda route: route.fulfill(status=status, body=text))

    guest.page.get_by_role("button", name="Enrol TOTP").click()

    expect(guest.verdict).to_contain_text(shown)


def test_the_page_forgets_a_key_that_another_tab_has_replaced(guest: Visit) -> None:
    guest.enrol("TOTP")
    enrolled = int(time.time())
    other = guest.page.context.new_page()
    other.goto(f"{guest.base}/")
    other.get_by_role("button", name="Begin again").click()
    # The page recognizes an enrolment by the second in which it ends.
    wait_until(lambda: int(time.time()) > enrolled, "the next second")
    other.get_by_role("button", name="Enrol TOTP").click()
    expect(other.locator("#qr[src]")).to_be_visible()

    guest.page.get_by_role("radio", name="HOTP").check()
    guest.page.get_by_role("radio", name="TOTP").check()

    expect(guest.page.get_by_text("The key was shown when you enrolled.")).to_be_visible()
    expect(guest.page.locator("#groups")).to_be_hidden()


def test_the_page_reports_an_unreachable_service(browser: Browser) -> None:
    context = browser.new_context()
    with Service() as service:
        visit = Visit(context.new_page(), service.base)
        visit.open()
    visit.page.get_by_role("button", name="Enrol TOTP").click()

    expect(visit.verdict).to_contain_text("could not be reached")
    context.close()


def test_without_javascript_the_page_links_to_the_documentation(browser: Browser, service: Service) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{service.base}/")

    expect(page.get_by_text("This page needs JavaScript")).to_be_visible()
    expect(page.get_by_role("button")).to_have_count(0)
    page.get_by_role("link", name="the documentation").click()
    page.wait_for_url("**/docs")
    context.close()


def test_the_page_links_to_the_gate_if_there_is_one(browser: Browser, guest: Visit) -> None:
    expect(guest.page.get_by_role("link", name="log in at the gate")).to_have_count(0)
    context = browser.new_context()
    with Service(OPEN_MFA_GATE_SECRET="GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ") as service:
        visit = Visit(context.new_page(), service.base)
        visit.open()
        visit.page.get_by_role("link", name="log in at the gate").click()
        visit.page.wait_for_url("**/auth/login")
    context.close()
