// A file descriptor that is closed with its owner. Layer: base.
#pragma once

#include <unistd.h>

#include <utility>

namespace taskdns {

class Descriptor {
public:
    Descriptor() = default;
    explicit Descriptor(int number) : number_(number) {}
    Descriptor(Descriptor&& other) noexcept : number_(other.release()) {}
    Descriptor& operator=(Descriptor&& other) noexcept {
        std::swap(number_, other.number_);
        return *this;
    }
    ~Descriptor() {
        if (number_ >= 0) ::close(number_);
    }
    int number() const { return number_; }
    bool open() const { return number_ >= 0; }
    /// Some file systems report a failed write only here.
    bool close() { return ::close(release()) == 0; }
    int release() { return std::exchange(number_, -1); }  ///< whoever takes it closes it

private:
    int number_ = -1;
};

}  // namespace taskdns
