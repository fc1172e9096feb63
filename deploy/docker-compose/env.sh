#!/usr/bin/env bash
# Writes the settings of a stack, with fresh secrets, unless they are there already: env.sh dev|staging
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

case ${1:-} in
  dev | staging) target=$1/.env ;;
  *)
    echo "usage: ${0##*/} dev|staging" >&2
    exit 2
    ;;
esac
if [[ -e $target ]]; then
  echo "deploy/docker-compose/$target is there already, and stays as it is."
  exit 0
fi

random_hex() { head -c 32 /dev/urandom | od -An -v -tx1 | tr -d ' \n'; }
random_base64() { head -c 32 /dev/urandom | base64 | tr -d '\n'; }
# 160 bits; of so many bytes there are always 32 in the alphabet.
random_base32() { head -c 4096 /dev/urandom | LC_ALL=C tr -dc 'A-Z2-7' | cut -c 1-32; }

umask 077
draft=$(mktemp "$target.XXXXXX")
trap 'rm -f "$draft"' EXIT
while IFS= read -r line; do
  case $line in
    REDIS_PASSWORD= | OPEN_MFA_SECRET_KEY= | OPEN_MFA_ADMIN_PASSWORD=) line+=$(random_hex) ;;
    OPEN_MFA_ENCRYPTION_KEYS=) line+="k1:$(random_base64)" ;;
    OPEN_MFA_API_KEYS=) line+="default:$(random_hex)" ;;
    OPEN_MFA_GATE_SECRET=) line+=$(random_base32) ;;
  esac
  printf '%s\n' "$line"
done <.env.example >"$draft"
mv "$draft" "$target"
echo "Wrote deploy/docker-compose/$target with fresh secrets."
if [[ $1 == staging ]]; then
  echo "Now set DOMAIN and ACME_EMAIL in it."
fi
