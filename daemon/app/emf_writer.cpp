// Writes the key figures for CloudWatch to standard output. Layer: app.
#include "app/emf_writer.hpp"

namespace taskdns::app {
namespace {

using namespace std::chrono_literals;

// The queue of the log lines holds 512 and drops the oldest: a thousand services must not push out what was logged.
constexpr std::size_t lines_at_once = 64;
constexpr auto pause = 50ms;

}  // namespace

EmfWriter::EmfWriter(const asio::any_io_executor& executor, std::function<Figures()> collect,
                     std::function<void(const std::string& line)> write)
    : collect_(std::move(collect)),
      write_(std::move(write)),
      timer_(executor, "write metrics to the log", [this] { write_some(); }),
      lines_(settings_.emf_namespace) {}

void EmfWriter::set(const config::Metrics& settings) {
    const bool same = settings.emf == settings_.emf && settings.emf_interval == settings_.emf_interval;
    settings_ = settings;
    lines_.rename(settings.emf_namespace);
    if (same) return;
    timer_.clear();
    waiting_.clear();
    if (!settings_.emf) return;
    lines_.next(collect_());  // what was before is of no interval
    wait(settings_.emf_interval);
}

void EmfWriter::wait(milliseconds how_long) { timer_.set(Clock::now() + how_long); }

void EmfWriter::write_some() {
    if (!settings_.emf) return;
    if (waiting_.empty()) {
        for (std::string& line : lines_.next(collect_())) waiting_.push_back(std::move(line));
    }
    for (std::size_t i = 0; i < lines_at_once && !waiting_.empty(); ++i) {
        write_(waiting_.front());
        waiting_.pop_front();
    }
    wait(waiting_.empty() ? settings_.emf_interval : pause);
}

void EmfWriter::stop() {
    timer_.clear();
    if (!settings_.emf) return;
    settings_.emf = false;
    for (const std::string& line : waiting_) write_(line);
    for (const std::string& line : lines_.next(collect_())) write_(line);
}

}  // namespace taskdns::app
