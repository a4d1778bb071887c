// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "event.h"

namespace falco {

/// A field that conditions and outputs may name.
struct Field {
    std::string_view name;
    std::string_view meaning;
    /// Compared as a whole number by < <= > >=.
    bool number;
    /// Told by the event's number and time; a trace does not give it.
    bool computed;
};

/// All fields, by class and name.
const std::vector<Field>& all_fields();
const Field* find_field(std::string_view name);
/// Whether a trace line may set it. `evt.rawtime` is one.
bool is_trace_field(std::string_view name);
/// The event's value of a field, computed ones included; none where the event does not have it.
std::optional<std::string> field_value(std::string_view name, const Event& event);

/// `2020-05-12T16:53:46.000000000` in UTC, `suffix` behind; or `18:53:46.000000000` in local time.
std::string format_time_iso8601(uint64_t time, std::string_view suffix);
std::string format_time_of_day(uint64_t time);

}  // namespace falco
