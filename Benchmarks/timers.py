"""Measures how late delayed messages are, with and without load beside them.

usage: timers.py [--messages N] [--span MS] [--load RATE] [--pending N]

Starts `apus serve`, lets N messages with exact delays spread over the span and N with delay level 1 (1 s) wait, with
`apus bench send` at the rate given beside them, and says by how much they were late: for exact delays the broker's
time of delivery less TIMER_OUT_MS, for levels the time the broker stored the delivered message less the time it stored
the first one and the level. `--pending` messages wait for an hour meanwhile.
"""
import argparse
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "Interop"))
import footprint  # noqa: E402
import remoting  # noqa: E402
from broker import BINARY, Broker, temporary_directory  # noqa: E402

TOPIC = "lateness"


class Pipeline:
    """One connection that sends many requests without waiting for each answer."""

    def __init__(self, address):
        self.connection = remoting.Connection(address, timeout=60)

    def send(self, count, properties, queue):
        """Sends `count` messages with properties(i); returns when all were acknowledged."""
        socket, buffer = self.connection._socket, bytearray()
        for begin in range(0, count, 200):
            some = range(begin, min(begin + 200, count))
            socket.sendall(b"".join(
                remoting.frame(
                    remoting.SEND_V2, remoting.send_fields(TOPIC, queue, remoting.property_text(properties(i))),
                    b"x" * 128, i + 1)
                for i in some))
            left = len(some)
            while left:
                buffer += socket.recv(1 << 20)
                for header, _ in remoting.take_frames(buffer):
                    if header["code"] != 0:
                        raise RuntimeError(header.get("remark"))
                    left -= 1


def pull(connection, topic, queue, count):
    """The first records of a queue, waited for."""
    found, deadline = [], time.monotonic() + 120
    while len(found) < count and time.monotonic() < deadline:
        _, records, _ = connection.pull(topic, queue, len(found))
        found += records
        if not records:
            time.sleep(0.05)
    if len(found) < count:
        raise RuntimeError(f"{len(found)} of {count} messages came")
    return found


def within(late, share):
    """By how much a share of the messages was late at most."""
    late = sorted(late)
    return late[min(int(len(late) * share), len(late) - 1)]


def report(name, late):
    print(f"{name}: {len(late)} messages, late by ms: p50 {within(late, .5)}, p99 {within(late, .99)}, "
          f"p99.9 {within(late, .999)}, max {max(late)}, min {min(late)}")


def lateness(broker, messages, span, load):
    """By how many milliseconds messages with exact delays, and those of level 1, came late at a started broker, with
    `load` sends a second beside them."""
    connection = remoting.Connection(broker.address)
    connection.create_topic(TOPIC, 4)
    pipeline = Pipeline(broker.address)
    beside = None
    if load:
        beside = subprocess.Popen([
            BINARY, "bench", "send", "-b", broker.address, "-t", "load", "--rate", str(load), "--seconds",
            str(span / 1000 + 4), "--warmup", "0", "--connections", "4", "--window", "8"], stdout=subprocess.DEVNULL)
    start = int(time.time() * 1000) + 3000
    step = span / messages
    pipeline.send(messages, lambda i: {"TIMER_DELIVER_MS": start + int(i * step)}, 1)
    pipeline.send(messages, lambda i: {"DELAY": 1}, 2)
    exact = [
        int(record.property("TIMER_DEQUEUE_MS", "")) - int(record.property("TIMER_OUT_MS", ""))
        for record in pull(connection, TOPIC, 1, messages)]
    level = pull(connection, TOPIC, 2, messages)
    first = pull(connection, "SCHEDULE_TOPIC_XXXX", 0, messages)
    if beside:
        beside.wait()
    return exact, [after.stored - before.stored - 1000 for after, before in zip(level, first)]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--messages", type=int, default=20_000)
    parser.add_argument("--span", type=int, default=10_000)
    parser.add_argument("--load", type=int, default=0)
    parser.add_argument("--pending", type=int, default=0)
    options = parser.parse_args()
    with temporary_directory("timers") as directory:
        broker = Broker(directory)
        broker.start()
        if options.pending:
            remoting.Connection(broker.address).create_topic(TOPIC, 4)
            pipeline = Pipeline(broker.address)
            begin = time.monotonic()
            pipeline.send(options.pending, lambda i: {"TIMER_DELAY_SEC": 3600, "UNIQ_KEY": f"p{i}"}, 0)
            rate = options.pending / (time.monotonic() - begin)
            memory = footprint.anonymous_memory(broker.process.pid) / (1 << 20)
            print(f"{options.pending} wait for an hour, stored at {rate:.0f}/s; {memory:.0f} MiB of memory")
        exact, level = lateness(broker, options.messages, options.span, options.load)
        report("exact", exact)
        report("level", level)
        broker.stop()


if __name__ == "__main__":
    main()
