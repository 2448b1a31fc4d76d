// Decides how long the DNS listeners that a reload has taken away still answer: while resolv.conf names them, and as
// long again as a resolver may take to read that file anew.
// Layer: app (may include config, task). Threads: the control thread's executor; files are read by a FileThread.
// The sockets are Listeners': this one says when.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/steady_timer.hpp>

#include "base/asio.hpp"
#include "base/file_thread.hpp"
#include "base/ip_address.hpp"
#include "base/time.hpp"
#include "base/way_back.hpp"
#include "config/config.hpp"

namespace taskdns::app {

class LeavingListeners {
public:
    /// Go reads resolv.conf anew 5 s after the last time at the earliest (net/dnsclient_unix.go); glibc and musl do
    /// with the next look-up.
    struct Pace {
        milliseconds every{500};
        milliseconds after{5'000};
    };
    using Close = std::function<void(const SocketAddress&)>;

    /// `close` is called once for each that is needed no more.
    LeavingListeners(const asio::any_io_executor& executor, Close close);
    LeavingListeners(const asio::any_io_executor& executor, Close close, Pace pace);
    ~LeavingListeners();

    /// After a reload: all that leave now, those of an earlier one included. A file counts if taskdns manages it, or
    /// is to (`now.manage`); one that cannot be read may name any.
    void watch(const std::vector<SocketAddress>& leaving, const config::ResolvConf& before,
               const config::ResolvConf& now);

private:
    struct State;
    std::shared_ptr<State> state_;
    FileThread files_;
};

}  // namespace taskdns::app
