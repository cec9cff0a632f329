#!/usr/bin/env python3
"""Prints `N passed, N failed` over the last `meson test` of a build folder, and fails if any did.

A doctest program counts its test cases; one that crashed or timed out counts as one more failure,
and any other program as one test.
"""

import json
import pathlib
import re
import sys

SUMMARY = re.compile(r"\[doctest\] test cases:\s*(\d+)\s*\|\s*(\d+) passed\s*\|\s*(\d+) failed")


def count(run):
    """Returns (passed, failed) of one line of meson's log."""
    ended_well = run["result"] in ("OK", "EXPECTEDFAIL", "SKIP")
    summary = SUMMARY.search(run.get("stdout", ""))
    if summary is None:
        return (1, 0) if ended_well else (0, 1)
    cases, passed, failed = map(int, summary.groups())
    if cases == 0:
        print(f"{run['name']}: no test case ran; is the file listed by its right name?")
        return 0, 1
    if not ended_well and failed == 0:
        failed = 1
    return passed, failed


def main(build_folder):
    log = pathlib.Path(build_folder, "meson-logs", "testlog.json")
    runs = log.read_text().splitlines() if log.exists() else []  # none when no name matched
    counts = [count(json.loads(line)) for line in runs]
    passed = sum(one[0] for one in counts)
    failed = sum(one[1] for one in counts)
    print(f"{passed} passed, {failed} failed")
    return 0 if passed > 0 and failed == 0 else 1


sys.exit(main(sys.argv[1]))
