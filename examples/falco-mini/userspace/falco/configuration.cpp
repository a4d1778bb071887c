// SPDX-License-Identifier: Apache-2.0
#include "configuration.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "config_falco.h"

namespace falco {

namespace {

namespace fs = std::filesystem;

/// The configuration's root, with reading by `a.b` and errors that name the key.
class Reader {
public:
    Reader(std::string path, YAML::Node root) : path_(std::move(path)), root_(std::move(root)) {}

    bool flag(const std::string& key, bool otherwise) const {
        const YAML::Node value = find(key);
        bool flag = otherwise;
        if (value && !YAML::convert<bool>::decode(value, flag)) {
            fail(key, "is neither true nor false");
        }
        return flag;
    }

    std::string text(const std::string& key, const std::string& otherwise) const {
        const YAML::Node value = find(key);
        if (!value) {
            return otherwise;
        }
        if (!value.IsScalar()) {
            fail(key, "is not a text");
        }
        return value.Scalar();
    }

    Priority priority(const std::string& key, Priority otherwise) const {
        const std::string name = text(key, priority_name(otherwise));
        const auto priority = parse_priority(name);
        if (!priority) {
            fail(key, "is '" + name + "', none of emergency, alert, critical, error, warning, notice, info, debug");
        }
        return *priority;
    }

    /// A list, or a single text.
    std::vector<std::string> texts(const std::string& key) const {
        const YAML::Node value = find(key);
        std::vector<std::string> texts;
        if (!value || value.IsNull()) {
            return texts;
        }
        if (value.IsScalar()) {
            texts.push_back(value.Scalar());
            return texts;
        }
        for (const YAML::Node& entry : value) {
            if (!value.IsSequence() || !entry.IsScalar()) {
                fail(key, "is not a list of texts");
            }
            texts.push_back(entry.Scalar());
        }
        return texts;
    }

    [[noreturn]] void fail(const std::string& key, const std::string& what) const {
        throw std::runtime_error(path_ + ": " + key + " " + what);
    }

private:
    YAML::Node find(const std::string& key) const {
        YAML::Node node = YAML::Clone(root_);
        size_t start = 0;
        while (node && node.IsMap()) {
            const size_t dot = key.find('.', start);
            node.reset(node[key.substr(start, dot == std::string::npos ? dot : dot - start)]);
            if (dot == std::string::npos) {
                return node;
            }
            start = dot + 1;
        }
        return YAML::Node(YAML::NodeType::Undefined);
    }

    std::string path_;
    YAML::Node root_;
};

void override_key(YAML::Node root, const std::string& setting) {
    const size_t equals = setting.find('=');
    if (equals == std::string::npos || equals == 0) {
        throw std::runtime_error("-o takes key=value, not '" + setting + "'");
    }
    const std::string key = setting.substr(0, equals);
    YAML::Node node = root;
    size_t start = 0;
    for (size_t dot = key.find('.'); dot != std::string::npos; dot = key.find('.', start)) {
        node.reset(node[key.substr(start, dot - start)]);
        start = dot + 1;
    }
    node[key.substr(start)] = setting.substr(equals + 1);
}

YAML::Node load_yaml(const std::string& path) {
    std::ifstream stream(path);
    if (!stream) {
        throw std::runtime_error("cannot read the configuration " + path + "; name another with -c");
    }
    try {
        YAML::Node root = YAML::Load(stream);
        if (root.IsNull()) {
            root = YAML::Node(YAML::NodeType::Map);
        }
        if (!root.IsMap()) {
            throw std::runtime_error(path + ": not a map of settings");
        }
        return root;
    } catch (const YAML::Exception& error) {
        throw std::runtime_error(path + ":" + std::to_string(error.mark.line + 1) + ": not YAML: " + error.msg);
    }
}

}  // namespace

std::vector<std::string> expand_rules_path(const std::string& path) {
    std::error_code error;
    if (!fs::is_directory(path, error)) {
        if (!fs::exists(path, error)) {
            throw std::runtime_error("the rules file " + path + " does not exist");
        }
        return {path};
    }
    std::vector<std::string> files;
    for (const auto& entry : fs::directory_iterator(path)) {
        const std::string extension = entry.path().extension();
        if (entry.is_regular_file() && (extension == ".yaml" || extension == ".yml")) {
            files.push_back(entry.path());
        }
    }
    std::sort(files.begin(), files.end());
    return files;
}

Configuration load_configuration(const std::string& path, const std::vector<std::string>& overrides,
                                 const std::vector<std::string>& rules_files) {
    const YAML::Node root = load_yaml(path);
    for (const std::string& setting : overrides) {
        try {
            override_key(root, setting);
        } catch (const YAML::Exception&) {
            throw std::runtime_error("-o " + setting + ": a part of the key is no map in " + path);
        }
    }
    const Reader reader(path, root);
    Configuration config;
    for (const std::string& entry : rules_files.empty() ? reader.texts("rules_file") : rules_files) {
        const auto files = expand_rules_path(entry);
        config.rules_files.insert(config.rules_files.end(), files.begin(), files.end());
    }
    if (config.rules_files.empty()) {
        reader.fail("rules_file", "names no file; add one, or give -r");
    }
    config.time_format_iso_8601 = reader.flag("time_format_iso_8601", config.time_format_iso_8601);
    config.json_output = reader.flag("json_output", config.json_output);
    config.json_include_output_property =
        reader.flag("json_include_output_property", config.json_include_output_property);
    config.priority = reader.priority("priority", config.priority);
    config.log_stderr = reader.flag("log_stderr", config.log_stderr);
    config.log_level = reader.priority("log_level", config.log_level);
    config.buffered_outputs = reader.flag("buffered_outputs", config.buffered_outputs);
    config.stdout_enabled = reader.flag("stdout_output.enabled", config.stdout_enabled);
    config.file_enabled = reader.flag("file_output.enabled", config.file_enabled);
    config.file_keep_alive = reader.flag("file_output.keep_alive", config.file_keep_alive);
    config.file_name = reader.text("file_output.filename", "");
    if (config.file_enabled && config.file_name.empty()) {
        reader.fail("file_output.filename", "is missing, and file_output is enabled");
    }
    config.device = reader.text("driver.device", FALCO_DRIVER_DEVICE);
    return config;
}

}  // namespace falco
