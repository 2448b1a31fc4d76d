// Something that is to be done at a time, or at once, and must not be lost for want of memory.
// Layer: base (may include Asio). Threads: the executor's one thread.
//
// A wait or a posted function takes memory each time; this takes it once, when it is made: its wait is there all the
// time, and is begun again in the memory of the one before.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "base/asio.hpp"
#include "base/time.hpp"

namespace taskdns {

class Alarm {
public:
    /// What it throws is counted, and logged the first time; it is called again after a pause of 100 ms that grows to
    /// 5 s.
    using Ring = std::function<void()>;

    Alarm(const asio::any_io_executor& executor, const char* name, Ring ring);
    Alarm(const Alarm&) = delete;
    Alarm& operator=(const Alarm&) = delete;
    /// It rings no more. May happen while it rings.
    ~Alarm();

    /// Rings once at `when`, or earlier if it was to already; never from within this call. The executor has work
    /// until the destructor.
    void set(TimePoint when) noexcept;
    void set_now() noexcept { set(TimePoint{}); }
    void clear() noexcept;

    /// Times that what was to be done could not be done, of all alarms of this process.
    static std::uint64_t failures();

private:
    struct State;
    std::shared_ptr<State> state_;
};

}  // namespace taskdns
