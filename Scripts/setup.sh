#!/bin/bash
# Makes this machine ready for one purpose and says what it does; does nothing, silently, when everything is there.
#   Scripts/setup.sh build      what compiling needs
#   Scripts/setup.sh interop    that, and a Python environment in .venv with the clients that the tests drive
#   Scripts/setup.sh bench      that of build, and a C compiler for the load generator
set -euo pipefail
cd "$(dirname "$0")/.."
purpose=${1:?usage: Scripts/setup.sh build|interop|bench}

say() { printf '== setup: %s\n' "$*"; }
fail() { printf 'setup failed: %s\n' "$*" >&2; exit 1; }

# A package is missing when its test fails; the test asks for the thing itself, since it may have come another way.
missing=()
wants() { eval "$2" >/dev/null 2>&1 || missing+=("$1"); }

wants libisal-dev 'test -e /usr/include/isa-l.h || dpkg -s libisal-dev'
wants liblz4-dev 'test -e /usr/include/lz4frame.h || dpkg -s liblz4-dev'
wants libssl-dev 'test -e /usr/include/openssl/ssl.h || dpkg -s libssl-dev'
wants libyaml-dev 'test -e /usr/include/yaml.h || dpkg -s libyaml-dev'
wants libzstd-dev 'test -e /usr/include/zstd.h || dpkg -s libzstd-dev'
wants zlib1g-dev 'test -e /usr/include/zlib.h || dpkg -s zlib1g-dev'
case $purpose in
  build) ;;
  interop) wants python3-venv 'python3 -c "import ensurepip, venv"' ;;
  bench)
    wants gcc 'command -v gcc'
    wants libc6-dev 'test -e /usr/include/stdio.h'
    wants python3 'command -v python3'
    ;;
  *) fail "unknown purpose '$purpose': use build, interop or bench" ;;
esac

if ((${#missing[@]})); then
  command -v apt-get >/dev/null ||
    fail "there is no apt-get here; install what Debian calls ${missing[*]} and run make again."
  as_root=()
  if ((EUID != 0)); then
    command -v sudo >/dev/null ||
      fail "there is no sudo; run 'apt-get install ${missing[*]}' as root, then make again."
    as_root=(sudo)
  fi
  install() {
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
      apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
  }
  say "installing Debian packages: ${missing[*]}"
  if ! install 2>/dev/null; then
    say "refreshing the package lists (apt-get update)"
    "${as_root[@]}" apt-get update -qq || fail "apt-get update did not succeed; check the network."
    install || fail "apt-get could not install ${missing[*]}; its message is above."
  fi
fi

command -v swift >/dev/null ||
  fail "there is no swift on PATH; install Swift 6.3 or newer (swift.org/install/linux), then make again."
version=$(swift --version 2>/dev/null | sed -nE 's/.*Swift version ([0-9]+)\.([0-9]+).*/\1 \2/p' | head -1)
read -r major minor <<<"${version:-0 0}"
((major > 6 || (major == 6 && minor >= 3))) ||
  fail "Swift ${major}.${minor} is too old; install 6.3 or newer (swift.org/install/linux), then make again."

if [[ $purpose == interop ]] && ! cmp -s Interop/requirements.txt .venv/requirements.txt; then
  say "making the Python environment .venv ($(tr '\n' ' ' <Interop/requirements.txt))"
  python3 -m venv --clear .venv || fail "python3 could not make .venv; install python3-venv and run make again."
  .venv/bin/pip install --quiet --disable-pip-version-check --no-input -r Interop/requirements.txt ||
    fail "pip could not install Interop/requirements.txt; check the network, then make again."
  cp Interop/requirements.txt .venv/requirements.txt
fi
