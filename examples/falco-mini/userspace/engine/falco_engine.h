// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "filter.h"
#include "formats.h"
#include "priority.h"
#include "rule_loader.h"

namespace falco {

/// A rule that is ready to be tried on events.
struct Rule {
    std::string name;
    std::string desc;
    std::string source;
    std::vector<std::string> tags;
    Priority priority;
    bool enabled;
    Filter condition;
    OutputFormat output;
};

/// The rules of some files, and what fires on an event. First `load` every file, then `compile` once.
class FalcoEngine {
public:
    /// Reads a file; returns its errors. Files count in the order of loading, see RuleItems.
    std::vector<Problem> load(const std::string& path);

    /// Resolves macros and lists. `rewrite_output` may change a rule's output text first. Returns the errors, by the
    /// file in which the item stands; rules with errors are left out.
    std::vector<Problem> compile(const std::function<std::string(const std::string&)>& rewrite_output = {});

    const std::vector<Problem>& warnings() const { return warnings_; }
    const std::vector<Rule>& rules() const { return rules_; }

    /// Switches the rules for which `which` holds.
    void enable(const std::function<bool(const Rule&)>& which, bool enabled);

    /// The first enabled rule, in the order of the files, whose condition holds; null when there is none.
    const Rule* process(const Event& event) const;

private:
    Filter resolve_condition(const std::string& condition);
    void resolve(Filter& filter, std::vector<std::string>& open_macros) const;
    std::vector<std::string> resolve_values(const std::vector<std::string>& values,
                                            std::vector<std::string>& open_lists) const;

    RuleItems items_;
    std::vector<Problem> warnings_;
    std::vector<Rule> rules_;
    /// Parsed, not resolved.
    std::map<std::string, Filter> macros_;
};

}  // namespace falco
