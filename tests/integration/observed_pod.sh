#!/bin/bash
# Shows in containers what the sidecar sees of the application's connections (docs/observed-health.md), by hand only:
#   beside:     one pod, so one network namespace, as in an ECS task of mode awsvpc: "on", and connections are counted
#   elsewhere:  the sidecar in a container with a network of its own: "nothing_seen" after half a minute, answers work
# The sidecar is FROM scratch, uid 65532, without any capability, its root read-only. No container has a network but
# its pod's loopback. Everything is removed in the end.
# Usage, as root: tests/integration/observed_pod.sh BINARY     the static taskdns (cmake --preset release)
# Needs podman, runc, musl-gcc (musl-tools), python3, nsenter (util-linux).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
binary=${1:?usage: observed_pod.sh BINARY}
name=taskdns-observed-$$
folder=$(mktemp -d "${TMPDIR:-/tmp}/taskdns-observed.XXXXXX")
podman="podman --runtime runc"
# No more than we have ourselves, where podman would ask for more: `pod create` knows no --ulimit.
export CONTAINERS_CONF=$folder/containers.conf
printf '[containers]\ndefault_ulimits = ["nofile=%s:%s", "nproc=1024:1024"]\n' \
    "$(ulimit -Hn)" "$(ulimit -Hn)" >"$CONTAINERS_CONF"

clean_up() {
    status=$?
    trap - EXIT
    {
        podman pod rm -f "$name"
        podman rm -f -t 1 "$name-elsewhere"
        podman rmi -f "localhost/$name-sidecar" "localhost/$name-application"
    } >/dev/null 2>&1 || true
    rm -rf "$folder"
    exit $status
}
trap clean_up EXIT
trap 'exit 1' INT TERM

image() { # NAME FILE: one program and nothing else
    mkdir "$folder/$1"
    cp "$2" "$folder/$1/program"
    tar -C "$folder/$1" -c program | podman import -q - "localhost/$name-$1" >/dev/null
}

# What the service's JSON says at a path such as "observe state", asked inside of the container's network.
say() { # CONTAINER KEY...
    pid=$(podman inspect -f '{{.State.Pid}}' "$1")
    shift
    nsenter --net -t "$pid" python3 - "$@" <<'PYTHON'
import json, sys, urllib.request
with urllib.request.urlopen("http://127.0.0.1:8053/v1/services/api.test", timeout=5) as reply:
    service = json.load(reply)
if sys.argv[1:] == ["open"]:
    print(sum(e["connections"]["open"] for e in service["endpoints"] if e["connections"]))
elif sys.argv[1:] == ["served"]:
    print(service["endpoint_counts"]["served"])
else:
    for key in sys.argv[1:]:
        service = service[key]
    print(service)
PYTHON
}

ask() { # CONTAINER: how many addresses its answer has
    pid=$(podman inspect -f '{{.State.Pid}}' "$1")
    nsenter --net -t "$pid" python3 -c '
import socket
query = b"\0\1\1\0\0\1\0\0\0\0\0\0\3api\4test\0\0\1\0\1"
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
    udp.settimeout(2)
    udp.sendto(query, ("127.0.0.1", 53))
    print(udp.recv(512)[7])'
}

expect() { # LIMIT TEXT COMMAND...: its output becomes TEXT within LIMIT seconds
    local limit=$((SECONDS + $1)) text=$2 output=
    shift 2
    while :; do
        output=$("$@" 2>&1) || true
        [ "$output" != "$text" ] || break
        if [ $SECONDS -ge $limit ]; then
            echo "    FAILED: $*: $output, not $text"
            return 1
        fi
        sleep 0.5
    done
    echo "    $*: $output"
}

some_are_open() { [ "$(say "$name-sidecar" open)" -gt 0 ] && echo yes || echo no; }
asked_and_state() { ask "$name-elsewhere" >/dev/null && say "$name-elsewhere" observe state; }

sidecar() { # CONTAINER OPTION...
    local container=$1
    shift
    $podman run -d --name "$container" --user 65532:65532 --cap-drop ALL --read-only \
        --security-opt no-new-privileges -e TASKDNS_CONFIG_CONTENT="$config" "$@" "localhost/$name-sidecar" /program \
        >/dev/null
}

config="services: [{name: api.test, source: static, port: 8080, addresses: [127.0.0.11, 127.0.0.12],
  health: {check: none}}]"
echo "nameserver 127.0.0.1" >"$folder/resolv.conf"
musl-gcc -std=gnu11 -O1 -Wall -static -o "$folder/observed_pod_application" "$here/observed_pod_application.c"
image sidecar "$binary"
image application "$folder/observed_pod_application"

echo "--- beside the application, in one pod"
unprivileged="net.ipv4.ip_unprivileged_port_start=0" # as container runtimes of today set it by themselves
$podman pod create --name "$name" --network none --sysctl "$unprivileged" --infra-image "localhost/$name-application" \
    --infra-command "/program serve 8080 127.0.0.11 127.0.0.12" >/dev/null
sidecar "$name-sidecar" --pod "$name"
$podman run -d --name "$name-application" --pod "$name" --cap-drop ALL --read-only --user 1000:1000 \
    -v "$folder/resolv.conf:/etc/resolv.conf:ro" "localhost/$name-application" /program connect 8080 api.test >/dev/null
expect 10 2 ask "$name-sidecar"
expect 10 yes some_are_open
echo "    open: $(say "$name-sidecar" open)"
expect 2 on say "$name-sidecar" observe state
expect 2 2 say "$name-sidecar" served

echo "--- elsewhere, in a network of its own"
sidecar "$name-elsewhere" --network none --sysctl "$unprivileged"
expect 10 2 ask "$name-elsewhere"
expect 45 nothing_seen asked_and_state
expect 2 2 ask "$name-elsewhere"
podman logs "$name-elsewhere" 2>&1 | grep -c "no connection of the application is seen" | sed 's/^/    log lines that say so: /'
echo "All as documented"
