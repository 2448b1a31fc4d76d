// Log lines on their way to a descriptor: spdlog's bounded queue and thread, and a sink that never waits for good.
// Layer: base (the only file that includes spdlog). Threads: event() any; the sink runs on the queue's own thread.
#include "base/log.hpp"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <future>
#include <memory>
#include <mutex>
#include <thread>

#include <spdlog/async_logger.h>
#include <spdlog/details/thread_pool.h>
#include <spdlog/sinks/sink.h>

#include "base/time.hpp"
#include "base/worker_signals.hpp"

namespace taskdns::log {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t queue_entries = 512;           // of about 400 bytes each, allocated at the start
constexpr milliseconds poll_slice = 50ms;            // how soon a waiting writer sees that we are stopping
constexpr milliseconds patience_at_stop = 250ms;     // for all lines that are still queued then
constexpr milliseconds patience_with_write = 250ms;  // beyond that, with a write that blocks in spite of POLLOUT
constexpr int off = static_cast<int>(Level::error) + 1;

std::atomic<std::uint64_t> lost{0};  // by the sink, or because there is no writer; the queue counts its own
std::atomic<int> lowest_level{off};

/// Writes each message as one line. The descriptor is shared with whoever started us, so its flags stay as they
/// are: instead of O_NONBLOCK, poll() says when there is room, and a line of PIPE_BUF bytes then fits.
class DescriptorSink final : public spdlog::sinks::sink {
public:
    explicit DescriptorSink(int descriptor) : descriptor_(descriptor) {}

    /// noexcept: what spdlog does about an exception here takes memory, and without that ends the process.
    void log(const spdlog::details::log_msg& message) noexcept override {
        if (!make_line(message) || !write_line()) lost.fetch_add(1, std::memory_order_relaxed);
    }
    void flush() override {}
    void set_pattern(const std::string&) override {}
    void set_formatter(std::unique_ptr<spdlog::formatter>) override {}

    /// From now on what cannot be written by `deadline` is given up.
    void stop_by(TimePoint deadline) {
        deadline_.store(deadline.time_since_epoch().count(), std::memory_order_relaxed);
    }

private:
    bool make_line(const spdlog::details::log_msg& message) try {
        line_.assign(message.payload.data(), message.payload.size());
        line_ += '\n';
        return true;
    } catch (const std::exception&) {  // no memory
        return false;
    }

    bool write_line() {
        std::string_view rest = line_;
        while (!rest.empty()) {
            if (!wait_for_room()) return false;
            const ssize_t written = ::write(descriptor_, rest.data(), rest.size());
            if (written >= 0) {
                rest.remove_prefix(static_cast<std::size_t>(written));
            } else if (errno != EINTR && errno != EAGAIN && errno != EWOULDBLOCK) {
                return false;  // EPIPE and the like: nobody reads any more
            }
        }
        return true;
    }

    bool wait_for_room() const {
        while (true) {
            const bool late = Clock::now().time_since_epoch().count() >= deadline_.load(std::memory_order_relaxed);
            pollfd poller{descriptor_, POLLOUT, 0};
            if (::poll(&poller, 1, late ? 0 : static_cast<int>(poll_slice.count())) > 0) {
                return (poller.revents & POLLNVAL) == 0;  // POLLERR: let write() say what it is
            }
            if (late) return false;
        }
    }

    int descriptor_;
    std::string line_;
    std::atomic<Duration::rep> deadline_{never.time_since_epoch().count()};
};

/// SIGPIPE, too, must end nobody.
void block_signals() {
    const sigset_t blocked = blocked_in_workers();
    pthread_sigmask(SIG_SETMASK, &blocked, nullptr);
}

struct Writer {
    explicit Writer(const Settings& settings)
        : format(settings.format),
          sink(std::make_shared<DescriptorSink>(settings.descriptor)),
          pool(std::make_shared<spdlog::details::thread_pool>(queue_entries, 1, block_signals)),
          logger(std::make_shared<spdlog::async_logger>("taskdns", sink, pool,
                                                        spdlog::async_overflow_policy::overrun_oldest)) {
        logger->set_error_handler([](const std::string&) { lost.fetch_add(1, std::memory_order_relaxed); });
    }

    Format format;
    std::shared_ptr<DescriptorSink> sink;
    std::shared_ptr<spdlog::details::thread_pool> pool;
    std::shared_ptr<spdlog::async_logger> logger;
};

/// Never destroyed, so that a late line, or a writer that could not be stopped, finds it until the very end.
struct Current {
    std::mutex mutex;  // held for the time of one enqueue(), never while anything is written
    std::unique_ptr<Writer> writer;
};

Current& current() {
    static Current& instance = *new Current;
    return instance;
}

/// Ends the thread: it writes what is queued, as far as the sink's deadline allows.
void end_writer(std::unique_ptr<Writer> writer, std::promise<void> ended) {
    writer.reset();
    ended.set_value();
}

/// `line` gives the text for a format. No memory for a line: it is lost, and counted, and nobody else is.
template <class Line>
void enqueue(const Line& line) noexcept try {
    Current& now = current();
    const std::lock_guard lock(now.mutex);
    if (!now.writer) {
        lost.fetch_add(1, std::memory_order_relaxed);
        return;
    }
    now.writer->logger->log(spdlog::level::critical, line(now.writer->format));
} catch (const std::exception&) {
    lost.fetch_add(1, std::memory_order_relaxed);
}

}  // namespace

void start(const Settings& settings) {
    Current& now = current();
    const std::lock_guard lock(now.mutex);
    if (now.writer) return;
    lowest_level.store(static_cast<int>(settings.level), std::memory_order_relaxed);
    try {
        now.writer = std::make_unique<Writer>(settings);
    } catch (const std::exception&) {
        now.writer =
            nullptr;  // no thread to be had: a resolver without a log is worth more than none; lines are lost
    }
}

void change(Level level, Format format) {
    Current& now = current();
    const std::lock_guard lock(now.mutex);
    if (!now.writer) return;
    lowest_level.store(static_cast<int>(level), std::memory_order_relaxed);
    now.writer->format = format;
}

void stop() {
    std::unique_ptr<Writer> writer;
    {
        Current& now = current();
        const std::lock_guard lock(now.mutex);
        lowest_level.store(off, std::memory_order_relaxed);
        writer = std::move(now.writer);
    }
    if (!writer) return;
    lost.fetch_add(writer->pool->overrun_counter(), std::memory_order_relaxed);
    writer->sink->stop_by(Clock::now() + patience_at_stop);
    // A terminal that nobody reads takes less than poll() promised, and then write() blocks for good: so the
    // joining is done by a thread that can be left behind.
    std::promise<void> promise;
    const std::future<void> ended = promise.get_future();
    std::thread(end_writer, std::move(writer), std::move(promise)).detach();
    ended.wait_for(patience_at_stop + patience_with_write);
}

std::uint64_t dropped() {
    Current& now = current();
    const std::lock_guard lock(now.mutex);
    const std::uint64_t overrun = now.writer ? now.writer->pool->overrun_counter() : 0;
    return lost.load(std::memory_order_relaxed) + overrun;
}

void event(Level level, std::string_view layer, std::string_view fact, Fields fields) {
    if (static_cast<int>(level) < lowest_level.load(std::memory_order_relaxed)) return;
    const auto now = std::chrono::system_clock::now();
    enqueue([&](Format format) { return format_line(format, level, format_wall_time(now), layer, fact, fields); });
}

void raw(std::string_view line) {
    enqueue([line](Format) { return line; });
}

}  // namespace taskdns::log
