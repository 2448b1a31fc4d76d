# shellcheck shell=bash disable=SC2034,SC2154  # what it sets is used by the story
# The place of demo.sh and the words to tell its story with: servers, client, claims (bash; sourced by demo_story.sh,
# which sets keep and isolation first).

service=resource-server.local
binary=$PWD/build/release/daemon/taskdns
work=$(mktemp -d "${TMPDIR:-/tmp}/taskdns-demo.XXXXXX")
pids=()
mounts=()
failed=0
declare -A backend_pid

# ---- starting and stopping -------------------------------------------------------------------------------------

stop_all() {
    local status=$?
    trap - EXIT
    if [ "$keep" = no ] || [ $status != 0 ]; then
        for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
        for pid in "${pids[@]}"; do wait "$pid" 2>/dev/null || true; done
        for mounted in "${mounts[@]}"; do umount "$mounted" || true; done
        rm -rf "$work"
    fi
    exit $status
}
trap stop_all EXIT
trap 'exit 1' INT TERM

start() { # NAME COMMAND...: in the background, its output in a file
    local name=$1
    shift
    setsid "$@" >>"$work/$name.log" 2>&1 </dev/null &
    started=$!
    pids+=("$started")
}

stop() { # PID [SIGNAL]: returns when it has ended
    local rest=()
    kill "-${2:-TERM}" "$1" 2>/dev/null || true
    wait "$1" 2>/dev/null || true
    for pid in "${pids[@]}"; do [ "$pid" = "$1" ] || rest+=("$pid"); done
    pids=("${rest[@]}")
}

give_up() {
    echo "    FAILED: $1"
    tail -n 20 "$work"/*.log || true
    exit 1
}

wait_for() { # WHAT SECONDS COMMAND...: until the command succeeds
    local what=$1 deadline=$((SECONDS + $2))
    shift 2
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt "$deadline" ] || give_up "$what did not come"
        sleep 0.05
    done
}

indent() { sed 's/^/    /'; }

claim() { # TEXT COMMAND...
    local text=$1
    shift
    if "$@"; then
        echo "    ok: $text"
    else
        echo "    FAILED: $text"
        failed=1
    fi
}

# ---- the place -------------------------------------------------------------------------------------------------

cover() { # FILE: its text comes from standard input, for us alone
    local copy
    copy=$work/$(basename "$1")
    cat >"$copy"
    [ -e "$1" ] || return 0
    mount --bind "$copy" "$1"
    mounts=("$1" "${mounts[@]}")
}

if [ "$isolation" != none ]; then
    ip link set lo up
    ip address add 169.254.169.253/32 dev lo
    echo "nameserver 127.0.0.1" | cover /etc/resolv.conf # without the file, libc asks 127.0.0.1 as well
    echo "hosts: files dns" | cover /etc/nsswitch.conf   # a desktop's would keep .local for multicast DNS
    authority=(127.0.0.2 53) resolver=(169.254.169.253 53) dns_port=53 http_port=8053 port=8080
    settings=("TASKDNS_SERVICES=$service:$port")
else
    # Five ports that are free on every loopback address, below those that the kernel gives to outgoing traffic.
    read -r a b dns_port http_port port < <(python3 -c '
import random, socket
taken = []
while len(taken) < 5:
    try:
        taken.append(socket.create_server(("", random.randrange(10000, 32000))))
    except OSError:
        pass
print(*(s.getsockname()[1] for s in taken))')
    authority=(127.0.0.2 "$a") resolver=(127.0.0.3 "$b")
    settings=("TASKDNS_SERVICES=$service:$port" "TASKDNS_UPSTREAM=127.0.0.3:$b"
        "TASKDNS_DNS_LISTEN=127.0.0.1:$dns_port" "TASKDNS_HTTP_LISTEN=127.0.0.1:$http_port")
fi
api=http://127.0.0.1:$http_port

# ---- the servers -----------------------------------------------------------------------------------------------

serial=0
write_zones() { # ADDRESS...: of the service
    serial=$((serial + 1))
    {
        printf '%s\n' "\$ORIGIN local." "\$TTL 2" "@ SOA ns hostmaster $serial 3600 600 86400 2" '@ NS ns' 'ns A 127.0.0.2'
        printf 'resource-server A %s\n' "$@"
    } >"$work/local.zone"
    cat >"$work/example.zone" <<'ZONE'
$ORIGIN example.
$TTL 300
@ SOA ns hostmaster 1 3600 600 86400 60
@ NS ns
ns A 127.0.0.2
www A 192.0.2.80
www TXT "a name that taskdns was told nothing about"
ZONE
}

start_authority() {
    cat >"$work/knot.conf" <<CONF
server:
    rundir: $work
    listen: ${authority[0]}@${authority[1]}
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
log:
  - target: stderr
    any: info
database:
    storage: $work
template:
  - id: default
    storage: $work
    journal-content: none
zone:
  - domain: local.
    file: local.zone
  - domain: example.
    file: example.zone
CONF
    start knotd "$(command -v knotd || echo /usr/sbin/knotd)" -c "$work/knot.conf"
    knotd_pid=$started
    wait_for knotd 10 dig +short +time=1 +tries=1 -p "${authority[1]}" "@${authority[0]}" local. SOA
}

start_resolver() {
    cat >"$work/unbound.conf" <<CONF
server:
  directory: $work
  chroot: ""
  username: ""
  pidfile: ""
  use-syslog: no
  interface: ${resolver[0]}
  port: ${resolver[1]}
  access-control: 0.0.0.0/0 allow
  do-daemonize: no
  num-threads: 1
  do-ip6: no
  module-config: "iterator"
  do-not-query-localhost: no
  rrset-roundrobin: yes
  local-zone: "." static
  local-zone: "local." transparent
  local-zone: "example." transparent
remote-control:
  control-enable: no
stub-zone:
  name: "local."
  stub-addr: ${authority[0]}@${authority[1]}
stub-zone:
  name: "example."
  stub-addr: ${authority[0]}@${authority[1]}
CONF
    start unbound "$(command -v unbound || echo /usr/sbin/unbound)" -d -c "$work/unbound.conf"
    unbound_pid=$started
    wait_for unbound 10 dig +short +time=1 +tries=1 -p "${resolver[1]}" "@${resolver[0]}" local. SOA
}

start_backend() { # LAST-OCTET
    local address=127.0.0.$1
    mkdir -p "$work/$address"
    echo "backend $address" >"$work/$address/index.html"
    start "backend-$address" python3 -m http.server "$port" --bind "$address" --directory "$work/$address"
    backend_pid[$address]=$started
    wait_for "backend $address" 10 curl -s -o /dev/null "http://$address:$port/"
}

# ---- the client ------------------------------------------------------------------------------------------------

ask() { dig +time=3 +tries=1 -p "$dns_port" @127.0.0.1 "$@"; }
addresses() { ask +short "$service" A | sort | tr '\n' ' '; }
answers_are() { [ "$(addresses)" = "$1" ]; }
names() { [[ " $(addresses) " == *" $1 "* ]]; }

first_addresses() { # COUNT: which address came first, how often; one dig asks all
    for ((i = 0; i < $1; i++)); do echo "$service A"; done >"$work/questions"
    ask -f "$work/questions" +noall +answer +question | awk '
        /^;/ { fresh = 1; next }
        fresh && $4 == "A" { count[$5]++; fresh = 0 }
        END { for (address in count) print count[address], address }' | sort -k 2
}

request() { # as an application does: by name, with nothing but the C library's resolver
    if [ "$isolation" != none ]; then
        curl -s --max-time 3 "http://$service:$port/"
    else
        curl -s --max-time 3 "http://$(ask +short "$service" A | sed -n 1p):$port/"
    fi
}

requests() { # COUNT
    for ((i = 0; i < $1; i++)); do request; done | sort | uniq -c | awk '{ print $1, $3 }'
}
