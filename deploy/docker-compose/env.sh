#!/usr/bin/env bash
# Writes the settings of a stack, with new secrets, and the certificate of Redis: env.sh dev|staging
#
# Existing files are kept. Only a copy of .env.example without secrets gets some.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
# shellcheck source=/dev/null
. ./common.sh

case ${1:-} in
  dev | staging) target=$1/.env ;;
  *)
    echo "usage: ${0##*/} dev|staging" >&2
    exit 2
    ;;
esac
umask 077

create_certificate() {
  command -v openssl >/dev/null \
    || fail "openssl is required to create the certificate of Redis (Debian: apt-get install openssl)"
  local output status=0
  mkdir -p redis/tls
  # It may exist already, for instance because Docker has created it.
  chmod 700 redis/tls
  give_back redis/tls
  # A self-signed certificate: the service trusts only this one.
  output=$(openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3650 -subj /CN=redis \
    -addext subjectAltName=DNS:redis -addext keyUsage=critical,digitalSignature,keyCertSign \
    -keyout redis/tls/redis-key.pem -out redis/tls/redis.pem 2>&1) || status=$?
  if ((status)); then
    rm -f redis/tls/redis-key.pem redis/tls/redis.pem
    fail "$output"
  fi
  # Redis and the service run as other users in their containers. On this machine, the mode of the directory protects the key.
  chmod 644 redis/tls/redis-key.pem redis/tls/redis.pem
  give_back redis/tls/redis-key.pem redis/tls/redis.pem
  echo "Created the certificate of Redis in deploy/docker-compose/redis/tls."
}

random_hex() { head -c 32 /dev/urandom | od -An -v -tx1 | tr -d ' \n'; }
random_base64() { head -c 32 /dev/urandom | base64 | tr -d '\n'; }
# 160 bits. Among this many random bytes, there are always 32 that belong to the alphabet.
random_base32() { head -c 4096 /dev/urandom | LC_ALL=C tr -dc 'A-Z2-7' | cut -c 1-32; }

# An API key as `open-mfa api-key new` generates it, which secret scanners find: docs/reference/api-keys.md
random_api_key() {
  local key digits bytes crc checksum=""
  digits=$(printf %s {0..9} {A..Z} {a..z})
  key=omfa_$(head -c 4096 /dev/urandom | LC_ALL=C tr -dc 0-9A-Za-z | cut -c 1-32)
  # The last eight bytes of gzip begin with the CRC-32 of the input. The lowest byte is the first.
  read -ra bytes < <(printf %s "$key" | gzip -c | tail -c 8 | od -An -v -tu1)
  crc=$((bytes[0] | bytes[1] << 8 | bytes[2] << 16 | bytes[3] << 24))
  while ((${#checksum} < 6)); do
    checksum=${digits:crc % 62:1}$checksum
    crc=$((crc / 62))
  done
  printf '%s' "$key$checksum"
}

# New keys cannot decrypt the secrets that a former installation has stored.
require_no_data() {
  local project=${COMPOSE_PROJECT_NAME:-open-mfa-$1} volume
  volume=$(docker volume ls --quiet --filter "label=com.docker.compose.project=$project" \
    --filter label=com.docker.compose.volume=redis 2>/dev/null || true)
  [[ -z $volume ]] || fail "deploy/docker-compose/$target has no secrets, but the volume $volume has the data of Redis, which only the\
 former secrets can decrypt. Restore $target from your copy. To delete the data instead: docker volume rm $volume"
}

# Prints settings with a new value for each empty secret.
with_new_secrets() {
  local line
  while IFS= read -r line || [[ -n $line ]]; do
    line=${line%$'\r'}
    case $line in
      REDIS_PASSWORD= | OPEN_MFA_SECRET_KEY= | OPEN_MFA_ADMIN_PASSWORD=) line+=$(random_hex) ;;
      OPEN_MFA_ENCRYPTION_KEYS=) line+="k1:$(random_base64)" ;;
      OPEN_MFA_API_KEYS=) line+="default:$(random_api_key)" ;;
      OPEN_MFA_GATE_SECRET=) line+=$(random_base32) ;;
    esac
    printf '%s\n' "$line"
  done
}

if [[ -e redis/tls/redis.pem && -e redis/tls/redis-key.pem ]]; then
  echo "The certificate of Redis exists already."
else
  create_certificate
fi
if ! is_without_secrets "$target"; then
  echo "deploy/docker-compose/$target exists already and is kept."
  exit 0
fi
# People may have copied .env.example to this file, to its own directory, or not at all.
source=.env.example
for copy in .env "$target"; do
  [[ ! -e $copy ]] || source=$copy
done
! is_without_secrets "$source" || require_no_data "$1"
draft=$(mktemp "$target.XXXXXX")
trap 'rm -f "$draft"' EXIT
give_back "$draft"
with_new_secrets <"$source" >"$draft"
mv "$draft" "$target"
echo "Wrote deploy/docker-compose/$target from $source with new secrets."
if [[ $source == .env ]]; then
  echo "From now on, deploy/docker-compose/.env has no effect."
fi
if [[ $1 == staging && -z $(setting_in "$target" DOMAIN)$(setting_in "$target" DNS_DOMAIN) ]]; then
  echo "Now set DOMAIN and ACME_EMAIL in it."
fi
