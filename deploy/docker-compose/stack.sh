#!/usr/bin/env bash
# Runs a stack: stack.sh dev|staging up|down|roll
#
#   up     builds the image, starts what does not run, replaces what has changed, and waits until all of it is healthy
#   down   stops and removes the containers; what Redis has stored stays, in a volume
#   roll   builds the image and replaces the service's containers by new ones without refusing anybody (staging)
#
# PATIENCE is how many seconds all has to be healthy in, 300 unless it says otherwise.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

usage() {
  echo "usage: ${0##*/} dev|staging up|down, or staging roll" >&2
  exit 2
}

fail() {
  echo "$*" >&2
  exit 1
}

# What the environment says, else .env, without quotes.
value_of() {
  local value=${!1-$(sed -n "s/^$1=//p" .env | tail -n 1)}
  value=${value%$'\r'}
  value=${value#[\"\']}
  printf '%s' "${value%[\"\']}"
}

# Compose would name what is missing one after the other, and say nothing of what it passes on to nobody.
check_settings() {
  local file=deploy/docker-compose/$stack/.env name missing=() unknown
  local required=(REDIS_PASSWORD OPEN_MFA_SECRET_KEY OPEN_MFA_ENCRYPTION_KEYS)
  [[ $stack == dev ]] || required+=(DOMAIN ACME_EMAIL)
  for name in "${required[@]}"; do
    [[ -n $(value_of "$name") ]] || missing+=("$name")
  done
  ((${#missing[@]} == 0)) || fail "$file: set ${missing[*]}"
  unknown=$(sed -nE 's/^([A-Za-z_]+)=.*/\1/p' .env | grep -vxFf <(sed -nE 's/^(# )?([A-Z_]+)=.*/\2/p' ../.env.example) || true)
  [[ -z $unknown ]] || fail "$file: these are not in .env.example, and would do nothing: ${unknown//$'\n'/ }"
  [[ $(value_of REDIS_PASSWORD) =~ ^[A-Za-z0-9]+$ ]] \
    || fail "$file: REDIS_PASSWORD must be letters and digits only, for it becomes part of a URL."
  [[ $stack == dev || $(value_of DOMAIN) =~ ^[a-z0-9-]+(\.[a-z0-9-]+)+$ ]] \
    || fail "$file: DOMAIN must be a name in lower case, without https:// and port, such as mfa.example.com."
  [[ $(value_of APP_REPLICAS) =~ ^([1-9][0-9]*)?$ ]] || fail "$file: APP_REPLICAS must be a number from 1."
}

apps() {
  docker compose ps --all --quiet app
}

# Of the containers that come by standard input. Docker drops a log with its container, and the audit trail is in there.
keep_logs() {
  local container
  mkdir -p -m 700 logs
  while read -r container; do
    # Where a logging driver of another kind has them, they are kept already.
    case $(docker inspect --format '{{.HostConfig.LogConfig.Type}}' "$container") in
      json-file | local) (umask 077 && docker logs "$container" >"$(log_of "$container")" 2>&1) \
        || fail "The log of $container could not be kept in $PWD/logs. Docker has it still, so nothing is removed." ;;
    esac
  done
}

log_of() {
  echo "logs/$now-${1:0:12}.log"
}

# Of those that are still there, Docker has the log.
forget_logs() {
  local container
  while read -r container; do
    rm -f "$(log_of "$container")"
  done
}

up() {
  [[ $stack == dev ]] || apps | keep_logs
  docker compose up --build --detach --wait --wait-timeout "${PATIENCE:-300}" || {
    docker compose ps --all >&2 || true
    fail "Not everything came up; this shows why: cd deploy/docker-compose/$stack && docker compose logs"
  }
  [[ $stack == dev ]] || apps | forget_logs
  docker compose ps
  if [[ $stack == dev ]]; then
    echo "https://open-mfa.local serves. Mails are caught at https://open-mfa.local/mail/; the API key is in deploy/docker-compose/dev/.env."
  else
    echo "https://$(value_of DOMAIN) serves."
  fi
}

down() {
  [[ $stack == dev ]] || apps | keep_logs
  docker compose down
}

# Tries until a deadline, in seconds of this shell.
wait_for() {
  local deadline=$1
  shift
  until "$@"; do
    ((SECONDS < deadline)) || return 1
    sleep 0.5
  done
}

# Healthy means that it serves; ready, that it reaches Redis too.
is_ready() {
  [[ $(docker inspect --format '{{.State.Health.Status}}' "$1" 2>/dev/null) == healthy ]] \
    && docker exec "$1" python -c "import urllib.request as u; u.urlopen('http://127.0.0.1:8080/readyz', timeout=3)" 2>/dev/null
}

# Whether nginx has been told of a container: its address stands in the configuration that docker-gen wrote.
is_known_to_proxy() {
  local address
  address=$(docker inspect --format "{{(index .NetworkSettings.Networks \"$front\").IPAddress}}" "$1")
  [[ -n $address ]] && docker compose exec -T proxy grep -qF "$address:" /etc/nginx/conf.d/default.conf
}

roll() {
  local old replicas container deadline front
  # Whatever there is, also what has just died and is about to be started again.
  mapfile -t old < <(apps)
  ((${#old[@]})) || fail "Nothing runs that could be replaced: make staging-up"
  docker compose build app
  replicas=$(docker compose config app | sed -n 's/^ *replicas: //p')
  front=$(docker inspect --format '{{index .Config.Labels "com.docker.compose.project"}}' "${old[0]}")_front
  # Not by --scale: that becomes part of what the next `up` compares them with, and it would replace them all.
  APP_REPLICAS=$((${#old[@]} + replicas)) docker compose create --no-recreate app
  mapfile -t new < <(apps | grep -vxF "$(printf '%s\n' "${old[@]}")")
  trap give_up EXIT
  trap 'exit 130' INT TERM
  ((${#new[@]} == replicas)) || fail "Compose made ${#new[@]} new containers, not $replicas."
  # Out of the proxy's sight until they are ready: it passes on to whatever has started.
  for container in "${new[@]}"; do
    docker network disconnect "$front" "$container"
  done
  docker start "${new[@]}" >/dev/null
  deadline=$((SECONDS + ${PATIENCE:-300}))
  for container in "${new[@]}"; do
    wait_for "$deadline" is_ready "$container" || tell_of "$container"
  done
  for container in "${new[@]}"; do
    docker network connect --alias app "$front" "$container"
  done
  docker compose kill --signal HUP docker-gen >/dev/null 2>&1 || true
  for container in "${new[@]}"; do
    wait_for "$deadline" is_known_to_proxy "$container" || tell_of "$container"
  done
  # Some time has gone by.
  for container in "${new[@]}"; do
    is_ready "$container" || tell_of "$container"
  done
  trap - EXIT INT TERM
  # Each stops accepting, answers what it has, and ends; whoever comes meanwhile is passed on to the new ones.
  docker stop "${old[@]}" >/dev/null
  printf '%s\n' "${old[@]}" | keep_logs \
    || fail "The new containers serve; the old ones are stopped. Make room, and then: docker rm ${old[*]}"
  docker rm "${old[@]}" >/dev/null
  docker compose ps app
}

tell_of() {
  docker logs --tail 50 "$1" >&2 || true
  exit 1
}

# However a roll ends before the old ones are stopped: what was begun is undone.
give_up() {
  docker rm --force "${new[@]}" >/dev/null 2>&1 || true
  echo "The new containers did not come up, or don't reach Redis, and are gone again. The old ones go on serving." >&2
}

(($# == 2)) || usage
stack=$1 command=$2
case $stack:$command in
  dev:up | dev:down | staging:up | staging:down | staging:roll) ;;
  *) usage ;;
esac
compose=$(docker compose version --short 2>/dev/null) || fail "Docker with its Compose plugin is needed, 2.20 or newer."
printf '%s\n' 2.20 "${compose#v}" | sort --check=quiet --version-sort || fail "Docker Compose is $compose; 2.20 or newer is needed."
cd "$root/deploy/docker-compose/$stack"
[[ -e .env ]] || fail "deploy/docker-compose/$stack/.env is missing: make $stack-setup"
if [[ $command != down && ! -f ../redis/tls/redis-key.pem ]]; then
  fail "The certificate of Redis is missing: make $stack-setup"
fi
if [[ $stack == dev && $command == up && ! -e certs/open-mfa.local.pem ]]; then
  fail "The certificate of open-mfa.local is missing: make dev-setup"
fi
# The stack's secrets are those of .env. Compose would prefer what this shell happens to have for `open-mfa`, and what is
# sealed with that could not be opened from the next one.
unset "${!OPEN_MFA_@}" REDIS_PASSWORD
check_settings
docker info >/dev/null 2>&1 || fail "The Docker daemon does not answer: is it running, and may you use it?"
if command -v flock >/dev/null; then
  exec 9>.lock
  flock --nonblock 9 || fail "Another ${0##*/} is at work on this stack; wait until it has ended."
fi

now=$(date -u +%Y-%m-%dT%H%M%SZ)
VERSION=$(sed -n 's/^version = "\(.*\)"$/\1/p' "$root/pyproject.toml")
REVISION=$(git -C "$root" describe --always --dirty --abbrev=40 --exclude '*' 2>/dev/null || echo unknown)
export VERSION REVISION

$command
