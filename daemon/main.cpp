// taskdns: arguments in, exit status out. Everything else: app/command_line.
// Layer: main (may include app).
#include "app/command_line.hpp"

int main(int argc, char** argv) { return taskdns::app::run_command_line(argc, argv); }
