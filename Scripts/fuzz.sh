#!/bin/bash
# Runs libFuzzer on targets of apus-fuzz, one after the other:
#   Scripts/fuzz.sh PROGRAM SECONDS TARGET...
# The inputs of Fixtures/fuzz/TARGET begin a run; what it learns goes to .build/corpus/TARGET, which later runs go on
# from, and what breaks something to .build/found. First the canary, whose bug must be found.
set -euo pipefail
cd "$(dirname "$0")/.."
program=$1 seconds=$2
shift 2
[[ -x $program ]] || { echo "$program is not there" >&2; exit 1; }
export SWIFT_BACKTRACE=enable=no
mkdir -p .build/found

# run TARGET SECONDS: the log is .build/found/TARGET.log
run() {
  mkdir -p ".build/corpus/$1"
  APUS_FUZZ_TARGET=$1 timeout -s KILL $(($2 + 120)) nice -n 19 "$program" -max_total_time="$2" -timeout=20 \
    -rss_limit_mb=3000 -max_len=16384 -use_value_profile=1 -print_final_stats=1 \
    -artifact_prefix=".build/found/$1-" ".build/corpus/$1" "Fixtures/fuzz/$1" >".build/found/$1.log" 2>&1
}

if run canary 60 || ! grep -aq 'ERROR: libFuzzer: deadly signal' .build/found/canary.log; then
  echo "FAILED: the canary was not found, though its bug is there on purpose: see .build/found/canary.log" >&2
  exit 1
fi
failed=0
for target in "$@"; do
  if run "$target" "$seconds"; then
    log=.build/found/$target.log
    executions=$(sed -nE 's/^stat::number_of_executed_units: *//p' "$log")
    edges=$(sed -nE 's/.* cov: ([0-9]+) .*/\1/p' "$log" | tail -n 1)
    printf '%-16s %12s inputs, %6s edges of the program reached\n' "$target" "$executions" "$edges"
  else
    failed=1
    echo "FOUND by $target: see .build/found/$target.log; replay with apus-fuzz replay $target FILE"
    grep -aE 'Fatal error|ERROR: libFuzzer|Test unit written' ".build/found/$target.log" | cut -c1-400 || true
  fi
done
exit $failed
