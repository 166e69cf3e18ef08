"""Holds mira's committed scenarios to code that is not ours: the DSSE envelopes of proofs/ and envelopes/ to
securesystemslib. It is given the folder of vectors, prints a line of counts for each kind, and exits with 1 if
securesystemslib decides otherwise than a scenario expects.
"""

import base64
import hashlib
import json
import re
import sys
from pathlib import Path

import cbor2
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import Error, VerificationError
from securesystemslib.signer import SSlibKey


def main():
    if len(sys.argv) != 2:
        print("usage: verify.py VECTORS", file=sys.stderr)
        return 2
    vectors = Path(sys.argv[1])
    agreed = check(vectors / "proofs", wish_of_proof, verify_proof)
    agreed = check(vectors / "envelopes", wish_of_envelope, verify_envelope) and agreed
    return 0 if agreed else 1


def check(folder, wish_of, verify):
    """Verifies every scenario of the folder, prints the counts and tells whether all were as expected. A folder without
    an accepted or without a rejected scenario shows nothing, so it is a disagreement too."""
    agreed, accepted, rejected, free = True, 0, 0, 0
    files = sorted(folder.glob("*.json"))
    for file in files:
        scenario = json.loads(file.read_text(encoding="utf-8"))
        wish = wish_of(file.stem, scenario)
        try:
            verify(scenario)
            accepted += 1
            if wish is REJECT:
                agreed = complain(file, "should be rejected, but is accepted")
        except (Error, KeyError, ValueError) as rejection:
            rejected += 1
            if wish is ACCEPT:
                agreed = complain(file, f"should be accepted, but: {rejection!r}")
        free += wish is EITHER
    if not accepted or not rejected:
        agreed = complain(folder, "nothing was accepted or nothing was rejected")
    verdict = "all as expected" if agreed else "NOT all as expected"
    counts = f"{accepted} accepted, {rejected} rejected ({free} free to be either)"
    print(f"python: {len(files)} {folder.name}, {counts}, {verdict}")
    return agreed


def complain(where, what):
    """Reports a disagreement and is false, so that it can be assigned."""
    print(f"python: {where}: {what}", file=sys.stderr)
    return False


def wish_of_proof(name, scenario):
    """Nearly all that can be wrong with a proof lies outside the envelope, whose signatures verify all the same."""
    if name in CUT_OFF:
        return EITHER
    return REJECT if scenario["expect"] == "failed: signature" or name in NO_ENTRY else ACCEPT


def verify_proof(scenario):
    """Verifies the statement of the entry and those of the rotations."""
    magic, extra = scenario["proof"].split("\n")[:2]
    if magic != "c2sp.org/tlog-proof@v1" or not extra.startswith("extra "):
        raise ValueError("no tlog-proof with extra data")
    parts = cbor2.loads(base64.b64decode(extra.removeprefix("extra "), validate=True))
    for entry in [parts["entry"]] + [entry for entry, _, _ in parts.get("rotations", [])]:
        check_statement(verify_signatures(entry[ENVELOPE_AT:]).payload)


def wish_of_envelope(name, scenario):
    """What we refuse only for its spelling or for its payload may well verify."""
    if scenario["expect"] == "accept":
        return ACCEPT
    return REJECT if name in BROKEN_ENVELOPES else EITHER


def verify_envelope(scenario):
    """Verifies one envelope and, where the scenario tells the statement_id, compares it with the foreign PAE's hash."""
    pae = verify_signatures(scenario["envelope"]).pae()
    statement_id = hashlib.sha256(pae).hexdigest()
    if scenario.get("result", f"statement_id {statement_id}") != f"statement_id {statement_id}":
        raise ValueError(f"statement_id is {statement_id}, expected {scenario['result']}")


def verify_signatures(text):
    """Verifies every signature of an envelope under the key that its keyid spells out, and that none of them holds for
    another payload."""
    envelope = Envelope.from_dict(json.loads(text))
    keys = [key_of(keyid) for keyid in envelope.signatures]
    envelope.verify(keys, threshold=len(keys))
    other = Envelope(envelope.payload + b" ", envelope.payload_type, envelope.signatures)
    for key in keys:
        try:
            other.verify([key], threshold=1)
        except VerificationError:
            continue
        raise ValueError(f"the signature by {key.keyid} verifies another payload too")
    return envelope


def key_of(keyid):
    """The ed25519 key in a did:key: `z` and base58btc of the multicodec ed25519-pub, ed 01, and 32 bytes."""
    number = 0
    for digit in keyid.removeprefix("did:key:z"):
        number = number * 58 + BASE58.index(digit)
    prefixed = number.to_bytes(34, "big") if number < 1 << 272 else b""
    if not keyid.startswith("did:key:z") or not prefixed.startswith(b"\xed\x01"):
        raise ValueError(f"{keyid!r} is no did:key of an ed25519 key")
    return SSlibKey(keyid, "ed25519", "ed25519", {"public": prefixed[2:].hex()})


def check_statement(payload):
    """Checks that the payload is an in-toto Statement v1 about one subject, of a kind of ours."""
    statement = json.loads(payload)
    if statement["_type"] != "https://in-toto.io/Statement/v1":
        raise ValueError(f"_type is {statement['_type']!r}")
    if not re.fullmatch(r"urn:mira:[a-z-]+:v1", statement["predicateType"]):
        raise ValueError(f"predicateType is {statement['predicateType']!r}")
    if not isinstance(statement["predicate"], dict):
        raise ValueError("predicate is no object")
    [subject] = statement["subject"]
    digests = subject["digest"].values()
    if not digests or not all(re.fullmatch(r"[0-9a-f]{64}", digest) for digest in digests):
        raise ValueError(f"the subject's digest is {subject['digest']!r}")


ACCEPT, REJECT, EITHER = "accept", "reject", "either"

BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"

# FORMAT.md, section 10: tag, kind, contributor_id and subject stand before the envelope.
ENVELOPE_AT = 79

# Proofs in which there is no entry to be found.
NO_ENTRY = {"another_format", "no_extra"}

# Proofs in which the entry is whole or not, depending on where they end.
CUT_OFF = {"truncated"}

# Broken for every reader of DSSE.
BROKEN_ENVELOPES = {
    "cut_off",
    "empty",
    "key_missing",
    "keyid_of_another_key",
    "payload_edited",
    "payload_type_relabelled",
    "sig_63_bytes",
    "sig_65_bytes",
    "sig_empty",
    "sig_r_bit_flipped",
    "sig_s_bit_flipped",
    "sig_s_plus_order",
    "signatures_none",
    "signatures_second_wrong",
    "trailing_garbage",
}

if __name__ == "__main__":
    sys.exit(main())
