#!/bin/sh
# Makes the certificates of this directory anew (OpenSSL 3). All are valid from 2020 to 2120, except `expired`. The keys
# are public: nobody may ever trust these authorities.
set -e
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat >"$work/ca.conf" <<END
[ca]
default_ca = here
[here]
new_certs_dir = $work
database = $work/index
default_md = sha256
rand_serial = yes
policy = any
unique_subject = no
[any]
commonName = supplied
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign
[leaf]
basicConstraints = CA:FALSE
subjectAltName = DNS:localhost, DNS:broker.example, IP:127.0.0.1
END
: >"$work/index"

# name, section of the extensions, end, further arguments
certificate() {
  openssl ecparam -name prime256v1 -genkey -noout | openssl pkcs8 -topk8 -nocrypt -out "$1.key"
  chmod 644 "$1.key"
  openssl req -new -key "$1.key" -subj "/CN=$1" -out "$work/request"
  name=$1 section=$2 end=$3
  shift 3
  openssl ca -batch -notext -config "$work/ca.conf" -in "$work/request" -out "$name.pem" -extensions "$section" \
    -startdate 20200101000000Z -enddate "$end" "$@" 2>"$work/log" || { cat "$work/log"; exit 1; }
}
for name in authority stranger; do
  certificate $name authority 21200101000000Z -selfsign -keyfile $name.key
done
for name in server renewed client; do
  certificate $name leaf 21200101000000Z -cert authority.pem -keyfile authority.key
done
certificate expired leaf 20210101000000Z -cert authority.pem -keyfile authority.key
certificate unknown leaf 21200101000000Z -cert stranger.pem -keyfile stranger.key
openssl pkcs8 -topk8 -in server.key -out encrypted.key -passout pass:opensesame
chmod 644 encrypted.key
rm authority.key stranger.key
