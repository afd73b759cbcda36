"""Measures the broker beside the floor and writes the table of docs/benchmarks.md.

usage: compare.py [--rounds N] [--seconds S] [--only WORD] [--directory DIR] [--output FILE]

Every figure is the median of --rounds runs, in which broker and floor take turns. CPU is that of the broker's process,
user and system, in microseconds for each message. --only measures the rows whose name contains WORD and prints them.
"""
import argparse
import base64
import datetime
import hmac
import json
import pathlib
import platform
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "Interop"))

import cold  # noqa: E402
import footprint  # noqa: E402
import timers  # noqa: E402
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


def apus_bench(bench, broker, mode, topic, *words):
    """Runs `apus bench`; returns what it prints."""
    done = subprocess.run(
        [BINARY, "bench", mode, "--broker", broker.address, "--topic", topic, "--json", "--warmup", "1",
         "--seconds", str(bench.options.seconds), "--pid", str(broker.process.pid), *words],
        capture_output=True, text=True, timeout=120)
    if done.returncode:
        raise RuntimeError(f"apus bench {mode} failed: {done.stderr.strip()[:300]}")
    return json.loads(done.stdout)


def by_turns(bench, *loads):
    """The median CPU for a message of several loads of `apus bench` that take turns."""
    figures = [[load()["brokerCPUMicrosPerMessage"] for load in loads] for _ in range(bench.options.rounds)]
    return [statistics.median(column) for column in zip(*figures)]


def tls_row(bench, broker):
    """What TLS adds to the CPU for a message."""
    plain, secure = by_turns(
        bench, lambda: apus_bench(bench, broker, "send", "benchtls"),
        lambda: apus_bench(bench, broker, "send", "benchtls", "--tls"))
    return f"**{secure - plain:.1f} µs** more: {secure:.1f} µs, plain {plain:.1f} µs"


ACCOUNT, SECRET = "benchmark", "benchmark-secret"


def signed_load(topic, size):
    """A load whose requests are all the same and carry the signature of the account: the values of the fields in the
    order of their names, and the body."""
    born, key = int(time.time() * 1000), "KEYS\1key\2"
    fields = {
        "a": "mqload", "b": topic, "c": "TBW102", "d": "4", "e": "0", "f": "0", "g": str(born), "h": "0", "i": key,
        "j": "0", "k": "false", "m": "false", "AccessKey": ACCOUNT}
    content = "".join(value for _, value in sorted(fields.items())) + "".join(chr(97 + at % 26) for at in range(size))
    signature = base64.b64encode(hmac.digest(SECRET.encode(), content.encode(), "sha1")).decode()
    return {"size": size, "born": born, "more": f',"AccessKey":"{ACCOUNT}","Signature":"{signature}"'}


def access_row(bench, broker):
    """CPU for a signed message at a broker with access control, beside that for a plain one."""
    guarded = bench.directory / "guarded"
    guarded.mkdir()
    (guarded / "plain_acl.yml").write_text(
        f"accounts:\n- accessKey: {ACCOUNT}\n  secretKey: {SECRET}\n  defaultTopicPerm: PUB|SUB\n")
    bench.generator.create(broker.address, "unsigned")
    checking = bench.broker("guarded", aclEnable="true", aclConfigDir=guarded)
    try:
        signed = signed_load("signed", 1024)
        figures = [
            (bench.send(broker, "unsigned", conns=16, window=1, queues=1)["cpu_us_per_msg"],
             bench.send(checking, "signed", conns=16, window=1, queues=1, **signed)["cpu_us_per_msg"])
            for _ in range(bench.options.rounds)]
    finally:
        checking.stop()
    plain, signed = (statistics.median(column) for column in zip(*figures))
    return f"**{signed - plain:.1f} µs** more: {signed:.1f} µs, plain {plain:.1f} µs"


def transaction_row(bench, broker):
    """CPU for a half message, its commit and the delivery, beside that for a plain send. Commits are oneway: that the
    messages were delivered is seen by reading them."""
    sent = 0

    def transactions():
        nonlocal sent
        result = apus_bench(bench, broker, "transaction", "transactions", "--connections", "16", "--window", "4")
        sent += result["messages"]
        return result

    plain, whole = by_turns(
        bench, lambda: apus_bench(bench, broker, "send", "plain", "--connections", "16", "--window", "4"), transactions)
    delivered = bench.generator.run("pull", broker.address, "transactions", drain=1, seconds=60)["messages"]
    if delivered < sent:
        raise RuntimeError(f"of {sent:,} transactions {delivered:,} were delivered")
    return f"**{whole / plain:.2f} × plain**: {whole:.1f} µs, plain {plain:.1f} µs"


class Scrapes:
    """Reads the metrics page every second while a load runs."""

    def __init__(self, port):
        self.url, self.count, self.ended = f"http://127.0.0.1:{port}/metrics", 0, threading.Event()
        self.thread = threading.Thread(target=self._run)

    def _run(self):
        while not self.ended.wait(1):
            with urllib.request.urlopen(self.url, timeout=10) as page:
                self.count += len(page.read()) > 0

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.thread.join()


def metrics_row(bench):
    """CPU for a message while metrics are read every second, beside that while nobody reads them."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    broker = bench.broker("metrics", metricsPromExporterPort=port)

    def scraped():
        with Scrapes(port) as scrapes:
            result = apus_bench(bench, broker, "send", "metrics")
        if not scrapes.count:
            raise RuntimeError(f"nothing could be read from {scrapes.url}")
        return result

    try:
        plain, measured = by_turns(bench, lambda: apus_bench(bench, broker, "send", "metrics"), scraped)
    finally:
        broker.stop()
    return f"**{measured / plain:.2f} × without**: {measured:.2f} µs, without {plain:.2f} µs"


def filtered(bench, broker, topic, load, filter):
    """Fills a topic with batches of 100 small messages and pulls it through a filter, again and again until the
    broker's CPU can be told. Returns the median of that CPU, in nanoseconds, for each queue entry that a pull went
    past, how many there are and how many of them passed."""
    bench.generator.create(broker.address, topic)
    bench.generator.run(
        "send", broker.address, topic, conns=8, window=4, size=16, batch=100, seconds=bench.options.seconds, warmup=0,
        **load)
    time.sleep(1)  # What was sent is flushed: that is not the filter's.
    figures, seen = [], set()
    for _ in range(bench.options.rounds):
        cpu = entries = 0
        while cpu < 0.5:
            run = bench.generator.run(
                "pull", broker.address, topic, drain=1, seconds=60, pid=broker.process.pid, **filter)
            cpu, entries = cpu + run["broker_cpu_s"], entries + run["scanned"]
            seen.add((run["scanned"], run["messages"]))
            if len(seen) > 1 or not run["scanned"]:
                raise RuntimeError(f"pulls through one filter went past and found {seen}")
        figures.append(cpu * 1e9 / entries)
    return statistics.median(figures), *seen.pop()


def tag_row(bench, broker):
    """Pulls of one message in a hundred by its tag."""
    each, scanned, found = filtered(bench, broker, "tags", {"first": r"TAGS\1rare\2"}, {"filter": "rare"})
    if found * 100 != scanned:
        raise RuntimeError(f"of {scanned:,} messages {found:,} have the tag")
    return f"**{1000 / each:.1f} million** entries in a second of CPU, {each:.0f} ns each ({scanned:,} entries)"


def sql_row(bench, broker):
    """Pulls through a filter whose three comparisons are all made for each message; the last one is false."""
    each, scanned, found = filtered(
        bench, broker, "sql", {"each": r"size\15\2region\1north\2price\1250\2"},
        {"type": "SQL92", "filter": "size > 3 AND region = 'north' AND price < 100"})
    if found:
        raise RuntimeError(f"{found:,} messages passed a filter that is false for all")
    return f"**{each:.0f} ns** of CPU a message, the reading of it included ({scanned:,} messages)"


def lateness_row(bench):
    """By how much delayed messages are late while others are sent."""
    broker = bench.broker("timers")
    try:
        late = zip(("exact", "level"), timers.lateness(broker, messages=20_000, span=10_000, load=20_000))
        return "; ".join(
            f"{name}: p50 {timers.within(ms, .5)} ms, p99 **{timers.within(ms, .99)} ms**, longest {max(ms)} ms"
            for name, ms in late)
    finally:
        broker.stop()


def wheel_row():
    """What a million exact delays take of memory, and how fast they come out; of the timer core alone."""
    told = subprocess.run([ROOT / ".build/release/apus-sim", "--timers", "1000000"], capture_output=True, text=True,
                          check=True, timeout=120).stdout.splitlines()
    rate = int(told[2].split(": ")[1].split()[0])
    return f"**{told[0].split(': ')[1]}**; **{rate:,}** taken out a second, spread over 40 days"


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


def sdk_bench(broker, mode, topic, *words):
    """Runs a load of the client library on one core; returns what it prints."""
    done = subprocess.run(
        ["taskset", "-c", "0", BINARY, "bench", mode, "--namesrv", broker.namesrv, "--topic", topic, "--json", *words],
        capture_output=True, text=True, timeout=600)
    if done.returncode != 0:
        raise BrokerFailure(f"apus bench {mode} failed: {done.stderr}")
    return json.loads(done.stdout)


def sdk_send_row(bench, broker):
    runs = [sdk_bench(broker, "sdk-send", f"sdk{number}", "--window", "256", "--size", "128",
                      "--seconds", str(bench.options.seconds)) for number in range(bench.options.rounds)]
    found = medians(runs)
    return (f"**{found['messagesPerSecond']:,.0f}/s**, {found['cpuMicrosPerMessage']:.1f} µs CPU a message; "
            f"p50 {found['p50Micros']:,.0f} µs, p99 {found['p99Micros']:,.0f} µs")


def sdk_pull_row(bench, broker):
    sdk_bench(broker, "sdk-send", "sdkpull", "--window", "256", "--size", "128", "--seconds", "5")
    runs = [sdk_bench(broker, "sdk-pull", "sdkpull", "--group", f"sdkpull{number}", "--batch", "32")
            for number in range(bench.options.rounds)]
    found = medians(runs)
    return f"**{found['messagesPerSecond']:,.0f}/s**, {found['cpuMicrosPerMessage']:.1f} µs CPU a message"


def sdk_idle_row(bench, broker):
    runs = [sdk_bench(broker, "sdk-e2e", f"sdke2e{number}", "--rate", "100", "--batch", "1",
                      "--seconds", str(bench.options.seconds)) for number in range(bench.options.rounds)]
    found = medians(runs)
    return (f"**p50 {found['p50Micros']:,.0f} µs**, p99 {found['p99Micros']:,.0f} µs; "
            f"{found['anonymousBytes'] / 1e6:.1f} MB anonymous memory")


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
        Row("send 1 KiB signed, access control on, 16 × 1", lambda: access_row(bench, broker()), "3 µs", "", ""),
        Row("send 128 B in batches of 32, 8 × 4", lambda: batch_row(bench, broker()),
            "0.35 µs", "0.2 µs", "2.7 µs"),
        Row("send 1 KiB, sync flush, 64 × 4", lambda: sync_row(bench),
            "65,600/s, p99 10 ms", "the disk", "32,800/s, 32 ms"),
        Row("pull, 8 queues drained, 32 a pull", lambda: pull_row(bench, broker()),
            "0.8 µs", "0.4 µs", "3.4–4.4 µs"),
        Row("pull by a tag that one message in 100 has", lambda: tag_row(bench, broker()), "5 million", "", ""),
        Row("pull by an SQL expression of three comparisons", lambda: sql_row(bench, broker()), "300 ns", "", ""),
        Row("transaction: half message, commit, delivery, 16 × 4", lambda: transaction_row(bench, broker()),
            "3 ×", "", ""),
        Row("send 1 KiB, 16 × 1, metrics read every second", lambda: metrics_row(bench), "1.0 ×", "", ""),
        Row("20,000 delayed messages, 20,000 sends a second beside them: late by", lambda: lateness_row(bench),
            "10 ms", "", "100 ms and more"),
        Row("one million timers that wait", wheel_row, "100 MB, 100,000/s", "", ""),
        Row("send 1 KiB at 10,000 a second beside a reader of cold data", lambda: cold.row(bench), "", "", ""),
        Row("send at 5,000 a second: p99.9", lambda: fixed_rate_row(bench, broker()), "1.5 ×", "", "22 ms"),
        Row("client library: sends of 128 B, 256 under way, one core", lambda: sdk_send_row(bench, broker()),
            "100,000/s, 6 µs", "", ""),
        Row("client library: push consumer drains 128 B, one core", lambda: sdk_pull_row(bench, broker()),
            "300,000/s", "", ""),
        Row("client library: send to listener at 100 a second", lambda: sdk_idle_row(bench, broker()),
            "300 µs, 15 MB", "", ""),
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
