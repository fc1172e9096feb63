"""PSKC, the Portable Symmetric Key Container of RFC 6030."""

from infrastructure.migration.formats.pskc.reader import PskcReader
from infrastructure.migration.formats.pskc.writer import PskcWriter

__all__ = ["PskcReader", "PskcWriter"]
