// The deleter of a C library's object: std::unique_ptr<BIO, Freed<BIO_free>>.
#pragma once

namespace taskdns::testing_support {

template <auto free>
struct Freed {
    template <class T>
    void operator()(T* held) const {
        free(held);
    }
};

}  // namespace taskdns::testing_support
