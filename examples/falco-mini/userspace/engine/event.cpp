// SPDX-License-Identifier: Apache-2.0
#include "event.h"

#include <charconv>
#include <cstring>
#include <stdexcept>

#include "fields.h"

namespace falco {

namespace {

/// What a reader of rules expects to be there can often be told from another field.
void derive_fields(Event& event) {
    if (const std::string* name = event.get("fd.name"); name != nullptr && name->rfind('/', 0) == 0) {
        const size_t slash = name->rfind('/');
        const std::string path = *name;
        if (event.get("fd.directory") == nullptr) {
            event.set("fd.directory", slash == 0 ? "/" : path.substr(0, slash));
        }
        if (event.get("fd.filename") == nullptr) {
            event.set("fd.filename", path.substr(slash + 1));
        }
    }
    if (event.get("evt.dir") == nullptr) {
        event.set("evt.dir", "<");
    }
}

uint64_t parse_time(const std::string& text) {
    uint64_t value = 0;
    const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
    if (result.ec != std::errc() || result.ptr != text.data() + text.size()) {
        throw std::runtime_error("evt.rawtime is '" + text + "', not a number of nanoseconds");
    }
    return value;
}

/// Reads the value that starts at `pos`, and leaves `pos` behind it.
std::string parse_value(const std::string& line, size_t& pos) {
    std::string value;
    if (pos >= line.size() || line[pos] != '"') {
        while (pos < line.size() && line[pos] != ' ' && line[pos] != '\t') {
            value += line[pos++];
        }
        return value;
    }
    for (++pos; pos < line.size() && line[pos] != '"'; ++pos) {
        if (line[pos] == '\\' && pos + 1 < line.size()) {
            ++pos;
        }
        value += line[pos];
    }
    if (pos >= line.size()) {
        throw std::runtime_error("a quoted value has no end");
    }
    ++pos;
    if (pos < line.size() && line[pos] != ' ' && line[pos] != '\t') {
        throw std::runtime_error("no space after a quoted value");
    }
    return value;
}

std::string fixed_string(const char* text, size_t size) {
    return std::string(text, strnlen(text, size));
}

}  // namespace

void Event::set(std::string field, std::string value) {
    fields_.insert_or_assign(std::move(field), std::move(value));
}

const std::string* Event::get(std::string_view field) const {
    const auto found = fields_.find(field);
    return found == fields_.end() ? nullptr : &found->second;
}

bool parse_trace_line(const std::string& line, Event& event) {
    size_t pos = line.find_first_not_of(" \t\r");
    if (pos == std::string::npos || line[pos] == '#') {
        return false;
    }
    for (; pos != std::string::npos; pos = line.find_first_not_of(" \t\r", pos)) {
        const size_t equals = line.find('=', pos);
        if (equals == std::string::npos) {
            throw std::runtime_error("'" + line.substr(pos) + "' is not key=value");
        }
        const std::string key = line.substr(pos, equals - pos);
        if (!is_trace_field(key)) {
            throw std::runtime_error("'" + key + "' is not a field that a trace can hold (see falco --list)");
        }
        pos = equals + 1;
        const std::string value = parse_value(line, pos);
        if (key == "evt.rawtime") {
            event.time = parse_time(value);
        } else {
            event.set(key, value);
        }
    }
    if (event.get("evt.type") == nullptr) {
        throw std::runtime_error("evt.type is missing");
    }
    derive_fields(event);
    return true;
}

Event event_from_record(const ppm_event& record, uint64_t clock_offset) {
    Event event;
    event.time = record.ts + clock_offset;
    event.set("evt.type", record.type < PPM_EVENT_MAX ? ppm_event_names[record.type] : "unknown");
    event.set("proc.pid", std::to_string(record.pid));
    event.set("thread.tid", std::to_string(record.tid));
    event.set("proc.ppid", std::to_string(record.ppid));
    event.set("user.uid", std::to_string(record.uid));
    event.set("proc.name", fixed_string(record.comm, sizeof(record.comm)));
    if (record.type == PPME_EXECVE) {
        event.set("proc.exepath", fixed_string(record.path, sizeof(record.path)));
    }
    derive_fields(event);
    return event;
}

}  // namespace falco
