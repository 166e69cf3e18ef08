"""Verifies proof files offline: python check_proof.py POLICY PROOF...

POLICY is a C2SP tlog-policy: the logs and witnesses that are trusted. Prints a result for each proof,
and exits 1 unless all are verified.
"""

from __future__ import annotations

import sys
from pathlib import Path

from mira_format import proofs
from mira_format.policies import parse_policy


def main(arguments: list[str]) -> int:
    if len(arguments) < 2 or not all(Path(argument).is_file() for argument in arguments):
        print(__doc__, file=sys.stderr)
        return 2
    policy = parse_policy(Path(arguments[0]).read_bytes())
    results = [(path, proofs.verify(Path(path).read_bytes(), policy)) for path in arguments[1:]]
    for path, result in results:
        print(f"{path}: {result}")
    return 0 if all(result == "verified" for _, result in results) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
