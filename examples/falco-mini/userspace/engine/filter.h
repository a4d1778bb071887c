// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "event.h"

namespace falco {

enum class Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Contains,
    IContains,
    StartsWith,
    EndsWith,
    Glob,
    In,
    Exists,
};

/// A condition as a tree.
struct Filter {
    enum class Kind { And, Or, Not, Macro, Check };

    Kind kind = Kind::Check;
    /// And, Or: two or more; Not: one.
    std::vector<Filter> children;
    /// Macro: its name. Check: the field.
    std::string name;
    Operator op = Operator::Equal;
    /// Check: what to compare with. More than one only for In, where a value may be the name of a list.
    std::vector<std::string> values;
};

/// Whether the event fulfils the condition. Macros and lists must be resolved. A check on a field that the event does
/// not have is not fulfilled, whatever the operator.
bool matches(const Filter& filter, const Event& event);

}  // namespace falco
