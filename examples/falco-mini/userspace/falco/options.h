// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace falco {

/// What the command line says.
struct Options {
    bool help = false;
    bool version = false;
    bool list_fields = false;
    bool describe_all_rules = false;
    std::optional<std::string> describe_rule;
    std::string config_file;
    /// `key=value` pairs that win over the configuration file.
    std::vector<std::string> overrides;
    /// When given, these are read in place of those that the configuration names.
    std::vector<std::string> rules_files;
    std::vector<std::string> validate_files;
    /// Events are replayed from this text trace (- is the standard input) in place of the driver.
    std::optional<std::string> trace;
    std::vector<std::string> disabled_substrings;
    std::vector<std::string> disabled_tags;
    std::vector<std::string> only_tags;
    /// k, c, m, or text to put behind each output.
    std::optional<std::string> print;
    std::optional<std::string> pidfile;
    /// Seconds after which falco ends by itself.
    std::optional<unsigned> duration;
    bool daemonize = false;
    bool unbuffered = false;
    bool verbose = false;
};

/// Throws std::runtime_error, naming the option and the remedy.
Options parse_options(int argc, char** argv);

/// The text of `--help`.
std::string usage();

}  // namespace falco
