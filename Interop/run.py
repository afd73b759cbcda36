"""Drives a third-party client against a freshly started broker.

usage: run.py [SCENARIO …]       without names: all of them, four at a time

Each scenario runs in a process of its own, since a native client may crash or hang, and prints one line.
APUS_VERBOSE=1 shows the output of what fails.
"""
import concurrent.futures
import os
import subprocess
import sys
import time

import bench
import scenarios
from broker import PATIENCE, Broker, BrokerFailure, temporary_directory

TIME_LIMIT = 2 * PATIENCE


def run_one(name, namesrv, home):
    """Runs a scenario in a child; returns (name, seconds, what went wrong or None, its output)."""
    begin = time.monotonic()
    environment = dict(os.environ, HOME=home, PYTHONUNBUFFERED="1")
    command = [sys.executable, scenarios.__file__, namesrv, name]
    try:
        child = subprocess.run(
            command, env=environment, timeout=TIME_LIMIT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT)
        output = child.stdout.decode("utf-8", "replace")
        verdicts = [line for line in output.splitlines() if line.startswith(scenarios.VERDICT)]
        if not verdicts:
            problem = f"the client ended with {child.returncode} and without a verdict"
        else:
            verdict = verdicts[-1][len(scenarios.VERDICT):]
            problem = None if verdict == "ok" else verdict
    except subprocess.TimeoutExpired as timeout:
        output = (timeout.stdout or b"").decode("utf-8", "replace")
        problem = f"not finished after {TIME_LIMIT} s"
    return name, time.monotonic() - begin, problem, output


def run_bench(mode, broker):
    """Lets `apus bench` measure the broker; returns what is wrong, or None."""
    try:
        bench.measure(mode, broker.address, "--topic", "bench", "--pid", str(broker.process.pid))
    except AssertionError as failure:
        return str(failure)
    return None


def main(names):
    unknown = [name for name in names if name not in scenarios.ALL]
    if unknown:
        print(f"unknown scenarios: {' '.join(unknown)}; there are: {' '.join(scenarios.ALL)}")
        return 2
    failed = 0
    with temporary_directory("interop") as directory:
        # So that retries, which begin at the third level, need no minute.
        broker = Broker(directory, {"messageDelayLevel": " ".join(["1s"] * 18)})
        try:
            took = broker.start()
        except BrokerFailure as failure:
            print(f"FAIL start: {failure}")
            return 1
        print(f"broker {broker.address} ready after {took * 1000:.0f} ms")
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            jobs = [pool.submit(run_one, name, broker.namesrv, directory) for name in names or scenarios.ALL]
            for job in concurrent.futures.as_completed(jobs):
                name, seconds, problem, output = job.result()
                failed += problem is not None
                about = problem or scenarios.ALL[name].__doc__
                print(f"{'FAIL' if problem else 'ok  '} {name:<16} {seconds:5.1f} s  {about}", flush=True)
                if problem and os.environ.get("APUS_VERBOSE"):
                    print("\n".join("    | " + line for line in output.splitlines()[-40:]))
        for mode in ("send", "pull", "e2e") if not names else ():
            problem = run_bench(mode, broker)
            failed += problem is not None
            print(f"{'FAIL' if problem else 'ok  '} bench {mode:<10} {problem or ''}", flush=True)
        status = broker.stop()
        if status != 0:
            failed += 1
            print(f"FAIL stop: exit code {status}")
        if failed:
            print(broker.log_tail())
    print(f"{failed} failed" if failed else "all scenarios passed")
    return 1 if failed else 0


if __name__ == "__main__":
    if any(word.startswith("-") for word in sys.argv[1:]):
        print(__doc__)
        sys.exit(2)
    sys.exit(main(sys.argv[1:]))
