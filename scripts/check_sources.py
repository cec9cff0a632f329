#!/usr/bin/env python3
"""Checks what a compiler does not: who includes whom, lengths, line counts, quoted blocks.

Prints one line a finding and a table of lines of code; fails on any finding but a long file's
warning.
"""

import pathlib
import re
import subprocess
import sys

# A folder and the folders, or single headers, that it may include.
MAY_INCLUDE = {
    "core": {"core"},
    "ops": {"core", "ops", "text/call.h"},
    "text": {"core", "text"},
    "lower": {"core", "lower"},
    "oracle": {"core", "lower", "oracle"},
    "codegen": {"core", "lower", "codegen"},
    "cache": {"cache"},
    "tuner": {"core", "lower", "codegen", "cache", "tuner"},
    "cli": {"core", "ops", "text", "lower", "oracle", "codegen", "cache", "tuner", "cli"},
    "examples": {"core", "ops", "examples", "tuner/session/session.h"},
}
# Headers of other libraries, and the one folder in whose .cpp files they may be included.
FENCED = {
    re.compile(r"llvm(-c)?/"): "codegen/llvm/",
    re.compile(r"sqlite3\.h|SQLiteCpp/"): "cache/",
}
ENGINE = ("core", "lower", "codegen", "tuner", "cache")  # promised to be small
# The promised limits, in lines of code. A file of the engine counts in the first row whose folders
# hold it, so that each target beside the CPU is counted by itself.
PROMISES = {
    "all GPUs": (("lower/gpu/", "codegen/c/"), 1_800),
    "CUDA": (("codegen/cuda/",), 1_000),
    "OpenCL": (("codegen/opencl/",), 400),
    "CPU": (tuple(f"{folder}/" for folder in ENGINE), 12_000),
}
WARN_LENGTH, MAX_LENGTH = 400, 600  # lines of a file, all counted
MAX_COLUMNS = 100
NOT_CODE = {".md", ".build", ".csv"}  # every other file of a source folder counts as code

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)
QUOTED = re.compile(r"<!-- from: (\S+) -->\n+```[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)


def tracked_files():
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    return sorted(path for path in map(pathlib.Path, names) if path.is_file())


def area_of(path):
    """The folder that the rules speak of: core for core/node.h."""
    return path.parts[0] if len(path.parts) > 1 else "."


def is_code(path):
    return len(path.parts) > 1 and path.suffix not in NOT_CODE


def check_includes(path, text):
    area = area_of(path)
    for bracket, target in INCLUDE.findall(text):
        allowed = MAY_INCLUDE.get(area)
        if bracket == '"' and allowed and not {target, target.split("/")[0]} & allowed:
            yield f"{path}: includes {target}; {area} may include only {', '.join(sorted(allowed))}"
        for pattern, home in FENCED.items():
            fenced = not str(path).startswith(home) or path.suffix != ".cpp"
            if area in MAY_INCLUDE and pattern.match(target) and fenced:
                yield f"{path}: includes {target}, which belongs in {home}*.cpp alone"


def check_quotes(path, text):
    """A fenced block below `<!-- from: FILE -->` must stand in that file, line for line."""
    for source, block in QUOTED.findall(text):
        if not pathlib.Path(source).is_file():
            yield f"{path}: quotes {source}, which is not there"
        elif block not in pathlib.Path(source).read_text():
            yield f"{path}: the block quoted from {source} differs from it:\n{block}"


def check_lengths(path, text):
    lines = text.splitlines()
    if len(lines) > MAX_LENGTH:
        yield f"{path}: {len(lines)} lines; {MAX_LENGTH} are the limit, split it"
    elif len(lines) > WARN_LENGTH:
        print(f"warning: {path}: {len(lines)} lines; over {WARN_LENGTH}, think of a split")
    for number, line in enumerate(lines, start=1):
        if len(line) > MAX_COLUMNS:
            yield f"{path}:{number}: {len(line)} columns; {MAX_COLUMNS} are the limit"


def count_code(path, text):
    """Lines that are neither blank nor comment alone."""
    if path.suffix == ".py":
        return sum(1 for line in text.splitlines() if not re.match(r"\s*(#|$)", line))
    code = 0
    in_comment = False
    for line in text.splitlines():
        rest = line.strip()
        while rest:
            if in_comment:
                _, closed, rest = rest.partition("*/")
                rest = rest.strip()
                in_comment = not closed
            elif rest.startswith("/*"):
                in_comment, rest = True, rest[2:]
            else:
                break
        if rest and not rest.startswith("//"):
            code += 1
    return code


def promise_of(path):
    for row, (folders, _) in PROMISES.items():
        if str(path).startswith(folders):
            return row
    return None


def print_table(lines, files):
    print(f"{'folder':<10} {'files':>6} {'code':>7}")
    others = sorted(set(lines) - set(ENGINE))
    for area in [*ENGINE, *others]:
        print(f"{area:<10} {files.get(area, 0):>6} {lines.get(area, 0):>7}")


def check_promises(promised):
    """`promised`: the lines of code of each row."""
    for row, (folders, limit) in PROMISES.items():
        count = promised.get(row, 0)
        if count:
            print(f"{row}: {count} lines of code of the engine, of fewer than {limit} promised")
        if count >= limit:
            yield f"{row}: {count - limit + 1} lines of code too many ({', '.join(folders)})"


def main():
    findings = []
    lines, files, promised = {}, {}, {}
    for path in tracked_files():
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            continue  # data
        if path.suffix in (".h", ".cpp"):
            findings += check_includes(path, text)
        if path.suffix == ".md":
            findings += check_quotes(path, text)
        if is_code(path) and area_of(path) in {*MAY_INCLUDE, "tests", "bench", "scripts"}:
            if path.suffix in (".h", ".cpp", ".py", ""):
                findings += check_lengths(path, text)
            area = area_of(path)
            count = count_code(path, text)
            lines[area] = lines.get(area, 0) + count
            files[area] = files.get(area, 0) + 1
            row = promise_of(path)
            promised[row] = promised.get(row, 0) + count
    print_table(lines, files)
    findings += check_promises(promised)
    for finding in findings:
        print(f"error: {finding}")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
