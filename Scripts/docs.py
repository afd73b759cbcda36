"""Makes the reference of ApusClient with the toolchain's docc, from what the debug build compiled.

usage: Scripts/docs.py

Writes .build/ApusClient.doccarchive. Fails at a declaration that nobody explained, at a link that leads nowhere and at
every other warning of docc.
"""
import json
import os
import pathlib
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
MODULE = "ApusClient"
CATALOG = ROOT / "Sources" / MODULE / f"{MODULE}.docc"
DEBUG = ROOT / ".build/debug"
SYMBOLS = ROOT / ".build/symbols"
ARCHIVE = ROOT / f".build/{MODULE}.doccarchive"


def run(*command):
    """Runs a program; returns whether it ended well."""
    return subprocess.run([str(word) for word in command], cwd=ROOT).returncode == 0


def target():
    """The triple that the toolchain compiles for."""
    told = subprocess.run(["swift", "-print-target-info"], capture_output=True, check=True).stdout
    return json.loads(told)["target"]["unversionedTriple"]


def extract_symbols():
    """Writes what the compiled module declares in public; returns whether that worked."""
    shutil.rmtree(SYMBOLS, ignore_errors=True)
    SYMBOLS.mkdir(parents=True)
    maps = sorted(ROOT.glob("Sources/C*/module.modulemap")) + [DEBUG / "CPosix.build/module.modulemap"]
    headers = [word for path in maps for word in ("-Xcc", f"-fmodule-map-file={path}")]
    return run(
        "swift", "symbolgraph-extract", "-module-name", MODULE, "-target", target(), "-I", DEBUG / "Modules",
        "-Xcc", "-I", "-Xcc", ROOT / "Sources/CPosix/include", *headers, "-minimum-access-level", "public",
        "-skip-synthesized-members", "-output-dir", SYMBOLS)


def unexplained():
    """The public declarations of the module without a comment; everything when nothing was found at all."""
    symbols = json.loads((SYMBOLS / f"{MODULE}.symbols.json").read_text("utf-8"))["symbols"]
    if len(symbols) < 100:
        return [f"only {len(symbols)} declarations were found"]
    return sorted(".".join(symbol["pathComponents"]) for symbol in symbols if "docComment" not in symbol)


def main():
    if not run("swift", "build", "--target", MODULE) or not extract_symbols():
        return 1
    names = unexplained()
    for name in names:
        print(f"FAIL {MODULE}.{name} has no doc comment")
    made = run(
        "docc", "convert", CATALOG, "--additional-symbol-graph-dir", SYMBOLS, "--output-path", ARCHIVE,
        "--fallback-display-name", MODULE, "--fallback-bundle-identifier", MODULE, "--warnings-as-errors",
        "--transform-for-static-hosting")
    if names or not made:
        return 1
    print(f"to read it: python3 -m http.server -d {os.path.relpath(ARCHIVE)}, then /documentation/{MODULE.lower()}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
