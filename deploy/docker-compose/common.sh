#!/usr/bin/env bash
# Functions of the scripts in this directory, which source this file.

readonly REQUIRED_SECRETS=(REDIS_PASSWORD OPEN_MFA_SECRET_KEY OPEN_MFA_ENCRYPTION_KEYS)

fail() {
  echo "$*" >&2
  exit 1
}

# Prints a setting of a file without quotes.
setting_in() {
  local value
  value=$(sed -n "s/^$2=//p" "$1" | tail -n 1)
  value=${value%$'\r'}
  value=${value#[\"\']}
  printf '%s' "${value%[\"\']}"
}

# Tests whether a file of settings is a copy of .env.example without secrets, or missing.
is_without_secrets() {
  local name
  [[ -e $1 ]] || return 0
  for name in "${REQUIRED_SECRETS[@]}"; do
    [[ -z $(setting_in "$1" "$name") ]] || return 1
  done
}

is_under_sudo() {
  [[ $EUID == 0 && -n ${SUDO_UID:-} ]]
}

# Under sudo, gives new files to the user who called it. Otherwise only root could change or delete them.
give_back() {
  ! is_under_sudo || chown -h "$SUDO_UID:${SUDO_GID:-$SUDO_UID}" "$@"
}

# Gives the files of Docker's programs back, on systems whose sudo keeps the user's home directory.
give_back_docker_files() {
  if is_under_sudo && [[ -d ${HOME:-}/.docker && -n $(find "$HOME" -maxdepth 0 -user "$SUDO_UID") ]]; then
    find "$HOME/.docker" -user 0 -exec chown -h "$SUDO_UID:${SUDO_GID:-$SUDO_UID}" {} +
  fi
}

# Under sudo, runs a command as the user who called it, in that user's home directory.
as_user() {
  if is_under_sudo; then
    sudo --user "#$SUDO_UID" --set-home --preserve-env=CAROOT,TRUST_STORES -- "$@"
  else
    "$@"
  fi
}
