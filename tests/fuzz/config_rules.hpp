// What holds for every configuration that is accepted, and for every message about one that is not: the rules of the
// entries `config` and `environment`.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "config/config.hpp"
#include "fuzz/fuzz.hpp"

namespace taskdns::fuzz {

inline bool is_number(std::string_view text) {
    return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

/// `SOURCE:LINE:COLUMN: ...` or `SOURCE: ...`.
inline void check_mistake(std::string_view line, const std::set<std::string>& sources, std::size_t most_lines) {
    const auto source = std::find_if(sources.begin(), sources.end(),
                                     [line](const std::string& name) { return line.starts_with(name + ':'); });
    require(source != sources.end(), "a mistake says in which source it is");
    line.remove_prefix(source->size() + 1);
    if (line.starts_with(' ')) return;  // of the source as a whole
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(": ", first + 1);
    require(first != std::string_view::npos && second != std::string_view::npos, "its line and column");
    const std::string number(line.substr(0, first));
    require(is_number(number) && is_number(line.substr(first + 1, second - first - 1)), "are numbers");
    require(number.size() < 9 && std::stoul(number) >= 1 && std::stoul(number) <= most_lines,
            "the text has that line");
    require(second + 2 < line.size(), "and it says what is wrong");
}

inline void check_mistakes(const Error& error, const std::set<std::string>& sources, std::size_t most_lines) {
    require(error.code == Errc::invalid_config, "a mistake of the user");
    std::string_view text = error.message;
    require(!text.empty() && text.back() != '\n', "there is one");
    std::size_t count = 0;
    while (!text.empty()) {
        const std::string_view line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(line.size() + 1, text.size()));
        require(std::none_of(line.begin(), line.end(), [](char c) { return static_cast<unsigned char>(c) < ' '; }),
                "one line each, and nothing that moves a cursor");
        if (text.empty() && line.starts_with("(and ")) return;
        require(++count <= 100, "no more than can be read");
        check_mistake(line, sources, most_lines);
    }
}

inline void check_service(const config::Service& service) {
    using namespace config;
    require(!service.name.is_root(), "a service has a name");
    require(service.poll.min > milliseconds(0) && service.poll.min <= service.poll.max, "polls");
    require(service.answer.size >= 1, "an answer has a record");
    require(service.source == SourceKind::fixed ? !service.addresses.empty() : service.addresses.empty(),
            "addresses");
    const Health& health = service.health;
    require(health.timeout < health.interval && health.fast_interval <= health.interval, "checks do not overlap");
    require(health.interval >= 100ms && health.rise >= 1 && health.fall >= 1, "checks are bounded");
    require(!health.expect_status.empty() && health.path.starts_with('/'), "an HTTP check can be made");
    for (const StatusRange& range : health.expect_status)
        require(range.first <= range.last && range.first >= 100, "a range");
    for (const std::string* const text : {&health.path, &health.host}) {
        require(text->find_first_of("\r\n ") == std::string::npos, "nothing can be slipped into a request");
    }
    if (health.check == CheckKind::https && health.tls.verify)
        require(!health.tls.ca_file.empty(), "who verifies knows whom");
    if (health.check != CheckKind::none && service.source == SourceKind::dns && service.record != RecordKind::srv) {
        require(service.port != 0, "a check has a port");
    }
    require(service.membership.sample_limit >= 1 && service.membership.max_endpoints >= 1, "members");
    require(service.panic.threshold <= 100 && service.membership.shrink_guard <= 100, "per cent");
}

inline void check_config(const config::Config& config) {
    std::set<dns::Name> names;
    for (const config::Service& service : config.services) {
        check_service(service);
        require(names.insert(service.name).second, "a name is one service's");
        for (const dns::Name& alias : service.aliases) require(names.insert(alias).second, "so is an alias");
    }
    require(!config.services.empty() || !config.notes.empty(), "no service is worth a note");
    require(!config.listen.dns.empty() && !config.listen.http.empty(), "there are listeners");
    const auto is_open = [](const SocketAddress& listener) { return !listener.address.is_loopback(); };
    if (std::any_of(config.listen.dns.begin(), config.listen.dns.end(), is_open)) {
        require(!config.listen.allow.empty(), "a listener that is not loopback says who may ask");
    }
    require(config.upstream.servers.size() == config.upstream.places.size(), "each server was written somewhere");
    require(config.upstream.attempts >= 1 && config.upstream.max_qps >= 1, "queries");
    require(config.forward.min_ttl <= config.forward.max_ttl, "TTLs");
    for (const std::string& note : config.notes)
        require(!note.empty() && note.find('\n') == std::string::npos, "a note is a line");
}

}  // namespace taskdns::fuzz
