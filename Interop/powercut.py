"""Cuts the power of a broker's disk under load, again and again, and looks for everything that was promised.

usage: powercut.py [--rounds N] [--seed N] [--flush sync|async|both] [--work load|steps|both] [--fs ext4|xfs] [--canary]

The store lies on a real file system, on a disk of ours that loses what no flush covered (volatile_disk.py). A round:
start, work, cut the power at a random moment (one round in four only kills the process), kill, give the power back,
mount, which replays the file system's journal, start again and check.

Work `load`: single messages and batches over several connections, on a disk so small that old log files are removed
all the time. With synchronous flush every acknowledged message must be at its queue, offset and place in the log,
byte-equal, and no offset may be handed out twice. With asynchronous flush what was acknowledged since the last start
may be lost, but only from one place in the log on; what an earlier start gave out stays. In both modes queues have no
holes, nothing is there that nobody sent, nothing stands twice.

Work `steps`: transactions, delays, commits of consumer offsets and new topics. No half message is delivered twice or
against its producer's decision, what waits is delivered once, committed offsets do not move back behind what an
earlier start said, a topic that was made is there.

Every fifth time, and at the end, the broker is stopped and `apus store check` must find nothing.
With --canary a broker that flushes late is held to the promise of synchronous flush: the checks must object.

Exit code 0 also when the machine cannot do this (no root, no loop devices): a line says so.
"""
import argparse
import json
import os
import random
import subprocess
import sys
import threading
import time

import crashes
import kill9
import kill9_delay
import kill9_transaction
import load
import remoting
from broker import BINARY, PATIENCE, Broker, BrokerFailure, temporary_directory
from volatile_disk import Disk, describe, why_not

SMALL = {
    "mappedFileSizeCommitLog": 1 << 20, "mappedFileSizeConsumeQueue": 20 * 1000, "maxHashSlotNum": 5_000,
    "maxIndexNum": 20_000, "flushIntervalConsumeQueue": 100, "cleanResourceInterval": 200,
    "flushConsumerOffsetInterval": 200,
    # A machine that stands still refuses nothing.
    "syncFlushTimeout": 1000 * PATIENCE,
}
SHAPES = [(4, 1), (16, 1), (2, 8), (2, 32)]
DISK_BYTES = {"load": {"ext4": 64 << 20, "xfs": 320 << 20}, "steps": {"ext4": 512 << 20, "xfs": 512 << 20}}
UNAVAILABLE = 14
# The exit code of a stop in order that lost no message and could not save all files.
UNSAVED = 7


def duration(number, generator):
    """How long a round works, in seconds: now and then up to the first checkpoint, which comes after five."""
    return generator.uniform(4.8, 5.4) if number % 8 == 7 else generator.uniform(0.1, 0.9)


class Load(kill9.Evidence):
    """What was acknowledged, on a disk where old messages are removed and a power cut may take the newest."""

    def __init__(self, is_synchronous):
        super().__init__()
        self.is_synchronous = is_synchronous
        self.least = [0] * kill9.QUEUES
        self.acknowledged = self.lost = 0

    def begins(self, queue, least):
        if least < self.least[queue]:
            self.object(f"queue {queue} begins at {least}, and began at {self.least[queue]}")
        self.least[queue] = least
        return least

    def is_removed(self, queue, first, end):
        acknowledged = [self.by_place[queue, offset].physical_offset for offset in range(first, end)
                        if (queue, offset) in self.by_place]
        # The store lets go of a file before it removes it.
        deadline = time.monotonic() + 30
        while first < end and time.monotonic() < deadline:
            if max(acknowledged, default=-1) < self._log_start():
                return True
            time.sleep(0.01)
        return False

    def _log_start(self):
        return min(int(name) for name in os.listdir(self.log))

    def work(self, broker, number, generator, strike):
        self.log = broker.store / "commitlog"
        if number == 0:
            connection = remoting.Connection(broker.address)
            connection.create_topic(kill9.TOPIC, kill9.QUEUES)
            connection.close()
        producers = [
            load.Producer(broker.address, kill9.TOPIC, kill9.QUEUES, f"{number}.{index}", window, batch)
            for index, (window, batch) in enumerate(SHAPES)]
        load.run(producers, duration(number, generator), strike)
        for producer in producers:
            for request in range(producer.sent):
                self.sent.update(f"{producer.name}.{request}.{item}" for item in range(producer.batch))
            for acknowledgement in producer.acknowledged:
                self.add(acknowledgement)
            self.acknowledged += len(producer.acknowledged)
            # A disk that is full for a moment, or has lost its power, refuses.
            for code, remark in producer.refused.items():
                if code != UNAVAILABLE:
                    self.object(f"a send was refused with code {code}: {remark}")

    def restarted(self, broker, number, had_cut):
        """Checks what an earlier process left; a cut without synchronous flush may have taken the newest."""
        connection = remoting.Connection(broker.address)
        bounds = [connection.bounds(kill9.TOPIC, queue) for queue in range(kill9.QUEUES)]
        connection.close()
        if had_cut and not self.is_synchronous:
            self._forget_lost([end for _, end in bounds])
        self.check(broker.address, everything=number % 10 == 9)
        self._forget_removed()

    def _forget_lost(self, ends):
        lost = [one for one in self.by_place.values() if one.offset >= ends[one.queue]]
        for queue, end in enumerate(ends):
            if end < self.checked[queue]:
                self.object(f"queue {queue} ends at {end}, but was read up to {self.checked[queue]} before")
        if not lost:
            return
        first = min(one.physical_offset for one in lost)
        for one in lost:
            del self.by_place[one.queue, one.offset]
        last = max((one.physical_offset for one in self.by_place.values()), default=-1)
        if last > first:
            self.object(f"the message at {first} of the log is lost, the one at {last} is not")
        self.lost += len(lost)

    def _forget_removed(self):
        begin = self._log_start()
        for place, one in list(self.by_place.items()):
            if one.offset >= self.least[one.queue]:
                continue
            if one.physical_offset >= begin:
                self.object(
                    f"queue {one.queue} begins at {self.least[one.queue]}, but offset {one.offset} is in the log")
            del self.by_place[place]

    def ended(self, broker):
        """After the last start: everything that is left is read."""
        self.check(broker.address, everything=True)
        if not self.acknowledged:
            self.object("nothing was acknowledged, so nothing was tested")

    def __str__(self):
        return f"{self.acknowledged} messages acknowledged, {self.lost} lost as allowed, first offsets {self.least}"


class Commits(crashes.Ledger):
    """Committed consumer offsets and topics made."""

    GROUP = "powercut-group"

    def __init__(self):
        super().__init__()
        self.least = self.latest = 0
        self.topics = set()

    def round(self, broker, number, generator):
        connection = remoting.Connection(broker.address)
        topic = f"powercut{number}"
        connection.create_topic(topic, 1)
        self.topics.add(topic)
        about = {"consumerGroup": self.GROUP, "topic": kill9_delay.TOPIC, "queueId": "0"}
        end = time.monotonic() + generator.uniform(0.3, 2.0)
        while time.monotonic() < end:
            self.latest += 1
            connection.expect(remoting.UPDATE_CONSUMER_OFFSET, about | {"commitOffset": str(self.latest)})
            time.sleep(0.002)
        connection.close()

    def restarted(self, broker):
        connection = remoting.Connection(broker.address)
        about = {"consumerGroup": self.GROUP, "topic": kill9_delay.TOPIC, "queueId": "0"}
        header, _ = connection.call(remoting.QUERY_CONSUMER_OFFSET, about)
        offset = int(header["extFields"]["offset"]) if header["code"] == remoting.SUCCESS else 0
        if not self.least <= offset <= self.latest:
            self.problems.append(
                f"the committed offset is {offset}: it was {self.least} after an earlier start, and {self.latest} is "
                "the last one committed")
        self.least = offset
        _, body = connection.expect(remoting.ALL_TOPICS, {})
        missing = self.topics - set(json.loads(body)["topicConfigTable"])
        if missing:
            self.problems.append(f"topics that were made are gone: {sorted(missing)}")
        connection.close()

    def forgive(self, number):
        """Topics and offsets do not depend on how messages are flushed."""

    def settle(self, broker):
        """Nothing has to come."""

    def check(self, broker):
        self.restarted(broker)
        return f"{self.latest} commits, {len(self.topics)} topics"


class Steps:
    """Transactions, delays and commits at the same time, each on a thread of its own."""

    def __init__(self, is_synchronous):
        self.is_synchronous = is_synchronous
        self.commits = Commits()
        self.ledgers = [kill9_transaction.Producers(), kill9_delay.Delays(), self.commits]
        self.said = []

    @property
    def problems(self):
        return [problem for ledger in self.ledgers for problem in ledger.problems]

    def work(self, broker, number, generator, strike):
        has_struck = threading.Event()

        def run(ledger, seed):
            try:
                ledger.round(broker, number, random.Random(seed))
            except (OSError, RuntimeError) as failure:
                if not has_struck.is_set():
                    ledger.problems.append(f"{type(failure).__name__} before the power was cut: {failure}")

        threads = [
            threading.Thread(target=run, args=(ledger, generator.random()), daemon=True) for ledger in self.ledgers]
        for thread in threads:
            thread.start()
        time.sleep(duration(number, generator))
        has_struck.set()
        strike()
        for thread in threads:
            thread.join()

    def restarted(self, broker, number, had_cut):
        if had_cut and not self.is_synchronous:
            for ledger in self.ledgers:
                ledger.forgive(number)
        self.commits.restarted(broker)

    def ended(self, broker):
        """After the last start: waits for what must come, and compares."""
        for ledger in self.ledgers:
            ledger.settle(broker)
        self.said = [ledger.check(broker) for ledger in self.ledgers]

    def __str__(self):
        return "; ".join(self.said)


WORKS = {"load": Load, "steps": Steps}


def settings(flush):
    return SMALL | {
        key: value for key, value in (kill9_transaction.SETTINGS | kill9_delay.SETTINGS).items() if key not in SMALL
    } | {"flushDiskType": f"{flush.upper()}_FLUSH"}


def check_store(broker, work):
    """Stops the broker and lets the store be checked by the tool for it. A broker that found no space for a file beside
    the log must start again, and is stopped once more; a store that was not closed in order is left to the next
    round."""
    status = broker.stop()
    if status == UNSAVED:
        broker.start()
        status = broker.stop()
    if status == UNSAVED:
        return
    if status != 0:
        work.problems.append(f"exit code {status} after SIGTERM")
    done = subprocess.run(
        [BINARY, "store", "check", broker.store, "--index-slots", str(SMALL["maxHashSlotNum"])],
        capture_output=True, text=True, timeout=PATIENCE)
    if done.returncode != 0:
        work.problems.append(f"apus store check: {done.stdout}{done.stderr}")


def one_round(disk, broker, work, number, generator, always_cuts):
    """Works until the power is cut, or only the process is killed; returns a line about it."""
    has_cut = generator.random() < 0.75 or always_cuts
    seed = generator.randrange(1 << 32)
    pause = generator.choice([0, 0, generator.uniform(0, 0.03)])

    def strike():
        if has_cut:
            disk.cut()
            time.sleep(pause)
        broker.kill()

    work.work(broker, number, generator, strike)
    said = "killed"
    if has_cut:
        pending, kept = disk.restore(seed)
        said = f"{pending} writes at risk, {kept} kept"
    recovery = broker.start()
    work.restarted(broker, number, has_cut)
    return f"{said}, ready after {recovery * 1000:.0f} ms"


def series(kind, flush, options, promise=None, late=False):
    """All rounds of one kind of work and one mode; returns the problems."""
    generator = random.Random(f"{options.seed} {kind} {flush}")
    work = WORKS[kind]((promise or flush) == "sync")
    begin, last = time.monotonic(), ""
    with temporary_directory("powercut") as directory, Disk(DISK_BYTES[kind][options.fs], options.fs) as disk:
        broker = Broker(
            directory, settings(flush) | ({"flushIntervalCommitLog": 60_000} if late else {}), disk.root / "store")
        try:
            broker.start()
            for number in range(options.rounds):
                last = f"round {number + 1}: {one_round(disk, broker, work, number, generator, promise is not None)}"
                if options.verbose:
                    print(f"  {last}", flush=True)
                if work.problems:
                    break
                if number % 5 == 4 and number + 1 < options.rounds:
                    check_store(broker, work)
                    broker.start()
            if not work.problems:
                work.ended(broker)
                check_store(broker, work)
        except (BrokerFailure, OSError, RuntimeError, AssertionError, subprocess.SubprocessError) as failure:
            work.problems.append(f"{type(failure).__name__}: {describe(failure)}")
        finally:
            if broker.process:
                broker.kill()
            if work.problems:
                print(f"  {last}; the broker's log ends:\n{broker.log_tail()}" if not promise else f"  {last}")
    took = time.monotonic() - begin
    print(f"  {kind}, {flush} flush: {options.rounds} rounds in {took:.0f} s; {work}", flush=True)
    return list(work.problems)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    parser.add_argument("--flush", choices=("sync", "async", "both"), default="both")
    parser.add_argument("--work", choices=("load", "steps", "both"), default="both")
    parser.add_argument("--fs", choices=("ext4", "xfs"), default="ext4")
    parser.add_argument("--canary", action="store_true")
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args()
    reason = why_not(options.fs)
    if reason:
        print(f"SKIPPED: power cuts were not tested: {reason}")
        return 0
    print(f"power cuts on {options.fs}, {options.rounds} rounds a mode, --seed {options.seed}", flush=True)
    problems = []
    for kind in WORKS if options.work == "both" else (options.work,):
        for flush in ("sync", "async") if options.flush == "both" else (options.flush,):
            problems += series(kind, flush, options)
    if options.canary and not problems:
        found = series("load", "async", options, promise="sync", late=True)
        print(f"  a broker that flushes late: {found[0] if found else 'NO OBJECTION'}")
        problems += [] if found else ["the checks do not notice that acknowledged messages are lost"]
    return crashes.verdict(problems, options.seed)


if __name__ == "__main__":
    sys.exit(main())
