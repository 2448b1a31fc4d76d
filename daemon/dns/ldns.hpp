// The one place that includes ldns. Layer: dns (may include ldns; for the .cpp files of this layer only).
//
// ldns/common.h defines `bool`, `true` and `false` as macros unless <stdbool.h> came first, and that breaks whatever
// C++ header is included later (fmt, for one).
#pragma once

#include <stdbool.h>

#include <ldns/ldns.h>
