// An application that connects, and goes on connecting: each turn at its time, whatever became of those before, as
// the threads of a server would. It says what it met.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace taskdns::testing_support {

/// What an application does with a connection.
enum class Manner : std::uint8_t {
    request,     ///< sends a request, reads the answer, closes
    reset,       ///< the same, and ends with a reset
    half_close,  ///< says with the request that no other will follow, reads the answer, closes
    abort,       ///< closes at once, connected or not
    silence      ///< sends nothing, and gives up reading
};

/// Who is connected to (IPv4), and how.
struct Turn {
    std::string address;
    std::uint16_t port = 0;
    Manner manner = Manner::request;
    std::chrono::milliseconds connect_timeout{30'000};
    std::chrono::milliseconds read_timeout{5'000};
    bool mapped = false;    ///< by an IPv6 socket (::ffff:10.0.1.10), as Java does
    bool blocking = false;  ///< waits in connect(2), and all other turns with it: where an answer comes at once
};

/// What it met at one address and port.
struct Met {
    using Time = std::chrono::steady_clock::time_point;
    unsigned connected = 0;
    unsigned answered = 0;
    unsigned refused = 0;
    unsigned timed_out = 0;             ///< connecting
    std::optional<Time> first_refused;  ///< when that connect() began
    std::optional<Time> waiting_since;  ///< when the oldest connect() that is still unanswered began
};

/// Threads: one of its own from start to destruction, in the network namespace of whoever makes it; member functions
/// may be called from any.
class Application {
public:
    /// Takes the turns over and over, one each `period`.
    Application(std::vector<Turn> turns, std::chrono::microseconds period);
    ~Application();
    Application(const Application&) = delete;
    Application& operator=(const Application&) = delete;

    Met met(const std::string& address, std::uint16_t port) const;

private:
    using Clock = std::chrono::steady_clock;
    using Target = std::pair<std::string, std::uint16_t>;

    struct Attempt {
        int socket = -1;
        const Turn* turn = nullptr;
        Clock::time_point began;
        Clock::time_point deadline;
        bool connected = false;
    };

    void work();
    void begin(const Turn& turn);
    bool advance(Attempt& attempt);
    bool connected(Attempt& attempt);
    bool failed(const Attempt& attempt, int error);
    bool read(Attempt& attempt);
    bool expired(const Attempt& attempt);
    void wait(Clock::time_point until);

    const std::vector<Turn> turns_;
    const std::chrono::microseconds period_;
    std::atomic<bool> stopping_ = false;
    mutable std::mutex mutex_;  // guards what follows
    std::vector<Attempt> attempts_;
    std::map<Target, Met> met_;
    std::thread thread_;
};

/// The same turn towards each address.
std::vector<Turn> turns_to(const std::vector<std::string>& addresses, const Turn& turn);

}  // namespace taskdns::testing_support
