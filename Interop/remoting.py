"""The remoting protocol by hand, as little of it as the tests need: JSON headers, blocking calls, stored records.

A frame: i32 length of the rest, i32 length of the header (top byte 0: JSON), header, body. Big-endian throughout.
"""
import json
import socket
import struct
import time
import zlib

CREATE_TOPIC, PULL, MAX_OFFSET, MIN_OFFSET, SEND_V2, SEND_BATCH, QUERY = 17, 11, 30, 31, 310, 320, 12
HEARTBEAT, SEND_BACK, END_TRANSACTION, CHECK_TRANSACTION = 34, 36, 37, 39
QUERY_CONSUMER_OFFSET, UPDATE_CONSUMER_OFFSET, ALL_TOPICS = 14, 15, 21
# How a transaction ends, and the flag of its half message.
COMMIT, ROLLBACK, UNDECIDED, PREPARED = 8, 12, 0, 4
SUCCESS, PULL_NOT_FOUND, PULL_RETRY_AT_ONCE, PULL_OFFSET_MOVED = 0, 19, 20, 21

# What precedes the body in a stored record (reference: MessageDecoder of RocketMQ 4.9.8), IPv4 hosts.
RECORD = struct.Struct(">ii I i i q q i q 8s q 8s i q i")
PLAIN_MAGIC = -626843481


def frame(code, fields, body=b"", number=1, oneway=False):
    """Encodes a request."""
    header = json.dumps({
        "code": code, "language": "PYTHON", "version": 401, "opaque": number, "flag": 2 if oneway else 0,
        "extFields": fields,
        "serializeTypeCurrentRPC": "JSON"}).encode()
    return struct.pack(">ii", 4 + len(header) + len(body), len(header)) + header + body


def property_text(properties):
    """Properties as a request carries them."""
    return "\x02".join(f"{name}\x01{value}" for name, value in properties.items())


def send_fields(topic, queue, properties, sys_flag=0, group="interop", queues=4, is_batch=False):
    """The fields of a send, with the text of its properties; a topic that it makes gets so many queues."""
    return {
        "a": group, "b": topic, "c": "TBW102", "d": str(queues), "e": str(queue), "f": str(sys_flag),
        "g": str(int(time.time() * 1000)), "h": "0", "i": properties, "j": "0", "k": "false",
        "m": str(is_batch).lower()}


def end_fields(group, key, decision, queue_offset, position, asked):
    """The fields of the end of a transaction: where its half message lies, and whether the broker asked."""
    return {
        "producerGroup": group, "tranStateTableOffset": str(queue_offset), "commitLogOffset": str(position),
        "commitOrRollback": str(decision), "fromTransactionCheck": str(asked).lower(), "msgId": key,
        "transactionId": key}


def position_of(message_id):
    """The place in the log of a stored message: its id ends in it."""
    return int(message_id[-16:], 16)


def take_frames(buffer):
    """Cuts all whole frames off a bytearray; yields (header, body)."""
    at = 0
    while len(buffer) - at >= 8:
        length, header_length = struct.unpack_from(">iI", buffer, at)
        end = at + 4 + length
        if len(buffer) < end:
            break
        body_at = at + 8 + (header_length & 0xFFFFFF)
        yield json.loads(bytes(buffer[at + 8:body_at])), bytes(buffer[body_at:end])
        at = end
    del buffer[:at]


class Connection:
    """A blocking connection that asks one thing after the other."""

    def __init__(self, address, timeout=300, context=None, session=None):
        """With an `ssl.SSLContext` through TLS; the server is called localhost then."""
        host, port = address.rsplit(":", 1)
        self._socket = socket.create_connection((host, int(port)), timeout)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if context:
            self._socket = context.wrap_socket(self._socket, server_hostname="localhost", session=session)
        self._buffer = bytearray()
        self._number = 0
        # Called with the header of each request that the broker sends while an answer is waited for.
        self.on_request = None

    def call(self, code, fields, body=b""):
        """Sends a request and waits for its answer: (header, body)."""
        self._number += 1
        number = self._number
        self._socket.sendall(frame(code, fields, body, number))
        while True:
            answered = None
            # What the broker asks may be answered by a call of its own, which must not find the same frames again.
            for header, answer in list(take_frames(self._buffer)):
                if not header["flag"] & 1:
                    if self.on_request:
                        self.on_request(header)
                elif header["opaque"] == number:
                    answered = header, answer
            if answered:
                return answered
            piece = self._socket.recv(1 << 20)
            if not piece:
                raise ConnectionError(f"closed while waiting for the answer to code {code}")
            self._buffer += piece

    def expect(self, code, fields, body=b""):
        """As call, and fails unless the answer is a success."""
        header, answer = self.call(code, fields, body)
        if header["code"] != SUCCESS:
            raise RuntimeError(f"code {code} answered {header['code']}: {header.get('remark')}")
        return header.get("extFields") or {}, answer

    def tell(self, code, fields, body=b""):
        """Sends a request that is not answered."""
        self._number += 1
        self._socket.sendall(frame(code, fields, body, self._number, oneway=True))

    @property
    def socket(self):
        return self._socket

    def close(self):
        self._socket.close()

    def create_topic(self, topic, queues):
        self.expect(CREATE_TOPIC, {
            "topic": topic, "defaultTopic": "TBW102", "readQueueNums": str(queues), "writeQueueNums": str(queues),
            "perm": "6", "topicFilterType": "SINGLE_TAG", "topicSysFlag": "0", "order": "false"})

    def heartbeat(self, producers=()):
        """Says which producer groups this connection belongs to."""
        self.expect(HEARTBEAT, {}, json.dumps({
            "clientID": f"127.0.0.1@{id(self)}", "consumerDataSet": [],
            "producerDataSet": [{"groupName": group} for group in producers]}).encode())

    def send(self, topic, queue, body, properties, sys_flag=0):
        """Sends one message and returns the fields of the answer."""
        group = properties.get("PGROUP", "interop")
        return self.expect(
            SEND_V2, send_fields(topic, queue, property_text(properties), sys_flag, group), body)[0]

    def read_all(self, topic, queues):
        """Yields every record that the queues of a topic hold now."""
        for queue in range(queues):
            offset, end = self.bounds(topic, queue)
            while offset < end:
                _, found, following = self.pull(topic, queue, offset)
                yield from found
                if following <= offset:
                    raise RuntimeError(f"{topic}/{queue} at {offset} of {end}: the next offset is {following}")
                offset = following

    def bounds(self, topic, queue):
        """The smallest offset of a queue and the one after its last."""
        about = {"topic": topic, "queueId": str(queue)}
        return tuple(int(self.expect(code, about)[0]["offset"]) for code in (MIN_OFFSET, MAX_OFFSET))

    def pull(self, topic, queue, offset, most=512):
        """One pull that does not wait: (status code, records, next offset)."""
        header, body = self.call(PULL, {
            "consumerGroup": "interop", "topic": topic, "queueId": str(queue), "queueOffset": str(offset),
            "maxMsgNums": str(most), "sysFlag": "4", "commitOffset": "0", "suspendTimeoutMillis": "0",
            "subscription": "*", "subVersion": "0", "expressionType": "TAG"})
        if header["code"] not in (SUCCESS, PULL_NOT_FOUND, PULL_RETRY_AT_ONCE, PULL_OFFSET_MOVED):
            raise RuntimeError(f"pull of {topic}/{queue} at {offset} answered {header['code']}: {header.get('remark')}")
        return header["code"], list(records(body)), int(header["extFields"]["nextBeginOffset"])


class Record:
    """A stored message as a pull hands it out."""

    __slots__ = (
        "queue", "queue_offset", "physical_offset", "stored", "reconsume_times", "body", "properties", "topic",
        "problem")

    def property(self, name, default):
        """The value of a property, or the default."""
        for pair in self.properties.decode().split("\x02"):
            key, _, value = pair.partition("\x01")
            if key == name:
                return value
        return default


def records(data):
    """Decodes the records of a pull's body, and says in `problem` what is wrong with one."""
    at = 0
    while at < len(data):
        record = Record()
        (size, magic, crc, record.queue, _, record.queue_offset, record.physical_offset, _, _, _, record.stored, _,
         record.reconsume_times, _, length) = RECORD.unpack_from(data, at)
        body_at = at + RECORD.size
        record.body = data[body_at:body_at + length]
        topic_at = body_at + length + 1
        properties_at = topic_at + data[topic_at - 1] + 2
        record.topic = data[topic_at:properties_at - 2].decode()
        (properties_length,) = struct.unpack_from(">h", data, properties_at - 2)
        record.properties = data[properties_at:properties_at + properties_length]
        record.problem = None
        if magic != PLAIN_MAGIC:
            record.problem = f"magic {magic}"
        elif zlib.crc32(record.body) & 0x7FFFFFFF != crc:
            record.problem = "the body does not match its CRC"
        elif properties_at + properties_length != at + size:
            record.problem = f"{size} bytes announced, {properties_at + properties_length - at} there"
        yield record
        at += size


def batch_item(body, properties=b""):
    """One message of a batch's body."""
    return struct.pack(">iiiii", 22 + len(body) + len(properties), 0, 0, 0, len(body)) + body + struct.pack(
        ">h", len(properties)) + properties
