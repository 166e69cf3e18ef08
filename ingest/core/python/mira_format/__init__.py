"""mira's data commitments, written from FORMAT.md alone.

Every module cites the sections of FORMAT.md that it implements. Only `arrow` needs pyarrow; everything else
needs the standard library.
"""

from .cbor import Refused

__all__ = ["Refused"]
