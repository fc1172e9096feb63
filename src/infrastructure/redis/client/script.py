"""Lua scripts."""

from hashlib import sha1
from importlib.resources import files


class Script:
    """A Lua script in a file of a package.

    Attributes:
        text: its source, for EVAL.
        sha: its SHA-1 digest in hexadecimal, for EVALSHA.
    """

    def __init__(self, package: str, name: str) -> None:
        self.text = files(package).joinpath(name).read_text("utf-8")
        # EVALSHA identifies scripts by this digest; it does not serve security.
        self.sha = sha1(self.text.encode(), usedforsecurity=False).hexdigest()
