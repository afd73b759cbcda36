"""Keeps a broker busy for an hour and fails when it grows: memory, descriptors, threads, mappings, latency.

usage: soak.py [--minutes N] [--sample SECONDS]

The broker runs on a file system of 2 GiB that is soon nearly full, so that old log files are removed all the time.
Clients in processes of their own: producers with windows of bounded size and batches, consumers that pull and commit,
transactions of which some are asked about, delayed messages, connections that come and go; one more sends a message
every few milliseconds and measures how long it takes. Every sample is a line: the broker's own memory, descriptors,
threads, mappings, messages a second, the probe's p99.

Fails when in the last third of the time the median of a figure is higher than in the second third by more than its
margin (the last line of the table), when a client ends, or when more than one request in a hundred is refused.
Exit code 0 also when the machine cannot do this (no root, no loop devices): a line says so.
"""
import argparse
import collections
import multiprocessing
import os
import pathlib
import selectors
import statistics
import sys
import time
import traceback

import crashes
import load
import remoting
from broker import Broker, temporary_directory
from volatile_disk import MountedDisk, why_not

TOPIC, QUEUES, STEPS, GROUP = "soak", 8, "soaksteps", "soak-group"
DISK_BYTES = 2 << 30
SETTINGS = {
    "mappedFileSizeCommitLog": 16 << 20, "mappedFileSizeConsumeQueue": 20 * 20_000, "maxHashSlotNum": 50_000,
    "maxIndexNum": 200_000, "cleanResourceInterval": 1000, "messageDelayLevel": "1s 2s",
    "transactionCheckInterval": 2000, "transactionTimeOut": 1000,
}
# (figure, factor, addend): how far the last third may lie above the second.
MARGINS = [
    ("memory MiB", 1.10, 8), ("descriptors", 1.05, 16), ("threads", 1.0, 1), ("mappings", 1.10, 32), ("p99 ms", 1.5, 3)]
COLUMNS = ["memory MiB", "descriptors", "threads", "mappings", "sent/s", "read/s", "refused", "p99 ms", "disk %"]
UNAVAILABLE, SYSTEM_BUSY = 14, 2


class Counts:
    """What client processes have done, readable from outside."""

    def __init__(self, context):
        self.sent, self.read, self.refused, self.steps = (context.Value("q", 0, lock=False) for _ in range(4))


def produce(address, counts):
    producers = [
        load.Producer(address, TOPIC, QUEUES, f"soak{index}", window, batch)
        for index, (window, batch) in enumerate([(32, 1), (8, 1), (4, 16)])]
    selector = selectors.DefaultSelector()
    for producer in producers:
        selector.register(producer.socket, selectors.EVENT_READ, producer)
    while True:
        for producer in producers:
            producer.fill()
            if not producer.write():
                raise ConnectionError("the broker closed a producer's connection")
        for key, _ in selector.select(0.01):
            producer = key.data
            if not producer.read():
                raise ConnectionError("the broker closed a producer's connection")
            counts.sent.value += len(producer.acknowledged)
            producer.acknowledged.clear()
            unexpected = set(producer.refused) - {UNAVAILABLE, SYSTEM_BUSY}
            if unexpected:
                raise RuntimeError(f"refused with code {unexpected}: {producer.refused}")
            counts.refused.value += len(producer.refused)
            producer.refused.clear()


def consume(address, counts):
    connection = remoting.Connection(address)
    offsets = [connection.bounds(TOPIC, queue)[1] for queue in range(QUEUES)]
    while True:
        nothing = True
        for queue in range(QUEUES):
            status, records, offsets[queue] = connection.pull(TOPIC, queue, offsets[queue])
            counts.read.value += len(records)
            nothing = nothing and not records and status == remoting.PULL_NOT_FOUND
            for record in records:
                if record.problem:
                    raise RuntimeError(f"queue {queue} offset {record.queue_offset}: {record.problem}")
            if records:
                connection.expect(remoting.UPDATE_CONSUMER_OFFSET, {
                    "consumerGroup": GROUP, "topic": TOPIC, "queueId": str(queue), "commitOffset": str(offsets[queue])})
        if nothing:
            time.sleep(0.01)


def steps(address, counts):
    """Transactions and delayed messages, about 200 a second, on a connection that is now and then a new one."""
    number = 0
    while True:
        connection = remoting.Connection(address)

        def answer(header, connection=connection):
            if header["code"] == remoting.CHECK_TRANSACTION:
                fields = header["extFields"]
                connection.tell(remoting.END_TRANSACTION, remoting.end_fields(
                    GROUP, fields["transactionId"], remoting.COMMIT, fields["tranStateTableOffset"],
                    fields["commitLogOffset"], asked=True))

        connection.on_request = answer
        connection.heartbeat(producers=[GROUP])
        for _ in range(500):
            number += 1
            key = f"step.{number}"
            queue = crashes.queue_of(key, 4)
            try:
                if number % 2:
                    sent = connection.send(
                        STEPS, queue, key.encode(), {"UNIQ_KEY": key, "TRAN_MSG": "true", "PGROUP": GROUP},
                        sys_flag=remoting.PREPARED)
                    if number % 20 != 1:
                        decision = remoting.COMMIT if number % 3 else remoting.ROLLBACK
                        connection.tell(remoting.END_TRANSACTION, remoting.end_fields(
                            GROUP, key, decision, sent["queueOffset"], remoting.position_of(sent["msgId"]),
                            asked=False))
                elif number % 4:
                    due = int(time.time() * 1000) + number % 3000
                    connection.send(STEPS, queue, key.encode(), {"UNIQ_KEY": key, "TIMER_DELIVER_MS": due})
                else:
                    connection.send(STEPS, queue, key.encode(), {"UNIQ_KEY": key, "DELAY": 1 + number % 2})
                counts.steps.value += 1
            except RuntimeError:
                counts.refused.value += 1
            time.sleep(0.005)
        connection.close()


def probe(address, pipe):
    """Sends a message every few milliseconds; answers each question with the times since the last one."""
    connection = remoting.Connection(address)
    times, number = [], 0
    while True:
        number += 1
        begin = time.perf_counter()
        try:
            connection.send(TOPIC, number % QUEUES, b"probe", {"UNIQ_KEY": f"probe.{number}"})
            times.append(time.perf_counter() - begin)
        except RuntimeError:
            pass  # Refused for a moment; producers count that.
        if pipe.poll(0.004):
            pipe.recv()
            pipe.send(times)
            times = []


def guarded(work, *arguments):
    try:
        work(*arguments)
    except (KeyboardInterrupt, BrokenPipeError, EOFError):
        pass
    except BaseException:
        traceback.print_exc()
        os._exit(1)


def sample(broker, disk, counts, before, seconds, pipe):
    """The figures of the last `seconds`."""
    process = pathlib.Path("/proc") / str(broker.process.pid)
    status = dict(line.split(":", 1) for line in (process / "status").read_text().splitlines() if ":" in line)
    pipe.send(None)
    times = sorted(pipe.recv()) or [0]
    about = os.statvfs(disk.root)
    now = {"sent": counts.sent.value, "read": counts.read.value, "refused": counts.refused.value}
    row = {
        "memory MiB": int(status["RssAnon"].split()[0]) / 1024, "descriptors": len(os.listdir(process / "fd")),
        "threads": int(status["Threads"]), "mappings": len((process / "maps").read_text().splitlines()),
        "sent/s": (now["sent"] - before["sent"]) / seconds, "read/s": (now["read"] - before["read"]) / seconds,
        "refused": now["refused"] - before["refused"], "p99 ms": times[len(times) * 99 // 100] * 1000,
        "disk %": 100 * (1 - about.f_bavail / about.f_blocks)}
    return row, now


def text(figures):
    return "  ".join(f"{figure:>11.1f}" if isinstance(figure, float) else f"{figure:>11}" for figure in figures)


def growth(rows):
    """Compares the last third of the samples with the second; returns a line for each figure that grew too much."""
    third = len(rows) // 3
    problems, limits = [], collections.defaultdict(lambda: "")
    for name, factor, addend in MARGINS:
        second = statistics.median(row[name] for row in rows[third:2 * third])
        last = statistics.median(row[name] for row in rows[2 * third:])
        limits[name] = second * factor + addend
        if last > limits[name]:
            problems.append(f"{name}: {last:.1f} in the last third, {second:.1f} in the second")
    print("     at most  " + text([limits[name] for name in COLUMNS]))
    return problems


def run(broker, disk, minutes, period):
    """The whole time; returns the problems."""
    context = multiprocessing.get_context("fork")
    counts = Counts(context)
    here, there = context.Pipe()
    broker.start()
    connection = remoting.Connection(broker.address)
    connection.create_topic(TOPIC, QUEUES)
    connection.create_topic(STEPS, 4)
    connection.close()
    clients = [
        context.Process(target=guarded, args=(work, broker.address, argument), daemon=True)
        for work, argument in ((produce, counts), (consume, counts), (steps, counts), (probe, there))]
    for client in clients:
        client.start()
    rows, problems, begin = [], [], time.monotonic()
    before = {"sent": 0, "read": 0, "refused": 0}
    print("   s          " + text(COLUMNS))
    try:
        last = begin
        while last - begin < minutes * 60 and not problems:
            time.sleep(period)
            now = time.monotonic()
            row, before = sample(broker, disk, counts, before, now - last, here)
            last = now
            rows.append(row)
            print(f"{now - begin:>4.0f}          {text([row[name] for name in COLUMNS])}", flush=True)
            problems += [f"a client ended: {client.name}" for client in clients if not client.is_alive()]
            if broker.process.poll() is not None:
                problems.append(f"the broker ended: {broker.process.returncode}")
    finally:
        for client in clients:
            client.kill()
            client.join()
    if len(rows) >= 6:
        problems += growth(rows)
    if before["refused"] > before["sent"] / 100 or not before["read"]:
        problems.append(f"{before['sent']} sent, {before['refused']} refused, {before['read']} read")
    begins = min(int(name) for name in os.listdir(broker.store / "commitlog"))
    print(f"{before['sent']} messages sent, {before['read']} read, {counts.steps.value} transactions and delays, "
          f"{begins >> 20} MiB of the log removed")
    return problems


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--sample", type=float, default=10)
    options = parser.parse_args()
    reason = why_not()
    if reason:
        print(f"SKIPPED: there was no soak: {reason}")
        return 0
    with temporary_directory("soak") as directory, MountedDisk(DISK_BYTES) as disk:
        with Broker(directory, SETTINGS, disk.root / "store") as broker:
            problems = run(broker, disk, options.minutes, options.sample)
            if not problems and broker.stop() != 0:
                problems.append("the broker did not stop in order")
            if problems:
                print(broker.log_tail())
    for problem in problems:
        print(f"FAIL {problem}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
