// Two network namespaces without a name, joined by a veth pair.
#include "support/network_namespaces.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <stdexcept>
#include <system_error>

#include "support/child_process.hpp"
#include "support/own_mounts.hpp"

namespace taskdns::testing_support {

using namespace std::chrono_literals;

namespace {

constexpr const char* needs =
    "; network namespaces need root with CAP_SYS_ADMIN and CAP_NET_ADMIN (docker: --privileged), or user namespaces "
    "for everybody (sysctl kernel.unprivileged_userns_clone=1, on Ubuntu also "
    "kernel.apparmor_restrict_unprivileged_userns=0)";

[[noreturn]] void fail(const std::string& what) {
    throw std::runtime_error(what + ": " + std::strerror(errno) + needs);
}

int open_current() {
    const int number = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
    if (number < 0) fail("open /proc/thread-self/ns/net");
    return number;
}

/// Makes this process root of a user namespace, as `unshare -rn` does. There is no way back into the network that it
/// comes from, so it gets a loopback of its own, for tests that follow in the same process.
void become_root_of_a_user_namespace() {
    const std::string user = std::to_string(geteuid());
    const std::string group = std::to_string(getegid());
    if (unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0) fail("unshare(CLONE_NEWUSER | CLONE_NEWNET)");
    write_file("/proc/self/setgroups", "deny");
    write_file("/proc/self/uid_map", "0 " + user + " 1");
    write_file("/proc/self/gid_map", "0 " + group + " 1");
    run({"ip", "link", "set", "lo", "up"});
}

int make_namespace() {
    const Descriptor before(open_current());
    if (unshare(CLONE_NEWNET) != 0) fail("unshare(CLONE_NEWNET)");
    const int made = open_current();
    if (setns(before.number(), CLONE_NEWNET) != 0) fail("setns");
    return made;
}

/// Whether the kernel lets us: entering the namespace where we are already needs what making one needs.
bool may_make_namespaces() {
    const Descriptor here(open_current());
    return setns(here.number(), CLONE_NEWNET) == 0;
}

int make_first_namespace() {
    if (!may_make_namespaces()) become_root_of_a_user_namespace();
    return make_namespace();
}

/// A container runtime may have switched IPv6 off for the namespaces that it made, and ours inherit that.
void allow_ipv6() {
    const Descriptor file(open("/proc/sys/net/ipv6/conf/all/disable_ipv6", O_WRONLY | O_CLOEXEC));
    if (file.number() >= 0 && write(file.number(), "0", 1) != 1) errno = 0;  // the addresses below will not be taken
}

/// IPv6 takes a moment to use a link that has just come up.
bool has_ipv6_route(const char* address) {
    const Descriptor socket_(socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sockaddr_in6 where{};
    where.sin6_family = AF_INET6;
    where.sin6_port = htons(53);
    inet_pton(AF_INET6, address, &where.sin6_addr);
    return connect(socket_.number(), reinterpret_cast<const sockaddr*>(&where), sizeof where) == 0;
}

int listen_on(std::uint16_t port) {
    const int listener = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);  // takes IPv4 as well
    const int off = 0;
    setsockopt(listener, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    const int on = 1;  // connections of who had the port before may linger
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sockaddr_in6 where{};
    where.sin6_family = AF_INET6;
    where.sin6_port = htons(port);
    if (bind(listener, reinterpret_cast<const sockaddr*>(&where), sizeof where) != 0 || listen(listener, 1024) != 0) {
        throw std::system_error(errno, std::generic_category(), "TcpAcceptor");
    }
    return listener;
}

}  // namespace

Descriptor::~Descriptor() {
    if (number_ >= 0) close(number_);
}

NetworkNamespaces::Inside::Inside(const Descriptor& space) : before_(open_current()) {
    if (setns(space.number(), CLONE_NEWNET) != 0) fail("setns");
}

// It cannot fail where entering did not; if it did, all that follows in this thread would run in the wrong network.
NetworkNamespaces::Inside::~Inside() {
    if (setns(before_.number(), CLONE_NEWNET) != 0) std::terminate();
}

NetworkNamespaces::NetworkNamespaces() : task_(make_first_namespace()), vpc_(make_namespace()) {
    const std::string vpc = "/proc/" + std::to_string(getpid()) + "/fd/" + std::to_string(vpc_.number());
    configure(task_, {"link add task type veth peer name vpc netns " + vpc, "link set lo up"});
    configure(vpc_, {"link set lo up", "link set vpc up", "addr add 10.0.1.1/24 dev vpc",
                     "addr add fd00:1::1/64 dev vpc nodad"});
    configure(task_, {"link set task up", "addr add 10.0.1.5/24 dev task", "addr add fd00:1::5/64 dev task nodad",
                      "route add default via 10.0.1.1", "route add default via fd00:1::1"});
    const Inside inside = in_task();
    if (!wait_until(3s, [] { return has_ipv6_route("fd00:2::1"); })) fail("IPv6 of the task");
    write_file(dir_ / "resolv.conf", "nameserver 127.0.0.1\n");
}

void NetworkNamespaces::configure(const Descriptor& space, const std::vector<std::string>& ip_commands) const {
    const Inside inside(space);
    allow_ipv6();
    std::string batch;
    for (const std::string& command : ip_commands) batch += command + "\n";
    write_file(dir_ / "batch", batch);
    const Outcome outcome = run({"ip", "-batch", dir_ / "batch"});
    if (outcome.status != 0) throw std::runtime_error("ip -batch:\n" + batch + outcome.err + needs);
}

void NetworkNamespaces::add_addresses(const std::vector<std::string>& addresses) const {
    std::vector<std::string> commands;
    for (const std::string& address : addresses) {
        const bool ipv6 = address.find(':') != std::string::npos;
        commands.push_back("addr add " + address + (ipv6 ? "/128 dev vpc nodad" : "/32 dev vpc"));
    }
    configure(vpc_, commands);
}

void NetworkNamespaces::black_hole(const std::string& address) const {
    configure(task_, {"neigh replace " + address + " lladdr 02:00:00:00:00:01 dev task nud permanent"});
}

// On arrival: a packet that is dropped on its way out is a local error to TCP, which then tries again sooner.
void NetworkNamespaces::lose_packets(unsigned percent) const {
    const std::string script =
        "iptables -w -F INPUT\n"
        "[ $1 = none ] || iptables -w -A INPUT ! -i lo -m statistic --mode random --probability $1 -j DROP\n";
    const std::string probability = percent == 0 ? "none" : std::to_string(percent / 100.0);
    for (const Descriptor* space : {&task_, &vpc_}) {
        const Inside inside(*space);
        const Outcome outcome = run({"sh", "-ec", script, "lose_packets", probability});
        if (outcome.status != 0) throw std::runtime_error("iptables: " + outcome.err + needs);
    }
}

void NetworkNamespaces::remove_default_route() const { configure(task_, {"route del default"}); }

void NetworkNamespaces::restore_default_route() const { configure(task_, {"route add default via 10.0.1.1"}); }

std::vector<std::string> NetworkNamespaces::with_own_resolver(const std::vector<std::string>& argv) const {
    std::vector<std::string> all =
        with_own_mounts("mount --bind \"$2\" \"$1\"", "/etc/resolv.conf", {dir_ / "resolv.conf"});
    all.insert(all.end(), argv.begin(), argv.end());
    return all;
}

TcpAcceptor::TcpAcceptor(std::uint16_t port)
    : listener_(listen_on(port)), thread_([number = listener_.number()] {
          for (;;) {
              const int connection = accept4(number, nullptr, nullptr, SOCK_CLOEXEC);
              if (connection >= 0) {
                  close(connection);
              } else if (errno == EINVAL) {
                  return;  // shut down
              }
          }
      }) {}

TcpAcceptor::~TcpAcceptor() {
    shutdown(listener_.number(), SHUT_RDWR);
    thread_.join();
}

}  // namespace taskdns::testing_support
