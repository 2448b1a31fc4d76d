#!/bin/sh
# Installs what a task needs, on Debian 12 and Ubuntu 24.04.
# Usage: install_dependencies.sh GROUP...      groups: build, image, test, packages, containers, bench, soak, clients, demo, fuzz, ci
# The group test also fetches promtool: it is a part of the package prometheus, whose daemon nobody needs, so only that
# program is unpacked, into /usr/local/bin.
# Says nothing where all is there already. Needs root or sudo otherwise. Starts no service: knot, unbound, gdnsd, nginx
# and haproxy are used by tests, benchmarks and the demo as plain programs, so they are kept from starting at the next boot.
set -eu

packages_of() {
    case $1 in
        build) echo "g++ cmake ninja-build libldns-dev libssl-dev libyaml-cpp-dev libspdlog-dev libfmt-dev" \
            "libcli11-dev libboost$boost-dev libboost-json$boost-dev libboost-url$boost-dev" ;;
        image) echo "ca-certificates libcap2-bin python3" ;;
        test) echo "libgtest-dev libgmock-dev python3 python3-venv python3-yaml python3-jsonschema knot unbound clang-format-14" \
            "shellcheck bind9-dnsutils bind9-host knot-dnsutils ldnsutils" ;;
        packages) echo "lintian mandoc man-db bash zsh fish systemd init-system-helpers python3 python3-seccomp binutils" \
            "shellcheck iproute2 mount util-linux cmake" ;;
        containers) echo "podman runc busybox-static iproute2 mount util-linux libcap2-bin knot unbound ca-certificates python3" ;;
        bench) echo "libbenchmark-dev python3 gdnsd knot unbound dnsmasq-base haproxy" ;;
        soak) echo "python3" ;;
        clients) echo "iproute2 iptables mount util-linux musl-tools default-jdk-headless nodejs golang-go rustc" \
            "libhttpclient-java python3 python3-requests python3-aiohttp python3-pycurl python3-grpcio" \
            "golang-google-grpc-dev curl nginx-light haproxy $chromium" ;;
        demo) echo "python3 knot unbound bind9-dnsutils curl iproute2 mount util-linux" ;;
        fuzz) echo "clang-14 libclang-rt-14-dev llvm-14 python3" ;;
        ci) echo "clang-14 libclang-rt-14-dev clang-tidy-14 libbenchmark-dev" ;;
        *)
            echo "install_dependencies: no group '$1' (known: build, image, test, packages, containers, bench, soak, clients, demo, fuzz, ci)" >&2
            return 2
            ;;
    esac
}

boost_of_this_system() {
    # shellcheck source=/dev/null
    id=$(. /etc/os-release && echo "$ID-${VERSION_ID:-}")
    case $id in
        debian-12) echo 1.81 ;;
        ubuntu-24.04) echo 1.83 ;;
        *)
            echo "install_dependencies: this is $id; the packages are known for Debian 12 and Ubuntu 24.04" >&2
            return 1
            ;;
    esac
}

missing() {
    present=" $(dpkg-query -W -f '${Package}=${db:Status-Status} ' "$@" 2>/dev/null || true)"
    for package in "$@"; do
        case $present in *" $package=installed "*) ;; *) echo "$package" ;; esac
    done
}

lacks_promtool() {
    case " $* " in *" test "*) ! PATH=$PATH:/usr/local/bin command -v promtool >/dev/null 2>&1 ;; *) return 1 ;; esac
}

fetch_promtool() {
    directory=$(mktemp -d)
    chmod 755 "$directory" # apt fetches as a user of its own
    (
        cd "$directory"
        $apt update && $apt download prometheus && dpkg-deb --fsys-tarfile prometheus_*.deb | tar -x ./usr/bin/promtool &&
            install -m 755 usr/bin/promtool /usr/local/bin/promtool
    ) >"$directory/log" 2>&1 || {
        tail -n 30 "$directory/log" >&2
        echo "install_dependencies: cannot fetch promtool from the package prometheus" >&2
        return 1
    }
    rm -rf "$directory"
}

# While packages are configured, policy-rc.d forbids their scripts to start services; what was there is put back.
policy=/usr/sbin/policy-rc.d
forbid_services() {
    [ ! -e $policy ] || mv $policy $policy.taskdns-saved
    printf '#!/bin/sh\nexit 101\n' >$policy
    chmod 755 $policy
    trap allow_services EXIT
    trap 'exit 1' INT TERM
}
allow_services() {
    rm -f $policy
    [ ! -e $policy.taskdns-saved ] || mv $policy.taskdns-saved $policy
}

[ $# -gt 0 ] || set -- build
boost=$(boost_of_this_system)
chromium=chromium
[ "$boost" = 1.81 ] || chromium=  # Ubuntu has it only as a snap, which cannot be driven from a test
wanted=
for group in "$@"; do
    wanted="$wanted $(packages_of "$group")"
done
# shellcheck disable=SC2086  # words
needed=$(missing $wanted | sort -u | tr '\n' ' ')
promtool=
if lacks_promtool "$@"; then promtool=promtool; fi
[ -n "$needed$promtool" ] || exit 0

if [ "$(id -u)" != 0 ]; then
    if ! command -v sudo >/dev/null 2>&1; then
        echo "install_dependencies: as root, install: $needed$promtool" >&2
        exit 1
    fi
    exec sudo -- sh "$0" "$@"
fi

echo "install_dependencies: installing $needed$promtool"
export DEBIAN_FRONTEND=noninteractive
apt="apt-get -qq -o Acquire::Retries=3 -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0"
if [ -n "$promtool" ]; then fetch_promtool; fi
[ -n "$needed" ] || exit 0
log=$(mktemp)
forbid_services
# shellcheck disable=SC2086  # words
if ! { $apt update && $apt install -y --no-install-recommends $needed; } >"$log" 2>&1; then
    tail -n 30 "$log" >&2
    echo "install_dependencies: apt-get failed (its whole output: $log); Ubuntu needs its universe component" >&2
    exit 1
fi
rm -f "$log"
allow_services
trap - EXIT
if command -v systemctl >/dev/null 2>&1; then
    for service in knot unbound gdnsd haproxy nginx; do
        case " $needed " in
            *" $service "* | *" $service-light "*) systemctl disable --quiet $service.service >/dev/null 2>&1 || true ;;
        esac
    done
fi
