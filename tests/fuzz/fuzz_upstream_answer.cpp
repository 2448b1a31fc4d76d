// Any octets as an upstream's answer to a forwarded question: read, kept, and given to clients of all kinds.
// Seeds: tests/fuzz/corpus/upstream_answer/.
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "forward/client_answer.hpp"

namespace forward = taskdns::forward;
namespace dns = taskdns::dns;

namespace {

using Buffer = std::array<std::uint8_t, 70'000>;  // any message and our OPT

void give(const forward::Client& client, const forward::Served& served, const dns::Bytes& query) {
    static Buffer buffer;
    std::copy(query.begin(), query.end(), buffer.begin());
    const std::size_t size = forward::write_answer(buffer, client, served);
    if (size != forward::answer_size(client, served) || size < client.question_end) std::abort();
    if (size > client.size_limit && size != client.question_end + dns::opt_size) std::abort();
    if (!std::equal(query.begin() + dns::header_size, query.end(), buffer.begin() + dns::header_size)) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const forward::KeyedHash hash({1, 2});
    forward::Question question;
    question.name = {3, 'w', 'w', 'w', 7, 'e', 'x', 'a', 'm', 'p', 'l', 'e', 0};
    question.form.type = 1;
    const std::span<const std::uint8_t> message(data, size);
    if (size > 65'535 || size < 2 || !forward::is_answer_to(question, dns::read_u16(data), message)) return 0;
    const auto answer = forward::read_upstream_answer({data, data + size}, question, {});
    if (!answer) return 0;

    const dns::Bytes query = forward::upstream_query(question, 7, false);
    const taskdns::TimePoint now{std::chrono::hours(1)};
    forward::Cache cache(std::size_t{1} << 20, std::chrono::hours(1));
    const forward::KeyView key(question.name, question.form.packed(), hash);
    cache.store(key, *answer, now);
    const forward::Entry* const entry = cache.find(key);
    if ((entry != nullptr) != (answer->lifetime > taskdns::seconds(0))) std::abort();
    for (const std::size_t limit : {std::size_t{512}, std::size_t{1232}, std::size_t{65'535}}) {
        for (const bool has_opt : {false, true}) {
            const forward::Client client{question.end(), limit, has_opt, has_opt, has_opt};
            give(client, forward::Served::fresh(*answer), query);
            if (entry == nullptr) continue;
            const auto last = entry->expiry - std::chrono::nanoseconds(1);
            const forward::Served served = forward::Served::fresh(*entry, last);
            for (const std::uint16_t at : served.ttls) {
                if (dns::read_u32(&served.message[at]) <= served.age) std::abort();  // it would count below zero
            }
            give(client, served, query);
        }
    }
    return 0;
}
