// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "priority.h"

namespace falco {

/// falco.yaml as plain values. Keys that are not listed here are ignored.
struct Configuration {
    /// rules_file: files; of a folder, its *.yaml by name.
    std::vector<std::string> rules_files;
    /// time_format_iso_8601: UTC dates in ISO 8601, else the local time of day.
    bool time_format_iso_8601 = false;
    bool json_output = false;
    bool json_include_output_property = true;
    /// priority: rules that are less urgent are not run.
    Priority priority = Priority::Debug;
    bool log_stderr = true;
    Priority log_level = Priority::Informational;
    bool buffered_outputs = false;
    bool stdout_enabled = true;
    bool file_enabled = false;
    /// file_output.keep_alive: keep the file open between alerts.
    bool file_keep_alive = false;
    std::string file_name;
    /// driver.device: where the kernel module gives out its events.
    std::string device;
};

/// Reads `path`, with `key=value` overrides on top (`a.b=value` for nested keys). `rules_files`, when not empty, stand
/// in place of rules_file. Throws std::runtime_error, naming file and key.
Configuration load_configuration(const std::string& path, const std::vector<std::string>& overrides,
                                 const std::vector<std::string>& rules_files);

/// The file itself, or the *.yaml of the folder by name. Throws std::runtime_error when there is neither.
std::vector<std::string> expand_rules_path(const std::string& path);

}  // namespace falco
