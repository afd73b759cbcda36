"""Producers that keep a broker busy until it dies, and remember every acknowledgement."""
import hashlib
import selectors
import socket
import time

import remoting
from broker import PATIENCE


def body_of(key):
    """The body that belongs to a key: unique, 20 to 3,000 bytes, the same whenever it is asked for."""
    digest = hashlib.blake2b(key.encode(), digest_size=32).digest()
    return (key.encode() + b"|" + digest * 90)[:20 + len(key) + int.from_bytes(digest[:2], "big") % 2960]


class Acknowledgement:
    """What the broker promised about one message."""

    __slots__ = ("queue", "offset", "physical_offset", "key")

    def __init__(self, queue, offset, physical_offset, key):
        self.queue, self.offset, self.physical_offset, self.key = queue, offset, physical_offset, key


class Producer:
    """One connection with several requests in flight; every `batch` messages go out as one batch if batch > 1."""

    def __init__(self, address, topic, queues, name, window, batch, unique=False, limit=None):
        """`unique` gives each message a UNIQ_KEY, as clients do; `limit` ends it after so many requests."""
        host, port = address.rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)), PATIENCE)
        self.socket.setblocking(False)
        self.topic, self.queues, self.name, self.window, self.batch = topic, queues, name, window, batch
        self.unique, self.limit = unique, limit
        self.sent = 0
        self.in_flight = {}
        self.acknowledged = []
        self.refused = {}
        self._out, self._in = bytearray(), bytearray()

    def _properties(self, key):
        return {"KEYS": key} | ({"UNIQ_KEY": key} if self.unique else {})

    def fill(self):
        """Puts requests into the output until the window is full. Request n is the same for all producers of a name."""
        while len(self.in_flight) < self.window and self.sent != self.limit:
            number = self.sent
            self.sent += 1
            queue = (number + len(self.name) + self.window) % self.queues
            keys = [f"{self.name}.{number}.{item}" for item in range(self.batch)]
            if self.batch > 1:
                code, properties = remoting.SEND_BATCH, {}
                body = b"".join(
                    remoting.batch_item(body_of(key), remoting.property_text(self._properties(key)).encode())
                    for key in keys)
            else:
                code, properties = remoting.SEND_V2, self._properties(keys[0]) | {"WAIT": "true"}
                body = body_of(keys[0])
            fields = remoting.send_fields(
                self.topic, queue, remoting.property_text(properties), is_batch=self.batch > 1)
            self._out += remoting.frame(code, fields, body, number)
            self.in_flight[number] = keys

    @property
    def is_done(self):
        return self.sent == self.limit and not self.in_flight

    def write(self):
        """Hands the output to the kernel as far as it takes it; False when the broker has gone."""
        try:
            while self._out:
                del self._out[:self.socket.send(self._out)]
        except BlockingIOError:
            pass
        except OSError:
            return False
        return True

    def read(self):
        """Takes what has arrived and notes the acknowledgements; False when the broker has gone."""
        open_still = True
        try:
            while True:
                piece = self.socket.recv(1 << 18)
                if not piece:
                    open_still = False
                    break
                self._in += piece
        except BlockingIOError:
            pass
        except OSError:
            open_still = False
        for header, _ in remoting.take_frames(self._in):
            keys = self.in_flight.pop(header["opaque"])
            if header["code"] != remoting.SUCCESS:
                self.refused[header["code"]] = header.get("remark")
                continue
            fields = header["extFields"]
            # A batch answers one id per message.
            positions = [remoting.position_of(one) for one in fields["msgId"].split(",")]
            if len(positions) != len(keys):
                raise AssertionError(f"{len(positions)} ids for a request of {len(keys)} messages")
            for item, (position, key) in enumerate(zip(positions, keys)):
                self.acknowledged.append(
                    Acknowledgement(int(fields["queueId"]), int(fields["queueOffset"]) + item, position, key))
        return open_still


def finish(producers):
    """Sends everything that producers with a limit have, and returns when all of it is answered."""
    selector = selectors.DefaultSelector()
    for producer in producers:
        selector.register(producer.socket, selectors.EVENT_READ, producer)
    living = {producer for producer in producers if producer.limit}
    deadline = time.monotonic() + 2 * PATIENCE
    while living:
        if time.monotonic() > deadline:
            raise AssertionError("the broker does not answer")
        for producer in list(living):
            producer.fill()
            if not producer.write():
                raise AssertionError("the broker closed a connection")
        for key, _ in selector.select(0.005):
            if not key.data.read():
                raise AssertionError("the broker closed a connection")
        living = {producer for producer in living if not producer.is_done}
    for producer in producers:
        producer.socket.close()


def run(producers, seconds, strike):
    """Sends for a while, and until something was answered; calls `strike` in the middle of it, and returns when every
    connection has broken."""
    selector = selectors.DefaultSelector()
    for producer in producers:
        selector.register(producer.socket, selectors.EVENT_READ, producer)
    end, struck = time.monotonic() + seconds, False
    living = set(producers)
    while living:
        late = time.monotonic() - end
        is_answered = any(producer.acknowledged or producer.refused for producer in producers)
        if not struck and late >= 0 and (is_answered or late > PATIENCE):
            strike()
            struck = True
        for producer in list(living):
            if not struck:
                producer.fill()
            if not producer.write() and struck:
                # What the broker sent before it died can still be read.
                while producer.read():
                    time.sleep(0.001)
                living.discard(producer)
        for key, _ in selector.select(0 if not struck else 0.2):
            if not key.data.read():
                living.discard(key.data)
                selector.unregister(key.fileobj)
                if not struck:
                    raise ConnectionError("the broker closed a connection under load")
    for producer in producers:
        producer.socket.close()
