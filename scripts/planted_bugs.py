#!/usr/bin/env python3
"""Plants the bugs of tests/fuzz/planted.txt, one at a time, and shows that the fuzzer finds them.

Each bug is a slip that a person might make. The script makes it in a copy of the sources
(build-planted/source), builds the copy (in build-planted/build), fuzzes it until the first failure,
and undoes the slip. Before the first bug it fuzzes the unchanged copy, which must pass: otherwise a
failure would not show that the bug was found. Prints a line for each bug; fails unless all are
found. `./dev planted` runs it.
"""

import argparse
import dataclasses
import pathlib
import re
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
LIST = ROOT / "tests" / "fuzz" / "planted.txt"
COPY = ROOT / "build-planted" / "source"
BUILD = ROOT / "build-planted" / "build"
TARGETS = ("tests/tenon-fuzz", "tenon_llvm.so")
FAILURE = re.compile(r"^seed \d+: .*", re.MULTILINE)


@dataclasses.dataclass
class Bug:
    name: str
    file: str = ""
    before: str = ""  # stands once in the file
    after: str = ""


def read_bugs():
    """Reads the list; tests/fuzz/planted.txt begins with a description of its form."""
    bugs = []
    for line in LIST.read_text().splitlines():
        if line.startswith("== "):
            bugs.append(Bug(line[3:]))
        elif line.startswith("- "):
            bugs[-1].before += line[2:] + "\n"
        elif line.startswith("+ "):
            bugs[-1].after += line[2:] + "\n"
        elif line and not line.startswith("#"):
            bugs[-1].file = line
    return bugs


def fits(bug):
    path = ROOT / bug.file
    count = path.read_text().count(bug.before) if path.is_file() else 0
    if count != 1:
        print(f"error: {LIST.relative_to(ROOT)}: {bug.name}: stands {count} times in {bug.file}")
    return count == 1


def copy_sources():
    """Copies the files that differ from the copy, so that ninja builds only those again."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    for name in subprocess.check_output(command, text=True, cwd=ROOT).splitlines():
        content = (ROOT / name).read_bytes() if (ROOT / name).is_file() else None
        path = COPY / name
        if content is not None and (not path.is_file() or path.read_bytes() != content):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)


def quietly(command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        sys.exit(f"{done.stdout}\nerror: {' '.join(map(str, command))} failed")


def fuzz(seeds):
    """Builds and fuzzes. Returns the first failure or None, and how long fuzzing took."""
    quietly(["ninja", "-C", BUILD, *TARGETS])
    command = [BUILD / TARGETS[0], "--until-failure", "--seeds", str(seeds)]
    started = time.monotonic()
    run = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    failure = FAILURE.search(run.stdout)
    if bool(failure) != (run.returncode == 1):
        sys.exit(f"{run.stdout}\nerror: the fuzzer exits with {run.returncode}")
    return failure and failure[0][:110], f"{time.monotonic() - started:.0f} s"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="only check that each fits its file")
    parser.add_argument("--seeds", type=int, default=300, help="the most for each (default: 300)")
    parser.add_argument("--only", default="", help="bugs whose names match this")
    parser.add_argument("options", nargs="*", help="of meson setup, after --")
    arguments = parser.parse_args()
    bugs = [bug for bug in read_bugs() if re.search(arguments.only, bug.name)]
    unfit = [bug for bug in bugs if not fits(bug)]
    if unfit or arguments.check:
        return 1 if unfit else 0
    copy_sources()
    if not (BUILD / "build.ninja").exists():
        quietly(["meson", "setup", BUILD, COPY, *arguments.options])
    found, took = fuzz(arguments.seeds)
    if found:
        sys.exit(f"error: the fuzzer fails without any bug planted: {found}")
    print(f"without any: nothing in {arguments.seeds} seeds ({took})", flush=True)
    missed = 0
    for bug in bugs:
        path = COPY / bug.file
        text = path.read_text()
        path.write_text(text.replace(bug.before, bug.after))
        found, took = fuzz(arguments.seeds)
        path.write_text(text)
        print(f"{bug.name}: {found or 'NOT FOUND'} ({took})", flush=True)
        missed += not found
    print(f"{len(bugs) - missed} of {len(bugs)} planted bugs found")
    return 1 if missed or not bugs else 0


if __name__ == "__main__":
    sys.exit(main())
