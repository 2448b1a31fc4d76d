// Order `least_connections`: shares of the traffic that even out the open connections. Layer: view.
//
// Each step multiplies a weight by (mean / own connections)^gain: an integrating controller of the logarithm of the
// weights, so that it ends with equal connections and not merely near them. What is open grows with the weight in
// proportion where an endpoint has workers enough, and much more steeply where it queues: the gain and the limit of
// one step are small enough for both, also if the counts are a few seconds old (tests/unit/view_balance_test.cpp).
#include "view/balance.hpp"

#include <algorithm>
#include <cmath>

namespace taskdns::view {
namespace {

constexpr double few = 1;            // connections: differences of about so many say little
constexpr double gain = 0.2;         // of the logarithm of the imbalance, per step
constexpr double steepest = 1.5;     // rise of one step: one that holds nothing may be broken, not fast
constexpr double relaxation = 0.02;  // added per step while nothing is open: from the lowest to 1 in 50 steps
// Weights are whole powers of it. Below 1 + 2 * relaxation, or none would come back to 1.
constexpr double grid = 1.03;

double factor(double connections, double mean) {
    return std::min(std::pow((mean + few) / (connections + few), gain), steepest);
}

double on_grid(double weight) { return std::pow(grid, std::round(std::log(weight) / std::log(grid))); }

}  // namespace

std::vector<double> rebalance(std::span<const Load> loads) {
    double mean = 0;
    for (const Load& load : loads) mean += load.connections / static_cast<double>(loads.size());
    // Without evidence what was learnt fades. With some, the factors undo it where it is outdated.
    const double doubt = few / (few + mean);
    const double fading = relaxation * doubt * doubt;

    std::vector<double> out;
    out.reserve(loads.size());
    double highest = 0;
    for (const Load& load : loads) {
        const double weight = load.weight * factor(load.connections, mean);
        out.push_back(std::max(weight, std::min(weight + fading, 1.0)));
        highest = std::max(highest, out.back());
    }
    for (double& weight : out) weight = std::max(on_grid(weight / highest), least_weight);
    return out;
}

}  // namespace taskdns::view
