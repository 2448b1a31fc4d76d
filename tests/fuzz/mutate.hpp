// Mutations that know the form of an input: an entry's LLVMFuzzerCustomMutator calls one of these. Where the form
// does not matter, or is to be broken, they leave the work to libFuzzer.
#pragma once

#include <cstdint>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <vector>

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size);

namespace taskdns::fuzz {

/// The random numbers of one mutation: the same seed, the same input.
class Dice {
public:
    explicit Dice(unsigned seed) : engine_(seed) {}

    /// Less than `bound`, which is not 0.
    std::size_t below(std::size_t bound) { return engine_() % bound; }
    bool one_in(std::size_t count) { return below(count) == 0; }
    template <class Container>
    const auto& pick(const Container& from) {
        return from[below(from.size())];
    }

private:
    std::minstd_rand engine_;
};

/// What libFuzzer hands to a mutator.
struct Draft {
    std::uint8_t* data = nullptr;
    std::size_t size = 0;
    std::size_t max_size = 0;
    unsigned seed = 0;

    std::span<const std::uint8_t> octets() const { return {data, size}; }
    std::string_view text() const { return {reinterpret_cast<const char*>(data), size}; }
    /// Becomes `octets`, cut at max_size; returns its new size.
    std::size_t become(std::span<const std::uint8_t> octets);
    std::size_t become(std::string_view text);
    /// libFuzzer's own mutation.
    std::size_t blindly() { return LLVMFuzzerMutate(data, size, max_size); }
};

/// A DNS message: records and the question are added, taken out, doubled, exchanged and damaged, and the counts go
/// with them. `questions`: in wire form, with type and class; the one that is answered most stands first.
/// `responses`: the header is mostly that of one.
std::size_t mutate_message(Draft draft, std::span<const std::vector<std::uint8_t>> questions, bool responses);

/// Lines of text: taken out, doubled, moved, indented, replaced by one of `lines`, or a word of one by one of
/// `words`.
std::size_t mutate_lines(Draft draft, std::span<const std::string_view> lines,
                         std::span<const std::string_view> words);

/// A JSON value: members are taken out, doubled, exchanged, and replaced by values of other types or one of `texts`.
std::size_t mutate_json(Draft draft, std::span<const std::string_view> texts);

/// Messages of netlink: lengths, types and attributes.
std::size_t mutate_netlink(Draft draft);

/// What stands behind the first `head` octets by `mutation`; now and then one of those.
template <class Mutation>
std::size_t mutate_behind(Draft draft, std::size_t head, const Mutation& mutation) {
    if (draft.max_size <= head) return draft.blindly();
    for (; draft.size < head; ++draft.size) draft.data[draft.size] = 0;
    Dice dice(~draft.seed);
    if (dice.one_in(8)) draft.data[dice.below(head)] = static_cast<std::uint8_t>(dice.below(256));
    return head + mutation(Draft{draft.data + head, draft.size - head, draft.max_size - head, draft.seed});
}

}  // namespace taskdns::fuzz
