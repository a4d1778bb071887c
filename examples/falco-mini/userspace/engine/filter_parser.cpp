// SPDX-License-Identifier: Apache-2.0
#include "filter_parser.h"

#include <map>
#include <stdexcept>
#include <string_view>

#include "fields.h"

namespace falco {

namespace {

struct Token {
    enum class Kind { Word, Quoted, Symbol, End };

    Kind kind = Kind::End;
    std::string text;
    size_t column = 0;
};

const std::map<std::string, Operator, std::less<>> OPERATORS = {
    {"=", Operator::Equal},
    {"==", Operator::Equal},
    {"!=", Operator::NotEqual},
    {"<", Operator::Less},
    {"<=", Operator::LessOrEqual},
    {">", Operator::Greater},
    {">=", Operator::GreaterOrEqual},
    {"contains", Operator::Contains},
    {"icontains", Operator::IContains},
    {"startswith", Operator::StartsWith},
    {"endswith", Operator::EndsWith},
    {"glob", Operator::Glob},
    {"in", Operator::In},
    {"exists", Operator::Exists},
};

bool compares_numbers(Operator op) {
    return op == Operator::Less || op == Operator::LessOrEqual || op == Operator::Greater ||
           op == Operator::GreaterOrEqual;
}

[[noreturn]] void fail(const std::string& what, size_t column) {
    throw std::runtime_error(what + " at column " + std::to_string(column));
}

class Lexer {
public:
    explicit Lexer(const std::string& text) : text_(text) {}

    /// With `value`, < and > begin no operator: `evt.dir = <` is a comparison with the value `<`.
    Token next(bool value) {
        pos_ = text_.find_first_not_of(" \t\r\n", pos_);
        if (pos_ == std::string::npos) {
            pos_ = text_.size();
        }
        Token token;
        token.column = pos_ + 1;
        if (pos_ == text_.size()) {
            return token;
        }
        const char c = text_[pos_];
        if (c == '"' || c == '\'') {
            const size_t end = text_.find(c, pos_ + 1);
            if (end == std::string::npos) {
                fail("a quote without end", token.column);
            }
            token.kind = Token::Kind::Quoted;
            token.text = text_.substr(pos_ + 1, end - pos_ - 1);
            pos_ = end + 1;
            return token;
        }
        if (std::string_view("(),").find(c) != std::string_view::npos) {
            token.kind = Token::Kind::Symbol;
            token.text = text_.substr(pos_++, 1);
            return token;
        }
        if (!value && std::string_view("=!<>").find(c) != std::string_view::npos) {
            const size_t length = pos_ + 1 < text_.size() && text_[pos_ + 1] == '=' ? 2 : 1;
            token.kind = Token::Kind::Symbol;
            token.text = text_.substr(pos_, length);
            pos_ += length;
            return token;
        }
        const size_t end = text_.find_first_of(value ? " \t\r\n(),\"'" : " \t\r\n(),\"'=!<>", pos_);
        token.kind = Token::Kind::Word;
        token.text = text_.substr(pos_, end == std::string::npos ? end : end - pos_);
        pos_ += token.text.size();
        return token;
    }

private:
    const std::string& text_;
    size_t pos_ = 0;
};

class Parser {
public:
    explicit Parser(const std::string& text) : lexer_(text) { advance(); }

    Filter parse() {
        Filter filter = parse_or();
        if (token_.kind != Token::Kind::End) {
            fail("expected 'and', 'or' or the end, found '" + token_.text + "'", token_.column);
        }
        return filter;
    }

private:
    /// Keeps a hostile rule from using up the stack.
    static constexpr int MAX_DEPTH = 100;

    void advance(bool value = false) { token_ = lexer_.next(value); }

    bool at(Token::Kind kind, std::string_view text) const { return token_.kind == kind && token_.text == text; }

    Filter parse_or() { return parse_sequence("or", Filter::Kind::Or, &Parser::parse_and); }
    Filter parse_and() { return parse_sequence("and", Filter::Kind::And, &Parser::parse_not); }

    Filter parse_sequence(std::string_view word, Filter::Kind kind, Filter (Parser::*part)()) {
        Filter first = (this->*part)();
        if (!at(Token::Kind::Word, word)) {
            return first;
        }
        Filter all;
        all.kind = kind;
        all.children.push_back(std::move(first));
        while (at(Token::Kind::Word, word)) {
            advance();
            all.children.push_back((this->*part)());
        }
        return all;
    }

    Filter parse_not() {
        if (++depth_ > MAX_DEPTH) {
            fail("nested more than " + std::to_string(MAX_DEPTH) + " deep", token_.column);
        }
        Filter filter;
        if (at(Token::Kind::Word, "not")) {
            advance();
            filter.kind = Filter::Kind::Not;
            filter.children.push_back(parse_not());
        } else if (at(Token::Kind::Symbol, "(")) {
            advance();
            filter = parse_or();
            expect(")");
            advance();
        } else {
            filter = parse_check_or_macro();
        }
        --depth_;
        return filter;
    }

    Filter parse_check_or_macro() {
        if (token_.kind != Token::Kind::Word || token_.text == "and" || token_.text == "or") {
            fail("expected a field, a macro, 'not' or '('" + found(), token_.column);
        }
        const Token name = token_;
        advance();
        Filter filter;
        filter.name = name.text;
        const auto op = token_.kind == Token::Kind::Quoted ? OPERATORS.end() : OPERATORS.find(token_.text);
        if (op == OPERATORS.end() || token_.kind == Token::Kind::End) {
            if (find_field(name.text) != nullptr) {
                fail("expected an operator behind the field " + name.text + found(), token_.column);
            }
            filter.kind = Filter::Kind::Macro;
            return filter;
        }
        const Field* field = find_field(name.text);
        if (field == nullptr) {
            fail("unknown field '" + name.text + "' (see falco --list)", name.column);
        }
        filter.op = op->second;
        if (compares_numbers(filter.op) && !field->number) {
            fail("the field " + name.text + " is not a number, so '" + token_.text + "' does not apply", token_.column);
        }
        if (filter.op == Operator::Exists) {
            advance();
        } else if (filter.op == Operator::In) {
            advance();
            parse_set(filter);
        } else {
            advance(true);
            filter.values.push_back(parse_value());
        }
        return filter;
    }

    void parse_set(Filter& filter) {
        expect("(");
        advance(true);
        while (!at(Token::Kind::Symbol, ")")) {
            filter.values.push_back(parse_value(true));
            if (!at(Token::Kind::Symbol, ",")) {
                expect(")");
                break;
            }
            advance(true);
        }
        advance();
    }

    std::string parse_value(bool in_set = false) {
        if (token_.kind != Token::Kind::Word && token_.kind != Token::Kind::Quoted) {
            fail("expected a value" + found(), token_.column);
        }
        std::string text = token_.text;
        advance(in_set);
        return text;
    }

    void expect(std::string_view symbol) {
        if (!at(Token::Kind::Symbol, symbol)) {
            fail("expected '" + std::string(symbol) + "'" + found(), token_.column);
        }
    }

    std::string found() const {
        return token_.kind == Token::Kind::End ? ", found the end" : ", found '" + token_.text + "'";
    }

    Lexer lexer_;
    Token token_;
    int depth_ = 0;
};

}  // namespace

Filter parse_filter(const std::string& condition) {
    return Parser(condition).parse();
}

}  // namespace falco
