"""Starts of a broker whose predecessor still has its ports or its store.

usage: starts.py

  - a port that another process gives up within the time that a start waits: the broker is ready then,
  - a store whose broker stops in that time: the next one opens it, and what was acknowledged is there,
  - a port and a store that stay taken: the start ends with an exit code of its own and says what is taken.
"""
import socket
import subprocess
import sys
import time

import remoting
from broker import BINARY, PATIENCE, READY, Broker, BrokerFailure, require, temporary_directory

PORT_IN_USE, STORE_IN_USE = 5, 4
WAITING = "waiting for another process to end"
# How many seconds a start waits for what is taken.
START_WAITS = 5


def serve(directory, store, broker_port=0):
    """Starts a broker that logs to `next.log`."""
    command = [BINARY, "serve", "--store", store, "--broker-port", str(broker_port), "--namesrv-port", "0"]
    with open(directory.joinpath("next.log"), "wb") as log:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, cwd=directory)


def await_log(process, directory, text):
    """Waits until a process has logged a text; it has not said that it is ready by then."""
    deadline = time.monotonic() + PATIENCE
    while text not in directory.joinpath("next.log").read_text("utf-8", "replace"):
        require(process.poll() is None, f"ended with {process.returncode} and did not wait")
        require(time.monotonic() < deadline, f"does not say {text!r}")
        time.sleep(0.01)


def await_ready(process):
    line = process.stdout.readline().decode("utf-8", "replace")
    require(READY.match(line), f"not ready, but {line!r}")
    return READY.match(line)


def end(process):
    if process.poll() is None:
        process.kill()
        process.wait()
    process.stdout.close()


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
    """Does what has to be done while a start waits, and once more where the machine took longer than that."""
    deadline = time.monotonic() + PATIENCE
    while True:
        begin = time.monotonic()
        try:
            return attempt()
        except AssertionError:
            if time.monotonic() - begin <= START_WAITS or time.monotonic() > deadline:
                raise


def port_is_given_up(directory):
    def attempt():
        with hold_port() as holder:
            process = serve(directory, directory / "port", holder.getsockname()[1])
            try:
                await_log(process, directory, WAITING)
                holder.close()
                await_ready(process)
            finally:
                end(process)

    in_time(attempt)
    print("ok a port that its holder gives up is waited for", flush=True)


def store_is_given_up(directory, broker):
    broker.start()
    connection = remoting.Connection(broker.address)
    header, _ = connection.call(remoting.SEND_V2, {
        "a": "starts", "b": "Starts", "c": "TBW102", "d": "1", "e": "0", "f": "0", "g": str(int(time.time() * 1000)),
        "h": "0", "i": "", "j": "0", "k": "false", "m": "false"}, b"before")
    connection.close()
    require(header["code"] == remoting.SUCCESS, f"the message was refused: {header}")

    def attempt():
        if broker.process.poll() is not None:
            broker.start()
        process = serve(directory, broker.store)
        try:
            await_log(process, directory, WAITING)
            require(broker.stop() == 0, "the first broker did not stop in order")
            connection = remoting.Connection(await_ready(process)["broker"])
            bodies = [record.body for record in connection.read_all("Starts", 1)]
            connection.close()
            require(bodies == [b"before"], f"the store has {bodies}")
        finally:
            end(process)

    in_time(attempt)
    print("ok a store that its broker closes is waited for, and what it acknowledged is there", flush=True)


def stays_taken(directory, broker):
    broker.start()
    port = int(broker.address.rpartition(":")[2])
    for store, broker_port, status in (
            (broker.store, 0, STORE_IN_USE), (directory / "other", port, PORT_IN_USE)):
        process = serve(directory, store, broker_port)
        try:
            require(process.wait(PATIENCE) == status, f"exit code {process.returncode}, not {status}")
        finally:
            end(process)
        said = directory.joinpath("next.log").read_text("utf-8", "replace")
        named = str(store) if status == STORE_IN_USE else f":{port}"
        require("another process" in said.splitlines()[-1] and named in said.splitlines()[-1], f"it says\n{said}")
    require(broker.stop() == 0, "the running broker was disturbed")
    print("ok what stays taken ends a start with its name and its exit code", flush=True)


def main():
    with temporary_directory("starts") as directory, Broker(directory) as broker:
        try:
            port_is_given_up(broker.directory)
            store_is_given_up(broker.directory, broker)
            stays_taken(broker.directory, broker)
        except (AssertionError, BrokerFailure, OSError, subprocess.SubprocessError) as failure:
            print(f"FAILED {failure}")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
