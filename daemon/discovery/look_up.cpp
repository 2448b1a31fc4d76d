// One question to its end, and many of them. Layer: discovery (may include base, dns, upstream, Asio).
#include "discovery/look_up.hpp"

#include <algorithm>
#include <memory>

#include <boost/asio/this_coro.hpp>

#include "base/task_group.hpp"
#include "discovery/chain.hpp"
#include "upstream/resolver.hpp"

namespace taskdns::discovery {
namespace {

struct Batch {
    upstream::Resolver& resolver;
    std::vector<dns::Question> questions;
    std::vector<Result<Answer>> answers;
    std::size_t next = 0;

    bool has_records() const {
        return std::any_of(answers.begin(), answers.end(),
                           [](const Result<Answer>& answer) { return answer && !answer->records.empty(); });
    }
};

asio::awaitable<void> work(std::shared_ptr<Batch> batch) {
    co_await asio::this_coro::throw_if_cancelled(false);
    const auto cancellation = co_await asio::this_coro::cancellation_state;
    while (batch->next < batch->questions.size() && cancellation.cancelled() == asio::cancellation_type::none) {
        const std::size_t mine = batch->next++;
        batch->answers[mine] = Error{Errc::internal, "no memory"};  // if this is destroyed before it has one
        Result<Answer> answer = co_await look_up(batch->resolver, batch->questions[mine]);
        batch->answers[mine] = std::move(answer);
    }
}

}  // namespace

asio::awaitable<Result<Answer>> look_up(upstream::Resolver& resolver, dns::Question question) {
    std::vector<dns::Name> chain{question.name};
    seconds ttl = seconds::max();
    for (;;) {  // ends: each turn but the last appends to `chain`, which is bounded
        // A variable of its own: GCC 12 destroys a braced temporary inside co_await twice.
        dns::Question next{chain.back(), question.type};
        Result<dns::Response> response = co_await resolver.resolve(std::move(next));
        if (!response) co_return response.error();
        Result<Finding> finding = follow(*response, question.type, chain);
        if (!finding) co_return finding.error();
        ttl = std::min(ttl, finding->ttl);
        if (finding->leads_elsewhere) continue;
        co_return Answer{std::move(finding->records), std::move(response->additional), ttl, finding->nxdomain};
    }
}

asio::awaitable<std::vector<Result<Answer>>> look_up_all(upstream::Resolver& resolver,
                                                         std::vector<dns::Question> questions, std::size_t at_once,
                                                         std::optional<milliseconds> patience) {
    const bool throws = co_await asio::this_coro::throw_if_cancelled();
    co_await asio::this_coro::throw_if_cancelled(false);
    const auto cancellation = co_await asio::this_coro::cancellation_state;
    const auto executor = co_await asio::this_coro::executor;

    const std::size_t count = questions.size();
    std::vector<Result<Answer>> none_yet(count, Error{Errc::cancelled, "cancelled"});
    const auto batch = std::make_shared<Batch>(Batch{resolver, std::move(questions), std::move(none_yet)});
    TaskGroup workers(executor);
    for (std::size_t i = 0; i < std::min(count, at_once); ++i) workers.spawn("look up", work(batch));
    while (workers.running() > 0) {
        if (cancellation.cancelled() != asio::cancellation_type::none) workers.cancel_all();
        co_await workers.join(patience.value_or(std::chrono::minutes(1)));
        if (patience && batch->has_records()) workers.cancel_all();
    }
    co_await asio::this_coro::throw_if_cancelled(throws);
    co_return std::move(batch->answers);
}

}  // namespace taskdns::discovery
