// The Prometheus text exposition format, version 0.0.4. Layer: base. Pure.
#include "base/metrics_text.hpp"

#include <array>
#include <charconv>
#include <cmath>

namespace taskdns {
namespace {

/// HELP escapes backslash and newline; label values, the quotation mark as well.
void append_escaped(std::string& out, std::string_view text, bool quoted) {
    for (const char c : text) {
        if (c == '\\') {
            out += "\\\\";
        } else if (c == '\n') {
            out += "\\n";
        } else if (c == '"' && quoted) {
            out += "\\\"";
        } else {
            out += c;
        }
    }
}

const char* type_word(MetricsText::Type type) {
    switch (type) {
        case MetricsText::Type::counter:
            return "counter";
        case MetricsText::Type::histogram:
            return "histogram";
        case MetricsText::Type::gauge:
            break;
    }
    return "gauge";
}

double in_seconds(std::chrono::nanoseconds duration) { return std::chrono::duration<double>(duration).count(); }

/// The shortest text that reads back as the same value; infinities and NaN as the format spells them.
std::string_view format(double value, std::array<char, 32>& room) {
    if (std::isnan(value)) return "NaN";
    if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
    const auto result = std::to_chars(room.data(), room.data() + room.size(), value);
    return {room.data(), static_cast<std::size_t>(result.ptr - room.data())};
}

}  // namespace

void MetricsText::family(Type type, std::string_view name, std::string_view help) {
    type_ = type;
    name_ = name;
    help_ = help;
    announced_ = false;
}

void MetricsText::begin_sample(std::string_view suffix, Labels labels, std::string_view bound) {
    if (!announced_) {
        announced_ = true;
        text_.append("# HELP ").append(name_) += ' ';
        append_escaped(text_, help_, false);
        text_.append("\n# TYPE ").append(name_).append(" ").append(type_word(type_)) += '\n';
    }
    text_.append(name_).append(suffix);
    if (labels.size() != 0 || !bound.empty()) {
        char before = '{';
        for (const Label& label : labels) {
            text_ += before;
            text_.append(label.name).append("=\"");
            append_escaped(text_, label.value, true);
            text_ += '"';
            before = ',';
        }
        if (!bound.empty()) {
            text_ += before;
            text_.append("le=\"").append(bound) += '"';
        }
        text_ += '}';
    }
    text_ += ' ';
}

void MetricsText::number(double value) {
    std::array<char, 32> room{};
    text_.append(format(value, room)) += '\n';
}

void MetricsText::sample_integer(Labels labels, std::uint64_t value) {
    begin_sample({}, labels);
    std::array<char, 32> room{};
    const auto result = std::to_chars(room.data(), room.data() + room.size(), value);
    text_.append(room.data(), static_cast<std::size_t>(result.ptr - room.data())) += '\n';
}

void MetricsText::sample(Labels labels, double value) {
    begin_sample({}, labels);
    number(value);
}

void MetricsText::histogram(Labels labels, const Histogram::Reading& reading) {
    std::uint64_t below = 0;
    std::array<char, 32> room{};
    for (std::size_t i = 0; i <= reading.bounds.size(); ++i) {
        below += reading.buckets[i];
        const bool last = i == reading.bounds.size();
        begin_sample("_bucket", labels, last ? "+Inf" : format(in_seconds(reading.bounds[i]), room));
        text_.append(std::to_string(below)) += '\n';
    }
    begin_sample("_sum", labels);
    number(in_seconds(reading.sum));
    begin_sample("_count", labels);
    text_.append(std::to_string(reading.count)) += '\n';
}

}  // namespace taskdns
