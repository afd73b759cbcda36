"""Damages the files of a broker's store while it runs and afterwards, and looks at what consumers are given.

usage: damage.py

  - a byte of a body is changed under the running broker: the message is left out, the others are given,
  - the same when the broker reads it from the device, and by the scrub, which tells it in the log,
  - an old log file is cut under the running broker: the process ends by SIGBUS and names the file, and the next start
    serves everything that is left,
  - `apus store check` finds what was damaged.
"""
import pathlib
import signal
import subprocess
import sys

import remoting
from broker import BINARY, PATIENCE, Broker, require, temporary_directory

TOPIC, COUNT, SEGMENT = "damage", 400, 64 << 10
SETTINGS = {"mappedFileSizeCommitLog": SEGMENT, "scrubBytesPerSecond": 1 << 30}


def send(address, count):
    connection = remoting.Connection(address)
    connection.create_topic(TOPIC, 1)
    for number in range(count):
        connection.send(TOPIC, 0, b"%06d" % number + b"x" * 500, {})
    connection.close()


def drain(address):
    """The records of the queue by their offsets."""
    connection = remoting.Connection(address)
    found = {}
    for record in connection.read_all(TOPIC, 1):
        require(not record.problem, f"offset {record.queue_offset}: {record.problem}")
        found[record.queue_offset] = record
    connection.close()
    return found


def change(store, offset):
    """Changes a byte of the body of the record at a log offset."""
    path = store / "commitlog" / f"{offset // SEGMENT * SEGMENT:020}"
    with open(path, "r+b") as file:
        file.seek(offset % SEGMENT + remoting.RECORD.size + 20)
        file.write(b"y")
    return path


def check(store):
    return subprocess.run([BINARY, "store", "check", store], capture_output=True, text=True, timeout=PATIENCE)


def main():
    with temporary_directory("damage") as directory:
        broker = Broker(directory, SETTINGS)
        broker.start()
        send(broker.address, COUNT)
        found = drain(broker.address)
        require(len(found) == COUNT, f"{len(found)} of {COUNT} messages")
        change(broker.store, found[10].physical_offset)
        require(sorted(set(range(COUNT)) - set(drain(broker.address))) == [10], "not just message 10 was left out")
        path = change(broker.store, found[20].physical_offset)
        broker.await_log(str(found[20].physical_offset))
        require(path.name in pathlib.Path(broker.log).read_text(), "the log does not name the file")
        print("ok a changed byte is never served, and is told", flush=True)

        # A file in the middle is cut: what is left of it, and every other one, stays.
        cut = broker.store / "commitlog" / f"{SEGMENT:020}"
        with open(cut, "r+b") as file:
            file.truncate(4096)
        try:
            drain(broker.address)
            raise AssertionError("a file that was cut was read")
        except (ConnectionError, OSError):
            pass
        status = broker.process.wait(PATIENCE)
        require(status == -signal.SIGBUS, f"exit status {status}")
        said = pathlib.Path(broker.log).read_text()
        require("SIGBUS" in said and str(cut) in said, f"no line of the fault:\n{said[-500:]}")
        broker.start()
        left = drain(broker.address)
        first, end = SEGMENT + 4096 - 700, 2 * SEGMENT
        lost = {offset for offset, record in found.items() if first < record.physical_offset < end}
        missing = set(range(COUNT)) - set(left)
        require(missing <= lost | {10, 20}, f"lost besides the file: {sorted(missing - lost - {10, 20})}")
        print(f"ok a file that was cut ends the process, and {len(left)} of {COUNT} messages are left", flush=True)
        require(check(broker.store).returncode == 4, "a store that is open was checked")
        broker.stop()
        done = check(broker.store)
        require(done.returncode == 1 and "log-damage" in done.stdout, f"store check: {done.stdout}{done.stderr}")
        print("ok apus store check finds it", flush=True)


if __name__ == "__main__":
    try:
        main()
    except AssertionError as failure:
        sys.exit(f"FAILED {failure}")
