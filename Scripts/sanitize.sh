#!/bin/bash
# Runs tests under a sanitizer of the compiler, built in a directory of its own:
#   Scripts/sanitize.sh thread|address [SUITE...]     all suites unless some are named
# Then real clients drive a broker that is built the same way. Anything that the sanitizer reports fails the run:
# nothing is suppressed. The logs and reports are in .build/sanitized.
set -euo pipefail
cd "$(dirname "$0")/.."
kind=${1:?usage: Scripts/sanitize.sh thread|address [SUITE...]}
shift
suites=("$@")
scratch=.build/$kind logs=.build/sanitized/$kind
mkdir -p "$logs"
rm -f "$logs"/*

# Swift's runtime keeps memory until the end of the process, which the address sanitizer would call leaks.
case $kind in
  thread) export TSAN_OPTIONS="exitcode=0 log_path=$PWD/$logs/report" ;;
  address) export ASAN_OPTIONS="detect_leaks=0 log_path=$PWD/$logs/report" ;;
  *) echo "unknown sanitizer '$kind': use thread or address" >&2; exit 1 ;;
esac

failed=0
echo "== unit tests under the $kind sanitizer"
swift build --build-tests --sanitize "$kind" --scratch-path "$scratch"
filters=()
for suite in "${suites[@]}"; do filters+=(--filter "^$suite\\."); done
swift test --skip-build --sanitize "$kind" --scratch-path "$scratch" --no-parallel "${filters[@]}" \
  >"$logs/unit.log" 2>&1 || failed=1
tail -n 1 "$logs/unit.log"

if ((failed == 0)); then
  echo "== real clients against a broker under the $kind sanitizer"
  Scripts/setup.sh interop
  swift build --product apus --sanitize "$kind" --scratch-path "$scratch"
  APUS_BINARY=$scratch/debug/apus .venv/bin/python -B Interop/run.py >"$logs/interop.log" 2>&1 || failed=1
  tail -n 1 "$logs/interop.log"
fi

if compgen -G "$logs/report*" >/dev/null; then
  echo "the $kind sanitizer reports something: see $logs/report*" >&2
  failed=1
fi
exit $failed
