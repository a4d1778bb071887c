// SPDX-License-Identifier: Apache-2.0
#include "rule_loader.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <fstream>
#include <set>
#include <stdexcept>

namespace falco {

namespace {

/// An item that cannot be used; the message has no origin yet.
using ItemError = std::runtime_error;

std::string text_of(const YAML::Node& item, const char* key) {
    const YAML::Node value = item[key];
    if (!value) {
        throw ItemError(std::string("'") + key + "' is missing");
    }
    if (!value.IsScalar() || value.Scalar().empty()) {
        throw ItemError(std::string("'") + key + "' is not a text");
    }
    return value.Scalar();
}

bool flag_of(const YAML::Node& item, const char* key, bool otherwise) {
    const YAML::Node value = item[key];
    bool flag = otherwise;
    if (value && !YAML::convert<bool>::decode(value, flag)) {
        throw ItemError(std::string("'") + key + "' is neither true nor false");
    }
    return flag;
}

std::vector<std::string> texts_of(const YAML::Node& item, const char* key) {
    std::vector<std::string> texts;
    const YAML::Node value = item[key];
    if (!value) {
        return texts;
    }
    if (!value.IsSequence()) {
        throw ItemError(std::string("'") + key + "' is not a list");
    }
    for (const YAML::Node& entry : value) {
        if (!entry.IsScalar()) {
            throw ItemError(std::string("'") + key + "' holds something else than texts");
        }
        texts.push_back(entry.Scalar());
    }
    return texts;
}

template <typename Item>
Item* find_by_name(std::vector<Item>& items, const std::string& name) {
    const auto found = std::find_if(items.begin(), items.end(), [&](const Item& item) { return item.name == name; });
    return found == items.end() ? nullptr : &*found;
}

template <typename Item>
void put(std::vector<Item>& items, Item item) {
    if (Item* old = find_by_name(items, item.name)) {
        *old = std::move(item);
    } else {
        items.push_back(std::move(item));
    }
}

template <typename Item>
Item& existing(std::vector<Item>& items, const std::string& name, const char* what) {
    Item* found = find_by_name(items, name);
    if (found == nullptr) {
        throw ItemError(std::string("nothing to ") + what + ": no earlier item has the name '" + name + "'");
    }
    return *found;
}

class FileLoader {
public:
    FileLoader(std::string path, RuleItems& items, std::vector<Problem>& warnings)
        : path_(std::move(path)), items_(items), warnings_(warnings) {}

    std::vector<Problem> load() {
        std::ifstream stream(path_);
        if (!stream) {
            report(0, "cannot be read");
            return errors_;
        }
        try {
            const YAML::Node root = YAML::Load(stream);
            if (root.IsNull()) {
                return errors_;
            }
            if (!root.IsSequence()) {
                report(root.Mark().line + 1, "not a list of rules, macros and lists");
                return errors_;
            }
            for (const YAML::Node& item : root) {
                load_item(item);
            }
        } catch (const YAML::Exception& error) {
            report(error.mark.line + 1, "not YAML: " + error.msg);
        }
        return errors_;
    }

private:
    void report(int line, const std::string& text) { errors_.push_back({{path_, line}, text}); }

    void load_item(const YAML::Node& item) {
        const int line = item.Mark().line + 1;
        std::string label;
        try {
            if (!item.IsMap()) {
                throw ItemError("an item is no map");
            }
            if (item["required_engine_version"]) {
                check_engine_version(item);
            } else if (item["rule"]) {
                label = "rule '" + text_of(item, "rule") + "': ";
                load_rule(item, {path_, line});
            } else if (item["macro"]) {
                label = "macro '" + text_of(item, "macro") + "': ";
                load_macro(item, {path_, line});
            } else if (item["list"]) {
                label = "list '" + text_of(item, "list") + "': ";
                load_list(item, {path_, line});
            } else if (item["required_plugin_versions"]) {
                warnings_.push_back({{path_, line}, "required_plugin_versions is ignored: there are no plugins"});
            } else {
                throw ItemError("an item is neither a rule nor a macro nor a list");
            }
        } catch (const YAML::Exception& error) {
            report(line, label + error.msg);
        } catch (const ItemError& error) {
            report(line, label + error.what());
        }
    }

    void warn_unknown(const YAML::Node& item, const Origin& origin, const std::set<std::string>& known) {
        for (const auto& entry : item) {
            if (known.count(entry.first.Scalar()) == 0) {
                warnings_.push_back({origin, "'" + entry.first.Scalar() + "' is ignored"});
            }
        }
    }

    void check_engine_version(const YAML::Node& item) {
        int version = 0;
        if (!YAML::convert<int>::decode(item["required_engine_version"], version)) {
            throw ItemError("'required_engine_version' is not a number");
        }
        if (version > ENGINE_VERSION) {
            throw ItemError("the rules require engine version " + std::to_string(version) + ", this falco has " +
                            std::to_string(ENGINE_VERSION));
        }
    }

    void load_list(const YAML::Node& item, const Origin& origin) {
        warn_unknown(item, origin, {"list", "items", "append"});
        ListItem list{text_of(item, "list"), texts_of(item, "items"), origin};
        if (!item["items"]) {
            throw ItemError("'items' is missing");
        }
        if (flag_of(item, "append", false)) {
            ListItem& old = existing(items_.lists, list.name, "append to");
            old.items.insert(old.items.end(), list.items.begin(), list.items.end());
        } else {
            put(items_.lists, std::move(list));
        }
    }

    void load_macro(const YAML::Node& item, const Origin& origin) {
        warn_unknown(item, origin, {"macro", "condition", "append"});
        MacroItem macro{text_of(item, "macro"), text_of(item, "condition"), origin};
        if (flag_of(item, "append", false)) {
            existing(items_.macros, macro.name, "append to").condition += " " + macro.condition;
        } else {
            put(items_.macros, std::move(macro));
        }
    }

    void load_rule(const YAML::Node& item, const Origin& origin) {
        warn_unknown(item, origin,
                     {"rule", "desc", "condition", "output", "priority", "source", "tags", "enabled", "append"});
        RuleItem rule;
        rule.origin = origin;
        rule.name = text_of(item, "rule");
        if (flag_of(item, "append", false)) {
            existing(items_.rules, rule.name, "append to").condition += " " + text_of(item, "condition");
            return;
        }
        rule.enabled = flag_of(item, "enabled", true);
        if (item["enabled"] && item.size() == 2) {
            existing(items_.rules, rule.name, "switch").enabled = rule.enabled;
            return;
        }
        rule.desc = text_of(item, "desc");
        rule.condition = text_of(item, "condition");
        rule.output = text_of(item, "output");
        rule.priority = text_of(item, "priority");
        rule.tags = texts_of(item, "tags");
        if (item["source"]) {
            rule.source = text_of(item, "source");
        }
        put(items_.rules, std::move(rule));
    }

    std::string path_;
    RuleItems& items_;
    std::vector<Problem>& warnings_;
    std::vector<Problem> errors_;
};

}  // namespace

std::vector<Problem> load_rules_file(const std::string& path, RuleItems& items, std::vector<Problem>& warnings) {
    return FileLoader(path, items, warnings).load();
}

std::string to_string(const Problem& problem) {
    const std::string place =
        problem.origin.line > 0 ? problem.origin.file + ":" + std::to_string(problem.origin.line) : problem.origin.file;
    return place + ": " + problem.text;
}

}  // namespace falco
