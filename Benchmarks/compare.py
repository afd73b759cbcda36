"""Measures the broker beside the floor and writes the table of docs/benchmarks.md.

usage: compare.py [--rounds N] [--seconds S] [--only WORD] [--directory DIR] [--output FILE]

Every figure is the median of --rounds runs, in which broker and floor take turns. CPU is that of the broker's process,
user and system, in microseconds for each message. --only measures the rows whose name contains WORD and prints them.
"""
import argparse
import datetime
import json
import pathlib
import platform
import statistics
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "Interop"))

import footprint  # noqa: E402
from broker import BINARY, Broker, BrokerFailure  # noqa: E402
from generator import Floor, Generator  # noqa: E402


class Row:
    """One line of the table."""

    def __init__(self, name, figure, reach, aim, java):
        self.name, self.figure, self.reach, self.aim, self.java = name, figure, reach, aim, java


def medians(results):
    """The median of each figure over several runs."""
    numbers = [key for key, value in results[0].items() if not isinstance(value, str)]
    return {key: statistics.median(result[key] for result in results) for key in numbers}


class Bench:
    """What the rows share: programs, directories, how long and how often."""

    def __init__(self, options, directory):
        self.options, self.directory = options, directory
        self.generator = Generator(ROOT, directory)
        self.loops = max(1, footprint.cores() // 2)

    def broker(self, name, **settings):
        """A started broker on a fresh store."""
        broker = Broker(self.directory / name, settings)
        broker.start()
        return broker

    def repeat(self, broker, topic, **load):
        """Runs a load on a topic of its own; returns the medians of all figures."""
        self.generator.create(broker.address, topic)
        return medians([self.send(broker, topic, **load) for _ in range(self.options.rounds)])

    def alternate(self, broker, **load):
        """Runs a load on broker and floor by turns; returns the medians of all figures of both."""
        ours, floors = [], []
        topic = f"bench{load['conns']}x{load['window']}r{load.get('rate', 0)}"
        self.generator.create(broker.address, topic)
        with Floor(self.generator, self.directory, self.loops) as floor:
            for _ in range(self.options.rounds):
                ours.append(self.send(broker, topic, **load))
                floors.append(floor.send(seconds=self.options.seconds, warmup=1, prop=r"KEYS\1key\2", **load))
        return medians(ours), medians(floors)

    def send(self, broker, topic, **load):
        return self.generator.run(
            "send", broker.address, topic, pid=broker.process.pid, seconds=self.options.seconds, warmup=1,
            prop=r"KEYS\1key\2", **load)


def ratio_row(bench, broker, conns, window):
    """CPU for a message, beside the floor."""
    ours, floor = bench.alternate(broker, conns=conns, window=window)
    cpu, floor_cpu = ours["cpu_us_per_msg"], floor["cpu_us_per_msg"]
    return (f"**{cpu / floor_cpu:.2f} × floor**: {cpu:.2f} µs, floor {floor_cpu:.2f} µs; "
            f"{ours['msg_per_s']:,.0f}/s, floor {floor['msg_per_s']:,.0f}/s; "
            f"p99 {ours['p99_us']:,.0f} µs, floor {floor['p99_us']:,.0f} µs")


def fixed_rate_row(bench, broker):
    ours, floor = bench.alternate(broker, conns=16, window=1, rate=5000)
    tail, floor_tail = ours["p999_us"], floor["p999_us"]
    return (f"**{tail / floor_tail:.2f} × floor**: {tail:,.0f} µs, floor {floor_tail:,.0f} µs; "
            f"CPU {ours['cpu_us_per_msg']:.1f} µs a message, floor {floor['cpu_us_per_msg']:.1f} µs")


def tls_row(bench, broker):
    """What TLS adds to the CPU for a message, plain and TLS by turns; measured by `apus bench`."""
    plain, secure = [], []
    for _ in range(bench.options.rounds):
        for words, figures in ((), plain), (("--tls",), secure):
            done = subprocess.run(
                [BINARY, "bench", "send", "--broker", broker.address, "--topic", "benchtls", "--json", "--warmup", "1",
                 "--seconds", str(bench.options.seconds), "--pid", str(broker.process.pid), *words],
                capture_output=True, text=True, check=True, timeout=120)
            figures.append(json.loads(done.stdout)["brokerCPUMicrosPerMessage"])
    plain, secure = statistics.median(plain), statistics.median(secure)
    return f"**{secure - plain:.1f} µs** more: {secure:.1f} µs, plain {plain:.1f} µs"


def batch_row(bench, broker):
    ours = bench.repeat(broker, "batches", conns=8, window=4, size=128, batch=32)
    return f"**{ours['cpu_us_per_msg']:.2f} µs** a message; {ours['msg_per_s']:,.0f}/s"


def sync_row(bench):
    broker = bench.broker("sync", flushDiskType="SYNC_FLUSH")
    try:
        ours = bench.repeat(broker, "sync", conns=64, window=4)
    finally:
        broker.stop()
    return (f"**{ours['msg_per_s']:,.0f}/s**, p99 **{ours['p99_us'] / 1000:.1f} ms**; "
            f"CPU {ours['cpu_us_per_msg']:.1f} µs a message")


def pull_row(bench, broker):
    bench.generator.create(broker.address, "drain")
    bench.generator.run("send", broker.address, "drain", conns=8, window=4, batch=32, seconds=3, warmup=0)
    ours = medians([
        bench.generator.run(
            "pull", broker.address, "drain", max=32, drain=1, group=f"drain{number}", pid=broker.process.pid)
        for number in range(bench.options.rounds)])
    return (f"**{ours['cpu_us_per_msg']:.2f} µs** a message of 1 KiB; {ours['msg_per_s']:,.0f}/s "
            f"({ours['messages']:,.0f} messages)")


def start_row(bench, gibibytes):
    taken = [footprint.start_to_first_send(bench.directory / f"start{gibibytes}.{number}", gibibytes)
             for number in range(bench.options.rounds)]
    clean, crashed = (statistics.median(one[index] for one in taken) for index in (0, 1))
    after = f"; after kill -9 {crashed * 1000:.0f} ms" if gibibytes else ""
    return f"**{clean * 1000:.0f} ms**{after}"


def idle_row(bench):
    broker = bench.broker("idle")
    try:
        idle = footprint.settled_memory(broker.process.pid)
        return f"**{idle / 1e6:.1f} MB**"
    finally:
        broker.stop()


def loaded_row(bench, broker):
    bench.generator.create(broker.address, "memory")
    peak = footprint.Peak(broker.process.pid)
    with peak:
        bench.send(broker, "memory", conns=64, window=4)
        bench.generator.run("pull", broker.address, "memory", max=32, drain=1, group="memory", pid=broker.process.pid)
    return f"**{peak.bytes / 1e6:.1f} MB**"


def connections_row(bench):
    broker = bench.broker("connections")
    try:
        before, after, count = footprint.idle_connections(broker, 10_000)
        return f"**{(after - before) / 1e6:.1f} MB** more for {count:,}"
    finally:
        broker.stop()


def rows(bench, broker):
    """The table. `broker` answers the broker that rows share and starts it when it is first asked."""
    return [
        Row("send 1 KiB, 64 connections × 4 in flight", lambda: ratio_row(bench, broker(), 64, 4),
            "2.0 ×", "1.5 ×", "12.5 × (30 µs)"),
        Row("send 1 KiB, 16 × 1", lambda: ratio_row(bench, broker(), 16, 1), "1.4 ×", "1.2 ×", "6.7 ×"),
        Row("send 1 KiB, 1 × 1", lambda: ratio_row(bench, broker(), 1, 1), "1.4 ×", "1.2 ×", "5.7 ×"),
        Row("send 1 KiB through TLS, 16 × 1", lambda: tls_row(bench, broker()), "5 µs", "2 µs", ""),
        Row("send 128 B in batches of 32, 8 × 4", lambda: batch_row(bench, broker()),
            "0.35 µs", "0.2 µs", "2.7 µs"),
        Row("send 1 KiB, sync flush, 64 × 4", lambda: sync_row(bench),
            "65,600/s, p99 10 ms", "the disk", "32,800/s, 32 ms"),
        Row("pull, 8 queues drained, 32 a pull", lambda: pull_row(bench, broker()),
            "0.8 µs", "0.4 µs", "3.4–4.4 µs"),
        Row("send at 5,000 a second: p99.9", lambda: fixed_rate_row(bench, broker()), "1.5 ×", "", "22 ms"),
        Row("memory under load", lambda: loaded_row(bench, broker()), "64 MB", "", "2.3 GB"),
        Row("memory idle", lambda: idle_row(bench), "30 MB", "", "2.3 GB"),
        Row("memory for 10,000 idle connections", lambda: connections_row(bench), "20 MB", "", ""),
        Row("start to first acknowledged send, empty store", lambda: start_row(bench, 0), "100 ms", "", "4.5–7.2 s"),
        Row("start to first acknowledged send, 50 GiB", lambda: start_row(bench, 50), "300 ms", "", ""),
    ]


def said(*command):
    """The first line that a program prints, or why there is none."""
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30)
        return (done.stdout or done.stderr).strip().splitlines()[0]
    except (OSError, IndexError, subprocess.TimeoutExpired) as failure:
        return f"unknown ({type(failure).__name__})"


def fill_page_cache(directory):
    """Fills unused memory with cached pages of a file that has none on the device, as on a machine that has been up
    for a while. On a virtual machine memory that was never used, or was given back, is fetched from the host page
    by page, which costs twenty times what a page costs otherwise and falls on whoever writes new files: the broker,
    never the floor, which writes over the same gibibyte again and again."""
    kibibytes = {line.split(":")[0]: int(line.split()[1]) for line in open("/proc/meminfo", encoding="ascii")}
    size = (kibibytes["MemFree"] - (3 << 20)) << 10
    if size <= 0:
        return
    print(f"filling {size >> 30} GiB of unused memory with page cache", flush=True)
    with open(directory / "fill", "w+b") as file:
        file.truncate(size)
        buffer = bytearray(4 << 20)
        while file.raw.readinto(buffer):
            pass


def report(table, options, seconds):
    changed = ", with uncommitted changes" if subprocess.run(
        ["git", "diff", "--quiet", "HEAD"], cwd=ROOT, capture_output=True).returncode else ""
    lines = [
        "# Benchmarks", "",
        f"Written by `make bench`; do not edit. Each figure is the median of {options.rounds} runs of "
        f"{options.seconds:g} s,",
        "in which broker and floor took turns. The broker does its full work: queues, index of a KEYS property, CRC,",
        "flushing, into new files whose pages are new to it; unused memory was filled with page cache first.",
        "[Benchmarks/README.md](../Benchmarks/README.md) says what the floor is. CPU is that of the broker's",
        "process, user and system. Memory is anonymous memory. The last column is Java RocketMQ 4.9.8, measured in the",
        "same way on a machine of the same kind.", "",
        "| | |", "|---|---|",
        f"| Machine | {footprint.cores()} cores of {footprint.processor()}, {footprint.memory_gib():.0f} GiB, "
        f"Linux {platform.release()}, {footprint.file_system(options.directory)} |",
        f"| Commit | {said('git', 'rev-parse', '--short=12', 'HEAD')}{changed} |",
        f"| Versions | {said(BINARY, '--version')}; {said('swift', '--version')}; {said('gcc', '--version')} |",
        f"| When | {datetime.datetime.now(datetime.timezone.utc):%Y-%m-%d %H:%M} UTC, in {seconds:.0f} s; "
        f"load average before {options.load[0]:.1f} |",
        "", "| | Measured | Reach | Aim | Java |", "|---|---|---|---|---|",
    ]
    lines += [f"| {row.name} | {figure} | {row.reach} | {row.aim} | {row.java} |" for row, figure in table]
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--only", default="")
    parser.add_argument("--directory", default=str(ROOT / ".build"))
    parser.add_argument("--output", default=str(ROOT / "docs/benchmarks.md"))
    options = parser.parse_args()
    options.load = footprint.load_average()
    begin = datetime.datetime.now()
    shared, table, failed, filled = [], [], 0, False
    with tempfile.TemporaryDirectory(prefix="bench-", dir=options.directory) as directory:
        bench = Bench(options, pathlib.Path(directory))

        def broker():
            if not shared:
                shared.append(bench.broker("shared"))
            return shared[0]

        try:
            # Starts come first: they measure a machine with room, not one whose memory is full of something else.
            for row in sorted(rows(bench, broker), key=lambda row: not row.name.startswith("start")):
                if options.only not in row.name:
                    continue
                if not filled and not row.name.startswith("start"):
                    fill_page_cache(bench.directory)
                    filled = True
                try:
                    figure = row.figure()
                except (BrokerFailure, OSError, RuntimeError, subprocess.SubprocessError) as failure:
                    figure = f"failed: {str(failure).splitlines()[0]}"
                    failed += 1
                table.append((row, figure))
                print(f"{row.name}: {figure.replace('**', '')}", flush=True)
        finally:
            for one in shared:
                one.stop()
    if not options.only:
        seconds = (datetime.datetime.now() - begin).total_seconds()
        pathlib.Path(options.output).write_text(report(table, options, seconds))
        print(f"written to {options.output}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
