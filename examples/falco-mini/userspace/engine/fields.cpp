// SPDX-License-Identifier: Apache-2.0
#include "fields.h"

#include <algorithm>
#include <cstdio>
#include <ctime>

namespace falco {

const std::vector<Field>& all_fields() {
    static const std::vector<Field> fields = {
        {"evt.num", "number of the event in its source, from 1", true, true},
        {"evt.time", "time of day, local, with nanoseconds", false, true},
        {"evt.time.iso8601", "date and time, UTC, ISO 8601", false, true},
        {"evt.rawtime", "nanoseconds since 1970-01-01 UTC", true, true},
        {"evt.type", "name of the system call or event", false, false},
        {"evt.dir", "> for the start of a call, < for its end", false, false},
        {"evt.args", "the call's arguments", false, false},
        {"evt.res", "the call's result, SUCCESS or the name of an error", false, false},
        {"evt.is_open_read", "true when a file was opened for reading", false, false},
        {"evt.is_open_write", "true when a file was opened for writing", false, false},
        {"proc.name", "name of the process", false, false},
        {"proc.pname", "name of its parent", false, false},
        {"proc.cmdline", "its command line", false, false},
        {"proc.exepath", "path of its program", false, false},
        {"proc.pid", "its number", true, false},
        {"proc.ppid", "its parent's number", true, false},
        {"proc.tty", "its terminal, 0 if none", true, false},
        {"thread.tid", "number of the thread", true, false},
        {"user.name", "name of the user", false, false},
        {"user.uid", "number of the user", true, false},
        {"user.loginuid", "number of the user who logged in, -1 if none", true, false},
        {"fd.name", "path of the file, or addresses of the connection", false, false},
        {"fd.directory", "folder of the file", false, false},
        {"fd.filename", "name of the file without its folder", false, false},
        {"fd.num", "number of the file descriptor", true, false},
        {"fd.type", "file, directory, ipv4, ipv6, unix, pipe", false, false},
        {"fd.cip", "address of the client", false, false},
        {"fd.cport", "port of the client", true, false},
        {"fd.sip", "address of the server", false, false},
        {"fd.sport", "port of the server", true, false},
        {"container.id", "short id of the container, or host", false, false},
        {"container.name", "name of the container", false, false},
        {"container.image.repository", "its image without the tag", false, false},
        {"container.image.tag", "tag of its image", false, false},
        {"container.privileged", "true when it runs privileged", false, false},
        {"k8s.ns.name", "Kubernetes namespace", false, false},
        {"k8s.pod.name", "Kubernetes pod", false, false},
    };
    return fields;
}

const Field* find_field(std::string_view name) {
    const auto& fields = all_fields();
    const auto found =
        std::find_if(fields.begin(), fields.end(), [&](const Field& field) { return field.name == name; });
    return found == fields.end() ? nullptr : &*found;
}

bool is_trace_field(std::string_view name) {
    const Field* field = find_field(name);
    return field != nullptr && (!field->computed || name == "evt.rawtime");
}

std::optional<std::string> field_value(std::string_view name, const Event& event) {
    if (name == "evt.num") {
        return std::to_string(event.number);
    }
    if (name == "evt.time") {
        return format_time_of_day(event.time);
    }
    if (name == "evt.time.iso8601") {
        return format_time_iso8601(event.time, "+0000");
    }
    if (name == "evt.rawtime") {
        return std::to_string(event.time);
    }
    const std::string* value = event.get(name);
    return value == nullptr ? std::nullopt : std::optional<std::string>(*value);
}

namespace {

constexpr uint64_t NS_PER_SECOND = 1'000'000'000;

std::string format_seconds(const tm& parts, const char* format, uint64_t time) {
    char seconds[64];
    const size_t length = strftime(seconds, sizeof(seconds), format, &parts);
    char fraction[16];
    snprintf(fraction, sizeof(fraction), ".%09u", static_cast<unsigned>(time % NS_PER_SECOND));
    return std::string(seconds, length) + fraction;
}

}  // namespace

std::string format_time_iso8601(uint64_t time, std::string_view suffix) {
    const time_t seconds = static_cast<time_t>(time / NS_PER_SECOND);
    tm parts = {};
    gmtime_r(&seconds, &parts);
    return format_seconds(parts, "%Y-%m-%dT%H:%M:%S", time).append(suffix);
}

std::string format_time_of_day(uint64_t time) {
    const time_t seconds = static_cast<time_t>(time / NS_PER_SECOND);
    tm parts = {};
    localtime_r(&seconds, &parts);
    return format_seconds(parts, "%H:%M:%S", time);
}

}  // namespace falco
