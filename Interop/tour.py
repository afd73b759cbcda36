"""Runs the README's tour as it is written: every command, in one shell, and compares what it prints with what is shown.

usage: tour.py [README]          README.md unless told

A block marked `sh` of the section "Five minutes" (in README.zh-CN.md 五分钟) is run, a block marked `text` behind it
is what it prints. Of shown lines numbers and ids may differ, and others may stand between them. The ports are those of
the README, so nothing else may listen there; the store and all files are in a directory of their own. `make` works in
the repository, and the Python environment is a copy of the one that other tests have, so that nothing is fetched twice.
"""
import os
import pathlib
import queue
import re
import shutil
import socket
import subprocess
import sys
import threading
import time

from broker import ROOT, temporary_directory

HEADINGS = ("## Five minutes", "## 五分钟")
PORTS = (9876, 10909, 10911)
TIME_LIMIT = 1200
DONE = "tour-block-ended"


class Step:
    """A block of commands and the lines that are shown behind it."""

    def __init__(self, line, commands):
        self.line, self.commands, self.shown = line, commands, []


def steps(page):
    """The blocks of the tour in a README."""
    found, kind, inside = [], None, False
    for number, line in enumerate(page.read_text("utf-8").splitlines(), 1):
        if kind is None and line.startswith("## "):
            inside = line in HEADINGS
        if not inside:
            continue
        if line.startswith("```"):
            kind = line[3:] or "plain" if kind is None else None
            if kind == "sh":
                found.append(Step(number, []))
        elif kind == "sh":
            found[-1].commands.append(line)
        elif kind == "text":
            found[-1].shown.append(line)
    return found


def shape(line):
    """A line without what differs from run to run: ids and numbers."""
    return re.sub(r"\d+", "0", re.sub(r"\b[0-9A-F]{32}\b", "ID", line.rstrip()))


class Shell:
    """A bash that is fed one block after the other."""

    def __init__(self, directory):
        self.directory = directory
        environment = dict(os.environ, HOME=str(directory), PYTHONUNBUFFERED="1", PIP_NO_INDEX="1")
        self.process = subprocess.Popen(
            ["bash"], cwd=directory, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT)
        self.lines = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()
        home = os.environ.get("HOME", "/")
        self.feed([f"make() {{ HOME='{home}' command make --no-print-directory -C '{ROOT}' \"$@\"; }}", "set -e"])

    def _read(self):
        for line in self.process.stdout:
            self.lines.put(line.decode("utf-8", "replace").rstrip("\n"))
        self.lines.put(None)

    def feed(self, commands):
        self.process.stdin.write(("\n".join(commands) + "\n").encode())
        self.process.stdin.flush()

    def run(self, step):
        """Runs a block; returns what is wrong, or None."""
        missing = [shape(line) for line in step.shown]
        # From a file, so that no command can read the commands behind it.
        block = self.directory / "block.sh"
        block.write_text("\n".join(step.commands) + "\n", "utf-8")
        self.feed([f"source ./{block.name} </dev/null", f"echo {DONE}"])
        printed, ended, deadline = [], False, time.monotonic() + TIME_LIMIT
        # What runs in the background may print behind the end of its block.
        while missing or not ended:
            try:
                line = self.lines.get(timeout=max(0, deadline - time.monotonic() if not ended else 300))
            except queue.Empty:
                line = None
            if line is None:
                what = f"not shown: {missing}" if ended else "the block did not end well"
                return "\n".join([what] + ["    | " + text for text in printed[-20:]])
            if line == DONE:
                ended = True
                continue
            printed.append(line)
            if shape(line) in missing:
                missing.remove(shape(line))
        return None

    def end(self):
        """Ends the shell and what it started."""
        self.feed(["kill -9 $(jobs -p) 2>/dev/null", "exit"])
        self.process.stdin.close()
        self.process.wait(300)


def main(page):
    tour = steps(page)
    if len(tour) < 5:
        print(f"FAIL {page.name} has {len(tour)} blocks of commands, too few for a tour")
        return 1
    for port in PORTS:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                print(f"FAIL something listens on 127.0.0.1:{port}: end it, the tour runs as it is written")
                return 1
    with temporary_directory("tour") as directory:
        directory = pathlib.Path(directory)
        (directory / ".build").symlink_to(ROOT / ".build")
        shutil.copytree(ROOT / ".venv", directory / "tour", symlinks=True)
        shell = Shell(directory)
        try:
            for step in tour:
                begin = time.monotonic()
                problem = shell.run(step)
                took = time.monotonic() - begin
                verdict = "FAIL" if problem else "ok  "
                print(f"{verdict} {page.name}:{step.line:<4} {took:5.1f} s  {step.commands[-1][:80]}", flush=True)
                if problem:
                    print(problem)
                    return 1
        finally:
            shell.end()
    print("the tour went as written")
    return 0


if __name__ == "__main__":
    if len(sys.argv) > 2 or sys.argv[1:] and sys.argv[1].startswith("-"):
        print(__doc__)
        sys.exit(2)
    sys.exit(main(ROOT / (sys.argv[1] if len(sys.argv) == 2 else "README.md")))
