// Mutations of a JSON text that keep it one: see mutate.hpp.
#include <boost/json.hpp>

#include "fuzz/mutate.hpp"

namespace taskdns::fuzz {
namespace {

namespace json = boost::json;

json::value new_value(std::span<const std::string_view> texts, Dice& dice) {
    switch (dice.below(12)) {
        case 0:
            return nullptr;
        case 1:
            return dice.one_in(2);
        case 2:
            return static_cast<std::int64_t>(dice.below(70'000)) - 2'000;
        case 3:
            return 1.5e300;
        case 4:
            return json::array();
        case 5:
            return json::object();
        case 6:
            return json::string(std::string(1 + dice.below(2'100), 'x'));
        default: {
            const std::string_view text = dice.pick(texts);
            return json::string(json::string_view(text.data(), text.size()));
        }
    }
}

/// Walks down from `value` by chance, and changes where it stops.
void change(json::value& value, std::span<const std::string_view> texts, Dice& dice) {
    if (json::array* const array = value.if_array(); array != nullptr && !array->empty() && !dice.one_in(6)) {
        const std::size_t at = dice.below(array->size());
        const auto place = array->begin() + static_cast<std::ptrdiff_t>(at);
        if (dice.one_in(8)) {
            array->erase(place);
        } else if (dice.one_in(6)) {
            const json::value copy = *place;
            const std::size_t times = dice.one_in(8) ? 101 : 1;
            for (std::size_t i = 0; i < times; ++i) array->push_back(copy);
        } else {
            change(*place, texts, dice);
        }
        return;
    }
    if (json::object* const object = value.if_object(); object != nullptr && !object->empty() && !dice.one_in(8)) {
        const auto place = object->begin() + static_cast<std::ptrdiff_t>(dice.below(object->size()));
        const std::string_view name = dice.pick(texts);
        if (dice.one_in(10)) {
            object->erase(place);
        } else if (dice.one_in(10)) {
            object->emplace(json::string_view(name.data(), name.size()), new_value(texts, dice));
        } else {
            change(place->value(), texts, dice);
        }
        return;
    }
    if (json::array* const array = value.if_array(); array != nullptr && dice.one_in(2)) {
        array->push_back(new_value(texts, dice));
    } else {
        value = new_value(texts, dice);
    }
}

}  // namespace

std::size_t mutate_json(Draft draft, std::span<const std::string_view> texts) {
    Dice dice(draft.seed);
    if (draft.size > 0 && dice.one_in(4)) return draft.blindly();
    boost::system::error_code error;
    json::value value = json::parse(json::string_view(draft.text().data(), draft.text().size()), error);
    if (error) return draft.blindly();
    for (std::size_t times = 1 + dice.below(3); times > 0; --times) change(value, texts, dice);
    const std::string text = json::serialize(value);
    return text.size() > draft.max_size ? draft.blindly() : draft.become(text);
}

}  // namespace taskdns::fuzz
