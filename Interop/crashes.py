"""Rounds on one store, each ended by SIGKILL, and what must be there after the last start."""
import argparse
import random
import sys
import time
import zlib

from broker import Broker, BrokerFailure, temporary_directory


# How many things a round does at least, on a machine that stands still meanwhile too: some of each kind.
LEAST = 60


class Ledger:
    """What was sent and what must come of it, with the contradictions found. The methods are a test's own."""

    def __init__(self):
        self.problems = []

    def round(self, broker, number, generator):
        """Works against a started broker until it is time to kill it."""
        raise NotImplementedError

    def forgive(self, number):
        """What was acknowledged in a round may be lost: the power failed, and flushes were asynchronous."""
        raise NotImplementedError

    def settle(self, broker):
        """After the last start: waits, for a limited time, until everything that must come has come."""
        raise NotImplementedError

    def check(self, broker):
        """Compares what is there with what must be, and returns a line that says what was seen."""
        raise NotImplementedError


def keys(number, seconds):
    """Yields the keys of a round for some seconds, and LEAST of them at least."""
    end, item = time.monotonic() + seconds, 0
    while time.monotonic() < end or item < LEAST:
        yield f"{number}.{item}"
        item += 1


def is_of_round(key, number):
    """Whether a round made a key: keys begin with the number of their round."""
    return key.startswith(f"{number}.")


def queue_of(key, count):
    """The queue of a key, the same in every process."""
    return zlib.crc32(key.encode()) % count


def verdict(problems, seed, broker=None):
    """Prints what is wrong, with the end of a broker's log, and returns the exit code."""
    for problem in problems[:20]:
        print(f"FAIL {problem}")
    if problems:
        print(f"{len(problems)} problems with --seed {seed}")
        if broker:
            print(f"the log ends:\n{broker.log_tail()}")
    return 1 if problems else 0


def main(description, name, ledger, settings):
    """The program: parses the arguments, runs the rounds and the check, and returns the exit code."""
    parser = argparse.ArgumentParser(description=description.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    options = parser.parse_args()
    print(f"kill -9, {name}, {options.rounds} rounds, --seed {options.seed}", flush=True)
    generator = random.Random(options.seed)
    with temporary_directory(f"kill9-{name}") as directory:
        broker = Broker(directory, settings)
        try:
            for number in range(options.rounds):
                broker.start()
                ledger.round(broker, number, generator)
                broker.kill()
            broker.start()
            ledger.settle(broker)
            print(f"  {ledger.check(broker)}")
            status = broker.stop()
            if status != 0:
                ledger.problems.append(f"exit code {status} after SIGTERM")
        except (BrokerFailure, OSError, RuntimeError) as failure:
            ledger.problems.append(f"{type(failure).__name__}: {failure}")
        finally:
            if broker.process:
                broker.kill()
        return verdict(ledger.problems, options.seed, broker)


def run(*arguments):
    """Ends the process with the exit code of `main`."""
    sys.exit(main(*arguments))
