// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "priority.h"

namespace falco {

/// falco's own messages, on the standard error: `<time>: <text>`.
struct Logger {
    bool enabled = true;
    bool iso_time = false;
    Priority level = Priority::Informational;

    void log(Priority priority, const std::string& text) const;
    void info(const std::string& text) const { log(Priority::Informational, text); }
    void warning(const std::string& text) const { log(Priority::Warning, text); }
    void error(const std::string& text) const { log(Priority::Error, text); }
};

}  // namespace falco
