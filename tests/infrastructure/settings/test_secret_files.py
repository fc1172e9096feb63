"""A secret can be in a file that NAME_FILE names. An unusable file is an error that repeats no content."""

import os
import re
from base64 import b64encode
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from infrastructure.regular_file import LARGEST_FILE
from infrastructure.settings import FILE_VARIABLES, VARIABLES, SettingsError, load
from tests.infrastructure.settings.variables import DEVELOPMENT, KEY, REQUIRED, SHOP, loaded, problems
from tests.presentation.api import RFC_SECRET

SECRETS = {
    **REQUIRED,
    "OPEN_MFA_REDIS_URL": "redis://:hunter2hunter2@localhost",
    "OPEN_MFA_DERIVATION_SECRET": "d" * 32,
    "OPEN_MFA_API_KEYS": f"shop:{SHOP}",
    "OPEN_MFA_ADMIN_PASSWORD": "correct horse",
    "OPEN_MFA_GATE_SECRET": RFC_SECRET,
    "OPEN_MFA_SMTP_URL": "smtps://user:hunter2@mail.example",
    "OPEN_MFA_WEBHOOK_URL": "https://hooks.example/hunter2",
    "OPEN_MFA_WEBHOOK_SECRET": "w" * 32,
}
OTHERS = {"OPEN_MFA_ADMIN_USER": "admin", "OPEN_MFA_MAIL_FROM": "mfa@example.com"}
CONTENT = "hunter2-is-the-content"


def in_file(path: Path, content: bytes) -> str:
    path.write_bytes(content)
    return str(path)


def told(name: str, path: str) -> str:
    """Return the only problem of a variable that names a file. All other variables are valid."""
    others = {each: text for each, text in REQUIRED.items() if each != name}
    found = problems({**others, FILE_VARIABLES[name]: path})
    assert [*found] == [FILE_VARIABLES[name]]
    (problem,) = found[FILE_VARIABLES[name]]
    return problem


def test_every_secret_and_nothing_else_has_a_variable_for_a_file() -> None:
    assert {name: f"{name}_FILE" for name, variable in VARIABLES.items() if variable.secret} == FILE_VARIABLES
    assert VARIABLES.keys().isdisjoint(FILE_VARIABLES.values())


@pytest.mark.parametrize("end", ["", "\n", "\r\n"], ids=["nothing", "LF", "CRLF"])
def test_secrets_in_files_make_the_same_settings_as_variables(end: str, tmp_path: Path) -> None:
    files = {FILE_VARIABLES[name]: in_file(tmp_path / name, f"{text}{end}".encode()) for name, text in SECRETS.items()}

    assert load({**OTHERS, **files}) == load({**OTHERS, **SECRETS})


def test_the_gate_can_have_its_text_in_a_file(tmp_path: Path) -> None:
    gate = loaded(OPEN_MFA_GATE_SECRET_TEXT_FILE=in_file(tmp_path / "text", b"0123456789abcdef\n")).gate

    assert gate == loaded(OPEN_MFA_GATE_SECRET_TEXT="0123456789abcdef").gate


@given(st.text(st.characters(exclude_characters="\0\n\r", exclude_categories=["Cs"]), min_size=1), st.integers(0, 3))
@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_only_the_last_line_break_is_removed(tmp_path: Path, text: str, breaks: int) -> None:
    path = in_file(tmp_path / "key", (f" {text} " + "\n" * breaks).encode())
    others = {"OPEN_MFA_ENCRYPTION_KEYS": REQUIRED["OPEN_MFA_ENCRYPTION_KEYS"]}

    key = load({**others, "OPEN_MFA_SECRET_KEY_FILE": path}).keys.secret_key

    assert key == f" {text} " + "\n" * max(breaks - 1, 0)


@pytest.mark.parametrize("name", FILE_VARIABLES)
def test_a_secret_in_a_variable_and_a_file_is_an_error_that_names_both(name: str, tmp_path: Path) -> None:
    both = {name: SECRETS.get(name, CONTENT), FILE_VARIABLES[name]: in_file(tmp_path / "secret", CONTENT.encode())}

    with pytest.raises(SettingsError) as raised:
        load({**REQUIRED, **both})

    assert re.search(rf"^  {name}_FILE: Must not be set together with {name}: ", str(raised.value), re.MULTILINE)
    assert CONTENT not in str(raised.value)
    assert both[name] not in str(raised.value)


def test_an_empty_variable_is_not_set_together_with_a_file(tmp_path: Path) -> None:
    path = in_file(tmp_path / "key", b"from the file")

    assert loaded(OPEN_MFA_SECRET_KEY="", OPEN_MFA_SECRET_KEY_FILE=path).keys.secret_key == "from the file"
    assert loaded(OPEN_MFA_SECRET_KEY_FILE="") == loaded()


@pytest.mark.parametrize("content", [b"", b"\n", b"\r\n"])
def test_an_empty_file_is_an_error(content: bytes, tmp_path: Path) -> None:
    path = in_file(tmp_path / "empty", content)

    assert told("OPEN_MFA_SECRET_KEY", path) == f"The file {path} is empty."


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    path = str(tmp_path / "missing")

    assert told("OPEN_MFA_ENCRYPTION_KEYS", path) == f"The file {path} cannot be read: {os.strerror(2)}."


def test_a_file_of_another_user_is_an_error(tmp_path: Path) -> None:
    path = in_file(tmp_path / "closed", CONTENT.encode())
    Path(path).chmod(0)
    tmp_path.chmod(0o755)
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:  # as an unprivileged user, if the tests run as root
        try:
            if os.getuid() == 0:
                os.setuid(65534)
            os.write(write_end, told("OPEN_MFA_SECRET_KEY", path).encode())
        finally:
            os._exit(0)
    os.close(write_end)
    with os.fdopen(read_end, "rb") as pipe:
        problem = pipe.read().decode()
    os.waitpid(child, 0)

    assert problem == f"The file {path} cannot be read: {os.strerror(13)}."


def test_a_directory_is_an_error(tmp_path: Path) -> None:
    assert told("OPEN_MFA_SECRET_KEY", str(tmp_path)) == f"The file {tmp_path} cannot be read: {os.strerror(21)}."


def test_a_named_pipe_and_a_device_are_errors_and_do_not_block(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)

    assert told("OPEN_MFA_SECRET_KEY", str(pipe)) == f"The file {pipe} is not a regular file."
    assert told("OPEN_MFA_SECRET_KEY", "/dev/zero") == "The file /dev/zero is not a regular file."


@pytest.mark.parametrize("path", ["/run/\0", "/run/\ud800"])
def test_a_text_that_is_no_path_is_an_error(path: str) -> None:
    assert told("OPEN_MFA_SECRET_KEY", path).endswith("is not a path.")


def test_a_file_has_a_largest_size(tmp_path: Path) -> None:
    path = in_file(tmp_path / "key", b"k" * LARGEST_FILE)
    others = {"OPEN_MFA_ENCRYPTION_KEYS": REQUIRED["OPEN_MFA_ENCRYPTION_KEYS"]}

    assert len(load({**others, "OPEN_MFA_SECRET_KEY_FILE": path}).keys.secret_key) == LARGEST_FILE
    in_file(tmp_path / "key", b"k" * (LARGEST_FILE + 1))
    assert told("OPEN_MFA_SECRET_KEY", path) == f"The file {path} is larger than 1048576 bytes."


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (CONTENT.encode() + b"\xff", "is not text in UTF-8"),
        (CONTENT.encode("utf-16"), "is not text in UTF-8"),
        (CONTENT.encode() + b"\0", "contains a NUL character, which no setting may contain"),
    ],
)
def test_a_file_that_is_no_text_is_an_error(content: bytes, reason: str, tmp_path: Path) -> None:
    path = in_file(tmp_path / "key", content)

    assert told("OPEN_MFA_SECRET_KEY", path) == f"The file {path} {reason}."


@pytest.mark.parametrize("name", FILE_VARIABLES)
def test_no_problem_repeats_the_content(name: str, tmp_path: Path) -> None:
    path = in_file(tmp_path / "secret", f"{CONTENT}\udcff".encode(errors="surrogateescape"))
    others = {**OTHERS, **SECRETS}
    del others[name if name in others else "OPEN_MFA_GATE_SECRET"]

    with pytest.raises(SettingsError) as raised:
        load({**others, FILE_VARIABLES[name]: path})

    assert [*raised.value.problems] == [FILE_VARIABLES[name]]
    assert path in str(raised.value)
    assert "hunter2" not in str(raised.value)


@pytest.mark.parametrize("name", ["OPEN_MFA_ENCRYPTION_KEYS", "OPEN_MFA_REDIS_URL", "OPEN_MFA_GATE_SECRET"])
def test_an_invalid_secret_is_a_problem_of_the_variable_that_names_the_file(name: str, tmp_path: Path) -> None:
    path = in_file(tmp_path / "secret", CONTENT.encode())

    assert CONTENT not in told(name, path)


@pytest.mark.parametrize(
    "path",
    [
        *("correct horse battery staple", "a-secret-instead-of-a-path", "~/secret"),
        b64encode(b"\xff" * 32).decode(),
        b64encode(b"\xfc" * 32).decode() + "\n",
    ],
)
def test_a_problem_does_not_repeat_a_path_that_may_be_the_secret_itself(path: str) -> None:
    assert path not in told("OPEN_MFA_SECRET_KEY", path)


def test_a_relative_path_belongs_to_the_working_directory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    in_file(Path("key"), b"from the file")

    assert loaded(OPEN_MFA_SECRET_KEY="", OPEN_MFA_SECRET_KEY_FILE="key").keys.secret_key == "from the file"


def test_files_and_other_settings_are_reported_in_one_error(tmp_path: Path) -> None:
    wrong = {
        "OPEN_MFA_SECRET_KEY_FILE": str(tmp_path / "missing"),
        "OPEN_MFA_API_KEYS_FILE": str(tmp_path / "missing"),
        "OPEN_MFA_GATE_TENANT": "shop",
        "OPEN_MFA_REDIS_URL_FILE": str(tmp_path / "missing"),
        "OPEN_MFA_REDIS_WAIT": "1",
        "PORT": "http",
    }

    assert problems(wrong).keys() == {
        *("OPEN_MFA_SECRET_KEY_FILE", "OPEN_MFA_API_KEYS_FILE", "OPEN_MFA_REDIS_URL_FILE"),
        *("OPEN_MFA_ENCRYPTION_KEYS", "PORT"),
    }


def test_a_file_satisfies_a_group_and_the_error_names_what_the_group_lacks(tmp_path: Path) -> None:
    path = in_file(tmp_path / "password", b"correct horse")

    assert [*problems({**REQUIRED, "OPEN_MFA_ADMIN_PASSWORD_FILE": path})] == ["OPEN_MFA_ADMIN_USER"]


def test_development_generates_no_secret_that_a_file_contains(tmp_path: Path) -> None:
    path = in_file(tmp_path / "keys", f"k1:{KEY}\n".encode())
    text = in_file(tmp_path / "text", b"0123456789abcdef\n")
    settings = load(
        {**DEVELOPMENT, "OPEN_MFA_ENCRYPTION_KEYS_FILE": path, "OPEN_MFA_GATE_SECRET_TEXT_FILE": text},
        tmp_path / "no file",
    )

    assert settings.generated == {"OPEN_MFA_SECRET_KEY", "OPEN_MFA_API_KEYS"}


def test_a_file_of_development_mode_can_name_the_file_of_a_secret(tmp_path: Path) -> None:
    path = in_file(tmp_path / "key", b"from the file")
    (tmp_path / ".env").write_text(f"OPEN_MFA_SECRET_KEY_FILE={path}\n")

    assert load(DEVELOPMENT, tmp_path / ".env").keys.secret_key == "from the file"


def test_a_notice_knows_the_variables_of_files(tmp_path: Path) -> None:
    path = in_file(tmp_path / "url", b"redis://localhost")
    notices = "".join(loaded(OPEN_MFA_REDIS_URL_FILE=path, OPEN_MFA_SECRETS_KEY_FILE="x").notices)

    assert "OPEN_MFA_REDIS_URL_FILE" not in notices
    assert "did you mean OPEN_MFA_SECRET_KEY_FILE?" in notices


def test_reading_files_changes_neither_the_process_nor_the_argument(tmp_path: Path) -> None:
    environ = {"OPEN_MFA_SECRET_KEY_FILE": in_file(tmp_path / "key", CONTENT.encode())}
    process, argument = dict(os.environ), dict(environ)
    loaded(OPEN_MFA_SECRET_KEY="", **environ)

    assert (dict(os.environ), environ) == (process, argument)


def test_a_setting_that_is_no_secret_is_not_read_from_a_file(tmp_path: Path) -> None:
    settings = loaded(OPEN_MFA_ISSUER_FILE=in_file(tmp_path / "issuer", b"Shop"))

    assert settings.enrolment.issuer == "Open-MFA"
    assert any("OPEN_MFA_ISSUER_FILE is not a setting" in notice for notice in settings.notices)
