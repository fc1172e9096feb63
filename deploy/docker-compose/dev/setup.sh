#!/usr/bin/env bash
# Prepares this machine for https://open-mfa.local: settings, certificate and host name. Existing files are kept.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

readonly NAME=open-mfa.local
# The hosts file takes precedence over name servers. Names in `.local` are otherwise resolved by multicast (RFC 6762), which
# any host of the local network can answer. macOS waits five seconds unless the file has an IPv4 and an IPv6 address.
hosts=${HOSTS_FILE:-/etc/hosts}

../env.sh dev

if [[ -e certs/$NAME.pem && -e certs/$NAME-key.pem ]]; then
  echo "The certificate of $NAME exists already."
elif command -v mkcert >/dev/null; then
  echo "mkcert creates a certificate authority for this machine, if there is none, and makes the browsers on it trust the authority. It may ask for your password."
  mkcert -install
  mkcert -cert-file "certs/$NAME.pem" -key-file "certs/$NAME-key.pem" "$NAME"
  # nginx runs as another user in its container. The key is valid only for a name that refers to this machine.
  chmod 644 "certs/$NAME-key.pem"
else
  cat >&2 <<END
mkcert is required. It creates certificates that the browsers on this machine trust:
  Debian, Ubuntu  sudo apt-get install mkcert libnss3-tools
  Fedora          sudo dnf install mkcert nss-tools
  macOS           brew install mkcert nss
END
  exit 1
fi

if grep -qE "^[[:space:]]*127\.0\.0\.1[[:space:]](.*[[:space:]])?${NAME//./\\.}([[:space:]]|$)" "$hosts"; then
  echo "$NAME refers to this machine already."
else
  lines="127.0.0.1 $NAME"$'\n'"::1 $NAME"
  printf 'Adding these lines to %s:\n%s\n' "$hosts" "$lines"
  # The last line of the file may have no line break.
  [[ -z $(tail -c 1 "$hosts") ]] || lines=$'\n'$lines
  if [[ -w $hosts ]]; then
    printf '%s\n' "$lines" >>"$hosts"
  else
    printf '%s\n' "$lines" | sudo tee -a "$hosts" >/dev/null
  fi
fi
echo "Ready: make dev-up, then https://$NAME"
