// SPDX-License-Identifier: Apache-2.0
#include "formats.h"

#include <algorithm>
#include <cctype>
#include <stdexcept>

#include "fields.h"

namespace falco {

namespace {

bool is_field_char(char c) {
    return isalnum(static_cast<unsigned char>(c)) != 0 || c == '.' || c == '_';
}

std::string value_or_na(const std::string& field, const Event& event) {
    return field_value(field, event).value_or("<NA>");
}

}  // namespace

OutputFormat::OutputFormat(const std::string& text) {
    size_t pos = 0;
    std::string plain;
    while (pos < text.size()) {
        if (text[pos] != '%') {
            plain += text[pos++];
            continue;
        }
        size_t end = pos + 1;
        while (end < text.size() && is_field_char(text[end])) {
            ++end;
        }
        // A full stop behind a field ends the sentence.
        while (end > pos + 1 && text[end - 1] == '.') {
            --end;
        }
        const std::string name = text.substr(pos + 1, end - pos - 1);
        if (name.empty()) {
            // A percent sign of its own, as in "90% full".
            plain += text[pos++];
            continue;
        }
        if (find_field(name) == nullptr) {
            throw std::runtime_error("unknown field '%" + name + "' (see falco --list)");
        }
        pieces_.push_back({false, plain});
        pieces_.push_back({true, name});
        plain.clear();
        pos = end;
    }
    pieces_.push_back({false, plain});
}

std::string OutputFormat::format(const Event& event) const {
    std::string text;
    for (const Piece& piece : pieces_) {
        text += piece.field ? value_or_na(piece.text, event) : piece.text;
    }
    return text;
}

std::vector<std::pair<std::string, std::string>> OutputFormat::values(const Event& event) const {
    std::vector<std::pair<std::string, std::string>> values;
    for (const Piece& piece : pieces_) {
        const bool known = std::any_of(values.begin(), values.end(),
                                       [&](const auto& value) { return value.first == piece.text; });
        if (piece.field && !known) {
            values.emplace_back(piece.text, value_or_na(piece.text, event));
        }
    }
    return values;
}

}  // namespace falco
