"""Kills a broker under load, again and again, and looks for everything that it had acknowledged.

usage: kill9.py [--rounds N] [--seed N] [--flush async|sync|both] [--canary] [--once]

A round: start on the same store, send over several connections (single messages and batches, KEYS for the index),
SIGKILL at a random moment, start again, pull every queue and check that
  - each acknowledged message is at its queue and offset, with its body and its place in the log,
  - the offsets of a queue have no holes, and no acknowledged offset was handed out twice,
  - nothing is there that was never sent, and nothing twice.
With --once the broker remembers what it stored (dedupWindowMillis) and every send of a round is repeated after the
kill: nothing may be stored twice, and what was acknowledged must be acknowledged again with the same ids.
With --canary the checks are shown forged evidence after one round and must object to each piece of it.
"""
import argparse
import random
import sys
import time

import crashes
import load
import remoting
from broker import PATIENCE, Broker, BrokerFailure, temporary_directory

TOPIC, QUEUES = "kill9", 4
# Segments are small so that a round crosses several of them.
SETTINGS = {
    "mappedFileSizeCommitLog": 16 << 20, "mappedFileSizeConsumeQueue": 20 * 20_000, "maxHashSlotNum": 50_000,
    "maxIndexNum": 200_000,
    # A machine that stands still refuses nothing.
    "syncFlushTimeout": 1000 * PATIENCE,
}
ONCE = {"dedupWindowMillis": 24 * 3600 * 1000}
SHAPES = [(4, 1), (16, 1), (1, 1), (2, 8), (4, 32)]


class Evidence:
    """Everything that brokers of one store acknowledged, and how much of it was found again."""

    def __init__(self):
        self.by_place = {}
        self.sent = set()
        self.checked = [0] * QUEUES
        self.problems = []

    def object(self, problem):
        self.problems.append(problem)

    def add(self, acknowledgement):
        place = (acknowledgement.queue, acknowledgement.offset)
        earlier = self.by_place.setdefault(place, acknowledgement)
        if earlier is not acknowledgement:
            keys = f"{earlier.key} and {acknowledgement.key}"
            self.object(f"queue {place[0]} offset {place[1]} was acknowledged for {keys}")

    def begins(self, queue, least):
        """A queue's first message has this offset now; returns from where on the queue can be read."""
        if least != 0:
            self.object(f"queue {queue} begins at {least}")
        return 0

    def is_removed(self, queue, first, end):
        """Whether the messages of these offsets may have been removed with old log files meanwhile."""
        return False

    def check(self, address, everything=False):
        """Pulls what was not checked before, or all, and compares. Returns how many messages were read."""
        connection = remoting.Connection(address)
        read = 0
        found_keys = set()
        for queue in range(QUEUES):
            least, end = connection.bounds(TOPIC, queue)
            first = self.begins(queue, least)
            start = first if everything else max(first, self.checked[queue])
            last = max((offset for owner, offset in self.by_place if owner == queue), default=-1)
            if end <= last:
                self.object(f"queue {queue} ends at {end}, but {last} was acknowledged")
            read += self._check_queue(connection, queue, start, end, found_keys)
            self.checked[queue] = end
        connection.close()
        return read

    def _check_queue(self, connection, queue, start, end, found_keys):
        offset = start
        while offset < end:
            status, records, following = connection.pull(TOPIC, queue, offset)
            if status != remoting.SUCCESS or not records:
                if following > offset and self.is_removed(queue, offset, following):
                    offset = following
                    continue
                self.object(f"queue {queue} offset {offset} of {end}: pull answered {status}, next {following}")
                if following <= offset:
                    break
                offset = following
                continue
            for record in records:
                if record.queue_offset != offset:
                    if not self.is_removed(queue, offset, record.queue_offset):
                        self.object(f"queue {queue}: {record.queue_offset} follows {offset - 1}")
                    offset = record.queue_offset
                self._check_record(queue, offset, record, found_keys)
                offset += 1
        for missing in range(offset, end):
            if (queue, missing) in self.by_place:
                self.object(f"lost: queue {queue} offset {missing}, {self.by_place[queue, missing].key}")
        return offset - start

    def _check_record(self, queue, offset, record, found_keys):
        place = f"queue {queue} offset {offset}"
        key = record.body.split(b"|", 1)[0].decode("ascii", "replace")
        if record.problem or record.queue != queue or record.topic != TOPIC:
            self.object(f"{place}: {record.problem or 'a record of another queue'}")
        elif key not in self.sent or record.body != load.body_of(key):
            self.object(f"{place}: holds what nobody sent: {record.body[:60]!r}")
        elif key in found_keys:
            self.object(f"{place}: {key} stands twice")
        found_keys.add(key)
        promised = self.by_place.get((queue, offset))
        if promised and promised.key != key:
            self.object(f"{place}: {promised.key} was acknowledged, {key} is there")
        elif promised and promised.physical_offset != record.physical_offset:
            self.object(f"{place}: acknowledged at {promised.physical_offset}, is at {record.physical_offset}")


def repeat(broker, evidence, producers):
    """Sends everything that the producers of a round sent once more, in the same order; returns how many messages."""
    again = [
        load.Producer(
            broker.address, TOPIC, QUEUES, producer.name, producer.window, producer.batch, True, producer.sent)
        for producer in producers]
    load.finish(again)
    known = {acknowledgement.key: acknowledgement for acknowledgement in evidence.by_place.values()}
    count = 0
    for producer in again:
        for acknowledgement in producer.acknowledged:
            count += 1
            first = known.get(acknowledgement.key)
            if first is None:
                evidence.add(acknowledgement)
            elif (first.queue, first.offset, first.physical_offset) != (
                    acknowledgement.queue, acknowledgement.offset, acknowledgement.physical_offset):
                evidence.object(f"{first.key} was acknowledged at queue {first.queue} offset {first.offset} and, "
                                f"repeated, at queue {acknowledgement.queue} offset {acknowledgement.offset}")
        for code, remark in producer.refused.items():
            evidence.object(f"a repeated send was refused with code {code}: {remark}")
    return count


def one_round(broker, evidence, number, generator, unique):
    """Starts, loads and kills; returns how many messages were acknowledged, and the producers."""
    broker.start()
    if number == 0:
        connection = remoting.Connection(broker.address)
        connection.create_topic(TOPIC, QUEUES)
        connection.close()
    producers = [
        load.Producer(broker.address, TOPIC, QUEUES, f"{number}.{index}", window, batch, unique)
        for index, (window, batch) in enumerate(SHAPES)]
    load.run(producers, generator.uniform(0.1, 1.5), broker.kill)
    acknowledged = 0
    for producer in producers:
        for request in range(producer.sent):
            evidence.sent.update(f"{producer.name}.{request}.{item}" for item in range(producer.batch))
        for acknowledgement in producer.acknowledged:
            evidence.add(acknowledgement)
        acknowledged += len(producer.acknowledged)
        for code, remark in producer.refused.items():
            evidence.object(f"a send was refused with code {code}: {remark}")
    if acknowledged == 0:
        evidence.object("nothing was acknowledged, so nothing was tested")
    return acknowledged, producers


def canary(broker, evidence):
    """Forges evidence of each kind that the checks are for; returns the kinds that they did not object to."""
    silent = []

    def forge(kind, change):
        forged = Evidence()
        forged.by_place, forged.sent = dict(evidence.by_place), set(evidence.sent)
        change(forged)
        forged.check(broker.address, everything=True)
        if not forged.problems:
            silent.append(kind)
        print(f"  {kind}: {forged.problems[0] if forged.problems else 'NO OBJECTION'}")

    place, genuine = next(iter(evidence.by_place.items()))
    end = 1 + max(offset for queue, offset in evidence.by_place if queue == place[0])
    make = load.Acknowledgement
    forge("a message that was never stored", lambda forged: forged.add(make(place[0], end + 1_000_000, 0, "lost.0.0")))
    forge("another message at an acknowledged offset", lambda forged: forged.by_place.__setitem__(
        place, make(*place, genuine.physical_offset, "other.0.0")))
    forge("an offset acknowledged twice", lambda forged: forged.add(make(*place, 0, "twice.0.0")))
    forge("a message in another place of the log", lambda forged: forged.by_place.__setitem__(
        place, make(*place, genuine.physical_offset + 1, genuine.key)))
    forge("a message that nobody sent", lambda forged: forged.sent.discard(genuine.key))
    return silent


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    parser.add_argument("--flush", choices=("async", "sync", "both"), default="both")
    parser.add_argument("--canary", action="store_true")
    parser.add_argument("--once", action="store_true")
    options = parser.parse_args()
    print(f"kill -9 loop, {options.rounds} rounds, --seed {options.seed}")
    generator = random.Random(options.seed)
    evidence = Evidence()
    with temporary_directory("kill9") as directory:
        broker = Broker(directory)
        try:
            for number in range(options.rounds):
                flush = ("async", "sync")[number % 2] if options.flush == "both" else options.flush
                broker.configure(
                    SETTINGS | {"flushDiskType": f"{flush.upper()}_FLUSH"} | (ONCE if options.once else {}))
                acknowledged, producers = one_round(broker, evidence, number, generator, options.once)
                recovery = broker.start()
                if options.once:
                    print(f"  {repeat(broker, evidence, producers)} repeated", flush=True)
                begin = time.monotonic()
                read = evidence.check(broker.address, everything=options.once or number == options.rounds - 1)
                print(f"  round {number + 1}: {flush} flush, {acknowledged} acknowledged, ready again after "
                      f"{recovery * 1000:.0f} ms, {read} read back in {time.monotonic() - begin:.1f} s", flush=True)
                if evidence.problems:
                    break
                if number == options.rounds - 1 and options.canary:
                    silent = canary(broker, evidence)
                    evidence.problems += [f"the checks do not notice {kind}" for kind in silent]
                # Every third time the next round finds a store that was stopped cleanly.
                status = broker.stop() if number % 3 == 2 or number == options.rounds - 1 else broker.kill()
                if status not in (0, None):
                    evidence.object(f"exit code {status} after SIGTERM")
        except (BrokerFailure, OSError, RuntimeError, AssertionError) as failure:
            evidence.object(f"{type(failure).__name__}: {failure}")
        finally:
            if broker.process:
                broker.kill()
        code = crashes.verdict(evidence.problems, options.seed, broker)
    if code == 0:
        print(f"{len(evidence.by_place)} acknowledged messages, all found")
    return code


if __name__ == "__main__":
    sys.exit(main())
