#!/usr/bin/env bash
# Runs a command beside a PostgreSQL cluster and a ChromeDriver of its own, both on free loopback
# ports and in a folder of their own, and stops them afterwards. Temporary files of the command lie in
# that folder too and go with it; what a run that was killed left behind is removed by the next one.
# Usage: scripts/with-test-servers.sh COMMAND…
set -euo pipefail

servers="${TMPDIR:-/tmp}"
home="$(mktemp -d "$servers/carepost-servers.XXXXXX")"
echo "$$" >"$home/pid"
chmod 755 "$home"
# Dovecot and Postfix run as users of their own and look into folders of the tests.
mkdir -m 1777 "$home/t"
postgres_bin="$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -n 1)"
as_postgres=()
if [ "$(id -u)" -eq 0 ]; then
  # PostgreSQL refuses to run as root.
  as_postgres=(setpriv --reuid=postgres --regid=postgres --clear-groups)
fi

for old in "$servers"/carepost-servers.*; do
  [ -f "$old/pid" ] || continue
  kill -0 "$(cat "$old/pid")" 2>/dev/null && continue
  [ ! -f "$old/data/postmaster.pid" ] || kill -QUIT "$(head -n 1 "$old/data/postmaster.pid")" 2>/dev/null || true
  rm -rf "$old"
done

free_port() { node -e 'const s = require("net").createServer(); s.listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close() })'; }

driver_pid=""
stop_servers() {
  [ -z "$driver_pid" ] || kill "$driver_pid" 2>/dev/null || true
  [ ! -f "$home/data/postmaster.pid" ] || "${as_postgres[@]}" "$postgres_bin/pg_ctl" -D "$home/data" -m immediate stop >/dev/null 2>&1 || true
  rm -rf "$home"
}
trap stop_servers EXIT

mkdir "$home/data" "$home/socket"
[ "$(id -u)" -ne 0 ] || chown postgres:postgres "$home/data" "$home/socket"
"${as_postgres[@]}" "$postgres_bin/initdb" -D "$home/data" -U carepost -A trust --no-instructions >"$home/initdb.log" 2>&1 ||
  { cat "$home/initdb.log" >&2; exit 1; }
started=""
for _ in 1 2 3 4 5; do
  port="$(free_port)"
  if "${as_postgres[@]}" "$postgres_bin/pg_ctl" -D "$home/data" -w -t 60 -l "$home/data/log" \
    -o "-p $port -c listen_addresses=127.0.0.1 -c unix_socket_directories=$home/socket -c max_connections=400 -c shared_buffers=256MB" \
    start >/dev/null; then
    started=yes
    break
  fi
done
[ -n "$started" ] || { cat "$home/data/log" >&2; exit 1; }
export CAREPOST_TEST_POSTGRES="postgres://carepost@127.0.0.1:$port"

if command -v chromedriver >/dev/null; then
  for _ in 1 2 3 4 5; do
    driver_port="$(free_port)"
    chromedriver --port="$driver_port" --allowed-ips=127.0.0.1 --log-level=SEVERE >"$home/chromedriver.log" 2>&1 &
    driver_pid=$!
    for _ in $(seq 50); do
      sleep 0.1
      if (echo >"/dev/tcp/127.0.0.1/$driver_port") 2>/dev/null; then break 2; fi
      kill -0 "$driver_pid" 2>/dev/null || break
    done
  done
  export CAREPOST_TEST_WEBDRIVER="http://127.0.0.1:$driver_port"
fi

TMPDIR="$home/t" "$@"
