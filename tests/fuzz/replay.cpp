// Runs a fuzz entry over the files of its corpus, and over a few mutations of each: what libFuzzer found once stays
// found, under any compiler. The mutations are the same ones every time; a second argument is how many of each file.
#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* octets, std::size_t size);
// An entry that does not know the form of its input has none.
extern "C" __attribute__((weak)) std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                                                     std::size_t max_size, unsigned seed);

/// In the place of libFuzzer's.
extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size) {
    if (size < max_size) data[size++] = 0xC0;
    data[size / 2] = static_cast<std::uint8_t>(data[size / 2] ^ 1U);
    return size;
}

namespace {

constexpr unsigned few_mutations = 8;
constexpr unsigned generation = 16;  // so many mutations lie on top of each other
constexpr std::size_t room = 4096;

void run(const std::vector<std::uint8_t>& octets, const std::string& name) {
    std::cout << name << '\n' << std::flush;  // the last one named is the culprit
    LLVMFuzzerTestOneInput(octets.data(), octets.size());
}

void run_mutations(const std::vector<std::uint8_t>& octets, const std::string& name, unsigned mutations) {
    if (LLVMFuzzerCustomMutator == nullptr || octets.size() > room) return;
    std::vector<std::uint8_t> draft(room);
    std::size_t size = 0;
    for (unsigned seed = 0; seed < mutations; ++seed) {
        if (seed % generation == 0) {
            std::copy(octets.begin(), octets.end(), draft.begin());
            size = octets.size();
        }
        size = LLVMFuzzerCustomMutator(draft.data(), size, room, seed);
        // A vector of its own size, so that AddressSanitizer watches its end.
        run({draft.begin(), draft.begin() + static_cast<std::ptrdiff_t>(size)},
            name + ", mutation " + std::to_string(seed));
    }
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 2 && argc != 3) {
        std::cerr << "usage: " << argv[0] << " CORPUS_DIRECTORY [MUTATIONS]\n";
        return 2;
    }
    const unsigned mutations = argc == 3 ? static_cast<unsigned>(std::stoul(argv[2])) : few_mutations;
    std::vector<std::filesystem::path> files;
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(argv[1], error)) {
        if (entry.is_regular_file()) files.push_back(entry.path());
    }
    std::sort(files.begin(), files.end());
    for (const std::filesystem::path& path : files) {
        std::ifstream file(path, std::ios::binary);
        const std::vector<std::uint8_t> octets{std::istreambuf_iterator<char>(file),
                                               std::istreambuf_iterator<char>()};
        run(octets, path.filename().string());
        run_mutations(octets, path.filename().string(), mutations);
    }
    if (files.empty()) {
        std::cerr << argv[1] << ": no input there, so nothing was tested\n";
        return 1;
    }
    std::cout << files.size() << " inputs\n";
    return 0;
}
