// Do connections really spread? Real applications, each of which sorts our addresses in its own way (RFC 6724) and
// connects to the first, in a network of their own. What it prints: connections of the busiest backend / of the mean.
// To see the table: build/dev/tests/integration --gtest_filter='Spread.*'
#include <algorithm>
#include <array>
#include <cstdio>
#include <map>
#include <memory>
#include <numeric>
#include <set>
#include <sstream>

#include <gmock/gmock.h>

#include "support/daemon_under_test.hpp"
#include "support/network_namespaces.hpp"

namespace taskdns::testing_support {
namespace {

using namespace std::chrono_literals;

/// Of each client for each service. That the unfair ones are skewed is seen with fewer.
constexpr int lookups(bool fair) { return fair ? 2'000 : 500; }
constexpr std::uint16_t port = 8080;
constexpr std::array<std::size_t, 3> sizes{2, 4, 9};

/// Where the backends are, seen from the task at 10.0.1.5 and fd00:1::5; a service has the first few of them.
struct Layout {
    std::string name;
    std::vector<std::string> addresses;
};

const std::vector<Layout>& layouts() {
    static const std::vector<Layout> all{
        {"ipv4-one-subnet",
         {"10.0.1.10", "10.0.1.20", "10.0.1.37", "10.0.1.70", "10.0.1.100", "10.0.1.133", "10.0.1.150", "10.0.1.200",
          "10.0.1.240"}},
        {"ipv4-four-subnets",
         {"10.0.1.10", "10.0.2.20", "10.0.3.37", "10.0.4.70", "10.0.1.100", "10.0.2.133", "10.0.3.150", "10.0.4.200",
          "10.0.1.240"}},
        {"ipv6-one-subnet",
         {"fd00:1::10", "fd00:1::20", "fd00:1::37", "fd00:1::a0:70", "fd00:1::100", "fd00:1::5:133",
          "fd00:1::4000:150", "fd00:1::8000:0:200", "fd00:1::240"}},
        {"ipv6-four-subnets",
         {"fd00:1::10", "fd00:2::20", "fd00:3::37", "fd00:4::70", "fd00:1::100", "fd00:2::133", "fd00:3::150",
          "fd00:4::200", "fd00:1::240"}},
    };
    return all;
}

struct Service {
    std::string name;
    std::vector<std::string> addresses;
    bool fair;
};

/// In the order of the table's columns, the fair ones first.
const std::vector<Service>& services() {
    static const std::vector<Service> all = [] {
        std::vector<Service> made;
        for (const bool fair : {true, false}) {
            for (const Layout& layout : layouts()) {
                for (const std::size_t size : sizes) {
                    made.push_back({layout.name + "-" + std::to_string(size) + (fair ? ".fair.test" : ".unfair.test"),
                                    {layout.addresses.begin(), layout.addresses.begin() + static_cast<long>(size)},
                                    fair});
                }
            }
        }
        return made;
    }();
    return all;
}

std::string configuration() {
    std::ostringstream yaml;
    yaml << "upstream: {servers: [10.0.1.1]}\n"  // never asked
         << "defaults: {source: static, port: " << port << ", health: {check: none}}\n"
         << "services:\n";
    for (const Service& service : services()) {
        yaml << "  - name: " << service.name << "\n    answer: {fair: " << (service.fair ? "true" : "false")
             << "}\n    addresses:\n";
        for (const std::string& address : service.addresses) yaml << "      - \"" << address << "\"\n";
    }
    return yaml.str();
}

struct Client {
    std::string name;
    std::vector<std::string> argv;
    std::map<std::string, std::string> environment;
};

const std::vector<Client>& clients() {
    const std::string built = TASKDNS_CLIENTS_DIR "/";
    const std::string sources = TASKDNS_SOURCE_DIR "/tests/clients/";
    static const std::vector<Client> all{
        {"glibc", {built + "client_glibc"}, {}},
        {"musl", {built + "client_musl"}, {}},
        {"Python", {"python3", sources + "lookup_and_connect.py"}, {}},
        {"Node.js", {"node", sources + "lookup_and_connect.js"}, {}},
        {"Java", {"java", "-cp", built, "LookupAndConnect"}, {}},
        {"Go, its own resolver", {built + "client_go"}, {{"GODEBUG", "netdns=go"}}},
        {"Go, cgo", {built + "client_go"}, {{"GODEBUG", "netdns=cgo"}}},
    };
    return all;
}

/// Connections to the busiest backend / to the mean one, by the name of the service.
using Spread = std::map<std::string, double>;

/// One client with a daemon of its own: two clients would share a rotation, and each see an arbitrary half of it.
class World {
public:
    explicit World(const Client& client) : name_(client.name) {
        std::set<std::string> addresses;
        for (const Layout& layout : layouts()) addresses.insert(layout.addresses.begin(), layout.addresses.end());
        network_.add_addresses({addresses.begin(), addresses.end()});
        {
            const auto inside = network_.in_vpc();
            acceptor_ = std::make_unique<TcpAcceptor>(port);
        }
        const auto inside = network_.in_task();
        // The launcher adds the one address that a C library asks: resolv.conf knows no ports.
        daemon_ = std::make_unique<DaemonUnderTest>(DaemonOptions{
            .yaml = configuration(),
            .launcher = {"sh", "-c", "TASKDNS_DNS_LISTEN=$TASKDNS_DNS_LISTEN,127.0.0.1:53 exec \"$0\""}});
        for (const bool fair : {true, false}) start(client, fair);
    }

    /// Waits for the client's end.
    Spread finish() {
        for (const auto& process : processes_) {
            EXPECT_EQ(process->wait(100s), std::optional(0))
                << name_ << ": " << read_file(dir_ / "err")
                << "\nnot found: packaging/install_dependencies.sh clients, and configure the build again";
        }
        std::map<std::string, std::vector<int>> counts;
        std::istringstream lines(read_file(dir_ / "out"));
        std::string service;
        std::string address;
        for (int count = 0; lines >> service >> address >> count;) counts[service].push_back(count);

        Spread spread;
        for (const Service& expected : services()) {
            const std::vector<int>& counted = counts[expected.name];
            if (counted.empty()) continue;
            const int total = std::accumulate(counted.begin(), counted.end(), 0);
            EXPECT_EQ(total, lookups(expected.fair)) << name_ << ", " << expected.name;
            const int busiest = *std::max_element(counted.begin(), counted.end());
            spread[expected.name] = busiest * static_cast<double>(expected.addresses.size()) / total;
        }
        return spread;
    }

private:
    void start(const Client& client, bool fair) {
        std::vector<std::string> argv = client.argv;
        argv.insert(argv.end(), {std::to_string(lookups(fair)), std::to_string(port)});
        for (const Service& service : services()) {
            if (service.fair == fair) argv.push_back(service.name);
        }
        processes_.push_back(
            std::make_unique<ChildProcess>(ChildProcess::Options{.argv = network_.with_own_resolver(argv),
                                                                 .environment = client.environment,
                                                                 .stdout_path = dir_ / "out",
                                                                 .stderr_path = dir_ / "err"}));
    }

    std::string name_;
    TempDir dir_;
    NetworkNamespaces network_;
    std::unique_ptr<TcpAcceptor> acceptor_;
    std::unique_ptr<DaemonUnderTest> daemon_;
    std::vector<std::unique_ptr<ChildProcess>> processes_;
};

void print_row(const std::string& client, const Spread& spread, bool fair) {
    std::printf("%-22s", client.c_str());
    std::size_t column = 0;
    for (const Service& service : services()) {
        if (service.fair != fair) continue;
        if (column++ % sizes.size() == 0) std::printf("  ");
        const auto found = spread.find(service.name);
        if (found == spread.end()) {
            std::printf("%7s", "-");
        } else {
            std::printf("%7.3f", found->second);
        }
    }
    std::printf("\n");
}

void print_table(const std::map<std::string, Spread>& spreads) {
    std::printf("n x (lookup, connect to the first address): connections of the busiest backend / of the mean\n");
    for (const bool fair : {true, false}) {
        std::printf("fair: %-6sn = %-6d", fair ? "true" : "false", lookups(fair));
        for (const Layout& layout : layouts()) std::printf("  %21s", layout.name.c_str());
        std::printf("\n%-22s", "");
        for (std::size_t i = 0; i < layouts().size(); ++i)
            std::printf("  %7zu%7zu%7zu", sizes[0], sizes[1], sizes[2]);
        std::printf("\n");
        for (const Client& client : clients()) print_row(client.name, spreads.at(client.name), fair);
    }
    std::fflush(stdout);
}

TEST(Spread, IsEvenForEveryClientWhateverItSorts) {
    std::vector<std::unique_ptr<World>> worlds;
    for (const Client& client : clients()) worlds.push_back(std::make_unique<World>(client));
    std::map<std::string, Spread> spreads;
    for (std::size_t i = 0; i < worlds.size(); ++i) spreads[clients()[i].name] = worlds[i]->finish();
    print_table(spreads);

    for (const auto& [client, spread] : spreads) {
        for (const Service& service : services()) {
            const auto found = spread.find(service.name);
            if (!service.fair || found == spread.end()) continue;  // not there: its client has failed, see above
            EXPECT_LE(found->second, 1.02) << client << ", " << service.name;
        }
    }
    // What there would be without it, so that this test can fail.
    EXPECT_GE(spreads["glibc"]["ipv4-one-subnet-4.unfair.test"], 1.5);
}

}  // namespace
}  // namespace taskdns::testing_support
