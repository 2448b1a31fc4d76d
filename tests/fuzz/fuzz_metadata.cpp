// Fuzz entry: what the task metadata endpoint may answer. Whatever it says, it comes back as metadata that can be
// used, or as an error that can be shown.
#include <cstdlib>
#include <string_view>

#include "task/metadata.hpp"
#include "task/other_containers.hpp"

namespace {

using namespace taskdns;

void require(bool holds) {
    if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const Result<std::string> own_id = task::parse_own_id(text);
    require(own_id ? !own_id->empty() : !own_id.error().message.empty());
    const Result<task::Metadata> metadata = task::parse_task(text);
    if (!metadata) {
        require(metadata.error().code == Errc::malformed && !metadata.error().message.empty());
        return 0;
    }
    require(metadata->arn.size() <= 2'048 && metadata->containers.size() <= 100);
    const task::OtherContainers others = task::find_other_containers(*metadata, "", {"aws-guardduty-agent*", "*x*y"});
    require(others.any || others.running.empty());
    require(task::task_id(metadata->arn).find('/') == std::string_view::npos);
    for (const task::Container& container : metadata->containers) task::name_servers(*metadata, container.id);
    task::subnets(*metadata, "");
    return 0;
}
