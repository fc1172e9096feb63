"""The test vectors of docs/explanation/audit-trail.md, computed with the service's own code.

`python -m tests.infrastructure.audit.vectors` prints them. A test compares the page with them.
"""

import base64
import sys
from collections.abc import Iterator
from typing import Final

from infrastructure.observability.audit_chain import construction

AUDIT_KEY: Final = bytes(range(32))
SECRET: Final = bytes(range(32, 64))
PRIVATE_KEY: Final = bytes(range(64, 96))
PLAIN: Final = "000102030405060708090a0b0c0d0e0f"
SEALED: Final = "101112131415161718191a1b1c1d1e1f"
# Sealing draws a new key pair each time. This is one result.
SEALED_SECRET: Final = (
    "7lFvACgrM55UOt9rniQG5U3c5os2hyOaqfZPp+JBUnAHbfs2Xtjjqn761ssll2vF8MHW+dYTJnG4REHKiTpLVds6bMCvbsEtjV2Th7JdPX4="
)
_ACCOUNT: Final = '"tenant":"shop","account":"alice","factor":"totp","authenticator":"totp"'


def audit_line(seconds: str, level: str, message: str, members: str) -> str:
    """Return the start of a line of the audit trail, up to its own members."""
    return (
        f'{{"time":"2026-11-28T03:40:{seconds}Z","level":"{level}","logger":"open_mfa.audit","message":"{message}"'
        + (f",{members}" if members else "")
    )


def lines_of(chain: str, key: bytes, starts: list[str]) -> tuple[list[str], list[bytes]]:
    """Return the lines of a chain, and the keys up to the one after the last line."""
    keys, lines = [key], []
    for seq, text in enumerate(starts):
        start = f'{text},"chain":"{chain}","seq":{seq}'
        lines.append(f'{start},"mac":"{construction.line_mac(keys[-1], start.encode())}"}}')
        keys.append(construction.next_key(keys[-1]))
    return lines, keys


def anchor(text: str, key: bytes) -> str:
    """Return an anchor."""
    return f'{text},"mac":"{construction.anchor_mac(key, text.encode())}"}}'


def plain_chain() -> tuple[list[str], list[bytes], str]:
    """Return the lines, the keys and the anchor of a chain that is not sealed and that ended regularly."""
    key_id = construction.key_id(AUDIT_KEY)
    starts = [
        audit_line(
            "00.000",
            "INFO",
            construction.STARTED,
            f'"chain_format":1,"key":"{key_id}","source":"command@a.example","heads":null',
        ),
        audit_line("01.250", "INFO", "judged", f'{_ACCOUNT},"purpose":"challenge","outcome":"accepted"'),
        audit_line("30.000", "INFO", construction.ENDED, ""),
    ]
    lines, keys = lines_of(PLAIN, construction.first_key(AUDIT_KEY, PLAIN, b""), starts)
    text = (
        f'{{"anchor":1,"chain":"{PLAIN}","seq":2,"started":"2026-11-28T03:40:00.000Z","last":"2026-11-28T03:40:30.000Z"'
        f',"time":"2026-11-28T03:40:30.010Z","source":"command@a.example","key":"{key_id}","sealed":null'
    )
    return lines, keys, anchor(text, keys[3])


def sealed_chain() -> tuple[list[str], list[bytes], str]:
    """Return the lines, the keys and the anchor of a sealed chain that lists the head of the other one."""
    key_id = construction.key_id(AUDIT_KEY)
    check = construction.key_check(plain_chain()[1][3])
    members = (
        f'"chain_format":1,"key":"{key_id}","sealed":"{SEALED_SECRET}","source":"serve@b.example"'
        f',"heads":{{"{PLAIN}":[2,"{check}","2026-11-28T03:40:30.000Z"]}}'
    )
    starts = [
        audit_line("45.000", "INFO", construction.STARTED, members),
        audit_line("46.500", "WARNING", "locked", f'{_ACCOUNT},"locked_until":"2026-11-28T03:41:16Z"'),
    ]
    lines, keys = lines_of(SEALED, construction.first_key(AUDIT_KEY, SEALED, SECRET), starts)
    text = (
        f'{{"anchor":1,"chain":"{SEALED}","seq":1,"started":"2026-11-28T03:40:45.000Z","last":"2026-11-28T03:40:46.500Z"'
        f',"time":"2026-11-28T03:41:00.000Z","source":"serve@b.example","key":"{key_id}","sealed":"{SEALED_SECRET}"'
    )
    return lines, keys, anchor(text, keys[2])


def vectors() -> Iterator[tuple[str, str]]:
    """Yield each vector as its name and its value."""
    yield "audit key", base64.b64encode(AUDIT_KEY).decode()
    yield "audit key, hex", AUDIT_KEY.hex()
    yield "key id", construction.key_id(AUDIT_KEY)
    for name, (lines, keys, text) in {"A": plain_chain(), "B": sealed_chain()}.items():
        if name == "B":
            yield "auditor's private key", base64.b64encode(PRIVATE_KEY).decode()
            yield "auditor's public key", base64.b64encode(construction.public_key(PRIVATE_KEY)).decode()
            yield "S of chain B, hex", SECRET.hex()
        yield from ((f"k_{seq} of chain {name}, hex", key.hex()) for seq, key in enumerate(keys))
        yield from ((f"line {seq} of chain {name}", line) for seq, line in enumerate(lines))
        yield f"anchor of chain {name}", text
        yield f"check of the head of chain {name}", construction.key_check(keys[-1])


def as_text() -> str:
    """Return the vectors in the form of the page."""
    return "\n\n".join(f"{name}:\n{value}" for name, value in vectors())


if __name__ == "__main__":
    sys.stdout.write(as_text())
