// A network of this test's own: "the task", where the daemon and the applications run, and "the VPC" with the
// backends. They are two network namespaces without a name, joined by a veth pair. Such exist only while a
// descriptor, a thread or a process holds them, so nothing is left behind however the test ends, and no two tests
// meet: port 53 is free.
//
//   task: 10.0.1.5/24, fd00:1::5/64, default routes ──── vpc: 10.0.1.1, fd00:1::1, and what add_addresses() is given
#pragma once

#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "support/temp_dir.hpp"

namespace taskdns::testing_support {

/// A file descriptor that is closed with its owner.
class Descriptor {
public:
    explicit Descriptor(int number) : number_(number) {}
    ~Descriptor();
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    int number() const { return number_; }

private:
    int number_;
};

/// Needs root, or user namespaces for everybody; throws where it can have neither, and says so.
/// Threads: Inside is about the calling thread, all else may be called from any.
class NetworkNamespaces {
public:
    NetworkNamespaces();

    /// While it lives, the calling thread is in the namespace, and so is what it makes meanwhile: sockets (for good),
    /// threads and processes.
    class Inside {
    public:
        explicit Inside(const Descriptor& space);
        ~Inside();
        Inside(const Inside&) = delete;
        Inside& operator=(const Inside&) = delete;

    private:
        Descriptor before_;
    };
    [[nodiscard]] Inside in_task() const { return Inside(task_); }
    [[nodiscard]] Inside in_vpc() const { return Inside(vpc_); }

    /// Further addresses of the VPC, IPv4 or IPv6, each reached as a task would reach it: on the link if it is in the
    /// task's own subnet, by the default route if not.
    void add_addresses(const std::vector<std::string>& addresses) const;
    /// What is sent to an IPv4 address of the task's own subnet arrives nowhere and is not answered. (The task is
    /// told a link-layer address that nobody has. A route of type `blackhole` would be an error of the task's own,
    /// and an address that was only taken away is unreachable as soon as nobody answers ARP for it.)
    void black_hole(const std::string& address) const;
    /// Of the packets that arrive in the task or the VPC, at random; 0: none is lost any more. Loopback loses
    /// nothing.
    void lose_packets(unsigned percent) const;
    /// Without it, connecting to another subnet is a fault of the task's own: ENETUNREACH.
    void remove_default_route() const;
    void restore_default_route() const;

    /// The command in a mount namespace of its own, where /etc/resolv.conf is resolv_conf(), as in a container.
    std::vector<std::string> with_own_resolver(const std::vector<std::string>& argv) const;
    /// At first, 127.0.0.1 is its only name server.
    std::string resolv_conf() const { return dir_ / "resolv.conf"; }

private:
    void configure(const Descriptor& space, const std::vector<std::string>& ip_commands) const;

    TempDir dir_;
    Descriptor task_;
    Descriptor vpc_;
};

/// Accepts whatever connects to one port of any address, and hangs up. Make it inside of the VPC.
class TcpAcceptor {
public:
    explicit TcpAcceptor(std::uint16_t port);
    ~TcpAcceptor();
    TcpAcceptor(const TcpAcceptor&) = delete;
    TcpAcceptor& operator=(const TcpAcceptor&) = delete;

private:
    Descriptor listener_;
    std::thread thread_;
};

}  // namespace taskdns::testing_support
