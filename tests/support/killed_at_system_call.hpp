// kill -9 at an exact moment: a function in a process of its own, which is killed before its n-th system call.
#pragma once

#include <functional>

namespace taskdns::testing_support {

enum class Ending { killed, completed };

/// Runs `work` in a child process, which is killed when it is about to make its system call number `call`, from 1 on.
/// The child shares nothing with us but files. Throws where the kernel does not let us trace it.
Ending run_killed_at(unsigned call, const std::function<void()>& work);

}  // namespace taskdns::testing_support
