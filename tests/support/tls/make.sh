#!/bin/sh
# Makes the test CA, the loopback certificate and certificates.ts anew. Needs OpenSSL 3.
set -eu
cd "$(dirname "$0")"
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
days=36500
curve='-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes'
# shellcheck disable=SC2086 # the words of $curve are meant to be split
openssl req -x509 $curve -keyout "$tmp/ca.key" -out ca.pem -days $days \
  -subj '/CN=Holdfast test CA' -addext 'keyUsage=critical,keyCertSign,cRLSign' 2>/dev/null
# shellcheck disable=SC2086
openssl req $curve -keyout "$tmp/server.key" -out "$tmp/server.csr" -subj '/CN=localhost' 2>/dev/null
cat >"$tmp/ext" <<'EXT'
basicConstraints=critical,CA:FALSE
keyUsage=critical,digitalSignature
extendedKeyUsage=serverAuth
subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1
EXT
openssl x509 -req -in "$tmp/server.csr" -CA ca.pem -CAkey "$tmp/ca.key" -CAcreateserial \
  -CAserial "$tmp/serial" -days $days -extfile "$tmp/ext" -out "$tmp/server.pem" 2>/dev/null
{
  cat <<'TS'
/**
 * The test CA and the certificate for loopback names, written by make.sh (see README.md). The key
 * is as public as this file: it proves nothing to anybody but these tests.
 *
 * @module
 */

TS
  printf '/** The CA to trust, the same as ca.pem. */\nexport const CA_CERTIFICATE: string = `%s\n`;\n\n' "$(cat ca.pem)"
  printf '/** The certificate for localhost, 127.0.0.1 and ::1. */\nexport const SERVER_CERTIFICATE: string = `%s\n`;\n\n' "$(cat "$tmp/server.pem")"
  printf '/** Its private key. */\nexport const SERVER_KEY: string = `%s\n`;\n' "$(cat "$tmp/server.key")"
} >certificates.ts
