"""A runner of Hurl files, for machines without the program `hurl`.

It understands the part of the format that `examples/hurl` uses, and raises `ValueError` for everything else:

- entries of a method, a URL, header lines, a body in JSON, and the expected status (`HTTP 200`),
- `[Captures]` with `jsonpath`, and `[Asserts]` with `jsonpath` or `header` and `==` or `startsWith`,
- paths such as `$.member.member`, variables in double braces, and comments on lines of their own.

As with `hurl`, a file keeps its cookies, follows no redirect, and sends a body in JSON as `application/json`.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import requests

_PREDICATES: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "==": lambda found, wanted: type(found) is type(wanted) and found == wanted,
    "startsWith": lambda found, wanted: str(found).startswith(wanted),
}
_REQUEST: Final = re.compile(r"(GET|HEAD|POST|PUT|PATCH|DELETE) (\S+)")
_HEADER: Final = re.compile(r"([A-Za-z-]+): (.*)")
_QUERY: Final = r'(jsonpath|header) "([^"]+)"'
_SECTIONS: Final = ("Captures", "Asserts")


@dataclass
class Entry:
    """A request, and what its response must have."""

    method: str
    url: str
    headers: dict[str, str] = field(default_factory=dict)
    body: str = ""
    status: int | None = None
    captures: list[str] = field(default_factory=list)
    asserts: list[str] = field(default_factory=list)


def run(text: str, variables: Mapping[str, str]) -> int:
    """Send the requests of a file and return their number. Raise `AssertionError` at the first failed expectation."""
    known = dict(variables)
    found = list(entries(text))
    with requests.Session() as session:
        for entry in found:
            _send(session, entry, known)
    return len(found)


def entries(text: str) -> Iterator[Entry]:
    """Yield the entries of a file. Raise `ValueError` for a line that is not understood."""
    entry: Entry | None = None
    section: list[str] | None = None
    for line in (line.strip() for line in text.splitlines()):
        if not line or line.startswith("#"):
            continue
        if request := _REQUEST.fullmatch(line):
            if entry is not None:
                yield _complete(entry)
            entry, section = Entry(*request.groups()), None
        elif entry is None:
            raise ValueError(f"not before the first request: {line}")
        elif entry.status is None:
            _read_request_line(entry, line)
        elif line.strip("[]") in _SECTIONS and line == f"[{line.strip('[]')}]":
            section = entry.captures if line == "[Captures]" else entry.asserts
        elif section is not None:
            section.append(line)
        else:
            raise ValueError(f"not understood: {line}")
    if entry is not None:
        yield _complete(entry)


def _complete(entry: Entry) -> Entry:
    if entry.status is None:
        raise ValueError(f"no expected status: {entry.method} {entry.url}")
    return entry


def _read_request_line(entry: Entry, line: str) -> None:
    if status := re.fullmatch(r"HTTP (\d{3})", line):
        entry.status = int(status[1])
    elif entry.body or line.startswith("{"):
        entry.body += line
    elif header := _HEADER.fullmatch(line):
        entry.headers[header[1]] = header[2]
    else:
        raise ValueError(f"not understood: {line}")


def _send(session: requests.Session, entry: Entry, known: dict[str, str]) -> None:
    headers = {name: _filled(value, known) for name, value in entry.headers.items()}
    body = _filled(entry.body, known)
    if body:
        json.loads(body)
        headers["Content-Type"] = "application/json"
    url = _filled(entry.url, known)
    answer = session.request(entry.method, url, headers=headers, data=body, allow_redirects=False, timeout=10)
    where = f"{entry.method} {url}"
    assert answer.status_code == entry.status, f"{where}: {answer.status_code}, expected {entry.status}: {answer.text}"
    for line in entry.captures:
        capture = re.fullmatch(rf"(\w+): {_QUERY}", line)
        if capture is None:
            raise ValueError(f"not understood: {line}")
        known[capture[1]] = str(_found(answer, capture[2], capture[3]))
    for line in entry.asserts:
        check = re.fullmatch(rf"{_QUERY} (\S+) (.+)", line)
        if check is None or check[3] not in _PREDICATES:
            raise ValueError(f"not understood: {line}")
        found, wanted = _found(answer, check[1], check[2]), json.loads(_filled(check[4], known))
        assert _PREDICATES[check[3]](found, wanted), f"{where}: {line}, but it is {found!r}"


def _found(answer: requests.Response, kind: str, name: str) -> Any:
    if kind == "header":
        return answer.headers.get(name)
    if not re.fullmatch(r"\$(\.\w+)+", name):
        raise ValueError(f"not understood: {name}")
    found = answer.json()
    for member in name.split(".")[1:]:
        assert isinstance(found, dict), f"{name} is not in {answer.text}"
        assert member in found, f"{name} is not in {answer.text}"
        found = found[member]
    return found


def _filled(text: str, known: Mapping[str, str]) -> str:
    """Return a text with the values of its variables. Raise `KeyError` for an unknown one."""
    return re.sub(r"\{\{(\w+)\}\}", lambda match: known[match[1]], text)
