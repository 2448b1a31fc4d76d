// The Prometheus text exposition format, version 0.0.4, as it is written: family by family, sample by sample.
// Layer: base. Pure.
#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

#include "base/histogram.hpp"

namespace taskdns {

class MetricsText {
public:
    enum class Type { counter, gauge, histogram };
    struct Label {
        std::string_view name;
        std::string_view value;  ///< any octets; escaped where the format asks for it
    };
    using Labels = std::initializer_list<Label>;

    /// The samples that follow belong to it. HELP and TYPE are written before the first one, so a family without
    /// samples is not mentioned. `name` and `help` outlive the family's samples. Each name once.
    void family(Type type, std::string_view name, std::string_view help);
    void counter(std::string_view name, std::string_view help) { family(Type::counter, name, help); }
    void gauge(std::string_view name, std::string_view help) { family(Type::gauge, name, help); }

    template <std::unsigned_integral Integer>
    void sample(Labels labels, Integer value) {
        sample_integer(labels, value);
    }
    void sample(Labels labels, double value);
    void sample(Labels labels, bool) = delete;  // say 0 or 1

    /// `_bucket`, `_sum` and `_count`, in seconds.
    void histogram(Labels labels, const Histogram::Reading& reading);

    std::string take() { return std::move(text_); }

private:
    void sample_integer(Labels labels, std::uint64_t value);
    void begin_sample(std::string_view suffix, Labels labels, std::string_view bound = {});
    void number(double value);

    std::string text_;
    Type type_ = Type::gauge;
    std::string_view name_;
    std::string_view help_;
    bool announced_ = false;
};

}  // namespace taskdns
