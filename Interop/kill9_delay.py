"""Kills a broker while messages wait for their delivery, again and again, and looks for each of them.

usage: kill9_delay.py [--rounds N] [--seed N]

A round: start on the same store, send messages with exact delays of up to three seconds and with delay levels, cancel
some of those that wait for an hour, SIGKILL at a random moment. At the end, after a last start, check that
  - each acknowledged message with an exact delay was delivered exactly once and never before its time,
  - each acknowledged message with a delay level was delivered at least once (the offsets of levels are Java's and are
    kept every flushDelayOffsetInterval: a kill repeats what was delivered since),
  - nothing cancelled and nothing that was never sent was delivered.
"""
import argparse
import collections
import random
import sys
import time

import remoting
from broker import Broker, BrokerFailure, temporary_directory

TOPIC, QUEUES = "kill9delay", 4
SETTINGS = {
    "mappedFileSizeCommitLog": 4 << 20, "maxHashSlotNum": 50_000, "maxIndexNum": 200_000,
    "messageDelayLevel": "1s 2s", "flushDelayOffsetInterval": 200,
}


class Ledger:
    """What was sent and what must come of it."""

    def __init__(self):
        self.exact, self.level, self.cancelled, self.sent = {}, set(), set(), set()
        self.problems = []


def send(connection, key, properties):
    """Sends one message; returns when it was acknowledged, in milliseconds."""
    text = "\x02".join(f"{name}\x01{value}" for name, value in {"UNIQ_KEY": key, **properties}.items())
    fields = {"a": "pg", "b": TOPIC, "c": "TBW102", "d": "4", "e": str(hash(key) % QUEUES), "f": "0",
              "g": str(int(time.time() * 1000)), "h": "0", "i": text, "j": "0", "k": "false", "m": "false"}
    connection.expect(remoting.SEND_V2, fields, key.encode())


def one_round(broker, ledger, number, generator):
    """Starts, sends and kills at a random moment."""
    broker.start()
    connection = remoting.Connection(broker.address)
    if number == 0:
        connection.create_topic(TOPIC, QUEUES)
    end = time.monotonic() + generator.uniform(0.3, 2.5)
    item = 0
    while time.monotonic() < end:
        key = f"{number}.{item}"
        item += 1
        ledger.sent.add(key)
        kind = generator.random()
        if kind < 0.6:
            delay = generator.randrange(1, 3000)
            due = int(time.time() * 1000) + delay
            send(connection, key, {"TIMER_DELIVER_MS": due})
            ledger.exact[key] = due
        elif kind < 0.9:
            send(connection, key, {"DELAY": generator.randrange(1, 3)})
            ledger.level.add(key)
        else:
            send(connection, key, {"TIMER_DELAY_SEC": 3600})
            send(connection, f"cancel.{key}", {"TIMER_DEL_UNIQKEY": key})
            ledger.cancelled.add(key)
    broker.kill()
    connection.close()


def delivered(address):
    """Every delivered message's key with the time at which it was stored."""
    connection = remoting.Connection(address)
    found = collections.defaultdict(list)
    for queue in range(QUEUES):
        offset, end = connection.bounds(TOPIC, queue)
        while offset < end:
            _, records, offset = connection.pull(TOPIC, queue, offset)
            for record in records:
                properties = dict(
                    pair.split("\x01", 1) for pair in record.properties.decode().split("\x02") if "\x01" in pair)
                found[record.body.decode()].append(int(properties.get("TIMER_DEQUEUE_MS", 0)))
    connection.close()
    return found


def check(ledger, found):
    """Compares what came with what must."""
    for key, due in ledger.exact.items():
        times = found.get(key, [])
        if len(times) != 1:
            ledger.problems.append(f"{key} with an exact delay came {len(times)} times")
        elif 0 < times[0] < due:  # 0: its time had come when it arrived, so it did not wait.
            ledger.problems.append(f"{key} came {due - times[0]} ms early")
    ledger.problems += [f"{key} with a delay level did not come" for key in ledger.level if key not in found]
    ledger.problems += [f"{key} was cancelled and came" for key in ledger.cancelled if key in found]
    ledger.problems += [f"{key} was never sent" for key in found if key not in ledger.sent]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    options = parser.parse_args()
    print(f"kill -9 while messages wait, {options.rounds} rounds, --seed {options.seed}")
    generator = random.Random(options.seed)
    ledger = Ledger()
    with temporary_directory("kill9delay") as directory:
        broker = Broker(directory, SETTINGS)
        try:
            for number in range(options.rounds):
                one_round(broker, ledger, number, generator)
            broker.start()
            wanted = set(ledger.exact) | ledger.level
            deadline = time.monotonic() + 30
            while time.monotonic() < deadline and not wanted <= set(delivered(broker.address)):
                time.sleep(0.2)
            time.sleep(2.5)
            found = delivered(broker.address)
            check(ledger, found)
            repeats = sum(len(found[key]) - 1 for key in ledger.level if key in found)
            print(f"  {len(ledger.exact)} exact, {len(ledger.level)} by level ({repeats} repeated), "
                  f"{len(ledger.cancelled)} cancelled")
            if not ledger.exact or not ledger.cancelled:
                ledger.problems.append("nothing was acknowledged, so nothing was tested")
            status = broker.stop()
            if status != 0:
                ledger.problems.append(f"exit code {status} after SIGTERM")
        except (BrokerFailure, OSError, RuntimeError) as failure:
            ledger.problems.append(f"{type(failure).__name__}: {failure}")
        finally:
            if broker.process:
                broker.kill()
        if ledger.problems:
            for problem in ledger.problems[:20]:
                print(f"FAIL {problem}")
            print(f"{len(ledger.problems)} problems with --seed {options.seed}; the log ends:\n{broker.log_tail()}")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
