// A real authoritative server for one test.
#include "support/knotd.hpp"

#include <signal.h>

#include <sstream>
#include <stdexcept>
#include <thread>

#include "support/dns_client.hpp"
#include "support/pick_port.hpp"

namespace taskdns::testing_support {

using namespace std::chrono_literals;

std::vector<std::string> address_records(const std::string& owner, const std::vector<std::string>& addresses) {
    std::vector<std::string> result;
    for (const std::string& address : addresses) {
        const bool is_v6 = address.find(':') != std::string::npos;
        result.push_back(owner + (is_v6 ? " AAAA " : " A ") + address);
    }
    return result;
}

Knotd::Knotd(std::vector<Zone> zones) {
    for (Zone& zone : zones) {
        const std::string origin = zone.origin;
        write_zone(zones_[origin] = Served{std::move(zone)});
    }
    for (int attempt = 0; attempt < 3; ++attempt) {
        if (start_on_free_port()) return;
    }
    throw std::runtime_error("knotd did not start; its log:\n" + log());
}

bool Knotd::start_on_free_port() {
    port_ = pick_port();
    write_config();
    process_.emplace(ChildProcess::Options{.argv = {"knotd", "-c", dir_ / "knot.conf"},
                                           .environment = {},
                                           .stdout_path = dir_ / "knotd.log",
                                           .stderr_path = dir_ / "knotd.log"});
    for (const auto& [origin, served] : zones_) {
        if (!wait_until_served(served, 10s)) return false;
    }
    return true;
}

void Knotd::write_config() const {
    std::ostringstream text;
    text << "server:\n"
         << "    rundir: " << dir_.path() << "\n"
         << "    listen: 127.0.0.1@" << port_ << "\n"
         << "    udp-workers: 1\n    tcp-workers: 1\n    background-workers: 1\n"
         << "log:\n  - target: stderr\n    any: info\n"
         << "database:\n    storage: " << dir_.path() << "\n"
         << "zone:\n";
    for (const auto& [origin, served] : zones_) {
        text << "  - domain: " << origin << "\n"
             << "    storage: " << dir_.path() << "\n"
             << "    file: " << origin << "zone\n"
             << "    journal-content: none\n";
    }
    write_file(dir_ / "knot.conf", text.str());
}

void Knotd::write_zone(const Served& served) const {
    const Zone& zone = served.zone;
    std::ostringstream text;
    text << "$ORIGIN " << zone.origin << "\n$TTL " << zone.ttl.count() << "\n"
         << "@ " << zone.soa_minimum.count() << " SOA ns hostmaster " << served.serial << " 3600 600 86400 "
         << zone.soa_minimum.count() << "\n"
         << "@ 3600 NS ns\nns 3600 A 127.0.0.1\n";
    for (const std::string& record : zone.records) text << record << "\n";
    write_file(dir_ / (zone.origin + "zone"), text.str());
}

bool Knotd::serves(const Served& served) const {
    const DnsReply reply = ask({.name = served.zone.origin, .type = "SOA", .port = port_, .timeout = 500ms});
    if (!reply.arrived || reply.answer.empty()) return false;
    std::istringstream fields(reply.answer.front().rdata);
    std::string primary, contact, serial;
    fields >> primary >> contact >> serial;
    return serial == std::to_string(served.serial);
}

bool Knotd::wait_until_served(const Served& served, std::chrono::milliseconds limit) {
    wait_until(limit, [&] { return !process_->running() || serves(served); });
    return process_->running() && serves(served);
}

void Knotd::replace_zone(const Zone& zone) {
    Served& served = zones_.at(zone.origin);
    served.zone = zone;
    ++served.serial;
    write_zone(served);
    process_->signal(SIGHUP);
    if (!wait_until_served(served, 10s)) {
        throw std::runtime_error("knotd does not serve the new " + zone.origin + "; its log:\n" + log());
    }
}

void Knotd::freeze() const { process_->signal(SIGSTOP); }

void Knotd::thaw() const { process_->signal(SIGCONT); }

std::string Knotd::log() const { return read_file(dir_ / "knotd.log"); }

}  // namespace taskdns::testing_support
