// SPDX-License-Identifier: Apache-2.0
#include "logger.h"

#include <cstdio>
#include <ctime>

namespace falco {

void Logger::log(Priority priority, const std::string& text) const {
    if (!enabled || priority > level) {
        return;
    }
    const time_t now = time(nullptr);
    tm parts = {};
    char stamp[64];
    if (iso_time) {
        gmtime_r(&now, &parts);
        strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S+0000", &parts);
    } else {
        localtime_r(&now, &parts);
        strftime(stamp, sizeof(stamp), "%a %b %e %H:%M:%S %Y", &parts);
    }
    const char* prefix = priority == Priority::Error ? "Error: " : priority == Priority::Warning ? "Warning: " : "";
    fprintf(stderr, "%s: %s%s\n", stamp, prefix, text.c_str());
}

}  // namespace falco
