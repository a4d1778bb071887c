// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdio>
#include <map>
#include <memory>
#include <string>

#include "configuration.h"
#include "falco_engine.h"

namespace falco {

/// Where alerts go: the standard output and a file. A line each:
/// `<time>: <Priority> <output>`, or a JSON object.
class Outputs {
public:
    /// Throws std::runtime_error when the file cannot be opened.
    explicit Outputs(const Configuration& config);

    void alert(const Rule& rule, const Event& event);
    /// Opens the file anew, after it was moved away.
    void reopen();
    void flush();

private:
    struct Close {
        void operator()(FILE* file) const { fclose(file); }
    };
    using File = std::unique_ptr<FILE, Close>;

    std::string line(const Rule& rule, const Event& event) const;
    File open_file() const;
    void write(FILE* to, const std::string& text) const;

    Configuration config_;
    File file_;
};

/// How often which rule fired. Printed at the end.
class Statistics {
public:
    void count(const Rule& rule);
    std::string summary() const;

private:
    unsigned long total_ = 0;
    std::map<Priority, unsigned long> by_priority_;
    std::map<std::string, unsigned long> by_rule_;
};

}  // namespace falco
