// Configurations that users copy are right: every ```yaml block of README.md and docs/, every file below config/.
// A block of another kind of YAML has a further word behind its fence (```yaml compose) and is not read here.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include <gtest/gtest.h>

#include "config/load.hpp"
#include "config/read_all.hpp"

namespace taskdns::config {
namespace {

namespace fs = std::filesystem;

const fs::path source_dir = TASKDNS_SOURCE_DIR;

std::string text_of(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

std::vector<fs::path> files_below(const fs::path& folder, const std::string& extension) {
    std::vector<fs::path> found;
    for (const auto& entry : fs::recursive_directory_iterator(folder)) {
        if (entry.path().extension() == extension) found.push_back(entry.path());
    }
    std::sort(found.begin(), found.end());
    return found;
}

struct Block {
    std::string yaml;  // with empty lines in front, so that mistakes have the document's line numbers
};

std::vector<Block> yaml_blocks(const std::string& document) {
    std::vector<Block> blocks;
    std::istringstream lines(document);
    std::string above;
    bool inside = false;
    for (std::string line; std::getline(lines, line);) {
        if (!inside && line == "```yaml") {
            inside = true;
            blocks.push_back({above + "\n"});
        } else if (inside && line == "```") {
            inside = false;
        } else if (inside) {
            blocks.back().yaml += line + "\n";
        }
        above += '\n';
    }
    return blocks;
}

// A block may show one section only: a service comes from the variable.
Result<Config> load_block(const std::string& yaml) {
    Sources sources;
    sources.environment_names = {};
    sources.environment = [&yaml](const std::string& name) -> std::optional<std::string> {
        if (name == content_variable) return yaml;
        if (name == services_variable) return "only-for-this-test.invalid";
        return std::nullopt;
    };
    return load(sources);
}

TEST(Docs, HaveOnlyYamlBlocksThatAreConfigurations) {
    std::vector<fs::path> documents = files_below(source_dir / "docs", ".md");
    if (fs::exists(source_dir / "README.md")) documents.push_back(source_dir / "README.md");
    std::size_t blocks = 0;
    for (const fs::path& document : documents) {
        for (const Block& block : yaml_blocks(text_of(document))) {
            ++blocks;
            const auto config = load_block(block.yaml);
            EXPECT_TRUE(config.has_value()) << document << "\n" << config.error().message;
        }
    }
    EXPECT_GE(blocks, 6u);  // those of docs/configuration.md
}

TEST(Docs, HaveOnlyConfigurationFilesThatAreRight) {
    const auto files = files_below(source_dir / "config", ".yaml");
    EXPECT_GE(files.size(), 5u);
    for (const fs::path& file : files) {
        const auto config = parse(text_of(file), file, [](const std::string&) { return std::nullopt; });
        EXPECT_TRUE(config.has_value()) << config.error().message;
    }
}

// --- docs/configuration.md says what the reader does

std::string trimmed(std::string cell) {
    std::erase(cell, '`');
    const std::size_t first = cell.find_first_not_of(' ');
    if (first == std::string::npos) return "";
    return cell.substr(first, cell.find_last_not_of(' ') + 1 - first);
}

struct Row {
    std::string kind, fallback, range, meaning;
};

std::map<std::string, Row> rows_of(const std::string& document) {
    std::map<std::string, Row> rows;
    std::istringstream lines(document);
    for (std::string line; std::getline(lines, line);) {
        if (!line.starts_with("| `")) continue;
        std::vector<std::string> cells;
        std::istringstream parts(line.substr(1));
        for (std::string cell; std::getline(parts, cell, '|');) cells.push_back(trimmed(cell));
        if (cells.size() == 5) rows[cells[0]] = {cells[1], cells[2], cells[3], cells[4]};
    }
    return rows;
}

TEST(Docs, ListEveryKeyWithTypeDefaultAndRange) {
    auto rows = rows_of(text_of(source_dir / "docs" / "configuration.md"));
    for (const Setting& setting : describe()) {
        if (setting.path.starts_with("defaults.")) continue;  // those of services, see Description below
        const auto row = rows.find(setting.path);
        ASSERT_NE(row, rows.end()) << setting.path << " has no row in docs/configuration.md";
        EXPECT_EQ(row->second.kind, setting.kind) << setting.path;
        EXPECT_EQ(row->second.fallback, setting.fallback) << setting.path;
        EXPECT_EQ(row->second.range, setting.range) << setting.path;
        EXPECT_NE(row->second.meaning, "") << setting.path;
        rows.erase(row);
    }
    for (const auto& [key, row] : rows) ADD_FAILURE() << key << " is documented, but the reader does not know it";
}

TEST(Docs, ListEveryVariable) {
    const std::string document = text_of(source_dir / "docs" / "configuration.md");
    for (const Override& override : overrides) {
        const std::string row =
            std::string("| `") + override.variable + "` | `" + override.section + "." + override.key + "` |";
        EXPECT_NE(document.find(row), std::string::npos) << row;
    }
}

TEST(Description, HasTheSameKeysForDefaultsAsForServices) {
    std::map<std::string, Setting> of_defaults;
    std::map<std::string, Setting> of_services;
    for (const Setting& setting : describe()) {
        if (setting.path.starts_with("defaults.")) of_defaults[setting.path.substr(9)] = setting;
        if (setting.path.starts_with("services[].")) of_services[setting.path.substr(11)] = setting;
    }
    for (const char* own : {"name", "aliases", "addresses"}) EXPECT_EQ(of_services.erase(own), 1u) << own;
    ASSERT_EQ(of_defaults.size(), of_services.size());
    for (const auto& [key, setting] : of_services) {
        ASSERT_TRUE(of_defaults.contains(key)) << key;
        EXPECT_EQ(of_defaults[key].fallback, setting.fallback) << key;
        EXPECT_EQ(of_defaults[key].range, setting.range) << key;
    }
}

}  // namespace
}  // namespace taskdns::config
