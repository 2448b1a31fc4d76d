// The task metadata endpoint of a recorded task.
#include "support/fake_metadata.hpp"

#include <chrono>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <boost/json.hpp>

namespace taskdns::testing_support {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;

constexpr std::size_t chunk = 2'048;  // as Go's net/http

json::object read_recorded(const std::string& name) {
    std::ifstream file(TASKDNS_SOURCE_DIR "/tests/support/metadata/" + name + ".json");
    std::stringstream text;
    text << file.rdbuf();
    if (!file) throw std::runtime_error("no recorded task metadata " + name);
    return json::parse(text.str()).as_object();
}

std::string answer_with(const std::string& status, const std::string& type, const std::string& body) {
    return "HTTP/1.1 " + status + "\r\nContent-Type: " + type + "\r\nContent-Length: " + std::to_string(body.size()) +
           "\r\n\r\n" + body;
}

std::string chunked(const std::string& body) {
    std::stringstream out;
    out << "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (std::size_t at = 0; at < body.size(); at += chunk) {
        const std::string part = body.substr(at, chunk);
        out << std::hex << part.size() << "\r\n" << part << "\r\n";
    }
    out << "0\r\n\r\n";
    return out.str();
}

}  // namespace

struct FakeMetadata::Recorded {
    json::object task;

    json::object* find(const std::string& container) {
        for (json::value& value : task["Containers"].as_array()) {
            if (value.as_object()["Name"] == json::value(container)) return &value.as_object();
        }
        return nullptr;
    }
    template <class Change>
    void change_networks(Change change) {
        for (json::value& value : task["Containers"].as_array()) {
            for (json::value& network : value.as_object()["Networks"].as_array()) change(network.as_object());
        }
    }
};

FakeMetadata::FakeMetadata(const std::string& recorded, const char* address)
    : recorded_(std::make_unique<Recorded>(Recorded{read_recorded(recorded)})),
      acceptor_(context_, {asio::ip::make_address(address), 0}) {
    asio::co_spawn(context_, accept(), asio::detached);
    thread_ = std::thread([this] { context_.run(); });
}

FakeMetadata::~FakeMetadata() {
    context_.stop();
    thread_.join();
}

std::string FakeMetadata::uri() const {
    const auto endpoint = acceptor_.local_endpoint();
    const SocketAddress address{from_asio(endpoint.address()), endpoint.port()};
    const std::lock_guard lock(mutex_);
    const json::object* own = recorded_->find("taskdns");
    return "http://" + address.to_string() + "/v4/" + std::string(own->at("DockerId").as_string());
}

void FakeMetadata::set_status(const std::string& container, const std::string& known_status) {
    const std::lock_guard lock(mutex_);
    json::object* found = recorded_->find(container);
    if (found == nullptr) throw std::runtime_error("no container " + container);
    (*found)["KnownStatus"] = known_status;
}

void FakeMetadata::set_name_servers(const std::vector<std::string>& addresses) {
    const std::lock_guard lock(mutex_);
    recorded_->change_networks([&addresses](json::object& network) {
        network["DomainNameServers"] = json::array(addresses.begin(), addresses.end());
    });
}

void FakeMetadata::set_subnet(const std::string& network) {
    const std::lock_guard lock(mutex_);
    recorded_->change_networks([&network](json::object& of) { of["IPv4SubnetCIDRBlock"] = network; });
}

void FakeMetadata::remove(const std::string& field) {
    const std::lock_guard lock(mutex_);
    recorded_->task.erase(field);
}

asio::awaitable<void> FakeMetadata::accept() {
    while (true) {
        auto socket = std::make_shared<asio::ip::tcp::socket>(context_);
        const auto [error] = co_await acceptor_.async_accept(*socket, as_result);
        if (!error) asio::co_spawn(context_, serve(socket), asio::detached);
    }
}

std::string FakeMetadata::response(const std::string& path, MetadataConduct conduct) {
    const bool of_task = path.ends_with("/task");
    if (of_task) ++requests_;
    const std::lock_guard lock(mutex_);
    const json::object* own = recorded_->find("taskdns");
    if (!of_task && !knows_own_) return answer_with("404 Not Found", "text/plain", "no such container");
    const std::string body = of_task ? json::serialize(recorded_->task) : json::serialize(*own);
    switch (conduct) {
        case MetadataConduct::chunks:
            return chunked(body);
        case MetadataConduct::status_500:
            return answer_with("500 Internal Server Error", "application/json", "\"unable to generate metadata\"");
        case MetadataConduct::html:
            return answer_with("200 OK", "text/html", "<html>a captive portal</html>");
        case MetadataConduct::garbage:
            return std::string("\0\xFF\x16\x03\x01 not HTTP at all\r\n\r\n", 26);
        case MetadataConduct::half:
            return answer_with("200 OK", "application/json", body).substr(0, 300);
        case MetadataConduct::huge:
            return answer_with("200 OK", "application/json", std::string(2'000'000, ' ') + body);
        default:
            return answer_with("200 OK", "application/json", body);
    }
}

asio::awaitable<void> FakeMetadata::serve(std::shared_ptr<asio::ip::tcp::socket> socket) {
    std::string request;
    const auto [error, length] =
        co_await asio::async_read_until(*socket, asio::dynamic_buffer(request), "\r\n\r\n", as_result);
    if (error) co_return;
    const MetadataConduct conduct = conduct_;
    const std::size_t begin = request.find(' ') + 1;
    const std::string path = request.substr(begin, request.find(' ', begin) - begin);
    const std::string text = response(path, conduct);
    if (conduct == MetadataConduct::closes) co_return;
    asio::steady_timer timer(context_, conduct == MetadataConduct::hangs ? 1h : 0h);
    if (conduct == MetadataConduct::hangs) co_await timer.async_wait(as_result);
    const std::size_t step = conduct == MetadataConduct::drips ? 1 : text.size();
    for (std::size_t at = 0; at < text.size(); at += step) {
        const auto [write_error, written] =
            co_await asio::async_write(*socket, asio::buffer(text.data() + at, step), as_result);
        if (write_error) co_return;
        timer.expires_after(step == 1 ? 50ms : 0ms);
        co_await timer.async_wait(as_result);
    }
}

}  // namespace taskdns::testing_support
