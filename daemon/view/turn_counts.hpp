// How often each record comes first in a schedule of bounded length: weights to whole numbers.
// Layer: view. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace taskdns::view {

/// One number of turns per weight, `most` in all at most (more only where one each are more). Equal weights get one
/// turn each. Weights that are whole numbers are met exactly if they fit; others within 1 % each where that fits, and
/// as closely as fits elsewhere. A weight of 0 gets no turn, unless all are 0: then they are equal; every other
/// weight gets one at least.
std::vector<std::uint32_t> count_turns(std::span<const double> weights, std::size_t most);

/// Numbers of `counts`, each as often as its count says and as evenly spread as smooth weighted round robin does it:
/// of each moment's weights the one that is furthest behind. Equal counts follow each other in their order.
std::vector<std::uint16_t> spread_turns(std::span<const std::uint32_t> counts);

}  // namespace taskdns::view
