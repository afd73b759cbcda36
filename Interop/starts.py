"""Starts of a broker whose predecessor still has its ports or its store.

usage: starts.py

  - a port that another process gives up within the time that a start waits: the broker is ready then,
  - a store whose broker stops in that time: the next one opens it, and what was acknowledged is there,
  - a port and a store that stay taken: the start ends with an exit code of its own and says what is taken,
  - a log file: it says why a start failed, and of an order to stop which one it was and that it was done.
"""
import socket
import subprocess
import sys
import time

import remoting
from broker import PATIENCE, Broker, BrokerFailure, require, temporary_directory

PORT_IN_USE, STORE_IN_USE = 5, 4
WAITING = "waiting for another process to end"
# How many seconds a start waits for what is taken.
START_WAITS = 5


def await_waiting(broker):
    """Waits until a process has logged that it waits; it has not said that it is ready by then."""
    deadline = time.monotonic() + PATIENCE
    while WAITING not in broker.log.read_text("utf-8", "replace"):
        status = broker.process.poll()
        require(status is None, f"ended with {status} and did not wait")
        require(time.monotonic() < deadline, f"does not say {WAITING!r}")
        time.sleep(0.01)


def hold_port():
    """A server on a port of which the second one, two below it, is free."""
    while True:
        holder = socket.create_server(("127.0.0.1", 0))
        try:
            socket.create_server(("127.0.0.1", holder.getsockname()[1] - 2)).close()
            return holder
        except OSError:
            holder.close()


def in_time(attempt):
    """Does what has to be done while a start waits, and anew where the machine took longer than that: the attempt is
    told its number."""
    deadline = time.monotonic() + PATIENCE
    number = 0
    while True:
        begin = time.monotonic()
        number += 1
        try:
            return attempt(number)
        except (AssertionError, BrokerFailure):
            if time.monotonic() - begin <= START_WAITS or time.monotonic() > deadline:
                raise


def port_is_given_up(directory):
    def attempt(number):
        with hold_port() as holder, Broker(directory / f"port-{number}") as next_broker:
            next_broker.launch(holder.getsockname()[1])
            await_waiting(next_broker)
            holder.close()
            next_broker.await_ready(PATIENCE)

    in_time(attempt)
    print("ok a port that its holder gives up is waited for", flush=True)


def store_is_given_up(directory, broker):
    broker.start()
    connection = remoting.Connection(broker.address)
    connection.send("Starts", 0, b"before", {})
    connection.close()

    def attempt(number):
        if broker.process.poll() is not None:
            broker.start()
        with Broker(directory / f"successor-{number}", store=broker.store) as next_broker:
            next_broker.launch()
            await_waiting(next_broker)
            require(broker.stop() == 0, "the first broker did not stop in order")
            next_broker.await_ready(PATIENCE)
            connection = remoting.Connection(next_broker.address)
            bodies = [record.body for record in connection.read_all("Starts", 1)]
            connection.close()
            require(bodies == [b"before"], f"the store has {bodies}")

    in_time(attempt)
    print("ok a store that its broker closes is waited for, and what it acknowledged is there", flush=True)


def stays_taken(directory, broker):
    broker.start()
    port = int(broker.address.rpartition(":")[2])
    for name, store, taken_port, status, taken in (
            ("same-store", broker.store, 0, STORE_IN_USE, str(broker.store)),
            ("same-port", None, port, PORT_IN_USE, f":{port}")):
        with Broker(directory / name, store=store) as refused:
            refused.launch(taken_port)
            ended = refused.process.wait(PATIENCE)
            require(ended == status, f"exit code {ended}, not {status}")
            said = refused.log.read_text("utf-8", "replace")
            last = said.splitlines()[-1]
            require("another process" in last and taken in last, f"it says\n{said}")
    require(broker.stop() == 0, "the running broker was disturbed")
    print("ok what stays taken ends a start with its name and its exit code", flush=True)


def log_file_tells(directory, broker):
    # Lines are written by a thread of their own, for which the end of a process waits a second and no longer: what a
    # machine that stands still for longer leaves out is said the next time.
    def attempt(number):
        if broker.process.poll() is not None:
            broker.start()
        written = directory / f"refused-{number}.txt"
        with Broker(directory / f"refused-{number}", store=broker.store) as refused:
            refused.launch(options=["--log", written])
            ended = refused.process.wait(PATIENCE)
            require(ended == STORE_IN_USE, f"exit code {ended}, not {STORE_IN_USE}")
        last = (written.read_text("utf-8").splitlines() or [""])[-1]
        require(f"exitCode={STORE_IN_USE} " in last and str(broker.store) in last, f"the log ends with {last!r}")
        # Earlier stops of this broker stand in the same log.
        before = broker.log.stat().st_size
        require(broker.stop() == 0, "the running broker was disturbed")
        said = broker.log.read_bytes()[before:].decode("utf-8", "replace")
        require("stopping signal=SIGTERM" in said and "process: stopped after=" in said, f"it says\n{said}")

    in_time(attempt)
    print("ok a log file tells why a start failed, and the log of a stop in order", flush=True)


def main():
    with temporary_directory("starts") as directory, Broker(directory) as broker:
        try:
            port_is_given_up(broker.directory)
            store_is_given_up(broker.directory, broker)
            stays_taken(broker.directory, broker)
            log_file_tells(broker.directory, broker)
        except (AssertionError, BrokerFailure, OSError, RuntimeError, subprocess.SubprocessError) as failure:
            print(f"FAILED {failure}")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
