// Order `least_connections`: shares of the traffic that even out the connections which the application is seen to
// have open (design.md, sections 6a and 7). Layer: view. Pure: the same inputs give the same weights.
//
// A resolver does not see requests begin and end, so it cannot send each to the emptiest endpoint as a proxy does.
// What it has is a count about once a second and the share that each endpoint has had meanwhile. By Little's law the
// open connections are the product of arrival rate and duration: an endpoint that holds more than the others at the
// same share is slower, and is given less, until all hold equally many, which is where a proxy's least-connections
// ends too.
#pragma once

#include <span>
#include <vector>

namespace taskdns::view {

/// One endpoint that may come first.
struct Load {
    double weight = 1;       ///< its share until now, as this function gave it; 1 for a newcomer
    double connections = 0;  ///< that it has open, smoothed over the last seconds
};

/// The lowest weight: the highest is 1. So an endpoint is never starved, and one that has become fast is found out.
inline constexpr double least_weight = 0.02;

/// The weights for the next second, in the order of `loads`: each in [least_weight, 1], the highest is 1. All 1 where
/// there are no connections, or equally many everywhere at equal weights. They come back to 1 within about a minute
/// once nothing is open any more. Rounded so that a steady state gives the same weights again: nothing to publish.
std::vector<double> rebalance(std::span<const Load> loads);

}  // namespace taskdns::view
