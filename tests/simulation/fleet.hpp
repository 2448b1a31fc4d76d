// What a fleet of sidecars costs, and how long a sampled service takes to be seen whole: tables for docs/fleet.md.
#pragma once

namespace taskdns::simulation {

/// Prints them to standard output.
void print_fleet();
void print_coverage();

}  // namespace taskdns::simulation
