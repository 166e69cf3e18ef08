"""The fields of a CSV file, and what they stand between (FORMAT.md section 14)."""

from __future__ import annotations

import string
from collections.abc import Iterator
from dataclasses import dataclass

from .cbor import Refused
from .texts import SAMPLE

Record = list[tuple[str, bool]]
"""Fields as their text and whether they are quoted."""

BLANK: Record = [("", False)]
DELIMITERS = (",", ";", "\t", "|")
SEPARATOR_LINE = "sep="
SEPARATORS = frozenset(string.punctuation + "\t") - frozenset("\"'")


@dataclass(frozen=True)
class Punctuation:
    delimiter: str = ","
    quote: str = '"'


class NotClosed(Refused):
    """A quoted field does not end before the text does."""


class CsvReader:
    """Splits the text of a CSV file into records."""

    def __init__(self, text: str, punctuation: Punctuation) -> None:
        self.text = text
        self.delimiter, self.quote = punctuation.delimiter, punctuation.quote
        self.at = 0

    def records(self) -> Iterator[Record]:
        while self.at < len(self.text):
            record = [self._field()]
            while self._skip(self.delimiter):
                record.append(self._field())
            self._line_end()
            yield record

    def _skip(self, token: str) -> bool:
        found = self.text.startswith(token, self.at)
        self.at += len(token) * found
        return found

    def _line_end(self) -> None:
        if not (self._skip("\r\n") or self._skip("\n") or self._skip("\r")) and self.at < len(self.text):
            raise Refused("something stands between a closing quote and the next field")

    def _field(self) -> tuple[str, bool]:
        return (self._quoted(), True) if self._skip(self.quote) else (self._bare(), False)

    def _bare(self) -> str:
        start = self.at
        while self.at < len(self.text) and self.text[self.at] not in (self.delimiter, "\n", "\r"):
            self.at += 1
        return self.text[start : self.at]

    def _quoted(self) -> str:
        parts: list[str] = []
        while True:
            end = self.text.find(self.quote, self.at)
            if end < 0:
                raise NotClosed("a quoted field does not end")
            parts.append(self.text[self.at : end])
            self.at = end + 1
            if not self._skip(self.quote):
                return self.quote.join(parts)


def table_records(text: str, punctuation: Punctuation) -> list[Record]:
    """All records but a first line that names the delimiter."""
    named, table = _separator_line(text)
    return list(CsvReader(table if named == punctuation.delimiter else text, punctuation).records())


def _separator_line(text: str) -> tuple[str | None, str]:
    """The character that a first line of `sep=` names, and what follows the line; else nothing and all."""
    start = len(SEPARATOR_LINE)
    named, rest = text[start : start + 1], text[start + 1 :]
    if text.startswith(SEPARATOR_LINE) and named and named not in "\r\n" and rest.startswith(("\n", "\r")):
        return named, rest.removeprefix("\r\n") if rest.startswith("\r\n") else rest[1:]
    return None, text


def find_punctuation(text: str, delimiter: str | None) -> Punctuation:
    """What the first file is read with, where the delimiter is given or is to be found."""
    data = text.encode("utf-8")
    sample, is_whole = data[:SAMPLE].decode("utf-8", "ignore"), len(data) < SAMPLE
    named, table = _separator_line(sample)
    if named is not None and (named == delimiter if delimiter else named in SEPARATORS):
        delimiter, sample = named, table
    quotes = ('"', "'") if "'" in sample and '"' not in sample else ('"',)
    marks = (delimiter,) if delimiter else DELIMITERS
    tried = [Punctuation(mark, quote) for quote in quotes for mark in marks]
    fits = [_fit(sample, is_whole, punctuation) for punctuation in tried]
    best = max(fits)
    return tried[fits.index(best)] if best > (False, 0) else tried[0]


def _fit(sample: str, is_whole: bool, punctuation: Punctuation) -> tuple[bool, int]:
    """Whether every record has as many fields as the first, and at least two; if not, how many before one that has not."""
    reader = CsvReader(sample, punctuation)
    width, rows = 0, 0
    try:
        for record in reader.records():
            if reader.at == len(sample) and not is_whole and not sample.endswith("\n"):
                break  # it may go on, and a CR may be half of an end
            if record == BLANK:
                continue
            if width == 0:
                width = len(record)
                if width < 2:
                    return False, 0
            elif len(record) != width:
                return False, rows
            else:
                rows += 1
    except NotClosed:
        return (True, 0) if width and not is_whole else (False, rows)
    except Refused:
        return False, rows
    return width > 0, 0
