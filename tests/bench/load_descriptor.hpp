// A file descriptor that closes itself, and the sockets that the load generator asks with. Part of bench_load.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <utility>

namespace taskdns::bench {

class Descriptor {
public:
    Descriptor() = default;
    explicit Descriptor(int descriptor) : descriptor_(descriptor) {}
    Descriptor(Descriptor&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
    Descriptor& operator=(Descriptor&& other) noexcept {
        Descriptor old(std::exchange(descriptor_, std::exchange(other.descriptor_, -1)));  // closed here
        return *this;
    }
    ~Descriptor();

    int get() const { return descriptor_; }
    bool is_open() const { return descriptor_ >= 0; }
    /// The caller closes it.
    int release() { return std::exchange(descriptor_, -1); }

private:
    int descriptor_ = -1;
};

/// Connected to 127.0.0.1, not blocking, with room for a whole window of answers. Throws.
Descriptor udp_socket(std::uint16_t port);

/// Connecting to 127.0.0.1, not blocking. `turn` chooses the source address among 127.0.1.1 to 127.0.1.250: the ports
/// of one address would not last, since each closed connection keeps its own for a minute (TIME_WAIT). Throws.
Descriptor tcp_socket(std::uint16_t port, unsigned turn);

/// True for an errno that says "not yet".
bool is_not_ready(int error_number);

/// This process, or `pid`, runs on this CPU only. Throws.
void pin(pid_t pid, int cpu);

}  // namespace taskdns::bench
