"""Access control against a real client: `apus serve` with aclEnable, and the PyPI package rocketmq signing requests.

usage: access.py                 runs the server and, in a process of its own, each client
       access.py NAMESRV ROLE    one client
"""
import os
import subprocess
import sys
import threading

from broker import PATIENCE, Broker, BrokerFailure, temporary_directory

TOPIC, GROUP = "Signed", "signed_consumers"
FILE = """accounts:
- accessKey: application
  secretKey: application-secret
  topicPerms:
  - Signed=PUB|SUB
  groupPerms:
  - signed_consumers=SUB
- accessKey: stranger
  secretKey: stranger-secret
"""
# Role: account, secret, whether it is to be served.
ROLES = {
    "signed": ("application", "application-secret", True),
    "wrong_secret": ("application", "another-secret", False),
    "wrong_account": ("stranger", "stranger-secret", False),
    "unsigned": (None, None, False),
}


def client(namesrv, role):
    """Sends, and when that works consumes what it sent; prints what happened."""
    from rocketmq.client import Message, Producer, PushConsumer

    key, secret, _ = ROLES[role]
    producer = Producer("signed_producers", timeout=1000 * PATIENCE)
    producer.set_namesrv_addr(namesrv)
    if key:
        producer.set_session_credentials(key, secret, "")
    producer.start()
    try:
        for number in range(8):
            message = Message(TOPIC)
            message.set_body(f"{role} {number} ü")
            message.set_tags("T")
            message.set_keys(f"k{number}")
            producer.send_sync(message)
    except Exception as error:  # The package raises plain exceptions of its own.
        print(f"refused {type(error).__name__}", flush=True)
        os._exit(0)
    done, seen = threading.Event(), set()

    def receive(message):
        seen.add(message.body)
        if len(seen) >= 8:
            done.set()

    consumer = PushConsumer(GROUP)
    consumer.set_namesrv_addr(namesrv)
    consumer.set_session_credentials(key, secret, "")
    consumer.subscribe(TOPIC, receive)
    consumer.start()
    print("served" if done.wait(PATIENCE) else f"sent, but consumed {len(seen)} of 8 only", flush=True)
    # The client frees what its own threads still use.
    os._exit(0)


def main():
    failed = 0
    with temporary_directory("access") as directory:
        broker = Broker(directory, {"aclEnable": "true", "aclConfigDir": directory})
        (broker.directory / "plain_acl.yml").write_text(FILE)
        try:
            broker.start()
        except BrokerFailure as failure:
            print(f"FAIL start: {failure}")
            return 1
        for role, (_, _, is_served) in ROLES.items():
            command = [sys.executable, __file__, broker.namesrv, role]
            environment = dict(os.environ, HOME=directory, PYTHONUNBUFFERED="1")
            try:
                done = subprocess.run(
                    command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                    timeout=2 * PATIENCE)
                lines = done.stdout.splitlines()
            except subprocess.TimeoutExpired:
                lines = []
            verdict = next((line for line in lines if line.startswith(("served", "refused", "sent"))), "no verdict")
            good = verdict.startswith("served" if is_served else "refused")
            failed += not good
            print(f"{'ok  ' if good else 'FAIL'} access {role:<14} {verdict}", flush=True)
        if broker.stop() != 0:
            failed += 1
            print(f"FAIL the server did not end in order\n{broker.log_tail()}")
        if "secret" in broker.log.read_text("utf-8", "replace"):
            failed += 1
            print("FAIL a secret is in the log")
    return 1 if failed else 0


if __name__ == "__main__":
    if len(sys.argv) == 3:
        client(sys.argv[1], sys.argv[2])
    else:
        sys.exit(main())
