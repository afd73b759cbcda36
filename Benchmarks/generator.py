"""The load generator and the floor, built from the C files beside this one."""
import json
import os
import pathlib
import signal
import socket
import subprocess
import time

QUEUES = 8


class Generator:
    """Runs mqload and reads its line of results."""

    def __init__(self, root, directory):
        self.directory = pathlib.Path(directory)
        for name in ("mqload", "mqnull"):
            subprocess.run(
                ["gcc", "-O2", "-o", self.directory / name, root / "Benchmarks" / f"{name}.c"], check=True)

    def create(self, address, topic):
        """Makes a topic on a broker."""
        done = subprocess.run(
            [self.directory / "mqload", "create", address, topic, str(QUEUES)], capture_output=True, text=True,
            timeout=30)
        if done.returncode:
            raise RuntimeError(f"topic {topic} could not be made: {done.stdout}{done.stderr}")

    def start(self, mode, address, topic, queues=QUEUES, **parameters):
        words = [f"{name}={value}" for name, value in parameters.items()]
        return subprocess.Popen(
            [self.directory / "mqload", mode, address, topic, str(queues), *words], stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True)

    @staticmethod
    def result(process):
        """Waits for a run and returns what it measured; fails if anything was refused."""
        out, err = process.communicate(timeout=120)
        if process.returncode or not out.startswith("{"):
            raise RuntimeError(f"the load generator ended with {process.returncode}: {(err or out).strip()[:300]}")
        return json.loads(out)

    def run(self, mode, address, topic, **parameters):
        return self.result(self.start(mode, address, topic, **parameters))


class Floor:
    """As many floor processes as the broker has loops; a load is shared among them."""

    def __init__(self, generator, directory, count):
        self.generator, self.directory, self.count, self.processes = generator, pathlib.Path(directory), count, []

    def __enter__(self):
        for number in range(self.count):
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                port = probe.getsockname()[1]
            log = self.directory / f"floor{number}.log"
            process = subprocess.Popen([self.directory / "mqnull", str(port), log])
            self.processes.append((process, f"127.0.0.1:{port}"))
        for _, address in self.processes:
            self._wait_for(address)
        return self

    @staticmethod
    def _wait_for(address):
        host, port = address.rsplit(":", 1)
        for _ in range(200):
            try:
                socket.create_connection((host, int(port)), 1).close()
                return
            except OSError:
                time.sleep(0.01)
        raise RuntimeError(f"the floor does not listen on {address}")

    def __exit__(self, *_):
        for process, _ in self.processes:
            process.send_signal(signal.SIGKILL)
            process.wait()
        for number in range(self.count):
            os.unlink(self.directory / f"floor{number}.log")

    def send(self, conns, rate=0, **load):
        """Sends to all floor processes at once. Rates add up, CPU is the mean for a message, tails are the worst."""
        used = self.processes[:min(self.count, conns)]
        share = dict(conns=max(1, conns // len(used)), rate=rate / len(used), **load)
        runs = [self.generator.start("send", address, "floor", pid=process.pid, **share) for process, address in used]
        results = [self.generator.result(run) for run in runs]
        messages = sum(result["messages"] for result in results)
        cpu = sum(result["cpu_us_per_msg"] * result["messages"] for result in results)
        merged = {
            "msg_per_s": sum(result["msg_per_s"] for result in results), "messages": messages,
            "cpu_us_per_msg": cpu / max(1, messages)}
        for key in ("p50_us", "p99_us", "p999_us", "max_us"):
            merged[key] = max(result[key] for result in results)
        return merged
