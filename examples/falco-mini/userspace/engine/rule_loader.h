// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

namespace falco {

/// The newest `required_engine_version` that a rules file may ask for.
constexpr int ENGINE_VERSION = 12;

/// Where an item of a rules file stands.
struct Origin {
    std::string file;
    /// From 1.
    int line = 0;
};

struct ListItem {
    std::string name;
    std::vector<std::string> items;
    Origin origin;
};

struct MacroItem {
    std::string name;
    std::string condition;
    Origin origin;
};

struct RuleItem {
    std::string name;
    std::string desc;
    std::string condition;
    std::string output;
    std::string priority;
    std::string source = "syscall";
    std::vector<std::string> tags;
    bool enabled = true;
    Origin origin;
};

/// What the loaded files say, in the order in which the names first appeared. A later item of the same name replaces
/// the earlier one; with `append: true` it adds to its items or condition; a rule of only `enabled` switches it.
struct RuleItems {
    std::vector<ListItem> lists;
    std::vector<MacroItem> macros;
    std::vector<RuleItem> rules;
};

struct Problem {
    Origin origin;
    std::string text;
};

/// Adds a rules file. An item with an error is left out. Returns the errors; none for an empty file.
/// `warnings` gets what was ignored.
std::vector<Problem> load_rules_file(const std::string& path, RuleItems& items, std::vector<Problem>& warnings);

/// `file:line: text`
std::string to_string(const Problem& problem);

}  // namespace falco
