// Is a view well-formed, and are its turns shared out as the policy says?
// Pure.
#pragma once

#include <string>
#include <vector>

#include "simulation/world.hpp"
#include "view/decision.hpp"
#include "view/view.hpp"

namespace taskdns::simulation {

/// The addresses that a view answers with, sorted.
std::vector<PlaceIndex> served_places(const view::ServiceView& view);

/// What is wrong with it; empty if nothing is.
std::string check_view(const view::ServiceView& view, const view::Decision& decision, const ServicePlan& plan,
                       const std::vector<Place>& places);

}  // namespace taskdns::simulation
