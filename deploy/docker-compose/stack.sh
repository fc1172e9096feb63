#!/usr/bin/env bash
# Runs a stack: stack.sh dev|staging up|down|roll
#
#   up     builds the image, starts what does not run, replaces what has changed, and waits until all of it is healthy
#   down   stops and removes the containers; what Redis has stored stays, in a volume
#   roll   builds the image and replaces the service's containers by new ones without refusing anybody (staging)
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

up() {
  docker compose up --build --detach --wait --wait-timeout "${PATIENCE:-300}" || {
    docker compose ps --all >&2
    fail "Not everything came up; this shows why: cd deploy/docker-compose/$stack && docker compose logs"
  }
  docker compose ps
}

# Whether nginx has been told of a container: its address stands in the configuration that docker-gen wrote.
is_known_to_proxy() {
  local address
  for address in $(docker inspect --format '{{range .NetworkSettings.Networks}}{{.IPAddress}} {{end}}' "$1"); do
    docker compose exec -T proxy grep -qF "$address:" /etc/nginx/conf.d/default.conf && return
  done
  return 1
}

is_healthy() {
  [[ $(docker inspect --format '{{.State.Health.Status}}' "$1" 2>/dev/null) == healthy ]]
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

# nginx passes a server over for 10 s after it could not connect to it (fail_timeout), as it tried while the new
# containers were starting. When the old ones go, none of the new ones may be passed over.
readonly NGINX_FORGIVES=11

roll() {
  local old new replicas container deadline
  # Whatever there is, also what has just died and is about to be started again.
  mapfile -t old < <(docker compose ps --all --quiet app)
  ((${#old[@]})) || fail "Nothing runs that could be replaced: make staging-up"
  docker compose build app
  replicas=$(docker compose config app | sed -n 's/^ *replicas: //p')
  docker compose up --detach --no-deps --no-recreate --scale "app=$((${#old[@]} + replicas))" app
  mapfile -t new < <(docker compose ps --all --quiet app | grep -vxF "$(printf '%s\n' "${old[@]}")")
  ((${#new[@]} == replicas)) || fail "Compose started ${#new[@]} new containers, not $replicas; nothing was stopped."
  deadline=$((SECONDS + ${PATIENCE:-300}))
  for container in "${new[@]}"; do
    if ! wait_for "$deadline" is_healthy "$container" || ! wait_for "$deadline" is_known_to_proxy "$container"; then
      docker logs --tail 50 "$container" >&2 || true
      docker rm --force "${new[@]}" >/dev/null
      fail "The new containers did not come up, and are gone again. The old ones go on serving."
    fi
  done
  sleep "$NGINX_FORGIVES"
  # Each stops accepting, answers what it has, and ends; whoever comes meanwhile is passed on to the new ones.
  docker stop "${old[@]}" >/dev/null
  docker rm "${old[@]}" >/dev/null
  docker compose ps app
}

(($# == 2)) || usage
stack=$1 command=$2
case $stack:$command in
  dev:up | dev:down | staging:up | staging:down | staging:roll) ;;
  *) usage ;;
esac
docker compose version >/dev/null 2>&1 || fail "Docker with its Compose plugin is needed, 2.20 or newer."
cd "$root/deploy/docker-compose/$stack"
[[ -e .env ]] || fail "deploy/docker-compose/$stack/.env is missing: make $stack-setup"
if [[ $stack == dev && $command == up && ! -e certs/open-mfa.local.pem ]]; then
  fail "The certificate of open-mfa.local is missing: make dev-setup"
fi

VERSION=$(sed -n 's/^version = "\(.*\)"$/\1/p' "$root/pyproject.toml")
REVISION=$(git -C "$root" describe --always --dirty --abbrev=40 --exclude '*' 2>/dev/null || echo unknown)
export VERSION REVISION

case $command in
  up) up ;;
  down) docker compose down ;;
  roll) roll ;;
esac
