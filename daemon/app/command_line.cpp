// The command line: subcommands, flags, --help. Layer: app.
#include "app/command_line.hpp"

#include <exception>
#include <iostream>

#include <CLI/CLI.hpp>

#include "app/commands.hpp"
#include "base/version.hpp"
#include "config/load.hpp"

namespace taskdns::app {
namespace {

constexpr const char* about =
    "taskdns is a local resolver that runs beside an application, one per ECS task. It asks the VPC\n"
    "resolver for the services it was told about, checks which of their endpoints really answer, and\n"
    "hands the application a rotated list of good ones over DNS and HTTP on localhost. Every other\n"
    "name is forwarded.";

constexpr const char* examples =
    "\nThe smallest configuration is one variable: NAME, with :PORT for a TCP check, with a path for an HTTP check.\n"
    "  TASKDNS_SERVICES=resource-server.local:8080,orders.local:9090/healthz taskdns\n"
    "\nThen, beside it:\n"
    "  dig @127.0.0.1 resource-server.local               the healthy addresses, rotated\n"
    "  curl localhost:8053/v1/services/resource-server.local    which endpoints, and why or why not\n"
    "  curl localhost:8053/v1/services/resource-server.local/pick    the next ADDRESS:PORT\n"
    "  taskdns status --watch                             all of it at a glance; a browser shows "
    "http://localhost:8053/\n"
    "\nEnvironment (strongest last): a file (--config), TASKDNS_CONFIG_CONTENT (the whole YAML), TASKDNS_SERVICES,\n"
    "TASKDNS_DNS_LISTEN, TASKDNS_HTTP_LISTEN, TASKDNS_UPSTREAM, TASKDNS_LOG_LEVEL, TASKDNS_LOG_FORMAT.\n"
    "\nExit status: 0 well; 1 failed, with one line on standard error; 2 wrong configuration or usage.\n";

struct Arguments {
    ConfigPath config;
    std::vector<std::string> files;
    std::optional<std::string> http;
    std::string name;
    bool watch = false;
    bool json = false;
};

/// Every command that reads the configuration takes --config, before or after the command's name.
void add_config_option(CLI::App& command, Arguments& arguments) {
    command
        .add_option("-c,--config", arguments.config,
                    std::string("YAML file (default: ") + config::default_path + " if it is there)")
        ->type_name("FILE");
}

int run_chosen(const CLI::App& app, const Arguments& arguments) {
    if (app.got_subcommand("version")) {
        std::cout << "taskdns " << version << '\n';
        return 0;
    }
    if (app.got_subcommand("check-config")) return check_config_command(arguments.config, arguments.files);
    if (app.got_subcommand("healthcheck")) return healthcheck_command(arguments.config, arguments.http);
    if (app.got_subcommand("status")) {
        return status_command({arguments.config, arguments.http, arguments.name, arguments.watch, arguments.json});
    }
    if (app.got_subcommand("resolve")) return resolve_command(arguments.config, arguments.name);
    return run_command(arguments.config);
}

}  // namespace

int run_command_line(int argc, char** argv) {
    try {
        CLI::App app(about, "taskdns");
        Arguments arguments;
        app.set_version_flag("--version", "taskdns " + std::string(version));
        app.footer(examples);
        app.require_subcommand(0, 1);
        add_config_option(app, arguments);

        CLI::App* run = app.add_subcommand("run", "Answer until SIGTERM (this is what `taskdns` alone does)");
        CLI::App* check = app.add_subcommand("check-config", "Print every mistake of a configuration, then exit");
        CLI::App* health = app.add_subcommand("healthcheck", "Exit 0, silently, if the daemon here is ready");
        CLI::App* resolve = app.add_subcommand("resolve", "Poll and check a service once, print what comes of it");
        CLI::App* status = app.add_subcommand("status", "Show what the daemon here serves, and what is wrong");
        app.add_subcommand("version", "Print the version");
        for (CLI::App* command : {run, check, health, resolve, status}) add_config_option(*command, arguments);
        check->add_option("files", arguments.files, "Files to check, each alone (default: what `run` would read)")
            ->type_name("FILE");
        for (CLI::App* command : {health, status}) {
            command->add_option("--http", arguments.http, "Where the daemon listens (default: listen.http)")
                ->type_name("ADDRESS:PORT");
        }
        status->add_option("name", arguments.name, "A service or an alias (default: all)")->type_name("NAME");
        status->add_flag("-w,--watch", arguments.watch, "Show it anew on each change and every 2 s, until Ctrl-C");
        status->add_flag("--json", arguments.json, "One JSON document: {\"status\": ..., \"services\": [...]}");
        resolve->add_option("name", arguments.name, "A configured service, or NAME[:PORT][/PATH]")->required();

        try {
            app.parse(argc, argv);
        } catch (const CLI::ParseError& e) {
            return app.exit(e) == 0 ? 0 : 2;
        }
        return run_chosen(app, arguments);
    } catch (const std::exception& e) {
        std::cerr << "taskdns: " << e.what() << '\n';
        return 1;
    }
}

}  // namespace taskdns::app
