#!/usr/bin/env python3
"""Writes a header with a hash over the sources that decide what code a kernel becomes.

usage: build_id.py SOURCE_FOLDER HEADER FOLDER...

The hash is part of every key of compiled code in the cache, so that code of another build is not
run. The header is rewritten only when the hash changes.
"""

import hashlib
import pathlib
import sys


def main():
    root, header = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    digest = hashlib.sha256()
    for folder in sys.argv[3:]:
        for path in sorted((root / folder).rglob("*")):
            if path.suffix in (".h", ".cpp"):
                digest.update(str(path.relative_to(root)).encode() + b"\0" + path.read_bytes())
    text = f'inline constexpr char build_id[] = "{digest.hexdigest()[:16]}";\n'
    text = f"#pragma once\n\nnamespace tenon {{\n{text}}}\n"
    if not header.exists() or header.read_text() != text:
        header.write_text(text)


if __name__ == "__main__":
    main()
