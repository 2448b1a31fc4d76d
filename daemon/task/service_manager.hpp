// What the service manager that started us is told: ready, reloading, stopping (systemd's sd_notify(3)).
// Layer: task (may include base). Threads: any; nothing blocks.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace taskdns::task {

class ServiceManager {
public:
    /// Whoever NOTIFY_SOCKET names, which is taken out of the environment, so that no program started later speaks
    /// for us. Nobody, where we were not started by systemd, or not with Type=notify.
    ServiceManager();
    /// `socket`: a path, or `@` and a name in the abstract namespace; empty: nobody.
    explicit ServiceManager(std::string socket);

    // Each is one datagram, with a line for `systemctl status`. Whether it is taken changes nothing for us.

    /// Listeners answer. What is not known yet is waited for by its queries.
    void tell_ready(std::size_t services) const;
    void tell_reloading() const;
    void tell_reloaded(std::size_t services, bool well) const;
    void tell_stopping() const;

    /// False unless the datagram was taken, at once.
    bool tell(std::string_view state) const;

private:
    std::string socket_;
};

}  // namespace taskdns::task
