// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

namespace falco {

/// As syslog has them: the smaller, the more urgent.
enum class Priority { Emergency, Alert, Critical, Error, Warning, Notice, Informational, Debug };

/// Takes a name in any case; `info` is informational.
std::optional<Priority> parse_priority(const std::string& name);
/// As alerts show it: `Warning`.
const char* priority_name(Priority priority);

}  // namespace falco
