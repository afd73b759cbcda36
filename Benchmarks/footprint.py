"""What a broker's process costs besides the messages: memory, connections, the time to start."""
import json
import os
import pathlib
import resource
import socket
import struct
import threading
import time
import zlib

import remoting
from broker import Broker

SEGMENT = 1 << 30
BLANK_MAGIC = -875286124


def cores():
    return len(os.sched_getaffinity(0))


def processor():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return "an unknown processor"


def memory_gib():
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)


def load_average():
    return os.getloadavg()


def file_system(path):
    """The type of the file system that holds a path."""
    real, best = os.path.realpath(path), ("", "unknown file system")
    for line in pathlib.Path("/proc/mounts").read_text().splitlines():
        _, mount, kind = line.split()[:3]
        if (real + "/").startswith(mount.rstrip("/") + "/") and len(mount) >= len(best[0]):
            best = (mount, kind)
    return best[1]


def anonymous_memory(pid):
    """Bytes of a process's own memory, without mapped files."""
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError(f"/proc/{pid}/status has no RssAnon")


def settled_memory(pid):
    """The memory of a process when it has had a moment to do what it does after its start."""
    time.sleep(2)
    return anonymous_memory(pid)


class Peak:
    """The most memory that a process had while a block ran."""

    def __init__(self, pid):
        self.pid, self.bytes, self._done = pid, 0, threading.Event()

    def __enter__(self):
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def _watch(self):
        while not self._done.wait(0.05):
            self.bytes = max(self.bytes, anonymous_memory(self.pid))

    def __exit__(self, *_):
        self._done.set()
        self._thread.join()


def idle_connections(broker, count):
    """Opens connections that each asked one question; returns the memory before, with them, and how many there are."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    count = min(count, hard - 200)
    before = settled_memory(broker.process.pid)
    host, port = broker.address.rsplit(":", 1)
    question = remoting.frame(remoting.MAX_OFFSET, {"topic": "TBW102", "queueId": "0"})
    sockets = []
    try:
        for _ in range(count):
            sockets.append(socket.create_connection((host, int(port)), 10))
            sockets[-1].sendall(question)
        for one in sockets:
            one.recv(4096)
        return before, settled_memory(broker.process.pid), count
    finally:
        for one in sockets:
            one.close()


def first_send(broker):
    """Starts a broker and returns the seconds until it has acknowledged a message."""
    begin = time.monotonic()
    broker.start()
    connection = remoting.Connection(broker.address)
    connection.send("first_send", 0, b"first", {})
    took = time.monotonic() - begin
    connection.close()
    return took


def start_to_first_send(directory, gibibytes):
    """The seconds from launching the process to an acknowledgement, after a clean stop and after kill -9."""
    broker = Broker(directory)
    if gibibytes:
        old_store(broker.store, gibibytes)
        # What Java left, or a part of it, is read through once; that is not what is measured.
        broker.start(timeout=120)
        broker.stop()
    clean = first_send(broker)
    broker.kill()
    crashed = first_send(broker)
    broker.stop()
    return clean, crashed


def old_store(store, gibibytes):
    """A log of segments of 1 GiB that take next to no space: each begins with a message, the rest is a blank record."""
    log = store / "commitlog"
    log.mkdir(parents=True)
    now = int(time.time() * 1000)
    for number in range(gibibytes):
        start = number * SEGMENT
        message = record(queue_offset=number, physical_offset=start, stored=now - (gibibytes - number) * 1000)
        with open(log / f"{start:020}", "wb") as file:
            file.truncate(SEGMENT)
            file.write(message)
            if number < gibibytes - 1:
                file.write(struct.pack(">ii", SEGMENT - len(message), BLANK_MAGIC))
    config = store / "config"
    config.mkdir()
    topic = {"topicName": "old", "readQueueNums": 1, "writeQueueNums": 1, "perm": 6, "order": False,
             "topicFilterType": "SINGLE_TAG", "topicSysFlag": 0}
    (config / "topics.json").write_text(json.dumps(
        {"dataVersion": {"counter": 1, "timestamp": now}, "topicConfigTable": {"old": topic}}))


def record(queue_offset, physical_offset, stored):
    """A stored message of topic `old`, queue 0, as RocketMQ 4.9.8 lays it out."""
    body, topic = b"an old message", b"old"
    size = remoting.RECORD.size + len(body) + 1 + len(topic) + 2
    host = socket.inet_aton("127.0.0.1") + struct.pack(">i", 10911)
    return remoting.RECORD.pack(
        size, remoting.PLAIN_MAGIC, zlib.crc32(body) & 0x7FFFFFFF, 0, 0, queue_offset, physical_offset, 0, stored, host,
        stored, host, 0, 0, len(body)) + body + bytes([len(topic)]) + topic + struct.pack(">h", 0)
