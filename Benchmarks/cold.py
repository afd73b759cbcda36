"""Sends beside a consumer that reads a topic from its beginning while none of it is in memory."""
import os
import statistics
import threading
import time

TOPIC = "cold"


def fill(bench, broker, gibibytes):
    """Stores so much in the topic, in batches of messages of 4 KiB."""
    bench.generator.create(broker.address, TOPIC)
    stored = 0
    while stored < gibibytes << 30:
        run = bench.generator.run(
            "send", broker.address, TOPIC, conns=4, window=2, size=4096, batch=16, seconds=3, warmup=0)
        stored += run["messages"] * 4096


def chill(broker):
    """Stops the broker, takes its store out of the page cache and starts it again."""
    broker.stop()
    for path in broker.store.rglob("*"):
        if path.is_file():
            with open(path, "rb") as file:
                os.fsync(file.fileno())
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    broker.start()


class Reader:
    """Reads the topic from its beginning, once, while something else is measured."""

    def __init__(self, bench, broker, group):
        self.run = bench.generator.start("pull", broker.address, TOPIC, max=32, drain=1, group=group, seconds=60)
        self.bench, self.result = bench, None
        self.begin = time.monotonic()
        self.thread = threading.Thread(target=self._wait)

    def _wait(self):
        self.result = self.bench.generator.result(self.run)
        self.seconds = time.monotonic() - self.begin

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.thread.join()


def row(bench):
    """Sends at 10,000 a second, alone and beside the reader: p99, and the CPU that the reading costs besides."""
    broker = bench.broker("cold")
    alone, beside = [], []
    try:
        fill(bench, broker, 2)
        for number in range(bench.options.rounds):
            chill(broker)
            bench.generator.create(broker.address, "hot")
            alone.append(bench.send(broker, "hot", conns=16, window=1, rate=10_000))
            with Reader(bench, broker, f"cold{number}") as reader:
                beside.append(bench.send(broker, "hot", conns=16, window=1, rate=10_000))
            if not reader.result["messages"]:
                raise RuntimeError("the reader found nothing")
    finally:
        broker.stop()
    tail, plain = (statistics.median(run["p99_us"] for run in runs) for runs in (beside, alone))
    cpu, plain_cpu = (statistics.median(run["cpu_us_per_msg"] for run in runs) for runs in (beside, alone))
    rate = reader.result["messages"] / reader.seconds
    return (f"p99 **{tail / plain:.2f} × alone**: {tail:,.0f} µs, alone {plain:,.0f} µs; CPU {cpu:.1f} µs a "
            f"message sent, alone {plain_cpu:.1f} µs; {rate:,.0f} messages read a second")
