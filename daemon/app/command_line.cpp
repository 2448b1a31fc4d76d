// The command line: subcommands, flags, --help. Layer: app.
#include "app/command_line.hpp"

#include <algorithm>
#include <exception>
#include <functional>
#include <iostream>

#include <CLI/CLI.hpp>

#include "app/commands.hpp"
#include "base/time.hpp"
#include "base/version.hpp"
#include "config/load.hpp"

namespace taskdns::app {
namespace {

using namespace std::string_view_literals;

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
    "\nExit status: 0 well; 1 failed, with one line on standard error; 2 wrong configuration or usage; `exec`: "
    "CMD's,\n"
    "126 if it cannot be executed, 127 if there is none.\n";

struct Arguments {
    ConfigPath config;
    std::vector<std::string> files;
    std::optional<std::string> http;
    std::string name;
    bool watch = false;
    bool json = false;
    std::optional<std::string> resolv_conf;
    bool fallback = false;
    ExecOptions exec;
};

/// Reads what `parse` takes; CLI11 makes an error of its message.
template <class Value, class Parse>
std::function<std::string(const std::string&)> into(Value& value, Parse parse, const char* expected) {
    return [&value, parse, expected](const std::string& text) -> std::string {
        const auto parsed = parse(text);
        if (!parsed) return "'" + text + "' is not " + expected;
        value = *parsed;
        return {};
    };
}

/// Every command that reads the configuration takes --config, before or after the command's name.
void add_config_option(CLI::App& command, Arguments& arguments) {
    command
        .add_option("-c,--config", arguments.config,
                    std::string("YAML file (default: ") + config::default_path + " if it is there)")
        ->type_name("FILE");
}

void add_resolv_conf(CLI::App& app, Arguments& arguments) {
    CLI::App* command = app.add_subcommand("resolv-conf", "Make taskdns the name server of resolv.conf, or undo it");
    command->require_subcommand(1);
    CLI::App* apply =
        command->add_subcommand("apply", "Name the configured listener there; keep the rest, save it all");
    CLI::App* restore = command->add_subcommand("restore", "Put back what was there before, byte for byte");
    for (CLI::App* one : {apply, restore}) {
        add_config_option(*one, arguments);
        one->add_option("--path", arguments.resolv_conf, "The file (default: resolv_conf.path)")->type_name("FILE");
    }
    apply->add_flag("--fallback", arguments.fallback,
                    "The name servers that were there follow (musl asks all at once)");
}

void add_exec(CLI::App& app, Arguments& arguments) {
    CLI::App* command = app.add_subcommand(
        "exec", "Wait for the daemon here, name it in resolv.conf, become CMD: exec [OPTIONS] -- CMD [ARGUMENT...]");
    ExecOptions& exec = arguments.exec;
    add_config_option(*command, arguments);
    command->add_option("--wait", "How long until the daemon must be ready (default: 10s)")
        ->type_name("DURATION")
        ->check(into(exec.wait, parse_duration, "a duration (try 10s)"));
    command->add_option("--http", arguments.http, "Where the daemon listens (default: listen.http)")
        ->type_name("ADDRESS:PORT");
    command->add_option("--path", exec.path, "The file (default: /etc/resolv.conf)")->type_name("FILE");
    command->add_flag("--fallback", exec.fallback, "The name servers that were there follow (musl asks all at once)");
    command->add_option("--user", "What CMD runs as, where only root may write the file")
        ->type_name("UID[:GID]")
        ->check(into(exec.user, parse_exec_user, "UID or UID:GID, in numbers (try 1000:1000)"));
    command->add_flag("--require", exec.require, "Exit with 1 where CMD would run without taskdns");
    command->footer("\nExit status: CMD's; 126 if it cannot be executed, 127 if there is none.");
}

int run_exec(Arguments& arguments) {
    if (arguments.exec.command.empty()) {
        std::cerr << "taskdns exec: there is no command (taskdns exec [OPTIONS] -- CMD [ARGUMENT...])\n";
        return 2;
    }
    arguments.exec.config = arguments.config;
    arguments.exec.http = arguments.http;
    return exec_command(arguments.exec);
}

int run_chosen(const CLI::App& app, Arguments& arguments) {
    if (app.got_subcommand("version")) {
        std::cout << "taskdns " << version << '\n';
        return 0;
    }
    if (app.got_subcommand("check-config")) return check_config_command(arguments.config, arguments.files);
    if (app.got_subcommand("healthcheck")) return healthcheck_command(arguments.config, arguments.http);
    if (app.got_subcommand("status")) {
        return status_command({arguments.config, arguments.http, arguments.name, arguments.watch, arguments.json});
    }
    if (app.got_subcommand("exec")) return run_exec(arguments);
    if (app.got_subcommand("resolv-conf")) {
        const bool apply = app.get_subcommand("resolv-conf")->got_subcommand("apply");
        return resolv_conf_command({apply ? ResolvConfAction::apply : ResolvConfAction::restore, arguments.config,
                                    arguments.resolv_conf, arguments.fallback});
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
        app.require_subcommand(0, 1);
        add_config_option(app, arguments);

        CLI::App* run = app.add_subcommand("run", "Answer until SIGTERM (this is what `taskdns` alone does)");
        CLI::App* check = app.add_subcommand("check-config", "Print every mistake of a configuration, then exit");
        CLI::App* health = app.add_subcommand("healthcheck", "Exit 0, silently, if the daemon here is ready");
        CLI::App* resolve = app.add_subcommand("resolve", "Poll and check a service once, print what comes of it");
        CLI::App* status = app.add_subcommand("status", "Show what the daemon here serves, and what is wrong");
        app.add_subcommand("version", "Print the version");
        add_resolv_conf(app, arguments);
        add_exec(app, arguments);
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

        app.footer(examples);  // not before: a subcommand takes over what is there when it is added

        // What is behind `--` is exec's CMD and not ours to read: CLI11 would take a second `--` out of it.
        char** const end = argv + argc;
        char** const mark = std::find_if(argv, end, [](const char* argument) { return argument == "--"sv; });
        if (mark != end) arguments.exec.command.assign(mark + 1, end);
        const bool is_exec = std::find_if(argv, mark, [](const char* word) { return word == "exec"sv; }) != mark;
        try {
            app.parse(is_exec ? static_cast<int>(mark - argv) : argc, argv);
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
