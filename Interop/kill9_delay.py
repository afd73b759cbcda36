"""Kills a broker while messages wait for their delivery, again and again, and looks for each of them.

usage: kill9_delay.py [--rounds N] [--seed N]

A round: start on the same store, send messages with exact delays of up to three seconds and with delay levels, cancel
some of those that wait for an hour, SIGKILL at a random moment. At the end, after a last start, check that
  - each acknowledged message with an exact delay was delivered exactly once and never before its time,
  - each acknowledged message with a delay level was delivered at least once (the offsets of levels are Java's and are
    kept every flushDelayOffsetInterval: a kill repeats what was delivered since),
  - nothing cancelled and nothing that was never sent was delivered.
"""
import collections
import time

import crashes
import remoting
from broker import PATIENCE

TOPIC, QUEUES = "kill9delay", 4
SETTINGS = {
    "mappedFileSizeCommitLog": 4 << 20, "maxHashSlotNum": 50_000, "maxIndexNum": 200_000,
    "messageDelayLevel": "1s 2s", "flushDelayOffsetInterval": 200,
}


class Delays(crashes.Ledger):
    """What was sent with which delay."""

    def __init__(self):
        super().__init__()
        self.exact, self.level, self.cancelled, self.sent = {}, set(), set(), set()
        # Messages with an exact delay that a power cut may have taken.
        self.forgiven = set()

    def round(self, broker, number, generator):
        connection = remoting.Connection(broker.address)
        if number == 0:
            connection.create_topic(TOPIC, QUEUES)
        for key in crashes.keys(number, generator.uniform(0.3, 2.5)):
            self._send(connection, key, generator)
        connection.close()

    def _send(self, connection, key, generator):
        self.sent.add(key)
        queue = crashes.queue_of(key, QUEUES)
        kind = generator.random()
        if kind < 0.6:
            delay = generator.randrange(1, 3000)
            due = int(time.time() * 1000) + delay
            connection.send(TOPIC, queue, key.encode(), {"UNIQ_KEY": key, "TIMER_DELIVER_MS": due})
            self.exact[key] = due
        elif kind < 0.9:
            connection.send(TOPIC, queue, key.encode(), {"UNIQ_KEY": key, "DELAY": generator.randrange(1, 3)})
            self.level.add(key)
        else:
            connection.send(TOPIC, queue, key.encode(), {"UNIQ_KEY": key, "TIMER_DELAY_SEC": 3600})
            cancel = f"cancel.{key}"
            connection.send(TOPIC, queue, cancel.encode(), {"UNIQ_KEY": cancel, "TIMER_DEL_UNIQKEY": key})
            self.cancelled.add(key)

    def forgive(self, number):
        self.forgiven.update(key for key in self.exact if crashes.is_of_round(key, number))
        self.level -= {key for key in self.level if crashes.is_of_round(key, number)}

    def settle(self, broker):
        wanted = set(self.exact) - self.forgiven | self.level
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and not wanted <= set(self._delivered(broker)):
            time.sleep(0.2)
        # What is cancelled or delivered already must not come either: the longest delay goes by once more.
        time.sleep(2.5)

    def _delivered(self, broker):
        """Every delivered message's key with the times at which it was delivered."""
        connection = remoting.Connection(broker.address)
        found = collections.defaultdict(list)
        for record in connection.read_all(TOPIC, QUEUES):
            found[record.body.decode()].append(int(record.property("TIMER_DEQUEUE_MS", 0)))
        connection.close()
        return found

    def check(self, broker):
        found = self._delivered(broker)
        if not self.exact or not self.cancelled:
            self.problems.append("nothing was acknowledged, so nothing was tested")
        for key, due in self.exact.items():
            times = found.get(key, [])
            if key in self.forgiven and not times:
                continue
            if len(times) != 1:
                self.problems.append(f"{key} with an exact delay came {len(times)} times")
            elif 0 < times[0] < due:  # 0: its time had come when it arrived, so it did not wait.
                self.problems.append(f"{key} came {due - times[0]} ms early")
        self.problems += [f"{key} with a delay level did not come" for key in self.level if key not in found]
        self.problems += [f"{key} was cancelled and came" for key in self.cancelled if key in found]
        self.problems += [f"{key} was never sent" for key in found if key not in self.sent]
        repeats = sum(len(found[key]) - 1 for key in self.level if key in found)
        return (f"{len(self.exact)} exact, {len(self.level)} by level ({repeats} repeated), "
                f"{len(self.cancelled)} cancelled")


if __name__ == "__main__":
    crashes.run(__doc__, "delay", Delays(), SETTINGS)
