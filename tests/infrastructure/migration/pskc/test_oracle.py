"""Our reader and writer compared with python-pskc, and codes compared with oathtool's."""

import io
import subprocess
from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from pskc import PSKC

from application.ports.migration import ImportedAuthenticator
from domain.credential import Lifecycle, Status
from domain.hotp import HotpCredential
from domain.owner import CredentialId, Factor, Owner
from domain.parameters import HashAlgorithm, HotpParameters, TotpParameters
from domain.secret import SharedSecret
from domain.stored_state import AnySecretCredential
from domain.totp import NO_STEP, TotpCredential
from infrastructure.crypto.hotp import PyotpHotp
from infrastructure.migration.formats.pskc import PskcReader, PskcWriter
from tests.domain.strategies import hotp_credentials, recovery_codes, tombstones, totp_credentials
from tests.infrastructure.migration.pskc.oracle import reread, written
from tests.support.command_line import require_oathtool
from tests.support.fakes import NOON, FakeClock

KEY = bytes(range(32))
TEXT = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x2FF, exclude_categories=("Cc", "Zs")), min_size=1)
KINDS = st.sampled_from(["hotp", "totp"])
CREDENTIALS = hotp_credentials() | totp_credentials()


@st.composite
def keys(draw: st.DrawFn) -> dict[str, Any]:
    """Draw the fields of a key as python-pskc names them."""
    kind = draw(KINDS)
    fields: dict[str, Any] = {
        "id": "1",
        "serial": draw(TEXT),
        "algorithm": f"urn:ietf:params:xml:ns:keyprov:pskc:{kind}",
        "algorithm_suite": draw(st.sampled_from([None, "HMAC-SHA1", "HMAC-SHA256", "HMAC-SHA512"])),
        "response_length": draw(st.integers(6, 8)),
        "response_encoding": "DECIMAL",
        "secret": draw(st.binary(min_size=16, max_size=128)),
        "key_userid": draw(st.none() | TEXT),
    }
    if kind == "hotp":
        return fields | {"counter": draw(st.integers(0, 2**63 - 1))}
    return fields | {
        "time_interval": draw(st.none() | st.integers(15, 300)),
        "time_drift": draw(st.none() | st.integers(-20, 20)),
    }


def parameters_of(fields: dict[str, Any]) -> HotpParameters | TotpParameters:
    suite = fields["algorithm_suite"]
    algorithm = HashAlgorithm.SHA1 if suite is None else HashAlgorithm(suite.removeprefix("HMAC-"))
    if "counter" in fields:
        return HotpParameters(algorithm, fields["response_length"])
    return TotpParameters(algorithm, fields["response_length"], fields["time_interval"] or 30)


@settings(max_examples=50)
@given(st.lists(keys(), min_size=1, max_size=5), st.sampled_from([None, "aes128-cbc", "aes256-cbc"]))
def test_the_reader_reads_everything_that_python_pskc_writes(them: list[dict[str, Any]], cipher: str | None) -> None:
    pskc = PSKC()
    key = None if cipher is None else KEY[: int(cipher[3:6]) // 8]
    if cipher is not None:
        pskc.encryption.setup_preshared_key(key=key, algorithm=cipher)
    for fields in them:
        pskc.add_key(**fields)

    found = list(PskcReader(key, clock=FakeClock()).read(io.BytesIO(written(pskc))))

    assert found == [
        ImportedAuthenticator(
            place=f"key package {number}",
            parameters=parameters_of(fields),
            secret=fields["secret"],
            account=fields["key_userid"] or fields["serial"],
            serial=fields["serial"],
            counter=fields.get("counter"),
            drift=fields.get("time_drift") or 0,
        )
        for number, fields in enumerate(them, 1)
    ]


def exported(states: list[Any], key: bytes | None) -> bytes:
    stream = io.BytesIO()
    expected = sum(isinstance(state, AnySecretCredential) and state.status is Status.CONFIRMED for state in states)
    assert PskcWriter(key).write(iter(states), stream) == expected
    return stream.getvalue()


def of_account(credential: AnySecretCredential, number: int) -> AnySecretCredential:
    """Return a confirmed credential of an account, whose counter an import accepts."""
    own = CredentialId(Owner.of_account("shop", f"a{number}"), credential.id.factor)
    lifecycle = Lifecycle(created_at=NOON, expires_at=None, confirmed_at=NOON)
    bounded = {"counter": min(credential.counter, 2**63 - 1)} if isinstance(credential, HotpCredential) else {}
    return replace(credential, id=own, lifecycle=lifecycle, replacement=None, **bounded)  # type: ignore[arg-type] # bounded


@settings(max_examples=50)
@given(st.lists(CREDENTIALS, max_size=4), st.sampled_from([None, KEY]))
def test_an_export_is_read_back_by_this_service_and_by_python_pskc(
    drawn: list[AnySecretCredential], key: bytes | None
) -> None:
    credentials = [of_account(credential, number) for number, credential in enumerate(drawn)]
    data = exported(credentials, key)

    ours = list(PskcReader(key, clock=FakeClock()).read(io.BytesIO(data)))
    theirs = reread(data, key).keys

    assert len(ours) == len(theirs) == len(credentials)
    for credential, our, their in zip(credentials, ours, theirs, strict=True):
        assert isinstance(our, ImportedAuthenticator)
        assert our.secret == their.secret == credential.secret.key
        assert our.account == their.userid == credential.id.owner.account
        assert their.algorithm_suite == f"HMAC-{credential.parameters.algorithm.value}"
        assert (our.parameters.algorithm, our.parameters.digits) == (
            credential.parameters.algorithm,
            credential.parameters.digits,
        )
        assert their.response_length == credential.digits
        assert their.check()
        if isinstance(credential, HotpCredential):
            assert our.counter == their.counter == credential.counter
        else:
            assert isinstance(our.parameters, TotpParameters)
            assert our.parameters.interval == their.time_interval == credential.parameters.interval
            assert our.drift == (their.time_drift or 0) == credential.drift
            assert their.time_offset == (None if credential.last_step == NO_STEP else credential.last_step)


@settings(max_examples=30)
@given(st.lists(CREDENTIALS | recovery_codes() | tombstones(), max_size=3))
def test_other_states_are_skipped(states: list[Any]) -> None:
    pending = [
        replace(state, lifecycle=Lifecycle(created_at=0, expires_at=None))
        for state in states
        if isinstance(state, AnySecretCredential)
    ]
    others = [state for state in states if not isinstance(state, AnySecretCredential)]

    assert list(PskcReader(KEY, clock=FakeClock()).read(io.BytesIO(exported([*pending, *others], KEY)))) == []


@settings(max_examples=20)
@given(CREDENTIALS)
def test_an_encrypted_export_does_not_contain_the_secret(drawn: AnySecretCredential) -> None:
    data = exported([of_account(drawn, 1)], KEY)
    plain = exported([of_account(drawn, 1)], None)
    secret = plain.split(b"<Secret><PlainValue>")[1].split(b"<")[0]

    assert secret not in data
    assert exported([of_account(drawn, 1)], KEY) != data  # new initialization vectors and a new MAC key


def test_texts_that_xml_can_not_express_do_not_break_the_file() -> None:
    credential = TotpCredential(
        id=CredentialId(Owner.of_account("shop", "a"), Factor.TOTP),
        lifecycle=Lifecycle(created_at=NOON, expires_at=None, confirmed_at=NOON),
        secret=SharedSecret(bytes(16)),
        parameters=TotpParameters(),
        issuer="<A & B>\ufffe\x01]]>",
    )
    (record,) = PskcReader(KEY, clock=FakeClock()).read(io.BytesIO(exported([credential], KEY)))

    assert isinstance(record, ImportedAuthenticator)
    assert record.issuer == "<A & B>\ufffd\ufffd]]>"


@settings(max_examples=10)
@given(keys().filter(lambda fields: "counter" not in fields or fields["algorithm_suite"] in {None, "HMAC-SHA1"}))
def test_an_imported_secret_has_the_codes_that_oathtool_computes(fields: dict[str, Any]) -> None:
    require_oathtool()
    pskc = PSKC()
    pskc.encryption.setup_preshared_key(key=KEY, algorithm="aes256-cbc")
    pskc.add_key(**fields)
    (record,) = PskcReader(KEY, clock=FakeClock()).read(io.BytesIO(written(pskc)))
    assert isinstance(record, ImportedAuthenticator)

    if isinstance(record.parameters, TotpParameters):
        digest = (fields["algorithm_suite"] or "HMAC-SHA1").removeprefix("HMAC-").lower()
        options = [f"--totp={digest}", f"-s{fields['time_interval'] or 30}s", f"-N@{NOON}"]
        factor = NOON // record.parameters.interval
    else:
        options = ["--hotp", f"-c{fields['counter']}"]
        factor = record.counter or 0
    command = ["oathtool", *options, f"-d{fields['response_length']}", "-"]
    theirs = subprocess.run(command, input=fields["secret"].hex(), capture_output=True, text=True, check=True)
    secret, parameters = SharedSecret(record.secret), record.parameters

    assert PyotpHotp().codes(secret, parameters.algorithm, parameters.digits, [factor]) == [theirs.stdout.strip()]
