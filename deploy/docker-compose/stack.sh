#!/usr/bin/env bash
# Runs a stack: stack.sh dev|staging up|down|roll
#
#   up     creates missing settings and certificates, builds the image, starts missing containers, replaces changed ones, and
#          waits until all are healthy
#   down   stops and removes the containers; the data of Redis stays in a volume
#   roll   builds the image and replaces the containers of the service without an interruption (staging only)
#
# PATIENCE is the time in seconds until all containers must be healthy (300 by default).
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
# shellcheck source=/dev/null
. "$root/deploy/docker-compose/common.sh"

usage() {
  echo "usage: ${0##*/} dev|staging up|down, or staging roll" >&2
  exit 2
}

# Prints a setting from the environment or else from .env, without quotes.
value_of() {
  if [[ -n ${!1+set} ]]; then
    printf '%s' "${!1}"
  else
    setting_in .env "$1"
  fi
}

# Runs the setup unless everything that the stack needs exists.
prepare() {
  if is_without_secrets .env || [[ ! -f ../redis/tls/redis-key.pem || ! -f ../redis/tls/redis.pem ]] \
    || [[ $stack == dev && ! (-e certs/open-mfa.local.pem && -e certs/open-mfa.local-key.pem) ]]; then
    if [[ $stack == dev ]]; then ./setup.sh; else ../env.sh staging; fi
  fi
}

# DNS_DOMAIN is another name of DOMAIN.
resolve_domain() {
  local domain alias
  domain=$(value_of DOMAIN) alias=$(value_of DNS_DOMAIN)
  [[ -z $domain || -z $alias || $domain == "$alias" ]] \
    || fail "deploy/docker-compose/$stack/.env: DOMAIN and DNS_DOMAIN mean the same, but have different values. Remove one of them."
  export DOMAIN=${domain:-$alias}
}

# Compose would report missing variables one by one, and ignore unknown variables.
check_settings() {
  local file=deploy/docker-compose/$stack/.env name missing=() unknown
  local required=("${REQUIRED_SECRETS[@]}")
  [[ $stack == dev ]] || required+=(DOMAIN ACME_EMAIL)
  for name in "${required[@]}"; do
    [[ -n $(value_of "$name") ]] || missing+=("$name")
  done
  ((${#missing[@]} == 0)) || fail "$file: set ${missing[*]}"
  unknown=$(sed -nE 's/^([A-Za-z_]+)=.*/\1/p' .env | grep -vxFf <(sed -nE 's/^(# )?([A-Z_]+)=.*/\2/p' ../.env.example) || true)
  [[ -z $unknown ]] || fail "$file: these variables are not in .env.example and would have no effect: ${unknown//$'\n'/ }"
  [[ $(value_of REDIS_PASSWORD) =~ ^[A-Za-z0-9]+$ ]] \
    || fail "$file: REDIS_PASSWORD must be letters and digits only, because it becomes part of a URL."
  [[ $stack == dev || $(value_of DOMAIN) =~ ^[a-z0-9-]+(\.[a-z0-9-]+)+$ ]] \
    || fail "$file: DOMAIN must be a lower-case host name without https:// and port, such as mfa.example.com."
  [[ $(value_of APP_REPLICAS) =~ ^([1-9][0-9]*)?$ ]] || fail "$file: APP_REPLICAS must be a number of at least 1."
}

apps() {
  docker compose ps --all --quiet app
}

# Saves the logs of the containers that standard input lists. Docker deletes a log with its container, and the log contains
# the audit trail.
keep_logs() {
  local container
  mkdir -p -m 700 logs
  give_back logs
  while read -r container; do
    # Other logging drivers store the logs themselves.
    case $(docker inspect --format '{{.HostConfig.LogConfig.Type}}' "$container") in
      json-file | local) (umask 077 && docker logs "$container" >"$(log_of "$container")" 2>&1) \
        || fail "The log of $container could not be saved in $PWD/logs. Docker still has it, so no container was removed."
        give_back "$(log_of "$container")" ;;
    esac
  done
}

log_of() {
  echo "logs/$now-${1:0:12}.log"
}

# Deletes the saved logs of containers that still exist, because Docker still has them.
forget_logs() {
  local container
  while read -r container; do
    rm -f "$(log_of "$container")"
  done
}

up() {
  local port url
  [[ $stack == dev ]] || apps | keep_logs
  docker compose up --build --detach --wait --wait-timeout "${PATIENCE:-300}" || {
    docker compose ps --all >&2 || true
    fail "Not all containers became healthy. The logs show the reason: cd deploy/docker-compose/$stack && docker compose logs"
  }
  [[ $stack == dev ]] || apps | forget_logs
  docker compose ps
  if [[ $stack == dev ]]; then
    port=$(value_of HTTPS_PORT) url=https://open-mfa.local
    [[ -z $port || $port == 443 ]] || url+=:$port
    echo "$url is ready. Mails are shown at $url/mail/. The API key is in deploy/docker-compose/dev/.env."
  else
    echo "https://$(value_of DOMAIN) is ready."
  fi
}

down() {
  [[ $stack == dev ]] || apps | keep_logs
  docker compose down
}

# Repeats a command until it succeeds or until the deadline, which is a value of SECONDS.
wait_for() {
  local deadline=$1
  shift
  until "$@"; do
    ((SECONDS < deadline)) || return 1
    sleep 0.5
  done
}

# A healthy container serves requests. A ready one also reaches Redis.
is_ready() {
  [[ $(docker inspect --format '{{.State.Health.Status}}' "$1" 2>/dev/null) == healthy ]] \
    && docker exec "$1" python -c "import urllib.request as u; u.urlopen('http://127.0.0.1:8080/readyz', timeout=3)" 2>/dev/null
}

# Tests whether nginx knows a container: docker-gen has written its address into the configuration.
is_known_to_proxy() {
  local address
  address=$(docker inspect --format "{{(index .NetworkSettings.Networks \"$front\").IPAddress}}" "$1")
  [[ -n $address ]] && docker compose exec -T proxy grep -qF "$address:" /etc/nginx/conf.d/default.conf
}

roll() {
  local old replicas container deadline front
  # All containers, including one that has just crashed and that Docker will restart.
  mapfile -t old < <(apps)
  ((${#old[@]})) || fail "No container of the service exists. To start the stack: make staging-up"
  docker compose build app
  replicas=$(docker compose config app | sed -n 's/^ *replicas: //p')
  front=$(docker inspect --format '{{index .Config.Labels "com.docker.compose.project"}}' "${old[0]}")_front
  # --scale is not used, because the next `up` would compare the containers with it and replace them all.
  APP_REPLICAS=$((${#old[@]} + replicas)) docker compose create --no-recreate app
  mapfile -t new < <(apps | grep -vxF "$(printf '%s\n' "${old[@]}")")
  trap give_up EXIT
  trap 'exit 130' INT TERM
  ((${#new[@]} == replicas)) || fail "Compose created ${#new[@]} new containers instead of $replicas."
  # They are disconnected from the proxy until they are ready, because it forwards requests to every started container.
  for container in "${new[@]}"; do
    docker network disconnect "$front" "$container"
  done
  docker start "${new[@]}" >/dev/null
  deadline=$((SECONDS + ${PATIENCE:-300}))
  for container in "${new[@]}"; do
    wait_for "$deadline" is_ready "$container" || show_log_and_exit "$container"
  done
  for container in "${new[@]}"; do
    docker network connect --alias app "$front" "$container"
  done
  docker compose kill --signal HUP docker-gen >/dev/null 2>&1 || true
  for container in "${new[@]}"; do
    wait_for "$deadline" is_known_to_proxy "$container" || show_log_and_exit "$container"
  done
  # Check again, because a container may have failed in the meantime.
  for container in "${new[@]}"; do
    is_ready "$container" || show_log_and_exit "$container"
  done
  trap - INT TERM
  trap give_back_docker_files EXIT
  # Each old container stops accepting connections, answers its open requests, and ends. The new containers get new requests.
  docker stop "${old[@]}" >/dev/null
  printf '%s\n' "${old[@]}" | keep_logs \
    || fail "The new containers serve; the old ones are stopped, but not removed. After freeing disk space: docker rm ${old[*]}"
  docker rm "${old[@]}" >/dev/null
  docker compose ps app
}

show_log_and_exit() {
  docker logs --tail 50 "$1" >&2 || true
  exit 1
}

# Removes the new containers if a roll ends before it has stopped the old ones.
give_up() {
  docker rm --force "${new[@]}" >/dev/null 2>&1 || true
  echo "The new containers did not start or do not reach Redis, and were removed. The old containers continue to serve." >&2
  give_back_docker_files
}

(($# == 2)) || usage
stack=$1 command=$2
case $stack:$command in
  dev:up | dev:down | staging:up | staging:down | staging:roll) ;;
  *) usage ;;
esac
trap give_back_docker_files EXIT
compose=$(docker compose version --short 2>/dev/null) || fail "Docker with the Compose plugin 2.20 or newer is required."
printf '%s\n' 2.20 "${compose#v}" | sort --check=quiet --version-sort || fail "Docker Compose 2.20 or newer is required; this is $compose."
cd "$root/deploy/docker-compose/$stack"
[[ $command != up ]] || prepare
[[ -e .env ]] || fail "deploy/docker-compose/$stack/.env is missing: make $stack-setup"
if [[ $command == roll && ! -f ../redis/tls/redis-key.pem ]]; then
  fail "The certificate of Redis is missing: make $stack-setup"
fi
# The secrets come from .env. Compose would prefer variables of this shell, and the next shell could not open records that were
# sealed with them.
unset "${!OPEN_MFA_@}" REDIS_PASSWORD
[[ $stack == dev ]] || resolve_domain
check_settings
docker info >/dev/null 2>&1 || fail "The Docker daemon does not answer. Is it running, and do you have permission to use it?"
if command -v flock >/dev/null; then
  exec 9>.lock
  give_back .lock
  flock --nonblock 9 || fail "Another ${0##*/} is already working on this stack. Wait until it has finished."
fi

now=$(date -u +%Y-%m-%dT%H%M%SZ)
VERSION=$(sed -n 's/^version = "\(.*\)"$/\1/p' "$root/pyproject.toml")
# git may write the index.
REVISION=$(as_user git -C "$root" describe --always --dirty --abbrev=40 --exclude '*' 2>/dev/null || echo unknown)
export VERSION REVISION

$command
