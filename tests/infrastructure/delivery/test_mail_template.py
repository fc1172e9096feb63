"""The text of the mail, and the requirements of a translation."""

from pathlib import Path

import pytest

from infrastructure.delivery.mail_template import Template

GOOD = "Subject: Code for $issuer\n\nHere it is:\n\n$code\n\n$minutes min\n"


def test_the_placeholders_of_a_file_are_replaced(tmp_path: Path) -> None:
    path = tmp_path / "kode.txt"
    path.write_text("Subject: $issuer の確認コード\n\n  ${code}\n\n${minutes} 分, $$5", "utf-8")

    assert Template.load(path).render("492039", "例え", 5) == ("例え の確認コード", "  492039\n\n5 分, $5")


def test_line_ends_and_byte_order_mark_of_windows_are_accepted(tmp_path: Path) -> None:
    path = tmp_path / "code.txt"
    path.write_bytes(b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode())

    assert Template.load(str(path)).render("1", "I", 5) == Template.parse(GOOD).render("1", "I", 5)


def test_a_placeholder_in_a_value_is_not_replaced() -> None:
    assert Template.parse(GOOD).render("492039", "$code", 5).subject == "Code for $code"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "first line"),
        ("Hello\n\n$code\n", "first line"),
        ("Subject:\n\n$code\n", "first line"),
        ("Subject: Code\n$code\n", "second line"),
        ("Subject: Code\n\nNothing\n", r"\$code"),
        ("Subject: Code\n\nIt is $code.\n", r"\$code"),
        ("Subject: Code\n\n$$code\n", r"\$code"),
        ("Subject: $code\n\n$code\n", r"the subject .* \$issuer, \$minutes$"),
        ("Subject: Code\n\n$code\n$name\n", r"the text .* \$code, \$issuer, \$minutes"),
        ("Subject: Code\n\n$code\n5 $\n", r"every \$ in the text"),
        ("Subject: Co\u2028de\n\n$code\n", "the subject"),
        ("Subject: Co\x00de\n\n$code\n", "the subject"),
        ("Subject: Code\n\n$code\n\x1b[2J", "the text"),
    ],
)
def test_an_unusable_text_is_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        Template.parse(text)


def test_an_unreadable_file_is_refused_without_its_path(tmp_path: Path) -> None:
    for path in (tmp_path / "hunter2", tmp_path, f"{tmp_path}/\0hunter2"):
        with pytest.raises(ValueError, match=r"^the file ") as caught:
            Template.load(path)
        assert "hunter2" not in str(caught.value)
        assert str(tmp_path) not in str(caught.value)


def test_a_file_that_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "code.txt"
    path.write_bytes(GOOD.encode("utf-16"))

    with pytest.raises(ValueError, match="UTF-8"):
        Template.load(path)
