#!/usr/bin/env python3
"""The lints find what they are for: each is run on a small tree with one mistake."""
import pathlib
import tempfile
import unittest

import check_docs
import check_layers
import check_sizes

TABLE = """
taskdns_layer(base                              KNOWS asio)
taskdns_layer(view        DEPENDS base)
taskdns_layer(app         DEPENDS base
                                  view          KNOWS asio cli11)
"""


class Tree(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name).resolve()
        self.write("daemon/CMakeLists.txt", TABLE)

    def write(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


class Layers(Tree):
    def mistakes_of(self, text, name="daemon/view/view.cpp"):
        self.write(name, "// one line above\n" + text + "\n")
        return check_layers.check(self.root)

    def test_reads_a_table_line_that_goes_on(self):
        self.assertEqual(check_layers.read_table(TABLE)["app"], ({"base", "view"}, {"asio", "cli11"}))

    def test_takes_what_is_declared(self):
        self.assertEqual(self.mistakes_of('#include "base/time.hpp"'), [])
        self.assertEqual(self.mistakes_of('#include "view/other.hpp"'), [])
        self.assertEqual(self.mistakes_of("#include <boost/assert.hpp>"), [])
        self.assertEqual(self.mistakes_of("#include <boost/asio/io_context.hpp>", "daemon/app/app.cpp"), [])

    def test_flags_another_layer(self):
        self.assertEqual(
            self.mistakes_of('#include "app/app.hpp"'),
            ['daemon/view/view.cpp:2: view does not DEPEND on app: #include "app/app.hpp"'],
        )

    def test_flags_a_library(self):
        for header, library in [("boost/asio.hpp", "asio"), ("boost/beast/http.hpp", "beast"), ("ldns/ldns.h", "ldns"),
                                ("yaml-cpp/yaml.h", "yaml"), ("spdlog/spdlog.h", "spdlog_headers"),
                                ("openssl/ssl.h", "openssl"), ("CLI/CLI.hpp", "cli11"), ("boost/json.hpp", "json")]:
            self.assertEqual(self.mistakes_of(f"#include <{header}>"),
                             [f"daemon/view/view.cpp:2: view does not KNOW {library}: #include <{header}>"])

    def test_flags_a_library_behind_a_header_of_ours(self):
        self.assertEqual(len(self.mistakes_of('#include "base/asio.hpp"')), 1)

    def test_flags_an_include_that_does_not_begin_at_daemon(self):
        self.assertEqual(len(self.mistakes_of('#include "view.hpp"')), 1)

    def test_flags_a_clock_in_a_pure_layer(self):
        self.assertEqual(len(self.mistakes_of("auto t = std::chrono::steady_clock::now();")), 1)

    def test_flags_a_wall_clock_where_it_could_decide(self):
        for line in ["std::chrono::system_clock::now()", "std::time(nullptr)", "clock_gettime(CLOCK_REALTIME, &now)",
                     "WallAnchor::take()", "gettimeofday(&now, nullptr)"]:
            self.assertEqual(len(self.mistakes_of(f"auto t = {line};", "daemon/app/app.cpp")), 1, line)
            self.write("daemon/app/app.cpp", "")
            self.assertEqual(self.mistakes_of(f"auto t = {line};", "daemon/app/reloader.cpp"), [])
        self.assertEqual(self.mistakes_of("wait_time(0); loop.time();", "daemon/app/app.cpp"), [])

    def test_flags_a_folder_without_a_line(self):
        self.assertEqual(len(self.mistakes_of("", "daemon/helpers/a.cpp")), 1)

    def test_lets_main_include_app_only(self):
        self.assertEqual(self.mistakes_of('#include "app/command_line.hpp"', "daemon/main.cpp"), [])
        self.assertEqual(len(self.mistakes_of('#include "view/view.hpp"', "daemon/main.cpp")), 1)


class Docs(Tree):
    def mistakes_of(self, text, name="docs/page.md"):
        self.write(name, text)
        return check_docs.check(self.root)

    def test_takes_paths_and_links_that_exist(self):
        self.write("docs/other.md", "# Other page\n")
        text = "`daemon/CMakeLists.txt` daemon/*.txt docs/{page,other}.md [o](other.md#other-page) [w](https://a.b/c)"
        self.assertEqual(self.mistakes_of(text), [])

    def test_flags_a_path_that_is_not_there(self):
        self.assertEqual(self.mistakes_of("one\n`daemon/none.cpp`"),
                         ["docs/page.md:2: names daemon/none.cpp, which does not exist"])

    def test_flags_a_link_and_an_anchor(self):
        self.assertEqual(len(self.mistakes_of("[a](none.md)")), 1)
        self.assertEqual(len(self.mistakes_of("[a](#none)")), 1)

    def test_flags_a_folder_that_the_map_leaves_out(self):
        self.write("daemon/view/a.cpp", "")
        self.assertEqual(self.mistakes_of("nothing", "docs/architecture.md"),
                         ["docs/architecture.md: does not name daemon/view/ in its map"])

    def test_flags_keys_and_variables_that_are_not_documented(self):
        self.write("config/taskdns.schema.json", '{"properties": {"poll": {"properties": {"min": {}}}}}')
        self.write("daemon/app/a.cpp", 'get("TASKDNS_SERVICES")')
        found = self.mistakes_of("`poll`", "docs/configuration.md")
        self.assertEqual([line.split()[-1] for line in found], ["min", "TASKDNS_SERVICES"])

    def test_flags_a_row_whose_test_does_not_exist(self):
        self.write("tests/unit/a_test.cpp", 'TEST(Plain, Works) {\n}\nTEST_P(Table, Gets) {}\n'
                   'INSTANTIATE_TEST_SUITE_P(All, Table, testing::Values(\n    RowCase{"One", 1},\n    RowCase{"Two", 2}));\n'
                   'TEST_F(Fixed, Works) { RowCase{"Three", 3}; }\n')
        head = "| asks | test |\n|---|---|\n"
        for test in ("`Plain.Works`", "`Fixed.Works`, `All/Table.Gets/Two`", "`All/Table.Gets/*`"):
            self.assertEqual(self.mistakes_of(f"{head}| a | {test} |"), [])
        for test in ("Plain.Works", "", "`Plain.Fails`", "`Table.Gets`", "`All/Table.Gets/Three`", "`Other/Table.Gets/*`"):
            self.assertEqual(len(self.mistakes_of(f"{head}| a | {test} |")), 1, test)
        self.assertEqual(self.mistakes_of(f"{head}| a | `Plain.Works` |\n\n| other | column |\n|---|---|\n| a | b |"), [])

    def test_flags_a_fault_whose_test_does_not_exist(self):
        self.write("tests/integration/a_test.cpp", 'TEST(Plain, Works) {\n}\nTEST_P(Table, Gets) {}\n'
                   'INSTANTIATE_TEST_SUITE_P(All, Table, testing::Values(Way::one, Way::other));\n'
                   'INSTANTIATE_TEST_SUITE_P(Named, Table, testing::Values("One", "Two"));\n')
        self.write("tests/packaging/a_test.py", "class Checks(unittest.TestCase):\n    def test_it(self) -> None:\n")
        head = "| fault | never empty | never dead |\n|---|---|---|\n"
        for cells in ("`Plain.Works` | -", "- | `Plain.Works`, `All/Table.Gets/*`", "`Named/Table.Gets/Two` | `Checks.test_it`"):
            self.assertEqual(self.mistakes_of(f"{head}| a | {cells} |"), [])
        for cells in ("`Plain.Fails` | -", "nothing | -", "`Checks.test_other` | -", "`Plain.Works` | `Named/Table.Gets/Three`"):
            self.assertEqual(len(self.mistakes_of(f"{head}| a | {cells} |")), 1, cells)


class Sizes(Tree):
    def test_reports_above_300_and_fails_above_400(self):
        for lines in (300, 301, 400, 401):
            self.write(f"daemon/view/{lines}.cpp", "x\n" * lines)
        reports, mistakes = check_sizes.check(self.root)
        self.assertEqual([line.split(":")[0] for line in reports], ["daemon/view/301.cpp", "daemon/view/400.cpp"])
        self.assertEqual([line.split(":")[0] for line in mistakes], ["daemon/view/401.cpp"])


if __name__ == "__main__":
    unittest.main()
