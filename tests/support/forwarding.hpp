// A dns_server::Forwarding for tests of the DNS server: what it says is given to it.
#pragma once

#include <functional>
#include <utility>

#include "dns_server/forwarding.hpp"

namespace taskdns::testing_support {

class FakeForwarding final : public dns_server::Forwarding {
public:
    using Forward = std::function<void(std::span<const std::uint8_t>, dns_server::Transport, dns_server::Reply)>;

    /// Has no answer at once; what is forwarded goes to `forward`, or nowhere.
    explicit FakeForwarding(Forward forward = {}) : forward_(std::move(forward)) {}

    std::size_t answer_now(std::span<std::uint8_t>, const dns::Query&, dns_server::Transport) override { return 0; }
    void forward(std::span<const std::uint8_t> query, dns_server::Transport transport,
                 dns_server::Reply reply) override {
        if (forward_) forward_(query, transport, std::move(reply));
    }

private:
    Forward forward_;
};

}  // namespace taskdns::testing_support
