// Keeps resolv.conf naming us while we run, and puts back what was there (resolv_conf.manage, docs/resolv-conf.md).
// Layer: app (may include config, task). Threads: the control thread's executor; the file itself is touched by a
// FileThread only. What fails is said once, shown, and tried again at the next look: it ends nothing.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "base/asio.hpp"
#include "base/file_thread.hpp"
#include "config/config.hpp"
#include "http_server/model.hpp"

namespace taskdns::app {

struct ResolvConfFigures {
    bool failing = false;        ///< it is to be managed, and cannot
    std::uint64_t writes = 0;    ///< that went well
    std::uint64_t failures = 0;  ///< of a look at the file, which may have been a write
};

class ResolvConfKeeper {
public:
    /// How often is seen to it that nobody else has written the file.
    static constexpr milliseconds period{30'000};

    /// For stop(): what another process may keep the file locked for, and some more.
    static constexpr milliseconds stop_limit{1'500};

    explicit ResolvConfKeeper(asio::any_io_executor executor, milliseconds every = period);
    ~ResolvConfKeeper();

    /// From now on; `listeners`: as they are bound. A file that is not to be managed any more is put back.
    void set(const config::ResolvConf& settings, const std::vector<SocketAddress>& listeners,
             const std::vector<SocketAddress>& upstream);
    /// Puts the file back, if that takes no longer than `limit`. Blocks the caller. False: it may still be managed.
    bool stop(milliseconds limit);

    /// Null where the configuration does not say that it is to be managed.
    std::optional<http_server::ResolvConfStatus> status() const;
    const ResolvConfFigures& figures() const;

private:
    struct State;
    std::shared_ptr<State> state_;
    FileThread files_;
};

}  // namespace taskdns::app
