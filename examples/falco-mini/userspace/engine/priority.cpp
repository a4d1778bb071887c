// SPDX-License-Identifier: Apache-2.0
#include "priority.h"

#include <strings.h>

namespace falco {

namespace {
constexpr const char* NAMES[] = {"Emergency", "Alert",  "Critical",      "Error",
                                 "Warning",   "Notice", "Informational", "Debug"};
}  // namespace

std::optional<Priority> parse_priority(const std::string& name) {
    for (size_t i = 0; i < std::size(NAMES); ++i) {
        if (strcasecmp(name.c_str(), NAMES[i]) == 0) {
            return static_cast<Priority>(i);
        }
    }
    if (strcasecmp(name.c_str(), "info") == 0) {
        return Priority::Informational;
    }
    return std::nullopt;
}

const char* priority_name(Priority priority) {
    return NAMES[static_cast<size_t>(priority)];
}

}  // namespace falco
