"""`apus bench` against a broker, for a moment."""
import json
import subprocess

from broker import BINARY, PATIENCE, require


def measure(mode, address, *options):
    """Lets `apus bench` measure a broker, and fails unless its result can be."""
    # What was sent in half a second may be drained within a warm-up.
    warmup = "0" if mode == "pull" else "0.1"
    # A machine that stands still for half a second measures nothing.
    for seconds in ("0.5", "5", "50"):
        done = subprocess.run(
            [BINARY, "bench", mode, "--broker", address, "--json", "--seconds", seconds, "--warmup", warmup, *options],
            capture_output=True, text=True, timeout=PATIENCE)
        require(done.returncode == 0, f"exit code {done.returncode}: {done.stderr.strip()}")
        result = json.loads(done.stdout)
        if result["messages"]:
            break
    require(
        result["messages"] and not result["errors"] and result["p50Micros"] <= result["maxMicros"],
        f"an odd result: {done.stdout.strip()}")
