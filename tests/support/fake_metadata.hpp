// The task metadata endpoint, version 4, of a recorded task whose containers can stop while it runs; or one that
// hangs, drips, or answers with something else.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "base/asio.hpp"

namespace taskdns::testing_support {

/// What becomes of a request.
enum class MetadataConduct { answers, chunks, drips, hangs, closes, status_500, html, garbage, half, huge };

/// Threads: one of its own from start to destruction; every member function may be called from any.
class FakeMetadata {
public:
    /// `recorded`: a file of tests/support/metadata, without ".json". Our container is the one called "taskdns".
    explicit FakeMetadata(const std::string& recorded, const char* address = "127.0.0.1");
    ~FakeMetadata();
    FakeMetadata(const FakeMetadata&) = delete;
    FakeMetadata& operator=(const FakeMetadata&) = delete;

    /// What ECS_CONTAINER_METADATA_URI_V4 says.
    std::string uri() const;
    /// From the next request on.
    void behave(MetadataConduct conduct) { conduct_ = conduct; }
    /// Whether a request for our own container is answered; 404 if not.
    void know_own_container(bool knows) { knows_own_ = knows; }
    void set_status(const std::string& container, const std::string& known_status);
    /// In every network of the task.
    void set_name_servers(const std::vector<std::string>& addresses);
    void set_subnet(const std::string& network);
    /// Takes a field off the task; one that is not there stays so.
    void remove(const std::string& field);
    /// For the task, so far.
    std::size_t requests() const { return requests_; }

private:
    struct Recorded;
    asio::awaitable<void> accept();
    asio::awaitable<void> serve(std::shared_ptr<asio::ip::tcp::socket> socket);
    std::string response(const std::string& path, MetadataConduct conduct);

    std::unique_ptr<Recorded> recorded_;
    mutable std::mutex mutex_;  // guards recorded_
    std::atomic<MetadataConduct> conduct_ = MetadataConduct::answers;
    std::atomic<bool> knows_own_ = true;
    std::atomic<std::size_t> requests_ = 0;
    asio::io_context context_;
    asio::ip::tcp::acceptor acceptor_;
    std::thread thread_;
};

}  // namespace taskdns::testing_support
