"""A freshly started `apus serve` for tests: started on free ports, stopped, killed, started again on the same store."""
import os
import pathlib
import re
import select
import signal
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
BINARY = ROOT / os.environ.get("APUS_BINARY", ".build/release/apus")
# How many seconds a test waits for what has to come: so many that only a fault lets them pass, also on a machine that
# stands still now and then.
PATIENCE = 300
READY = re.compile(r"^apus \S+ ready in .*: name server (?P<namesrv>\S+), broker (?P<broker>\S+) ")


class BrokerFailure(Exception):
    """The broker did not do what a test needs of it before the test could begin."""


class Broker:
    """One store and the processes that serve it, one after the other."""

    def __init__(self, directory, settings=None, store=None):
        """Log and configuration stand in `directory`, the store too unless it has a place of its own."""
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.store = pathlib.Path(store) if store else self.directory / "store"
        self.log = self.directory / "apus.log"
        self.config = self.directory / "broker.conf"
        self.process = None
        self.configure(settings or {})

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process:
            self.kill()

    def configure(self, settings):
        """Writes the file that the next start reads."""
        self.config.write_text("".join(f"{key}={value}\n" for key, value in settings.items()))

    def start(self, timeout=PATIENCE):
        """Starts the process and returns the seconds until it said that it was ready."""
        begin = time.monotonic()
        self.launch()
        self.await_ready(timeout)
        return time.monotonic() - begin

    def launch(self, port=0, options=()):
        """Starts the process, on this port or with 0 on a free one, and does not wait for it."""
        if not BINARY.exists():
            raise BrokerFailure(f"{BINARY} is missing: run 'make build' first")
        ports = ["--broker-port", str(port), "--namesrv-port", "0"]
        command = [BINARY, "serve", "--store", self.store, "-c", self.config, *ports, *options]
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, cwd=self.directory)

    def await_ready(self, timeout=60):
        """Waits until the process says that it is ready, and on which addresses; one that does not is killed."""
        begin = time.monotonic()
        line = self._first_line(begin + timeout)
        match = READY.match(line)
        if not match:
            took, status = time.monotonic() - begin, self.process.poll()
            self.kill()
            raise BrokerFailure(f"not ready after {took:.1f} s (exit {status}), but {line!r}\n{self.log_tail()}")
        self.namesrv, self.address = match["namesrv"], match["broker"]

    def _first_line(self, deadline):
        line = b""
        while not line.endswith(b"\n") and time.monotonic() < deadline:
            ready, _, _ = select.select([self.process.stdout], [], [], max(0, deadline - time.monotonic()))
            piece = os.read(self.process.stdout.fileno(), 4096) if ready else b""
            if not piece:
                break
            line += piece
        return line.decode("utf-8", "replace")

    def stop(self, timeout=PATIENCE):
        """Asks the process to end and returns its exit code; a process that does not end is killed and answers None."""
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            return None
        finally:
            self.kill()

    def kill(self):
        """Ends the process as a crash would."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()

    def await_log(self, text):
        """Waits until the log has a text; lines are written by a thread of their own."""
        wait_until(lambda: text in self._logged(), f"the log does not say {text!r}")

    def _logged(self):
        return self.log.read_text("utf-8", "replace") if self.log.exists() else ""

    def log_tail(self, lines=30):
        """The end of the log, for a failure's report."""
        text = self._logged()
        return "\n".join("    | " + line for line in text.splitlines()[-lines:])


def wait_until(holds, text, pause=0.05):
    """Asks until something holds that stays so, and fails a test with a text when it never does."""
    deadline = time.monotonic() + PATIENCE
    while not holds():
        require(time.monotonic() < deadline, text)
        time.sleep(pause)


def require(holds, text):
    """Fails a test with a text unless something holds."""
    if not holds:
        raise AssertionError(text)


def temporary_directory(name):
    """A directory that is removed when the test ends well."""
    return tempfile.TemporaryDirectory(prefix=f"apus-{name}-")
