// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "filter.h"

namespace falco {

/// Reads a condition:
///
///     or    := and { "or" and }
///     and   := not { "and" not }
///     not   := "not" not | "(" or ")" | check | macro
///     check := field operator value | field "in" "(" [value {"," value}] ")" | field "exists"
///
/// with the operators = == != < <= > >= contains icontains startswith endswith glob; a value is a bare word or stands in
/// single or double quotes. Throws std::runtime_error that says what was expected, and at which column (from 1).
Filter parse_filter(const std::string& condition);

}  // namespace falco
