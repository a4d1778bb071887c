// SPDX-License-Identifier: Apache-2.0
#include "falco_engine.h"

#include <algorithm>
#include <stdexcept>

#include "filter_parser.h"

namespace falco {

namespace {

/// Notes that `name` is being resolved; fails when it already is.
void enter(std::vector<std::string>& open, const std::string& name, const char* what) {
    if (std::find(open.begin(), open.end(), name) != open.end()) {
        throw std::runtime_error(std::string("the ") + what + " '" + name + "' refers to itself");
    }
    open.push_back(name);
}

}  // namespace

std::vector<Problem> FalcoEngine::load(const std::string& path) {
    return load_rules_file(path, items_, warnings_);
}

std::vector<Problem> FalcoEngine::compile(const std::function<std::string(const std::string&)>& rewrite_output) {
    std::vector<Problem> errors;
    macros_.clear();
    rules_.clear();
    for (const MacroItem& item : items_.macros) {
        try {
            macros_[item.name] = parse_filter(item.condition);
        } catch (const std::runtime_error& error) {
            errors.push_back({item.origin, "macro '" + item.name + "': " + error.what()});
        }
    }
    // A macro that no rule uses must be sound as well.
    for (const MacroItem& item : items_.macros) {
        const auto parsed = macros_.find(item.name);
        if (parsed == macros_.end()) {
            continue;
        }
        try {
            Filter copy = parsed->second;
            std::vector<std::string> open{item.name};
            resolve(copy, open);
        } catch (const std::runtime_error& error) {
            errors.push_back({item.origin, "macro '" + item.name + "': " + error.what()});
        }
    }
    for (const RuleItem& item : items_.rules) {
        try {
            const auto priority = parse_priority(item.priority);
            if (!priority) {
                throw std::runtime_error("'" + item.priority + "' is no priority (emergency ... debug)");
            }
            const std::string plain = item.output.substr(0, item.output.find_last_not_of(" \t\r\n") + 1);
            const std::string output = rewrite_output ? rewrite_output(plain) : plain;
            rules_.push_back({item.name, item.desc, item.source, item.tags, *priority, item.enabled,
                              resolve_condition(item.condition), OutputFormat(output)});
        } catch (const std::runtime_error& error) {
            errors.push_back({item.origin, "rule '" + item.name + "': " + error.what()});
        }
    }
    return errors;
}

Filter FalcoEngine::resolve_condition(const std::string& condition) {
    Filter filter = parse_filter(condition);
    std::vector<std::string> open_macros;
    resolve(filter, open_macros);
    return filter;
}

void FalcoEngine::resolve(Filter& filter, std::vector<std::string>& open_macros) const {
    if (filter.kind == Filter::Kind::Macro) {
        const std::string name = filter.name;
        const auto macro = macros_.find(name);
        if (macro == macros_.end()) {
            throw std::runtime_error("'" + name + "' is neither a field with an operator nor a macro");
        }
        enter(open_macros, name, "macro");
        filter = macro->second;
        resolve(filter, open_macros);
        open_macros.pop_back();
        return;
    }
    if (filter.kind == Filter::Kind::Check && filter.op == Operator::In) {
        std::vector<std::string> open_lists;
        filter.values = resolve_values(filter.values, open_lists);
    }
    for (Filter& child : filter.children) {
        resolve(child, open_macros);
    }
}

std::vector<std::string> FalcoEngine::resolve_values(const std::vector<std::string>& values,
                                                     std::vector<std::string>& open_lists) const {
    std::vector<std::string> resolved;
    for (const std::string& value : values) {
        const auto list = std::find_if(items_.lists.begin(), items_.lists.end(),
                                       [&](const ListItem& item) { return item.name == value; });
        if (list == items_.lists.end()) {
            resolved.push_back(value);
            continue;
        }
        enter(open_lists, value, "list");
        const std::vector<std::string> inner = resolve_values(list->items, open_lists);
        resolved.insert(resolved.end(), inner.begin(), inner.end());
        open_lists.pop_back();
    }
    return resolved;
}

void FalcoEngine::enable(const std::function<bool(const Rule&)>& which, bool enabled) {
    for (Rule& rule : rules_) {
        if (which(rule)) {
            rule.enabled = enabled;
        }
    }
}

const Rule* FalcoEngine::process(const Event& event) const {
    const auto fired = std::find_if(rules_.begin(), rules_.end(), [&](const Rule& rule) {
        return rule.enabled && matches(rule.condition, event);
    });
    return fired == rules_.end() ? nullptr : &*fired;
}

}  // namespace falco
