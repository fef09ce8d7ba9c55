#!/usr/bin/env bash
# Installs the Debian or Ubuntu packages named on the command line that are not there yet.
# Usage: scripts/install.sh PACKAGE…
set -euo pipefail

missing=()
for package in "$@"; do
  dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0

if ! command -v apt-get >/dev/null; then
  echo "Please install these packages: ${missing[*]}" >&2
  exit 1
fi
as_root=()
[ "$(id -u)" -eq 0 ] || as_root=(sudo)
echo "Installing ${missing[*]}"
"${as_root[@]}" apt-get update -qq
# Servers are only wanted as programs: none is started now or with the machine.
no_starts=/usr/sbin/policy-rc.d
if [ ! -e "$no_starts" ]; then
  printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$no_starts" >/dev/null
  "${as_root[@]}" chmod 755 "$no_starts"
  trap '"${as_root[@]}" rm -f "$no_starts"' EXIT
fi
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
for package in "${missing[@]}"; do
  case "$package" in
  postfix | opendkim) "${as_root[@]}" systemctl disable "$package" >/dev/null 2>&1 || true ;;
  dovecot-core) "${as_root[@]}" systemctl disable dovecot >/dev/null 2>&1 || true ;;
  *) ;;
  esac
done
