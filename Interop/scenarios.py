"""What an application does with RocketMQ, through the PyPI package rocketmq 0.4.4 (a C++ client behind ctypes).

usage: scenarios.py NAMESRV SCENARIO             runs one and prints a verdict; run.py runs them all
"""
import os
import random
import sys
import threading
import time
import traceback
import uuid

from rocketmq.client import Message, Producer, PullConsumer, PushConsumer, RecvMessage, SendStatus
from rocketmq.ffi import MessageModel, dll

VERDICT = "verdict: "
# How many seconds a scenario waits for what has to come: so many that only a fault lets them pass, also on a machine
# that stands still now and then.
PATIENCE = 240
ALL = {}
CONSUMED, AGAIN = 0, 1

# The client frees what Python lets go of while its own threads still use it.
alive = []


def scenario(function):
    """Puts a function into the list; its doc string is what the report shows."""
    ALL[function.__name__] = function
    return function


def expect(what, got, wanted):
    """Fails the scenario unless both are equal."""
    if got != wanted:
        raise AssertionError(f"{what}: {got!r} instead of {wanted!r}")


class Inbox:
    """What a consumer's callbacks saw."""

    def __init__(self):
        self._messages = []
        self._changed = threading.Condition()

    def add(self, message):
        with self._changed:
            self._messages.append(message)
            self._changed.notify_all()

    def wait(self, count, settle=1.0):
        """Waits for `count` messages, then a little longer for those that should not come; returns all there are."""
        return self.wait_for(lambda messages: len(messages) >= count, settle)

    def wait_for(self, is_enough, settle=1.0):
        """Waits until the messages are enough, then a little longer; returns all there are."""
        with self._changed:
            self._changed.wait_for(lambda: is_enough(self._messages), PATIENCE)
        time.sleep(settle)
        return self.seen()

    def seen(self):
        with self._changed:
            return list(self._messages)


class Application:
    """A producer and consumers of one topic of its own."""

    def __init__(self, namesrv, name):
        self.namesrv = namesrv
        self.topic = f"interop_{name}_{uuid.uuid4().hex[:8]}"
        self.producer = Producer("producer_" + self.topic, timeout=1000 * PATIENCE, max_message_size=4 << 20)
        self.producer.set_namesrv_addr(namesrv)
        self.producer.start()
        alive.append(self.producer)

    def message(self, body, tag=None, key=None, **properties):
        message = Message(self.topic)
        message.set_body(body)
        if tag:
            message.set_tags(tag)
        if key:
            message.set_keys(key)
        for name, value in properties.items():
            message.set_property(name, value)
        alive.append(message)
        return message

    def send(self, body, tag=None, key=None, **properties):
        result = self.producer.send_sync(self.message(body, tag, key, **properties))
        expect("send status", result.status, SendStatus.OK)
        return result

    def create_topic(self):
        """One message to every queue: a consumer that starts before the topic exists waits long for its route."""
        for _ in range(4):
            self.send("first", tag="First")

    def consume(self, expression="*", model=MessageModel.CLUSTERING, instance=None, failures=0):
        """Starts a push consumer; its inbox leaves the messages of create_topic out. It says that it could not handle a
        message as often as `failures`."""
        inbox = Inbox()
        consumer = PushConsumer("consumer_" + self.topic, message_model=model)
        consumer.set_namesrv_addr(self.namesrv)
        if instance:
            consumer.set_instance_name(instance)

        # The package's own subscribe() cannot say that a message is to come again: what its callback raises ctypes
        # turns into success.
        def receive(_, handle):
            message = RecvMessage(handle)
            copy = {
                "body": message.body.decode(), "tag": (message.tags or b"").decode(),
                "key": (message.keys or b"").decode(), "color": (message.get_property("color") or b"").decode(),
                "id": message.id, "topic": message.topic, "queue": message.queue_id, "offset": message.queue_offset,
                "born": message.born_timestamp, "stored": message.store_timestamp, "size": message.store_size,
                "tries": message.reconsume_times,
            }
            if copy["body"] == "first":
                return CONSUMED
            inbox.add(copy)
            return AGAIN if copy["tries"] < failures else CONSUMED

        dll.Subscribe(consumer._handle, self.topic.encode(), expression.encode())
        consumer._register_callback(receive)
        consumer.start()
        alive.append(consumer)
        return inbox, consumer


def bodies(messages, prefix=""):
    return sorted(message["body"] for message in messages if message["body"].startswith(prefix))


def until(holds, what):
    """Asks now and then until something holds that stays so; fails the scenario when it never does."""
    deadline = time.monotonic() + PATIENCE
    while not holds():
        expect(what, time.monotonic() < deadline, True)
        time.sleep(0.2)


@scenario
def sync_send(namesrv):
    """16 acknowledged sends over 4 queues: ids differ, offsets grow by one in each"""
    application = Application(namesrv, "sync")
    results = [application.send(f"hello {number}", "TagA", f"key{number}") for number in range(16)]
    expect("different ids", len({result.msg_id for result in results}), 16)
    expect("offsets", sorted(result.offset for result in results), sorted(list(range(4)) * 4))


@scenario
def async_send(namesrv):
    """20 sends with a callback each: every one is called, none with an error"""
    application = Application(namesrv, "async")
    done, failed = Inbox(), Inbox()
    for number in range(20):
        application.producer.send_async(application.message(f"a{number}"), done.add, failed.add)
    results = done.wait(20, settle=0.2)
    expect("failures", failed.seen(), [])
    expect("callbacks", len(results), 20)


@scenario
def oneway(namesrv):
    """sends that nobody answers arrive at a push consumer"""
    application = Application(namesrv, "oneway")
    application.create_topic()
    inbox, _ = application.consume("Oneway")
    for number in range(10):
        application.producer.send_oneway(application.message(f"o{number}", "Oneway"))
    expect("bodies", bodies(inbox.wait(10)), sorted(f"o{number}" for number in range(10)))


@scenario
def batch_as_raw(namesrv):
    """this client's batch says batch=1, which a broker stores as one plain message, as Java does"""
    application = Application(namesrv, "batch")
    application.create_topic()
    inbox, _ = application.consume()
    items = [application.message(f"b{number}", "Batch", f"key{number}", color="red") for number in range(7)]
    result = application.producer.send_batch(items)
    expect("status", result.status, SendStatus.OK)
    messages = inbox.wait(1, settle=2)
    expect("messages", len(messages), 1)
    # The stored body is the encoded batch, which begins with a zero byte; the client hands bodies over as C strings.
    expect("body and tag", (messages[0]["body"], messages[0]["tag"]), ("", ""))
    expect("offset", messages[0]["offset"], result.offset)
    if messages[0]["size"] < 7 * 40:
        raise AssertionError(f"only {messages[0]['size']} bytes stored of a batch of 7")


@scenario
def cluster_push(namesrv):
    """a push consumer gets each of 40 messages once, with every field as it was sent"""
    application = Application(namesrv, "push")
    application.create_topic()
    inbox, _ = application.consume()
    begin = time.time() * 1000
    sent = {f"x{number}": application.send(f"x{number}", f"Tag{number % 3}", f"key{number}", color=f"c{number}")
            for number in range(40)}
    messages = inbox.wait(40, settle=2)
    expect("bodies", bodies(messages), sorted(sent))
    for message in messages:
        number = int(message["body"][1:])
        result = sent[message["body"]]
        expect("fields", (message["tag"], message["key"], message["color"], message["topic"]),
               (f"Tag{number % 3}", f"key{number}", f"c{number}", application.topic))
        expect("offset", message["offset"], result.offset)
        expect("id", message["id"], result.msg_id)
        if not begin - 1000 <= message["born"] <= message["stored"] + 50 <= time.time() * 1000 + 1000:
            raise AssertionError(f"born {message['born']}, stored {message['stored']}, sent at {begin}")


@scenario
def tag_filter(namesrv):
    """a subscription to 'TagA || TagC' gets two thirds of 30 messages"""
    application = Application(namesrv, "tags")
    application.create_topic()
    inbox, _ = application.consume("TagA || TagC")
    for number in range(30):
        application.send(f"t{number}", "Tag" + "ABC"[number % 3])
    expect("bodies", bodies(inbox.wait(20, settle=2)), sorted(f"t{number}" for number in range(30) if number % 3 != 1))


@scenario
def broadcast(namesrv):
    """two broadcasting instances each get everything"""
    application = Application(namesrv, "broadcast")
    application.create_topic()
    inboxes = [application.consume("Broadcast", MessageModel.BROADCASTING, name)[0] for name in ("a", "b")]

    def have_begun():
        # A message to every queue: a broadcasting consumer begins where a queue ends when it asks.
        for _ in range(4):
            application.send("probe", "Broadcast")
        return all({message["queue"] for message in inbox.seen()} == set(range(4)) for inbox in inboxes)

    until(have_begun, "both have begun with every queue")
    for number in range(12):
        application.send(f"b{number}", "Broadcast")
    for inbox in inboxes:
        messages = inbox.wait_for(lambda messages: len(bodies(messages, "b")) >= 12)
        expect("bodies", bodies(messages, "b"), sorted(f"b{number}" for number in range(12)))


@scenario
def rebalance(namesrv):
    """two instances share the queues, each message arrives once; one leaves and the other takes its share over"""
    application = Application(namesrv, "rebalance")
    application.create_topic()
    first, _ = application.consume("Share", instance="a")
    second, leaving = application.consume("Share", instance="b")

    def shares(prefix):
        return [{message["queue"] for message in inbox.seen() if message["body"].startswith(prefix)}
                for inbox in (first, second)]

    def have_come(prefix, count):
        return len(bodies(first.seen() + second.seen(), prefix)) >= count

    rounds = iter(range(1000))

    def is_shared():
        # This client looks at its group every 10 to 20 seconds: until then one of them may have all queues, or both.
        prefix = f"probe{next(rounds)}."
        for number in range(8):
            application.send(f"{prefix}{number}", "Share")
        until(lambda: have_come(prefix, 8), "what was sent meanwhile has come")
        one, other = shares(prefix)
        return len(one) == len(other) == 2 and not one & other

    until(is_shared, "each has two queues")
    for number in range(40):
        application.send(f"r{number}", "Share")
    until(lambda: have_come("r", 40), "everything has come")
    time.sleep(1)
    expect("bodies", bodies(first.seen() + second.seen(), "r"), sorted(f"r{number}" for number in range(40)))
    expect("queues of each", [len(share) for share in shares("r")], [2, 2])
    leaving.shutdown()
    for number in range(20):
        application.send(f"s{number}", "Share")
    later = first.wait_for(lambda messages: len(bodies(messages, "s")) >= 20)
    expect("bodies after leaving", bodies(later, "s"), sorted(f"s{number}" for number in range(20)))


@scenario
def offsets_survive(namesrv):
    """a second run of a consumer group gets only what is new"""
    application = Application(namesrv, "offsets")
    application.create_topic()
    inbox, consumer = application.consume()
    for number in range(10):
        application.send(f"o{number}")
    expect("first run", bodies(inbox.wait(10)), sorted(f"o{number}" for number in range(10)))
    time.sleep(6)  # the client stores its offsets every 5 seconds
    consumer.shutdown()
    for number in range(10, 15):
        application.send(f"o{number}")
    inbox, _ = application.consume(instance="second")
    expect("second run", bodies(inbox.wait(5, settle=2)), sorted(f"o{number}" for number in range(10, 15)))


@scenario
def pull(namesrv):
    """a pull consumer reads 30 messages from four queues right after their acknowledgement"""
    application = Application(namesrv, "pull")
    for number in range(30):
        application.send(f"p{number}", "Pull")
    consumer = PullConsumer("consumer_" + application.topic)
    consumer.set_namesrv_addr(namesrv)
    consumer.start()
    alive.append(consumer)
    got = sorted(bytes(message.body).decode() for message in consumer.pull(application.topic))
    expect("bodies", got, sorted(f"p{number}" for number in range(30)))


@scenario
def big_body(namesrv):
    """1 MiB that does not compress and 96 kB that the client compresses arrive as they were sent"""
    application = Application(namesrv, "big")
    application.create_topic()
    inbox, _ = application.consume("Big")
    generator = random.Random(5)
    noise = "".join(generator.choices("abcdefghijklmnopqrstuvwxyz0123456789", k=1 << 20))
    sparse = "compress me " * 8000
    application.send(noise, "Big")
    application.send(sparse, "Big")
    got = bodies(inbox.wait(2))
    expect("lengths", sorted(map(len, got)), sorted([len(noise), len(sparse)]))
    expect("content is as sent", got == sorted([noise, sparse]), True)


def expect_later(application, messages, begin, wanted):
    """Expects the one message of a delay, so many ms after `begin`: not early; how late depends on the machine."""
    expect("fields", [(got["body"], got["key"], got["topic"]) for got in messages],
           [("later", "key", application.topic)])
    waited = messages[0]["stored"] - begin
    if not wanted - 10 <= waited <= 1000 * PATIENCE:
        raise AssertionError(f"delivered after {waited:.0f} ms instead of {wanted}")


@scenario
def delay(namesrv):
    """a delayed message arrives once, after its delay, in the topic it was sent to"""
    application = Application(namesrv, "delay")
    application.create_topic()
    inbox, _ = application.consume("Delay")
    message = application.message("later", "Delay", "key")
    message.set_delay_time_level(1)
    begin = time.time() * 1000
    expect("status", application.producer.send_sync(message).status, SendStatus.OK)
    expect_later(application, inbox.wait(1, settle=2), begin, 1000)


@scenario
def any_delay(namesrv):
    """a message with RocketMQ 5's TIMER_DELAY_MS arrives once, at its time, and a cancelled one does not"""
    application = Application(namesrv, "any_delay")
    application.create_topic()
    inbox, _ = application.consume("Timed")
    begin = time.time() * 1000
    application.send("later", "Timed", "key", TIMER_DELAY_MS="1234")
    lead, is_late = 1500, True
    while is_late:
        # What a machine that stands still cancels too late has come: another one is cancelled then.
        due = int(time.time() * 1000) + lead
        name = f"never{lead}"
        cancelled = application.send(name, "Timed", "key", TIMER_DELIVER_MS=str(due))
        application.send("cancel", "Timed", "key", TIMER_DEL_UNIQKEY=cancelled.msg_id)
        is_late = time.time() * 1000 >= due
        lead *= 4
    inbox.wait_for(lambda messages: bodies(messages, "later"))
    time.sleep(max(0, due / 1000 - time.time()) + 2)
    expect("what was cancelled", bodies(inbox.seen(), name), [])
    messages = [message for message in inbox.seen() if not message["body"].startswith("never")]
    expect_later(application, messages, begin, 1234)


@scenario
def retry(namesrv):
    """a message that its consumer cannot handle comes again until it can, with the count of tries"""
    application = Application(namesrv, "retry")
    application.create_topic()
    inbox, _ = application.consume("Retry", failures=2)
    result = application.send("again", "Retry", "key")
    messages = inbox.wait(3, settle=2)
    expect("bodies", bodies(messages), ["again"] * 3)
    expect("tries", [message["tries"] for message in messages], [0, 1, 2])
    expect("topics and ids", {(message["topic"], message["key"]) for message in messages}, {(application.topic, "key")})
    expect("first offset", messages[0]["offset"], result.offset)


def main():
    if len(sys.argv) != 3 or sys.argv[2] not in ALL:
        print(__doc__)
        return 2
    try:
        ALL[sys.argv[2]](sys.argv[1])
        verdict = "ok"
    except Exception as failure:
        traceback.print_exc()
        verdict = f"{type(failure).__name__}: {failure}".replace("\n", " ")
    print(VERDICT + verdict, flush=True)
    # Leaves without the client's own clean-up, which is not what is tested and can hang.
    os._exit(0)


if __name__ == "__main__":
    main()
