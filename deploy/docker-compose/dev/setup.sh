#!/usr/bin/env bash
# Makes this machine ready for https://open-mfa.local: settings, certificate, name. What is there already stays.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

readonly NAME=open-mfa.local
# Where names are looked up before anybody is asked. `.local` is otherwise asked of the local network (RFC 6762), where
# anything may answer, and a Mac waits five seconds for it unless both kinds of address stand here.
hosts=${HOSTS_FILE:-/etc/hosts}

../env.sh dev

if [[ -e certs/$NAME.pem && -e certs/$NAME-key.pem ]]; then
  echo "The certificate of $NAME is there already."
elif command -v mkcert >/dev/null; then
  echo "mkcert makes an authority of this machine's own, if it has none, and has browsers here trust it; it may ask for your password."
  mkcert -install
  mkcert -cert-file "certs/$NAME.pem" -key-file "certs/$NAME-key.pem" "$NAME"
  # nginx runs in its container as somebody else. The key is good for a name that leads nowhere but to this machine.
  chmod 644 "certs/$NAME-key.pem"
else
  cat >&2 <<END
mkcert is missing; it makes certificates that this machine's browsers trust:
  Debian, Ubuntu  sudo apt-get install mkcert libnss3-tools
  Fedora          sudo dnf install mkcert nss-tools
  macOS           brew install mkcert nss
END
  exit 1
fi

if grep -qE "^[[:space:]]*127\.0\.0\.1[[:space:]](.*[[:space:]])?${NAME//./\\.}([[:space:]]|$)" "$hosts"; then
  echo "$NAME leads to this machine already."
else
  lines="127.0.0.1 $NAME"$'\n'"::1 $NAME"
  printf 'These lines are added to %s:\n%s\n' "$hosts" "$lines"
  # The last line there may lack its end.
  [[ -z $(tail -c 1 "$hosts") ]] || lines=$'\n'$lines
  if [[ -w $hosts ]]; then
    printf '%s\n' "$lines" >>"$hosts"
  else
    printf '%s\n' "$lines" | sudo tee -a "$hosts" >/dev/null
  fi
fi
echo "Ready: make dev-up, then https://$NAME"
