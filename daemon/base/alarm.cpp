// Something that is to be done, memory or not. Layer: base.
#include "base/alarm.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <exception>
#include <memory>

#include <boost/asio/steady_timer.hpp>

#include "base/report.hpp"

namespace taskdns {
namespace {

using namespace std::chrono_literals;

constexpr milliseconds first_pause = 100ms;
constexpr milliseconds longest_pause = 5s;

std::atomic<std::uint64_t> failed{0};

/// Where a wait's memory is: one at a time.
struct Place {
    static constexpr std::size_t size = 256;

    alignas(std::max_align_t) std::array<std::byte, size> octets{};
    bool taken = false;
};

template <class T>
class Placed {
public:
    using value_type = T;

    explicit Placed(Place& place) : place_(&place) {}
    template <class U>
    Placed(const Placed<U>& other) : place_(other.place()) {}  // NOLINT(google-explicit-constructor)

    T* allocate(std::size_t count) {
        if (place_->taken || count * sizeof(T) > Place::size) return std::allocator<T>().allocate(count);
        place_->taken = true;
        return reinterpret_cast<T*>(place_->octets.data());
    }
    void deallocate(T* memory, std::size_t count) {
        if (reinterpret_cast<std::byte*>(memory) != place_->octets.data()) {
            return std::allocator<T>().deallocate(memory, count);
        }
        place_->taken = false;
    }
    Place* place() const { return place_; }
    bool operator==(const Placed&) const = default;

private:
    Place* place_;
};

}  // namespace

struct Alarm::State : std::enable_shared_from_this<Alarm::State> {
    State(const asio::any_io_executor& executor, const char* n, Ring r)
        : name(n), ring(std::move(r)), timer(executor, never) {}

    /// What the timer calls; it is in our place until then.
    struct Wait {
        using allocator_type = Placed<Wait>;

        std::shared_ptr<State> self;

        allocator_type get_allocator() const { return allocator_type(self->place); }
        void operator()(const boost::system::error_code&) const { self->woken(); }
    };

    void wait() { timer.async_wait(Wait{shared_from_this()}); }
    void woken();
    void try_to_ring();

    const char* name;  // a string literal
    Ring ring;
    Place place;
    asio::steady_timer timer;
    TimePoint due = never;
    milliseconds pause{0};  // after a failure
    bool ended = false;
};

/// The wait is begun again first, in the memory of the one that has just ended.
void Alarm::State::woken() {
    if (ended) return;
    const bool now = due <= Clock::now();
    if (now) due = never;
    timer.expires_at(due);
    wait();
    if (now) try_to_ring();
}

void Alarm::State::try_to_ring() {
    try {
        ring();
        pause = milliseconds(0);
    } catch (const std::exception&) {
        failed.fetch_add(1, std::memory_order_relaxed);
        if (pause == milliseconds(0)) report("base", "cannot be done now", "action", name, std::current_exception());
        pause = std::clamp(2 * pause, first_pause, longest_pause);
        if (ended) return;
        due = std::min(due, Clock::now() + pause);
        timer.expires_at(due);
    }
}

Alarm::Alarm(const asio::any_io_executor& executor, const char* name, Ring ring)
    : state_(std::make_shared<State>(executor, name, std::move(ring))) {
    state_->wait();
}

Alarm::~Alarm() {
    state_->ended = true;
    state_->timer.cancel();
}

void Alarm::set(TimePoint when) noexcept {
    if (when >= state_->due) return;
    state_->due = when;
    state_->timer.expires_at(when);  // ends the wait at once, which begins again
}

void Alarm::clear() noexcept { state_->due = never; }

std::uint64_t Alarm::failures() { return failed.load(std::memory_order_relaxed); }

}  // namespace taskdns
