// `taskdns resolv-conf apply|restore`: by hand, and in a container that ends before the application starts. Layer:
// app.
#include <iostream>

#include "app/commands.hpp"
#include "app/resolv_conf_naming.hpp"
#include "base/local_listener.hpp"
#include "config/load.hpp"
#include "task/resolv_conf_file.hpp"

namespace taskdns::app {
namespace {

int fail(const std::string& what) {
    std::cerr << "taskdns resolv-conf: " << what << '\n';
    return 1;
}

int manage(const config::Config& config, const std::string& path) {
    const auto naming = find_naming(config.listen.dns, config.upstream, path, config.resolv_conf.fallback);
    if (!naming) return fail(naming.error().message);
    if (!answers_its_own_host(naming->own, config.listen.allow)) {
        const std::string own = naming->own.to_string();
        return fail(
            path + ": cannot name " + own + ", from where this host's own queries to it come, and which is not " +
            "in listen.allow: nobody here would be answered (add " + own + " to it, or 127.0.0.1:53 to listen.dns)");
    }
    const auto change = task::manage_resolv_conf(path, *naming);
    if (!change) return fail(change.error().message);
    std::cout << path << ": " << describe(*change) << '\n';
    if (change->rotates_to_fallback) std::cerr << "taskdns resolv-conf: " << path << ": " << rotate_warning << '\n';
    return 0;
}

int restore(const std::string& path) {
    const auto change = task::restore_resolv_conf(path);
    if (!change) return fail(change.error().message);
    const std::string as = change->edits_kept ? "taskdns is out of it, and what others have written into it is kept, "
                                              : "as it was before taskdns, ";
    std::cout << path << ": "
              << (change->written ? as + name_servers(change->servers) : "not managed by taskdns, left as it is")
              << '\n';
    return 0;
}

/// It needs nothing but the path, and is called where things are wrong.
int restore(const ResolvConfOptions& options) {
    if (options.path) return restore(*options.path);
    const auto loaded = config::load({.path = options.config, .need_services = false});
    if (loaded) return restore(loaded->resolv_conf.path);
    const std::string path = config::ResolvConf{}.path;
    std::cerr << "taskdns resolv-conf: the configuration has mistakes, so " << path
              << " is taken (--path names another): " << loaded.error().message << '\n';
    return restore(path);
}

}  // namespace

int resolv_conf_command(const ResolvConfOptions& options) {
    if (options.action == ResolvConfAction::restore) return restore(options);
    auto config = config::load({.path = options.config, .need_services = false});
    if (!config) {
        std::cerr << config.error().message << '\n';
        return 2;
    }
    config->resolv_conf.fallback = config->resolv_conf.fallback || options.fallback;
    return manage(*config, options.path.value_or(config->resolv_conf.path));
}

}  // namespace taskdns::app
