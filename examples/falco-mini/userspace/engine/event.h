// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

extern "C" {
#include "ppm_events_public.h"
}

namespace falco {

/// One thing that happened: named fields (see fields.h), a number and a time.
class Event {
public:
    /// Counts from 1 in each source.
    uint64_t number = 0;
    /// Nanoseconds since 1970-01-01 UTC.
    uint64_t time = 0;

    void set(std::string field, std::string value);
    /// The field's value, or null where the event has no such field.
    const std::string* get(std::string_view field) const;

private:
    std::map<std::string, std::string, std::less<>> fields_;
};

/// Reads one line of a text trace: `key=value key="value with \"spaces\""`, keys being fields. `evt.rawtime` sets the
/// time; without it the event has the time of the one before. Returns false for an empty line or a comment (#).
/// Throws std::runtime_error, naming the fault, for anything else.
bool parse_trace_line(const std::string& line, Event& event);

/// Makes an event of a driver's record. `clock_offset` is CLOCK_REALTIME minus CLOCK_MONOTONIC, in nanoseconds.
Event event_from_record(const ppm_event& record, uint64_t clock_offset);

}  // namespace falco
