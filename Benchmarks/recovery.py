"""Measures how long a broker takes to start with very many queues, after each way to stop.

usage: recovery.py [--queues N] [--topics N] [--rounds N] [--directory DIR] [--keep]

Makes a store in which every queue of every topic has messages, by sends, then starts the broker on it:
  - after a stop in order,
  - after kill -9 when nothing was sent since the last checkpoint,
  - after kill -9 right behind a message to every queue, so that no queue file has its newest entry.
Prints the seconds from launching the process to its line that says that it is ready, and those of a processor that it
had used by then: medians of --rounds starts. The page cache is warm, as after the end of a process. --keep leaves the
store in --directory for a profiler.
"""
import argparse
import contextlib
import os
import pathlib
import statistics
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "Interop"))

import footprint  # noqa: E402
import load  # noqa: E402
import remoting  # noqa: E402
from broker import Broker  # noqa: E402

# More than the five seconds between checkpoints and what writing one of so many files takes.
CHECKPOINT_SECONDS = 12


def send_to_all(broker, topics, queues):
    """One message to every queue of every topic."""
    for topic in range(topics):
        producer = load.Producer(
            broker.address, f"recovery{topic}", queues, "r", window=64, batch=1, limit=queues)
        load.finish([producer])
        if producer.refused or len(producer.acknowledged) != queues:
            raise RuntimeError(f"{len(producer.acknowledged)} of {queues} messages stored: {producer.refused}")


def fill(broker, topics, queues):
    connection = remoting.Connection(broker.address)
    for topic in range(topics):
        connection.create_topic(f"recovery{topic}", queues)
    connection.close()
    send_to_all(broker, topics, queues)


def start(broker):
    """Starts the broker: the seconds that passed, and those of a processor."""
    took = broker.start(timeout=300)
    fields = pathlib.Path(f"/proc/{broker.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return took, (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure(broker, topics, queues, rounds):
    """Rows of (what was done before the start, starts)."""
    broker.start(timeout=300)
    if not (broker.store / "consumequeue" / "recovery0").exists():
        fill(broker, topics, queues)
    time.sleep(CHECKPOINT_SECONDS)
    broker.stop(timeout=120)
    clean, idle, behind = [], [], []
    for _ in range(rounds):
        clean.append(start(broker))
        time.sleep(CHECKPOINT_SECONDS)
        broker.kill()
        idle.append(start(broker))
        send_to_all(broker, topics, queues)
        broker.kill()
        behind.append(start(broker))
        time.sleep(CHECKPOINT_SECONDS)
        broker.stop(timeout=120)
    return [
        ("a stop in order", clean), ("kill -9, nothing sent since the checkpoint", idle),
        ("kill -9 right behind a message to every queue", behind)]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--queues", type=int, default=100_000, help="in all topics together")
    parser.add_argument("--topics", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--directory", type=pathlib.Path)
    parser.add_argument("--keep", action="store_true")
    options = parser.parse_args()
    with contextlib.ExitStack() as stack:
        parent = options.directory
        if not options.keep or not parent:
            parent = stack.enter_context(tempfile.TemporaryDirectory(prefix="apus-recovery-", dir=parent))
        broker = stack.enter_context(Broker(parent))
        rows = measure(broker, options.topics, options.queues // options.topics, options.rounds)
    print(f"{options.queues} queues in {options.topics} topics, {footprint.cores()} cores of {footprint.processor()}")
    for name, starts in rows:
        seconds, used = zip(*starts)
        print(f"  after {name}: {statistics.median(seconds):.2f} s ({min(seconds):.2f}–{max(seconds):.2f}), "
              f"{statistics.median(used):.2f} s of a processor")
    return 0


if __name__ == "__main__":
    sys.exit(main())
