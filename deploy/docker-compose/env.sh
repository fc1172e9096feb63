#!/usr/bin/env bash
# Writes the settings of a stack, with new secrets, and the certificate of Redis. Existing files are kept: env.sh dev|staging
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

case ${1:-} in
  dev | staging) target=$1/.env ;;
  *)
    echo "usage: ${0##*/} dev|staging" >&2
    exit 2
    ;;
esac
umask 077
if [[ -e redis/tls/redis.pem && -e redis/tls/redis-key.pem ]]; then
  echo "The certificate of Redis exists already."
else
  command -v openssl >/dev/null || {
    echo "openssl is required to create the certificate of Redis (Debian: apt-get install openssl)" >&2
    exit 1
  }
  mkdir -p redis/tls
  # A self-signed certificate: the service trusts only this one.
  output=$(openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3650 -subj /CN=redis \
    -addext subjectAltName=DNS:redis -addext keyUsage=critical,digitalSignature,keyCertSign \
    -keyout redis/tls/redis-key.pem -out redis/tls/redis.pem 2>&1) || {
    echo "$output" >&2
    exit 1
  }
  # Redis and the service run as other users in their containers. On this machine, the mode of the directory protects the key.
  chmod 644 redis/tls/redis-key.pem redis/tls/redis.pem
  echo "Created the certificate of Redis in deploy/docker-compose/redis/tls."
fi

if [[ -e $target ]]; then
  echo "deploy/docker-compose/$target exists already and is kept."
  exit 0
fi

random_hex() { head -c 32 /dev/urandom | od -An -v -tx1 | tr -d ' \n'; }
random_base64() { head -c 32 /dev/urandom | base64 | tr -d '\n'; }
# 160 bits. Among this many random bytes, there are always 32 that belong to the alphabet.
random_base32() { head -c 4096 /dev/urandom | LC_ALL=C tr -dc 'A-Z2-7' | cut -c 1-32; }

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
echo "Wrote deploy/docker-compose/$target with new secrets."
if [[ $1 == staging ]]; then
  echo "Now set DOMAIN and ACME_EMAIL in it."
fi
