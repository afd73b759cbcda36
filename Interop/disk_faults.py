"""A broker on a disk that is full, read-only or gone: what it refuses, what it still does, and how it goes on.

usage: disk_faults.py [--fs ext4|xfs]

  - the disk fills up: sends are refused with code 14 and a remark that says so, everything stored can be read, a topic
    that cannot be written is refused too, and when there is space again sends go on, without a restart,
  - a broker started on a full disk reads and refuses, and takes messages when there is space,
  - what a start says of a file system that cannot reserve space (ext2) and of one with little space, and that it
    refuses too low a limit of descriptors,
  - a store on a file system that is read-only is refused with a line that names the file; writable again, it opens,
  - the disk fails under load: sends are refused with code 14 from then on, or the process ends with a line that names
    the file; after a restart on the disk that came back everything that was acknowledged is there.

Exit code 0 also when the machine cannot do this (no root, no loop devices): a line says so.
"""
import argparse
import json
import os
import signal
import subprocess
import sys
import time

import load
import remoting
from broker import BINARY, PATIENCE, Broker, BrokerFailure, require, temporary_directory, wait_until
from volatile_disk import Disk, MountedDisk, describe, why_not

TOPIC, QUEUES, UNAVAILABLE, RUNTIME_INFO = "diskfaults", 2, 14, 28
DISK_BYTES = {"ext4": 64 << 20, "xfs": 320 << 20}
SETTINGS = {
    "mappedFileSizeCommitLog": 1 << 20, "mappedFileSizeConsumeQueue": 20 * 1000, "maxHashSlotNum": 5_000,
    "maxIndexNum": 20_000, "flushIntervalConsumeQueue": 100, "flushDiskType": "SYNC_FLUSH",
    # A machine that stands still is no disk that fails.
    "syncFlushTimeout": 1000 * PATIENCE,
    # Nothing is removed to make space, and only a write that fails says that there is none.
    "cleanFileForciblyEnable": "false", "cleanResourceInterval": 3_600_000,
}


class Messages:
    """What one broker acknowledged on one store."""

    def __init__(self, broker):
        self.broker, self.sent, self.stored = broker, 0, {}

    def send(self):
        """Sends one message; returns nothing when it was stored, else the code and the remark."""
        key = f"faults.{self.sent}"
        self.sent += 1
        connection = remoting.Connection(self.broker.address)
        try:
            properties = remoting.property_text({"UNIQ_KEY": key})
            fields = remoting.send_fields(TOPIC, self.sent % QUEUES, properties, queues=QUEUES)
            header, _ = connection.call(remoting.SEND_V2, fields, load.body_of(key) * 8)
        finally:
            connection.close()
        if header["code"] != remoting.SUCCESS:
            return header["code"], header.get("remark") or ""
        self.stored[key] = header["extFields"]["msgId"]
        return None

    def send_until_refused(self):
        """Sends until a message is refused, and returns the remark."""
        deadline = time.monotonic() + PATIENCE
        while True:
            refused = self.send()
            if refused:
                require(refused[0] == UNAVAILABLE, f"refused with {refused}")
                return refused[1]
            require(time.monotonic() < deadline, f"{self.sent} messages were stored")

    def send_until_stored(self):
        wait_until(lambda: not self.send(), "messages are still refused", 0.1)

    def wait_until_flushed(self):
        """Waits until the disk has everything that was stored."""
        def is_flushed():
            connection = remoting.Connection(self.broker.address)
            _, body = connection.expect(RUNTIME_INFO, {})
            connection.close()
            return json.loads(body)["table"]["remainHowManyDataToFlush"].startswith("0 ")

        wait_until(is_flushed, "what was stored is not flushed")

    def read(self):
        """Everything that was acknowledged is there."""
        connection = remoting.Connection(self.broker.address)
        found = {}
        for record in connection.read_all(TOPIC, QUEUES):
            require(not record.problem, f"{record.problem} at {record.physical_offset}")
            found[record.property("UNIQ_KEY", "")] = record.body
        connection.close()
        for key in self.stored:
            require(found.get(key) == load.body_of(key) * 8, f"{key} was acknowledged and is not there")


def fill(disk, leave):
    """Takes the space of a disk but for `leave` bytes; returns the file that holds it."""
    ballast = disk.root / "ballast"
    with open(ballast, "wb") as file:
        about = os.statvfs(disk.root)
        os.posix_fallocate(file.fileno(), 0, about.f_bavail * about.f_frsize - leave)
        os.fsync(file.fileno())
    return ballast


def full(disk, broker):
    """The disk fills up under a running broker."""
    broker.start()
    messages = Messages(broker)
    require(not messages.send(), "the first message was refused")
    ballast = fill(disk, 5 << 20)
    remark = messages.send_until_refused()
    require("full" in remark.lower() or "space" in remark.lower(), f"the remark does not say why: {remark!r}")
    messages.read()
    connection = remoting.Connection(broker.address)
    header, _ = connection.call(remoting.CREATE_TOPIC, {
        "topic": "onAFullDisk" + "x" * 100, "defaultTopic": "TBW102", "readQueueNums": "4", "writeQueueNums": "4",
        "perm": "6", "topicFilterType": "SINGLE_TAG", "topicSysFlag": "0", "order": "false"})
    topic_code = header["code"]
    connection.close()
    ballast.unlink()
    messages.send_until_stored()
    require(broker.stop() == 0, "the broker did not stop in order")
    print(f"ok a disk that fills up: {len(messages.stored)} messages are there, sends refused ({remark!r}), "
          f"a new topic answered with code {topic_code}, sends go on when there is space", flush=True)

    ballast = fill(disk, 900 << 10)  # Less than a log file takes, and enough for a few names.
    broker.start()
    messages.read()
    messages.send_until_refused()
    ballast.unlink()
    messages.send_until_stored()
    broker.kill()
    broker.start()
    messages.read()
    require(broker.stop() == 0, "the broker did not stop in order")
    print("ok a start on a full disk: it reads, refuses, and takes messages when there is space", flush=True)


def starts(disk, broker):
    """What a start says of the machine."""
    broker.configure(SETTINGS | {"mappedFileSizeCommitLog": 512 << 20})
    broker.start()
    broker.await_log("MiB are free, a log file takes 512 MiB")
    require(broker.stop() == 0, "the broker did not stop in order")
    command = [BINARY, "serve", "--store", broker.store, "--broker-port", "0", "--namesrv-port", "0"]
    done = subprocess.run(
        ["prlimit", "--nofile=100:100", *command], capture_output=True, text=True, timeout=PATIENCE,
        cwd=broker.directory)
    require(done.returncode == 1 and "100 descriptors" in done.stderr, f"with 100 descriptors: {done}")
    print("ok a start says that there is little space, and refuses too few descriptors", flush=True)


def cannot_reserve(directory):
    """A file system without fallocate."""
    with MountedDisk(64 << 20, "ext2") as disk, Broker(directory, SETTINGS, disk.root / "store") as broker:
        broker.start()
        messages = Messages(broker)
        for _ in range(100):
            require(not messages.send(), "a message was refused")
        messages.read()
        broker.kill()
        broker.start()
        messages.read()
        require(broker.stop() == 0, "the broker did not stop in order")
        require("cannot reserve space" in broker.log.read_text(), "nothing is said of a file system without fallocate")
    print("ok a file system that cannot reserve space: files are filled with zeroes, and a line says so", flush=True)


def read_only(disk, broker):
    """The store is on a file system that cannot be written to."""
    broker.start()
    messages = Messages(broker)
    require(not messages.send(), "the first message was refused")
    require(broker.stop() == 0, "the broker did not stop in order")
    disk.remount("ro")
    try:
        broker.start()
        raise AssertionError("a store that cannot be written to was opened")
    except BrokerFailure:
        said = broker.log_tail(5)
    require("read-only" in said and str(broker.store) in said, f"the refusal is not clear:\n{said}")
    disk.remount("rw")
    broker.start()
    messages.read()
    require(broker.stop() == 0, "the broker did not stop in order")
    print("ok a read-only file system is refused by name", flush=True)


def fails_synchronous(disk, broker):
    """The disk fails under a running broker that syncs before it acknowledges."""
    fails(disk, broker, is_synchronous=True)


def fails_asynchronous(disk, broker):
    """The disk fails under a running broker that acknowledges first."""
    broker.configure(SETTINGS | {"flushDiskType": "ASYNC_FLUSH"})
    fails(disk, broker, is_synchronous=False)


def fails(disk, broker, is_synchronous):
    broker.start()
    messages = Messages(broker)
    for _ in range(50):
        require(not messages.send(), "a message was refused")
    messages.wait_until_flushed()
    durable = dict(messages.stored)
    disk.cut()
    try:
        remark = messages.send_until_refused()
        require(remark, "the refusal has no remark")
        for _ in range(5):
            require(messages.send(), "a message was stored after a flush had failed")
        messages.read()
        outcome = f"sends refused ({remark!r}), reading goes on"
        if is_synchronous:
            require(messages.stored == durable, "a message was acknowledged that the disk cannot have")
    except OSError:
        status = broker.process.wait(PATIENCE)
        said = broker.log_tail(5)
        require(status == -signal.SIGBUS and str(broker.store) in said, f"exit status {status}:\n{said}")
        outcome = "the process ended and named the file"
    broker.kill()
    disk.restore(0)
    messages.stored = durable
    broker.start()
    messages.read()
    messages.send_until_stored()
    require(broker.stop() == 0, "the broker did not stop in order")
    mode = "sync" if is_synchronous else "async"
    print(f"ok a disk that fails, {mode} flush: {outcome}; after a restart all is there", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fs", choices=("ext4", "xfs"), default="ext4")
    options = parser.parse_args()
    reason = why_not(options.fs)
    if reason:
        print(f"SKIPPED: disk faults were not tested: {reason}")
        return 0
    with temporary_directory("faults") as directory:
        try:
            for test in (full, starts, read_only, fails_synchronous, fails_asynchronous):
                with Disk(DISK_BYTES[options.fs], options.fs) as disk, Broker(
                        directory, SETTINGS, disk.root / test.__name__) as broker:
                    test(disk, broker)
            cannot_reserve(directory)
        except (AssertionError, BrokerFailure, OSError, subprocess.SubprocessError) as failure:
            print(f"FAILED {describe(failure)}")
            subprocess.run(["sh", "-c", f"tail -n 15 {directory}/apus.log"], check=False)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
