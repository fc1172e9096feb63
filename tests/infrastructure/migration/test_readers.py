"""Readers of the files of other systems."""

import subprocess

import pytest

from application.ports.migration import ImportedAuthenticator, Refusal, UnreadableFile
from domain.parameters import HashAlgorithm, HotpParameters, TotpParameters
from infrastructure.migration.formats.aegis import LARGEST_FILE
from infrastructure.migration.lines import LONGEST_LINE
from infrastructure.migration.registry import READERS, FileSecrets
from tests.domain.reference import hotp_value
from tests.infrastructure.migration.files import (
    AEGIS,
    BASE32,
    CSV,
    FILES,
    GOOGLE,
    OTPAUTH,
    SECRET,
    SEED,
    YUBICO,
    google_entry,
    google_uri,
    only,
    reason,
    records,
)
from tests.support.command_line import require_oathtool

SHA1, SHA256, SHA512 = HashAlgorithm


def summary(record: object) -> tuple[object, ...]:
    assert isinstance(record, ImportedAuthenticator), record
    return record.account, record.parameters, record.counter


def refusals(name: str, text: str) -> list[str]:
    return [record.place for record in records(name, text) if isinstance(record, Refusal)]


class TestOathCsv:
    def test_every_line_is_read(self) -> None:
        assert [summary(record) for record in records("csv", CSV)] == [
            ("OATH0001", TotpParameters(SHA1, 6, 30), None),
            ("OATH0002", HotpParameters(SHA1, 8), 7),
            ("OATH0003", TotpParameters(SHA256, 8, 60), None),
            ("alice", TotpParameters(SHA512, 6, 30), None),
        ]

    def test_places_are_lines_of_the_file(self) -> None:
        assert [record.place for record in records("csv", CSV)] == ["line 1", "line 2", "line 5", "line 6"]

    def test_secret_and_serial_number_are_kept(self) -> None:
        record = only("csv", f"OATH0004,{SEED.upper()},totp,,,SHA512,alice")

        assert (record.secret, record.serial) == (SECRET, "OATH0004")

    @pytest.mark.parametrize("size", [16, 20, 32, 64])
    def test_the_length_of_the_seed_does_not_change_the_algorithm(self, size: int) -> None:
        assert only("csv", f"T1,{'ab' * size},totp,6,30").parameters.algorithm is SHA1

    def test_lines_of_version_2_begin_with_the_user(self) -> None:
        record = only("csv", f"# version: 2\nalice, ldap, realm, OATH1, {SEED}, totp, 6, 30")

        assert (record.account, record.serial) == ("alice", "OATH1")

    def test_a_line_of_names_changes_the_order_of_the_columns(self) -> None:
        record = only("csv", f"account,seed,serial,counter,type\ncarol,{SEED},T1,9,hotp\n")

        assert (record.account, record.serial, record.counter) == ("carol", "T1", 9)

    @pytest.mark.parametrize(("cell", "drift"), [("", 0), ("0", 0), ("3", 3), ("-20", -20)])
    def test_a_named_column_has_the_drift_of_a_clock(self, cell: str, drift: int) -> None:
        assert only("csv", f"serial,seed,type,drift\nT1,{SEED},totp,{cell}\n").drift == drift

    @pytest.mark.parametrize(
        ("cell", "expected"), [("21", "drift must be -20 to 20"), ("1.5", "whole number"), ("--1", "whole number")]
    )
    def test_a_bad_drift_is_refused_with_its_reason(self, cell: str, expected: str) -> None:
        assert expected in reason("csv", f"serial,seed,type,drift\nT1,{SEED},totp,{cell}\n")

    def test_the_drift_of_a_hotp_token_is_ignored(self) -> None:
        assert only("csv", f"serial,seed,type,counter,drift\nT1,{SEED},hotp,9,5\n").drift == 0

    def test_quoted_cells_are_read(self) -> None:
        assert only("csv", f'"T1","{SEED}","totp","6","30"').serial == "T1"

    def test_a_byte_order_mark_is_ignored(self) -> None:
        assert only("csv", f"\ufeffT1,{SEED},totp,6,30").serial == "T1"

    @pytest.mark.parametrize(
        ("line", "expected"),
        [
            (f"T1,{SEED},hotp,6", "next counter"),
            (f"T1,{SEED}", "next counter"),
            (f"T1,{BASE32},totp,6,30", "hexadecimal"),
            (f"T1,{SEED}a,totp,6,30", "even number"),
            ("T1,,totp,6,30", "no secret"),
            (f"T1,{SEED},totp,9,30", "digits must be 6 to 8"),
            (f"T1,{SEED},totp,six,30", "digits must be a whole number"),
            (f"T1,{SEED},totp,6,10", "interval must be 15 to 300"),
            (f"T1,{SEED},totp,6,30s", "whole number"),
            (f"T1,{SEED},hotp,6,{2**64}", "counter must be"),
            (f"T1,{SEED},hotp,6,-1", "whole number"),
            (f"T1,{SEED},totp,6,30,md5", "none of SHA1"),
            (f"T1,{SEED},ocra,OCRA-1:HOTP-SHA1-6:QN08", "neither TOTP nor HOTP"),
            (f"T1,{SEED},totp,6,30,sha1,alice,more", "more than 7 columns"),
            (f'"T1,{SEED},totp,6,30', "quotation marks"),
        ],
    )
    def test_a_bad_line_is_refused_with_its_reason(self, line: str, expected: str) -> None:
        assert expected in reason("csv", line)

    @pytest.mark.parametrize(
        "text",
        [
            f"# version: 3\nT1,{SEED},totp,6,30",
            f"serial,seed,colour\nT1,{SEED},red",
            f"serial,seed,key\nT1,{SEED},{SEED}",
        ],
    )
    def test_unknown_columns_refuse_the_file(self, text: str) -> None:
        with pytest.raises(UnreadableFile):
            records("csv", text)


class TestYubicoCsv:
    def test_oath_hotp_is_read_in_both_formats(self) -> None:
        read = [record for record in records("yubico", YUBICO) if isinstance(record, ImportedAuthenticator)]

        assert [summary(record) for record in read] == [
            ("cccccccccccc", HotpParameters(SHA1, 6), 0),
            ("cccccccccccd", HotpParameters(SHA1, 8), 16),
            ("508326", HotpParameters(SHA1, 6), 0),
        ]
        assert {record.secret for record in read} == {SECRET}

    def test_all_other_configurations_are_refused(self) -> None:
        assert refusals("yubico", YUBICO) == ["line 2", "line 5", "line 7", "line 8"]

    def test_a_refusal_names_the_kind_of_configuration(self) -> None:
        otp, static = (record for record in records("yubico", YUBICO) if record.place in {"line 7", "line 8"})

        assert isinstance(otp, Refusal)
        assert isinstance(static, Refusal)
        assert otp.reason.startswith("Yubico OTP is not supported")
        assert static.reason.startswith("static passwords")

    def test_oath_hotp_without_a_moving_factor_is_refused(self) -> None:
        assert "next counter" in reason("yubico", f"OATH-HOTP,now,1,cc,,{SEED},,,0,0,0,6,,0,0,0,0,0")


class TestOtpauth:
    def test_every_uri_is_read(self) -> None:
        assert [summary(record) for record in records("otpauth", OTPAUTH)] == [
            ("alice@example.com", TotpParameters(SHA256, 8, 60), None),
            ("bob", HotpParameters(SHA1, 6), 5),
        ]

    def test_the_prefix_of_the_label_is_the_issuer(self) -> None:
        record = only("otpauth", f"otpauth://totp/Big%20Corp%3A%20alice?secret={BASE32}")

        assert (record.account, record.label, record.issuer) == ("alice", "alice", "Big Corp")

    @pytest.mark.parametrize(
        ("uri", "expected"),
        [
            (f"otpauth://hotp/a?secret={BASE32}", "next counter"),
            ("otpauth://totp/a", "no secret"),
            (f"otpauth://totp/a?secret={SEED}", "base32"),
            (f"otpauth://totp/a?secret={BASE32}&secret={BASE32}", "twice"),
            (f"otpauth://totp/a?secret={BASE32}&algorithm=MD5", "none of SHA1"),
            (f"otpauth://totp/a?secret={BASE32}&digits=5", "digits must be 6 to 8"),
            (f"otpauth://totp/a?secret={BASE32}&digits=", "whole number"),
            (f"otpauth://totp/a?secret={BASE32}&period=1", "interval must be"),
            (f"otpauth://totp/a?secret={BASE32}&encoder=steam", "changes the codes"),
            (f"otpauth://motp/a?secret={BASE32}", "neither TOTP nor HOTP"),
            (f"# comment\nhttps://totp/a?secret={BASE32}", "not an otpauth URI"),
            (f"otpauth://[/a?secret={BASE32}", "not a well-formed URI"),
        ],
    )
    def test_a_bad_uri_is_refused_with_its_reason(self, uri: str, expected: str) -> None:
        assert expected in reason("otpauth", uri)


class TestGoogle:
    def test_every_entry_is_read(self) -> None:
        assert [summary(record) for record in records("google-migration", GOOGLE)] == [
            ("alice@example.com", TotpParameters(SHA1, 6, 30), None),
            ("alice@example.com", HotpParameters(SHA1, 8), 4),
            ("bob", TotpParameters(SHA512, 6, 30), None),
        ]

    def test_the_code_that_the_app_showed_last_is_spent(self) -> None:
        assert only("google-migration", google_uri(google_entry(type=1, counter=0))).counter == 1

    def test_qr_codes_may_come_in_any_order(self) -> None:
        first, second = GOOGLE.splitlines()

        assert len(records("google-migration", f"{second}\n{first}\n")) == 3
        assert refusals("google-migration", f"{second}\n{first}\n") == []

    def test_missing_qr_codes_are_reported(self) -> None:
        uris = google_uri(google_entry(), size=3, index=1) + google_uri(google_entry(), size=2, export=5)

        assert refusals("google-migration", uris) == ["QR code 1", "QR code 3", "QR code 2"]

    def test_base64_that_is_not_percent_encoded_is_read(self) -> None:
        uri = google_uri(google_entry(secret=b"\xef\xbe\xfb" * 6)).replace("%2B", "+").replace("%2F", "/")

        assert "+" in uri
        assert only("google-migration", uri).secret == b"\xef\xbe\xfb" * 6

    @pytest.mark.parametrize(
        ("entry", "expected"),
        [
            (google_entry(type=1), "next counter"),
            (google_entry(algorithm=4), "none of SHA1"),
            (google_entry(digits=9), "neither 6 nor 8"),
            (google_entry(type=3), "neither TOTP nor HOTP"),
            (google_entry(secret=None), "no secret"),
            (google_entry(name=b"\xff"), "not UTF-8"),
            (google_entry(secret=5), "not a text"),
            (google_entry(algorithm=b"x"), "not a number"),
            (google_entry()[:-1], "ends in the middle"),
        ],
    )
    def test_a_bad_entry_is_refused_with_its_reason(self, entry: bytes, expected: str) -> None:
        assert expected in reason("google-migration", google_uri(entry))

    @pytest.mark.parametrize(
        ("line", "expected"),
        [
            (google_uri(google_entry(), size=2, index=2), "out of range"),
            (google_uri(google_entry(), size=2**31), "out of range"),
            (google_uri(), "no authenticators"),
            ("otpauth-migration://offline?data=%%%", "not base64"),
            ("otpauth-migration://offline?date=CgA%3D", "with the parameter data"),
            ("otpauth-migration://offline?data=%80", "base64"),
            ("otpauth-migration://offline?data=Dw%3D%3D", "unknown kind"),
        ],
    )
    def test_a_bad_line_is_refused_with_its_reason(self, line: str, expected: str) -> None:
        assert expected in reason("google-migration", line)


class TestAegis:
    def test_every_entry_is_read_or_refused(self) -> None:
        first, second, third = records("aegis", AEGIS)

        assert summary(first) == ("Mason", TotpParameters(SHA1, 6, 30), None)
        assert summary(second) == ("Benjamin", HotpParameters(SHA256, 7), 51)
        assert isinstance(third, Refusal)
        assert "Steam" in third.reason

    def test_an_encrypted_vault_is_refused_as_such(self) -> None:
        slots = AEGIS.replace('"slots": null', '"slots": [{"type": 1}]')
        content = AEGIS.split('"db"')[0] + '"db": "c2VjcmV0"}'

        for text in (slots, content):
            with pytest.raises(UnreadableFile, match="encrypted"):
                records("aegis", text)

    @pytest.mark.parametrize(
        ("old", "new", "expected"),
        [
            ('"counter": 50', '"period": 30', "next counter"),
            ('"algo": "SHA256"', '"algo": "MD5"', "none of SHA1"),
            ('"digits": 7', '"digits": 12', "digits must be"),
            ('"digits": 7', '"digits": "7"', "not well-formed"),
            (f'{BASE32}", "algo": "SHA256"', f'{SEED}", "algo": "SHA256"', "base32"),
        ],
    )
    def test_a_bad_entry_is_refused_with_its_reason(self, old: str, new: str, expected: str) -> None:
        record = records("aegis", AEGIS.replace(old, new))[1]

        assert isinstance(record, Refusal)
        assert expected in record.reason

    @pytest.mark.parametrize(
        "text",
        ["", "{", "[]", "null", '{"version": 1}', AEGIS.replace('"version": 1', '"version": 2'), "[" * 100_000],
    )
    def test_another_document_is_refused(self, text: str) -> None:
        with pytest.raises(UnreadableFile):
            records("aegis", text)

    def test_a_file_that_is_too_large_is_refused(self) -> None:
        with pytest.raises(UnreadableFile, match="larger than 32 MiB"):
            records("aegis", b" " * (LARGEST_FILE + 1))


@pytest.mark.parametrize("name", [name for name in FILES if name != "aegis"])
class TestLines:
    def test_an_empty_file_is_refused(self, name: str) -> None:
        for text in ("", "\n\n  \n"):
            with pytest.raises(UnreadableFile, match="empty"):
                records(name, text)

    def test_a_file_of_another_format_is_refused_and_the_format_is_named(self, name: str) -> None:
        others = {"pskc": '<?xml version="1.0"?>', **FILES}
        for other in {"pskc", "otpauth", "google-migration", "aegis"} - {name}:
            with pytest.raises(UnreadableFile, match=f"looks like {other}$"):
                records(name, others[other])

    def test_a_line_that_is_too_long_is_refused_and_the_next_one_is_read(self, name: str) -> None:
        first, *rest = records(name, "x" * (3 * LONGEST_LINE) + "\n" + FILES[name])

        assert first == Refusal("line 1", f"the line is longer than {LONGEST_LINE:,} bytes")
        assert rest == [] or rest[0].place != "line 1"
        assert len(rest) == len(records(name, FILES[name]))

    def test_a_line_that_is_not_utf_8_is_refused(self, name: str) -> None:
        assert reason(name, b"# comment\n\xff\xfe\n") == "the line is not UTF-8"

    def test_utf_16_is_refused(self, name: str) -> None:
        with pytest.raises(UnreadableFile, match="UTF-8"):
            records(name, FILES[name].encode("utf-16"))

    def test_lines_may_end_with_carriage_returns_or_not_at_all(self, name: str) -> None:
        lines = FILES[name]

        assert records(name, lines.replace("\n", "\r\n")) == records(name, lines) == records(name, lines.rstrip("\n"))


@pytest.mark.parametrize("name", FILES)
def test_a_key_for_a_format_without_encryption_is_refused(name: str) -> None:
    for secrets in (FileSecrets(key=bytes(32)), FileSecrets(passphrase=b"x")):
        with pytest.raises(UnreadableFile, match="not encrypted"):
            READERS[name](secrets)


@pytest.mark.parametrize("name", FILES)
def test_codes_of_imported_secrets_are_those_of_oathtool(name: str) -> None:
    require_oathtool()
    now = 1_700_000_000
    read = [record for record in records(name, FILES[name]) if isinstance(record, ImportedAuthenticator)]
    assert read

    for record in read:
        parameters = record.parameters
        if isinstance(parameters, TotpParameters):
            factor = now // parameters.interval
            mode = [f"--totp={parameters.algorithm.value.lower()}", f"--time-step-size={parameters.interval}s"]
            mode += [f"--now=@{now}"]
        else:
            assert record.counter is not None
            factor = record.counter
            mode = ["--hotp", f"--counter={factor}"]
            if parameters.algorithm is not SHA1:
                # oathtool computes HOTP with SHA-1 only, but TOTP with the counter as time is the same.
                mode = [f"--totp={parameters.algorithm.value.lower()}", f"--now=@{factor * 30}"]
        command = ["oathtool", *mode, f"--digits={parameters.digits}", record.secret.hex()]
        expected = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
        digest = parameters.algorithm.value.lower()

        assert hotp_value(record.secret, factor, parameters.digits, digest) == expected
