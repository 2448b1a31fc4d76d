#!/bin/bash
# Runs a static taskdns where nothing else is, as in a container FROM scratch. Usage: test_empty_root.sh BINARY
set -euo pipefail
binary=$1
ceiling=9700000 # the image has 10,000,000 at most, of which 0.3 are not the binary

size=$(stat -c %s "$binary")
echo "    $binary: $size bytes"
if [ "$size" -gt $ceiling ]; then
    echo "    FAILED: above $ceiling bytes"
    exit 1
fi

root=$(mktemp -d "${TMPDIR:-/tmp}/taskdns-empty.XXXXXX")
daemon=
clean_up() {
    status=$?
    trap - EXIT
    [ -z "$daemon" ] || kill "$daemon" 2>/dev/null || true
    rm -rf "$root"
    exit $status
}
trap clean_up EXIT
trap 'exit 1' INT TERM
cp "$binary" "$root/taskdns"

enter="chroot $root"
if [ "$(id -u)" != 0 ]; then
    enter="unshare --user --map-root-user chroot $root"
    if ! $enter /taskdns version >/dev/null 2>&1; then
        echo "    skipped: neither root nor allowed to make a user namespace"
        exit 0
    fi
fi
$enter /taskdns version | sed 's/^/    /'

# Two that a client's address sorting treats alike, wherever this runs, so that both are in each answer.
content="services: [{name: one.local, source: static, addresses: [127.0.0.2, 127.0.0.3]}]"
# Port 0: one that is free; the log says which.
# shellcheck disable=SC2086  # words
env "TASKDNS_CONFIG_CONTENT=$content" TASKDNS_DNS_LISTEN=127.0.0.1:0 TASKDNS_HTTP_LISTEN=127.0.0.1:0 \
    $enter /taskdns >"$root/log" 2>&1 &
daemon=$!
for _ in $(seq 100); do
    dns=$(sed -n 's/.*app: listening dns=127.0.0.1:\([0-9]*\).*/\1/p' "$root/log")
    http=$(sed -n 's/.*app: listening http=\(127.0.0.1:[0-9]*\).*/\1/p' "$root/log")
    if [ -n "$dns" ] && [ -n "$http" ] && $enter /taskdns healthcheck --http "$http" >/dev/null 2>&1; then break; fi
    sleep 0.05
done
$enter /taskdns healthcheck --http "${http:-127.0.0.1:1}" || {
    cat "$root/log"
    exit 1
}
# One question by hand: the minimal system that builds this has no dig.
python3 - "$dns" <<'PYTHON'
import socket, sys
query = bytes.fromhex("123401000001000000000000") + b"\3one\5local\0" + bytes.fromhex("00010001")
client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
client.settimeout(3)
client.sendto(query, ("127.0.0.1", int(sys.argv[1])))
answer = client.recv(512)
assert answer[:2] == query[:2] and answer[6:8] == b"\0\2" and b"\x7f\0\0\2" in answer and b"\x7f\0\0\3" in answer, answer
PYTHON
kill -TERM "$daemon"
wait "$daemon"
daemon=
echo "    started, became ready, answered with both addresses, stopped with exit status 0"
