"""Reading the credentials of an owner."""

import pytest

from application.errors import StoreUnavailable
from application.ports.qr_code import QrFormat
from application.provisioning import Provisioning
from application.reading import QrRequest, ShowQrCode
from domain.credential import Credential
from domain.errors import AlreadyConfirmed, NotEnrolled
from domain.owner import CredentialId, Factor
from tests.application.rig import HOTP, OTP, TOTP, Rig
from tests.domain.examples import ALICE, BOB, STEP
from tests.domain.reference import hotp_value
from tests.support.policies import DEFAULT_POLICIES

PROVISIONING = Provisioning(DEFAULT_POLICIES)


class WritingRenderer:
    """Returns the text instead of a picture."""

    def render(self, text: str, picture: QrFormat) -> bytes:
        return f"{picture.name} of {text}".encode()


def show_qr(rig: Rig, credential_id: CredentialId, picture: QrFormat = QrFormat.SVG) -> bytes:
    return ShowQrCode(rig.describe, rig.clock, PROVISIONING, WritingRenderer()).execute(
        QrRequest(credential_id, picture)
    )


def test_a_credential_is_described_as_it_is_stored() -> None:
    rig = Rig()
    rig.enrolled_totp()

    assert rig.describe.execute(TOTP) == rig.repository.state(TOTP)


@pytest.mark.parametrize("credential_id", [OTP, HOTP, TOTP])
def test_an_unknown_credential_cannot_be_described(credential_id: CredentialId) -> None:
    with pytest.raises(NotEnrolled):
        Rig().describe.execute(credential_id)


def test_a_tombstone_is_not_described() -> None:
    rig = Rig()
    rig.enrolled_totp()
    rig.submit(TOTP, "000000")
    rig.remove.execute(TOTP)

    with pytest.raises(NotEnrolled):
        rig.describe.execute(TOTP)


def test_an_expired_credential_is_not_described() -> None:
    rig = Rig()
    rig.enrolled_totp(lifetime=60)
    rig.clock.advance(60)

    with pytest.raises(NotEnrolled):
        rig.describe.execute(TOTP)


def test_a_store_that_fails_describes_nothing() -> None:
    rig = Rig()
    rig.repository.down_for_loads = True

    with pytest.raises(StoreUnavailable):
        rig.describe.execute(TOTP)


def factors(found: list[Credential]) -> list[Factor]:
    return [credential.id.factor for credential in found]


def test_all_credentials_are_described_in_the_order_of_the_factors() -> None:
    rig = Rig()
    rig.enrolled_totp()
    rig.enrolled_hotp()
    rig.issued()

    assert factors(rig.describe_all.execute(ALICE)) == [Factor.OTP, Factor.HOTP, Factor.TOTP]


def test_only_unexpired_credentials_are_described() -> None:
    rig = Rig()
    rig.enrolled_totp(lifetime=60)
    rig.enrolled_hotp(lifetime=61)
    rig.issued()
    rig.submit(OTP, "000000")
    rig.remove.execute(OTP)
    rig.clock.advance(60)

    assert factors(rig.describe_all.execute(ALICE)) == [Factor.HOTP]


def test_others_credentials_are_not_described() -> None:
    rig = Rig()
    rig.enrolled_totp()

    assert rig.describe_all.execute(BOB) == []


def test_reading_writes_and_announces_nothing() -> None:
    rig = Rig()
    rig.enrolled_totp()
    before = rig.repository.committed, list(rig.events.all)

    rig.describe.execute(TOTP)
    rig.describe_all.execute(ALICE)
    show_qr(rig, TOTP)

    assert (rig.repository.committed, rig.events.all) == before


@pytest.mark.parametrize("picture", list(QrFormat))
def test_the_qr_code_of_a_pending_credential_is_that_of_its_uri(picture: QrFormat) -> None:
    rig = Rig()
    rig.enrolled_hotp()

    uri = PROVISIONING.uri(rig.describe.execute(HOTP))

    assert show_qr(rig, HOTP, picture) == f"{picture.name} of {uri}".encode()


def test_the_qr_code_is_not_shown_after_the_first_accepted_code() -> None:
    rig = Rig()
    rig.submit(TOTP, hotp_value(rig.enrolled_totp(), STEP))

    with pytest.raises(AlreadyConfirmed):
        show_qr(rig, TOTP)


def test_the_qr_code_is_still_shown_after_a_wrong_code() -> None:
    rig = Rig()
    rig.enrolled_totp()
    rig.submit(TOTP, "000000")

    assert show_qr(rig, TOTP).startswith(b"SVG of otpauth://totp/")


def test_one_time_codes_have_no_qr_code() -> None:
    rig = Rig()
    rig.issued()

    with pytest.raises(NotEnrolled):
        show_qr(rig, OTP)
