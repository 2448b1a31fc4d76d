# What the release binary has against mistakes in it and in its libraries; what each costs, and what is not taken:
# docs/decisions/0028-what-a-taken-process-can-do.md. tests/packaging/hardening_test.py reads the linked file.
# For every target, since a flag that some objects lack is one that the program lacks.

set(hardening
  -fPIE                       # with -static-pie: addresses that nobody outside knows
  -fstack-protector-strong    # an overwritten return address ends the process
  -fstack-clash-protection    # the stack grows page by page, and meets its guard page
  -U_FORTIFY_SOURCE)          # Ubuntu's compiler sets it, too
if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
  list(APPEND hardening -D_FORTIFY_SOURCE=3)  # copies know the size of what they write to, also where it is computed
else()
  list(APPEND hardening -D_FORTIFY_SOURCE=2)
endif()
# Indirect jumps land only where they may: in our objects. It is in force only if all objects have it: Debian 12's
# libraries have not, Ubuntu's have.
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|amd64")
  list(APPEND hardening -fcf-protection=full)
elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "aarch64|arm64")
  list(APPEND hardening -mbranch-protection=standard)
endif()
list(JOIN hardening ";" hardening)
add_compile_options("$<$<CONFIG:Release>:${hardening}>")

# Tables of pointers are read-only before main() begins; no page is both writable and executable.
set(TASKDNS_HARDENED_LINK -static-pie -Wl,-z,relro,-z,now,-z,noexecstack,-z,separate-code,-z,text)
# A bitmap instead of 24 octets for each pointer that moves with the program: 0.65 MB.
include(CheckLinkerFlag)
check_linker_flag(CXX -Wl,-z,pack-relative-relocs TASKDNS_PACKS_RELOCATIONS)
if(TASKDNS_PACKS_RELOCATIONS)
  list(APPEND TASKDNS_HARDENED_LINK -Wl,-z,pack-relative-relocs)
endif()

# taskdns_harden_further(<target>): an index outside of a container ends the process, too, and what is read before it is
# written is zero, not what another request left there. Not in what each query runs through: batches of buffers lie on
# its stack.
function(taskdns_harden_further target)
  target_compile_definitions(${target} PRIVATE $<$<CONFIG:Release>:_GLIBCXX_ASSERTIONS>)
  target_compile_options(${target} PRIVATE $<$<CONFIG:Release>:-ftrivial-auto-var-init=zero>)
endfunction()
