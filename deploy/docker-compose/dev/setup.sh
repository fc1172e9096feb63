#!/usr/bin/env bash
# Prepares this machine for https://open-mfa.local: settings, certificate and host name. Existing files are kept.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
# shellcheck source=/dev/null
. ../common.sh

readonly NAME=open-mfa.local
# The hosts file takes precedence over name servers. Names in `.local` are otherwise resolved by multicast (RFC 6762), which
# any host of the local network can answer. macOS waits five seconds unless the file has an IPv4 and an IPv6 address.
hosts=${HOSTS_FILE:-/etc/hosts}

# Prints the command that installs mkcert on this machine, or nothing if its package manager is not known.
command_for_mkcert() {
  local root=""
  ((EUID == 0)) || root="sudo "
  if command -v brew >/dev/null; then
    echo "brew install mkcert nss"
  elif command -v apt-get >/dev/null; then
    echo "${root}apt-get install mkcert libnss3-tools"
  elif command -v dnf >/dev/null; then
    echo "${root}dnf install mkcert nss-tools"
  elif command -v pacman >/dev/null; then
    echo "${root}pacman -S mkcert nss"
  elif command -v zypper >/dev/null; then
    echo "${root}zypper install mkcert mozilla-nss-tools"
  elif command -v apk >/dev/null; then
    echo "${root}apk add mkcert nss-tools"
  fi
}

# Installs mkcert if a person agrees, and otherwise prints the command for it.
install_mkcert() {
  local answer="" install
  install=$(command_for_mkcert)
  echo "mkcert is required. It creates certificates that the browsers on this machine trust."
  [[ -n $install ]] || fail "To install it, see https://github.com/FiloSottile/mkcert#installation"
  if [[ -t 0 ]]; then
    read -r -p "Run \`$install\` now? [y/N] " answer || true
  fi
  [[ $answer == [yY]* ]] || fail "To install it: $install"
  if [[ $install == brew* ]]; then
    as_user brew install mkcert nss
  else
    $install
  fi
  command -v mkcert >/dev/null || fail "\`$install\` has not installed mkcert."
}

create_certificate() {
  local work
  echo "mkcert creates a certificate authority for this machine, if there is none, and makes the browsers on it trust the authority. It may ask for your password."
  as_user mkcert -install
  # The directory may belong to root even if another user has called sudo.
  work=$(as_user mktemp -d)
  as_user mkcert -cert-file "$work/$NAME.pem" -key-file "$work/$NAME-key.pem" "$NAME"
  mv "$work/$NAME.pem" "$work/$NAME-key.pem" certs
  rmdir "$work"
  # nginx runs as another user in its container. The key is valid only for a name that refers to this machine.
  chmod 644 "certs/$NAME.pem" "certs/$NAME-key.pem"
  give_back "certs/$NAME.pem" "certs/$NAME-key.pem"
}

../env.sh dev

if [[ -e certs/$NAME.pem && -e certs/$NAME-key.pem ]]; then
  echo "The certificate of $NAME exists already."
else
  command -v mkcert >/dev/null || install_mkcert
  create_certificate
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
