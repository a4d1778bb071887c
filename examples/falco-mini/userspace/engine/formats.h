// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "event.h"

namespace falco {

/// An alert's text: plain pieces and `%field` in turn. A field that the event does not have reads `<NA>`.
class OutputFormat {
public:
    /// Throws std::runtime_error for a field that does not exist.
    explicit OutputFormat(const std::string& text);

    std::string format(const Event& event) const;
    /// Each field of the text with its value, in the order of the text, once.
    std::vector<std::pair<std::string, std::string>> values(const Event& event) const;

private:
    struct Piece {
        bool field;
        std::string text;
    };
    std::vector<Piece> pieces_;
};

}  // namespace falco
