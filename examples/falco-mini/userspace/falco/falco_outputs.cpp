// SPDX-License-Identifier: Apache-2.0
#include "falco_outputs.h"

#include <cerrno>
#include <cstring>
#include <stdexcept>

#include "fields.h"

namespace falco {

namespace {

/// A JSON string with its quotes. Bytes above 0x7f are passed on.
std::string json_string(const std::string& text) {
    std::string json = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') {
            json += '\\';
            json += c;
        } else if (static_cast<unsigned char>(c) < 0x20) {
            char escaped[8];
            snprintf(escaped, sizeof(escaped), "\\u%04x", static_cast<unsigned>(c));
            json += escaped;
        } else {
            json += c;
        }
    }
    return json + '"';
}

}  // namespace

Outputs::Outputs(const Configuration& config) : config_(config) {
    reopen();
}

Outputs::File Outputs::open_file() const {
    File file(fopen(config_.file_name.c_str(), "ae"));
    if (file == nullptr) {
        throw std::runtime_error("cannot open the output file " + config_.file_name + ": " + strerror(errno));
    }
    return file;
}

void Outputs::reopen() {
    if (!config_.file_enabled) {
        return;
    }
    file_ = open_file();
    if (!config_.file_keep_alive) {
        file_.reset();
    }
}

void Outputs::flush() {
    fflush(stdout);
    if (file_ != nullptr) {
        fflush(file_.get());
    }
}

void Outputs::write(FILE* to, const std::string& text) const {
    fwrite(text.data(), 1, text.size(), to);
    if (!config_.buffered_outputs) {
        fflush(to);
    }
}

std::string Outputs::line(const Rule& rule, const Event& event) const {
    const std::string time = config_.time_format_iso_8601 ? format_time_iso8601(event.time, "+0000")
                                                          : format_time_of_day(event.time);
    const std::string text = time + ": " + priority_name(rule.priority) + " " + rule.output.format(event);
    if (!config_.json_output) {
        return text + "\n";
    }
    std::string json = "{";
    if (config_.json_include_output_property) {
        json += "\"output\":" + json_string(text) + ",";
    }
    json += "\"priority\":" + json_string(priority_name(rule.priority));
    json += ",\"rule\":" + json_string(rule.name);
    json += ",\"source\":" + json_string(rule.source);
    json += ",\"tags\":[";
    for (size_t i = 0; i < rule.tags.size(); ++i) {
        json += (i == 0 ? "" : ",") + json_string(rule.tags[i]);
    }
    json += "],\"time\":" + json_string(format_time_iso8601(event.time, "Z"));
    json += ",\"output_fields\":{";
    const char* separator = "";
    for (const auto& [field, value] : rule.output.values(event)) {
        json += separator + json_string(field) + ":" + json_string(value);
        separator = ",";
    }
    return json + "}}\n";
}

void Outputs::alert(const Rule& rule, const Event& event) {
    const std::string text = line(rule, event);
    if (config_.stdout_enabled) {
        write(stdout, text);
    }
    if (config_.file_enabled) {
        if (config_.file_keep_alive) {
            write(file_.get(), text);
        } else {
            const File file = open_file();
            write(file.get(), text);
        }
    }
}

void Statistics::count(const Rule& rule) {
    ++total_;
    ++by_priority_[rule.priority];
    ++by_rule_[rule.name];
}

std::string Statistics::summary() const {
    std::string text = "Events detected: " + std::to_string(total_) + "\nRule counts by severity:\n";
    for (const auto& [priority, count] : by_priority_) {
        text += std::string("   ") + priority_name(priority) + ": " + std::to_string(count) + "\n";
    }
    text += "Triggered rules by rule name:\n";
    for (const auto& [rule, count] : by_rule_) {
        text += "   " + rule + ": " + std::to_string(count) + "\n";
    }
    return text;
}

}  // namespace falco
