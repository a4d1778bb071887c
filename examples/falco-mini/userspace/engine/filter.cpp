// SPDX-License-Identifier: Apache-2.0
#include "filter.h"

#include <fnmatch.h>
#include <strings.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "fields.h"

namespace falco {

namespace {

/// Numbers that cannot be read as such fulfil no comparison.
bool compare_numbers(const std::string& left, const std::string& right, Operator op) {
    char* left_end = nullptr;
    char* right_end = nullptr;
    const long long a = strtoll(left.c_str(), &left_end, 10);
    const long long b = strtoll(right.c_str(), &right_end, 10);
    if (left.empty() || right.empty() || *left_end != '\0' || *right_end != '\0') {
        return false;
    }
    switch (op) {
        case Operator::Less:
            return a < b;
        case Operator::LessOrEqual:
            return a <= b;
        case Operator::Greater:
            return a > b;
        default:
            return a >= b;
    }
}

bool check(const Filter& filter, const Event& event) {
    const auto found = field_value(filter.name, event);
    if (!found) {
        return false;
    }
    if (filter.op == Operator::Exists) {
        return true;
    }
    const std::string& value = *found;
    const auto& wanted = filter.values;
    if (filter.op == Operator::In) {
        return std::find(wanted.begin(), wanted.end(), value) != wanted.end();
    }
    const std::string& with = wanted.front();
    switch (filter.op) {
        case Operator::Equal:
            return value == with;
        case Operator::NotEqual:
            return value != with;
        case Operator::Contains:
            return value.find(with) != std::string::npos;
        case Operator::IContains:
            return strcasestr(value.c_str(), with.c_str()) != nullptr;
        case Operator::StartsWith:
            return value.compare(0, with.size(), with) == 0;
        case Operator::EndsWith:
            return value.size() >= with.size() && value.compare(value.size() - with.size(), with.size(), with) == 0;
        case Operator::Glob:
            return fnmatch(with.c_str(), value.c_str(), 0) == 0;
        default:
            return compare_numbers(value, with, filter.op);
    }
}

}  // namespace

bool matches(const Filter& filter, const Event& event) {
    const auto holds = [&](const Filter& child) { return matches(child, event); };
    switch (filter.kind) {
        case Filter::Kind::And:
            return std::all_of(filter.children.begin(), filter.children.end(), holds);
        case Filter::Kind::Or:
            return std::any_of(filter.children.begin(), filter.children.end(), holds);
        case Filter::Kind::Not:
            return !matches(filter.children.front(), event);
        case Filter::Kind::Check:
            return check(filter, event);
        case Filter::Kind::Macro:
            break;
    }
    return false;
}

}  // namespace falco
