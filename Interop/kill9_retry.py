"""Kills a broker while consumers give messages back, again and again, and looks for each of them.

usage: kill9_retry.py [--rounds N] [--seed N]

A round: start on the same store, send messages, give each back to its group (for a retry after one or two seconds, or
as dead), give back what has come to the retry topic once more until its tries are used up, SIGKILL at a random moment.
At the end, after a last start, check that
  - each message given back came to the retry topic, with one more try counted, or lies among the dead letters,
  - a dead letter says which message it was and why it is there,
  - nothing is there that was never given back.
"""
import collections
import time

import crashes
import remoting
from broker import PATIENCE

TOPIC, QUEUES, GROUP = "kill9retry", 4, "kill9-consumers"
RETRIES, DEAD_LETTERS = f"%RETRY%{GROUP}", f"%DLQ%{GROUP}"
SETTINGS = {
    "mappedFileSizeCommitLog": 4 << 20, "maxHashSlotNum": 50_000, "maxIndexNum": 200_000,
    "messageDelayLevel": "1s 2s", "flushDelayOffsetInterval": 200,
}
TRIES = 3


class GivenBack(crashes.Ledger):
    """By key and number of tries: where what was given back must be."""

    def __init__(self):
        super().__init__()
        self.asked, self.retried, self.dead = set(), set(), set()
        self.seen = 0

    def round(self, broker, number, generator):
        connection = remoting.Connection(broker.address)
        if number == 0:
            connection.create_topic(TOPIC, QUEUES)
        for count, key in enumerate(crashes.keys(number, generator.uniform(0.5, 2.5)), 1):
            fields = connection.send(TOPIC, crashes.queue_of(key, QUEUES), key.encode(), {"UNIQ_KEY": key})
            position = remoting.position_of(fields["msgId"])
            self._give_back(connection, key, 0, position, fields["msgId"], generator)
            if count % 50 == 0:
                self._consume_retries(connection, generator)
        connection.close()

    def _give_back(self, connection, key, tries, position, origin, generator):
        is_dead = generator.random() < 0.15 or tries >= TRIES
        level = -1 if is_dead and tries < TRIES else generator.randrange(1, 3)
        self.asked.add((key, tries + 1))
        connection.expect(remoting.SEND_BACK, {
            "offset": str(position), "group": GROUP, "delayLevel": str(level), "originMsgId": origin,
            "originTopic": TOPIC, "unitMode": "false", "maxReconsumeTimes": str(TRIES)})
        if is_dead:
            self.dead.add(key)
        else:
            self.retried.add((key, tries + 1))

    def _consume_retries(self, connection, generator):
        """Gives back what came to the retry topic since the last time. What a killed broker delivers again is given
        back again, as consumers do."""
        _, end = connection.bounds(RETRIES, 0)
        while self.seen < end:
            _, records, following = connection.pull(RETRIES, 0, self.seen)
            for record in records:
                origin = record.property("ORIGIN_MESSAGE_ID", "")
                self._give_back(
                    connection, record.body.decode(), record.reconsume_times, record.physical_offset, origin,
                    generator)
            if following <= self.seen:
                break
            self.seen = following

    def _found(self, broker):
        connection = remoting.Connection(broker.address)
        retries = collections.Counter(
            (record.body.decode(), record.reconsume_times) for record in connection.read_all(RETRIES, 1))
        letters = list(connection.read_all(DEAD_LETTERS, 1))
        connection.close()
        return retries, letters

    def settle(self, broker):
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and not self.retried <= set(self._found(broker)[0]):
            time.sleep(0.2)
        time.sleep(0.5)

    def check(self, broker):
        retries, letters = self._found(broker)
        self.problems += [f"{key} was given back, try {tries} did not come"
                          for key, tries in self.retried - set(retries)]
        self.problems += [f"{key} came as try {tries}, but was never given back so often"
                          for key, tries in set(retries) - self.asked]
        dead = {letter.body.decode() for letter in letters}
        self.problems += [f"{key} is dead, but not among the dead letters" for key in self.dead - dead]
        for letter in letters:
            key = letter.body.decode()
            if (key, letter.reconsume_times) not in self.asked and (key, letter.reconsume_times + 1) not in self.asked:
                self.problems.append(f"dead letter {key} was never given back")
            if letter.property("DLQ_ORIGIN_TOPIC", "") != TOPIC or not letter.property("DLQ_REASON", ""):
                self.problems.append(f"dead letter {key} does not say where it comes from and why it is dead")
        if not retries or not letters:
            self.problems.append("nothing was given back, so nothing was tested")
        repeats = sum(count - 1 for count in retries.values())
        return f"{len(self.retried)} retries ({repeats} repeated), {len(self.dead)} dead letters"


if __name__ == "__main__":
    crashes.run(__doc__, "retry", GivenBack(), SETTINGS)
