"""Secrets and personal data in text, by the profile `scan-1` (FORMAT.md, section 19)."""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv4Network, IPv6Address, IPv6Network

PLACEHOLDERS = (
    b"example", b"placeholder", b"changeme", b"change-me", b"change_me", b"your", b"xxxx", b"****", b"....", b"redacted",
    b"dummy", b"sample",
)  # fmt: skip
RESERVED = (b"example", b"example.com", b"example.net", b"example.org", b"invalid", b"test", b"localhost", b"local")
FILE_ENDINGS = (
    b"png", b"jpg", b"jpeg", b"gif", b"svg", b"webp", b"ico", b"css", b"js", b"ts", b"py", b"rs", b"html", b"json",
)  # fmt: skip
NOT_PUBLIC_V4 = [
    IPv4Network(text)
    for text in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
        "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
        "224.0.0.0/3",
    )
]  # fmt: skip
ACCOUNTS = {
    country: int(length)
    for countries, length in re.findall(
        r"((?:[A-Z]{2} )+)(\d+)",
        "NO 15; BE 16; DK FI FK FO GL NL SD 18; MK SI 19; AT BA EE KZ LT LU MN XK 20; CH HR LI LV 21; BG BH CR DE GB GE IE "
        "ME RS VA 22; AE GI IL IQ OM SO TL 23; AD CZ ES MD PK RO SA SE SK TN VG 24; LY PT ST 25; IS TR 26; BI DJ FR GR IT "
        "MC MR SM 27; AL AZ BY CY DO GT HU LB NI PL SV 28; BR EG PS QA UA 29; JO KW MU YE 30; MT SC 31; LC 32; RU 33",
    )
    for country in countries.split()
}


@dataclass(frozen=True)
class Match:
    """A match of a pattern, and what stands beside it in the value."""

    text: bytes
    before: bytes
    after: bytes

    def before_is(self, of: bytes, alphanumeric: bool = False) -> bool:
        last = self.before[-1:]
        return bool(last) and (last in of or alphanumeric and last.isalnum())

    def after_is(self, of: bytes, alphanumeric: bool = False) -> bool:
        first = self.after[:1]
        return bool(first) and (first in of or alphanumeric and first.isalnum())


def has_placeholder(text: bytes) -> bool:
    return any(word in text.lower() for word in PLACEHOLDERS)


def token(match: Match) -> bool:
    return len(set(match.text)) >= 10 and not has_placeholder(match.text)


def google(match: Match) -> bool:
    return len(match.text) == 39 and token(match)


def jwt(match: Match) -> bool:
    head = match.text.split(b".")[0]
    try:
        decoded = urlsafe_b64decode(head + b"=" * (-len(head) % 4))
    except ValueError:
        return False
    same = urlsafe_b64encode(decoded).rstrip(b"=") == head
    return same and decoded.startswith(b'{"') and b'"alg"' in decoded


def assignment(match: Match) -> bool:
    secret = re.split(rb"[:=]", match.text, maxsplit=1)[1].lstrip(b"\t\n\x0c\r ")
    secret = secret[1:] if secret[:1] in (b'"', b"'") else secret
    turns = sum(a.isdigit() != b.isdigit() for a, b in zip(map(chr, secret), map(chr, secret[1:])))
    mixed = re.search(rb"[a-z]", secret) and re.search(rb"[A-Z]", secret)
    return bool(
        re.search(rb"[0-9]", secret)
        and re.search(rb"[A-Za-z]", secret)
        and (mixed or re.search(rb"[!#%&*+?@^~]", secret) or turns >= 4)
        and re.fullmatch(rb"[\x21-\x7e]*", secret)
        and not re.search(rb"[(){}\[\]<>$`\\|]", secret)
        and not secret.startswith(b"/")
        and not re.search(rb"//|::|==", secret)
        and len(set(secret)) >= 8
        and not has_placeholder(secret)
    )


def email(match: Match) -> bool:
    local, domain = match.text.split(b"@", 1)
    domain = domain.lower()
    reserved = any(domain == name or domain.endswith(b"." + name) for name in RESERVED)
    file = domain.split(b".")[-1] in FILE_ENDINGS
    program = local == b"git" or match.before_is(b"/:@")
    return not (reserved or file or program or local.endswith(b".") or b".." in local)


def phone(match: Match) -> bool:
    digits = len(re.findall(rb"[0-9]", match.text))
    opened, closed = match.text.count(b"("), match.text.count(b")")
    return (
        9 <= digits <= 15
        and not match.before_is(b"+.)_", alphanumeric=True)
        and not match.after_is(b"_", alphanumeric=True)
        and not re.match(rb"[.,][0-9]", match.after)
        and opened == closed <= 1
        and not re.search(rb"\.\.|--|\(\)", match.text)
    )


def card(match: Match) -> bool:
    if match.before_is(b".-_+/=#") or re.match(rb"[.-][0-9A-Za-z]", match.after):
        return False
    digits = [byte - 48 for byte in match.text if 48 <= byte <= 57]
    head, length = int("".join(map(str, digits[:4]))), len(digits)
    issued = (
        4000 <= head <= 4999 and length in (13, 16, 19)
        or (5100 <= head <= 5599 or 2221 <= head <= 2720) and length == 16
        or (3400 <= head <= 3499 or 3700 <= head <= 3799) and length == 15
        or (3000 <= head <= 3059 or 3600 <= head <= 3699 or 3800 <= head <= 3999) and length == 14
        or (head == 6011 or 6440 <= head <= 6599 or 3528 <= head <= 3589 or 6200 <= head <= 6299) and 16 <= length <= 19
    )  # fmt: skip
    doubled = [digit * (1 + place % 2) for place, digit in enumerate(reversed(digits))]
    return issued and sum(number // 10 + number % 10 for number in doubled) % 10 == 0


def iban(match: Match) -> bool:
    length = ACCOUNTS.get(match.text[:2].decode())
    if length is None:
        return False
    number = match.text.replace(b" ", b"")[:length]
    spaced = b" " in match.text
    end = match.text[length + ((length - 1) // 4 if spaced else 0) :]
    ends = end[:1] in (b"", b" ") if spaced else len(match.text) == length
    digits = len(re.findall(rb"[0-9]", number))
    turned = (number[4:] + number[:4]).decode()
    return len(number) == length and ends and digits >= 6 and int("".join(str(int(c, 36)) for c in turned)) % 97 == 1


def public_v4(match: Match) -> bool:
    beside = match.before_is(b".-_+", alphanumeric=True) or match.after_is(b"-_+")
    if beside or re.match(rb"\.[0-9A-Za-z]", match.after):
        return False
    try:
        address = IPv4Address(match.text.decode())
    except AddressValueError:
        return False
    return sum(octet > 9 for octet in address.packed) >= 2 and not any(address in net for net in NOT_PUBLIC_V4)


def public_v6(match: Match) -> bool:
    if match.before_is(b":._-", alphanumeric=True) or match.after_is(b":_-", alphanumeric=True):
        return False
    try:
        address = IPv6Address(match.text.decode())
    except AddressValueError:
        return False
    groups = [address.packed[at : at + 2] for at in range(0, 16, 2)]
    documents = (IPv6Network("2001:db8::/32"), IPv6Network("3fff::/20"))
    return (
        address in IPv6Network("2000::/3")
        and not any(address in net for net in documents)
        and sum(group != b"\0\0" for group in groups) >= 3
    )


def ssn(match: Match) -> bool:
    area, group, serial = match.text.split(b"-")
    return not (
        match.before_is(b"-._/+")
        or match.after_is(b"-_/")
        or area in (b"000", b"666")
        or area >= b"900"
        or group == b"00"
        or serial == b"0000"
    )


RULES: list[tuple[str, bytes, Callable[[Match], bool]]] = [
    ("anthropic-key", rb"\bsk-ant-[a-z]{3,8}[0-9]{2}-[A-Za-z0-9_-]{80,}", token),
    (
        "assignment",
        rb"(?i:password|passwd|secret|(?:api|access)[_-]?key|(?:access|auth)[_-]?token)"
        rb"""["']? {0,2}[:=] {0,2}["']?[^\s"',;]{12,128}""",
        assignment,
    ),
    ("aws-key", rb"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}\b", token),
    (
        "card",
        rb"\b(?:[0-9]{13,19}|[0-9]{4}(?: [0-9]{4}){3}|[0-9]{4}(?:-[0-9]{4}){3}|[0-9]{4} [0-9]{6} [0-9]{4,5}"
        rb"|[0-9]{4}-[0-9]{6}-[0-9]{4,5})\b",
        card,
    ),
    (
        "email",
        rb"[A-Za-z0-9][A-Za-z0-9._%+-]{0,63}@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.){1,8}[A-Za-z]{2,24}\b",
        email,
    ),
    ("github-token", rb"\b(?:gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59})\b", token),
    ("gitlab-token", rb"\bglpat-[A-Za-z0-9_-]{20,}", token),
    ("google-key", rb"\bAIza[A-Za-z0-9_-]{35,}", google),
    ("huggingface-token", rb"\bhf_[A-Za-z]{34}\b", token),
    ("iban", rb"\b[A-Z]{2}[0-9]{2}(?:[A-Z0-9]{11,30}|(?: [A-Z0-9]{4}){2,7}(?: [A-Z0-9]{1,3})?)\b", iban),
    ("ip", rb"\b[0-9]{1,3}(?:\.[0-9]{1,3}){3}\b", public_v4),
    ("ip", rb"[0-9A-Fa-f]{1,4}(?::[0-9A-Fa-f]{0,4}){2,7}", public_v6),
    ("jwt", rb"\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{16,}", jwt),
    ("openai-key", rb"\bsk-[A-Za-z0-9_-]{16,}T3BlbkFJ[A-Za-z0-9_-]{16,}", token),
    ("phone", rb"\+[1-9](?:[ ().-]{0,2}[0-9]){7,14}", phone),
    ("private-key", rb"-----BEGIN (?:[A-Z0-9]{2,12} ){0,2}PRIVATE KEY(?: BLOCK)?-----", lambda match: True),
    ("slack-token", rb"\bxox[abeprs]-[A-Za-z0-9-]{20,}", token),
    ("stripe-key", rb"\b[rs]k_live_[A-Za-z0-9]{24,}", token),
    ("us-ssn", rb"\b[0-9]{3}-[0-9]{2}-[0-9]{4}\b", ssn),
]


def kinds(text: str) -> set[str]:
    """The kinds for which a value counts."""
    value = text.encode()

    def passes(pattern: bytes, check: Callable[[Match], bool]) -> bool:
        found = re.finditer(pattern, value)
        return any(check(Match(m[0], value[: m.start()], value[m.end() :])) for m in found)

    return {kind for kind, pattern, check in RULES if passes(pattern, check)}


def findings(values: list[str]) -> dict[str, int]:
    """How many values count for each kind, as reports have it."""
    counts: dict[str, int] = {}
    for value in values:
        for kind in kinds(value):
            counts[kind] = counts.get(kind, 0) + 1
    return counts
