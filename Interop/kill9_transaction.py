"""Kills a broker between the steps of transactions, again and again, and looks at what became of each.

usage: kill9_transaction.py [--rounds N] [--seed N]

A round: start on the same store, store half messages, end some of them (now and then twice), leave the others to the
broker's questions, SIGKILL at a random moment, often right behind an end. Questions are answered by what the producer
decided when it made the message. At the end, after a last start, check that
  - each acknowledged half message whose producer decided to commit was delivered exactly once,
  - none that was rolled back, none that is undecided, and nothing that was never sent was delivered,
  - an undecided one is still asked about.
"""
import collections
import time

import crashes
import remoting
from broker import PATIENCE
from remoting import COMMIT, PREPARED, ROLLBACK, UNDECIDED

TOPIC, QUEUES, GROUP = "kill9transaction", 4, "kill9-producers"
SETTINGS = {
    "mappedFileSizeCommitLog": 4 << 20, "maxHashSlotNum": 50_000, "maxIndexNum": 200_000,
    "transactionCheckInterval": 300, "transactionTimeOut": 200, "transactionCheckMax": 1_000_000,
}


class Producers(crashes.Ledger):
    """What was decided about each half message: by key, from before it is sent."""

    def __init__(self):
        super().__init__()
        self.decisions, self.acknowledged, self.asked = {}, set(), collections.Counter()

    def round(self, broker, number, generator):
        connection = self._connect(broker)
        if number == 0:
            connection.create_topic(TOPIC, QUEUES)
        for key in crashes.keys(number, generator.uniform(0.3, 2.0)):
            self._transaction(connection, key, generator)
        connection.close()

    def _connect(self, broker):
        connection = remoting.Connection(broker.address)
        connection.on_request = lambda header: self._answer(connection, header)
        connection.heartbeat(producers=[GROUP])
        return connection

    def _transaction(self, connection, key, generator):
        decision = generator.choices([COMMIT, ROLLBACK, UNDECIDED], [60, 30, 10])[0]
        self.decisions[key] = decision
        fields = connection.send(
            TOPIC, crashes.queue_of(key, QUEUES), key.encode(),
            {"UNIQ_KEY": key, "TRAN_MSG": "true", "PGROUP": GROUP}, sys_flag=PREPARED)
        self.acknowledged.add(key)
        if decision == UNDECIDED or generator.random() < 0.3:
            return
        ending = remoting.end_fields(
            GROUP, key, decision, fields["queueOffset"], remoting.position_of(fields["msgId"]), asked=False)
        connection.tell(remoting.END_TRANSACTION, ending)
        if generator.random() < 0.2:
            connection.tell(remoting.END_TRANSACTION, ending)

    def _answer(self, connection, header):
        """Answers a question of the broker's."""
        if header["code"] != remoting.CHECK_TRANSACTION:
            return
        fields = header["extFields"]
        key = fields["transactionId"]
        self.asked[key] += 1
        if key not in self.decisions:
            self.problems.append(f"the broker asks about {key}, which was never sent")
        connection.tell(remoting.END_TRANSACTION, remoting.end_fields(
            GROUP, key, self.decisions.get(key, ROLLBACK), fields["tranStateTableOffset"], fields["commitLogOffset"],
            asked=True))

    def forgive(self, number):
        self.acknowledged -= {key for key in self.acknowledged if crashes.is_of_round(key, number)}

    def settle(self, broker):
        connection = self._connect(broker)
        committed = {key for key in self.acknowledged if self.decisions[key] == COMMIT}
        self.asked.clear()
        undecided = {key for key in self.acknowledged if self.decisions[key] == UNDECIDED}
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            # Reading the topic is also what lets this connection see the broker's questions.
            found = {record.body.decode() for record in connection.read_all(TOPIC, QUEUES)}
            if committed <= found and undecided <= set(self.asked):
                break
            time.sleep(0.1)
        time.sleep(1)
        connection.close()

    def check(self, broker):
        connection = remoting.Connection(broker.address)
        found = collections.Counter(record.body.decode() for record in connection.read_all(TOPIC, QUEUES))
        connection.close()
        for key, decision in self.decisions.items():
            times = found[key]
            if decision != COMMIT and times:
                self.problems.append(f"{key} was {'rolled back' if decision == ROLLBACK else 'undecided'} and came")
            elif decision == COMMIT and (times > 1 or key in self.acknowledged and not times):
                self.problems.append(f"{key} was committed and came {times} times")
            elif decision == UNDECIDED and key in self.acknowledged and not self.asked[key]:
                self.problems.append(f"{key} is undecided and nobody asks about it")
        self.problems += [f"{key} was never sent" for key in found if key not in self.decisions]
        if not found:
            self.problems.append("nothing was committed, so nothing was tested")
        counts = collections.Counter(self.decisions[key] for key in self.acknowledged)
        return (f"{len(self.acknowledged)} half messages: {counts[COMMIT]} committed, {counts[ROLLBACK]} rolled back, "
                f"{counts[UNDECIDED]} undecided")


if __name__ == "__main__":
    crashes.run(__doc__, "transaction", Producers(), SETTINGS)
