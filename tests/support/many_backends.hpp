// Many tasks in one thread: a listener per address, each of which answers, is silent or refuses as it is told, and
// counts who connects. For a few tasks with answers of their own there is backend.hpp.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace taskdns::testing_support {

enum class Conduct {
    answers,  ///< accepts, answers every request with 200, and closes unless /stay is asked for
    silent,   ///< accepts, and says nothing: an HTTP check times out, a TCP check passes
    refuses   ///< connections are refused
};

/// Threads: one of its own from start to destruction; every member function may be called from any. Listeners are
/// made in the caller's network namespace.
class ManyBackends {
public:
    explicit ManyBackends(const std::vector<std::string>& addresses, Conduct first = Conduct::answers);
    ~ManyBackends();
    ManyBackends(const ManyBackends&) = delete;
    ManyBackends& operator=(const ManyBackends&) = delete;

    std::uint16_t port() const { return port_; }
    const std::vector<std::string>& addresses() const { return addresses_; }
    /// As of its return.
    void set(const std::string& address, Conduct conduct);
    void set_all(Conduct conduct);
    /// Accepted so far.
    unsigned connections(const std::string& address) const;
    /// Those that ended without a word, as TCP checks do.
    unsigned wordless(const std::string& address) const;

private:
    struct Task {
        Conduct conduct = Conduct::refuses;
        int listener = -1;
        unsigned connections = 0;
        unsigned wordless = 0;
    };

    struct Conversation {
        Task* task;
        bool spoke = false;
    };

    void serve();
    void accept_from(Task& task);
    void converse(int connection);
    void change(Task& task, const std::string& address, Conduct conduct);

    std::vector<std::string> addresses_;
    std::uint16_t port_;
    int epoll_;
    int stop_;                  // an eventfd
    mutable std::mutex mutex_;  // guards what follows
    std::map<std::string, Task> tasks_;
    std::map<int, Task*> listeners_;
    std::map<int, Conversation> conversations_;
    std::thread thread_;
};

/// `count` addresses from `prefix` + `first` on: ("127.0.1.", 1, 50).
std::vector<std::string> address_range(const std::string& prefix, unsigned first, unsigned count);

}  // namespace taskdns::testing_support
