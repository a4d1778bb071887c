// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <exception>

#include "app.h"
#include "options.h"

int main(int argc, char** argv) {
    try {
        return falco::run(falco::parse_options(argc, argv));
    } catch (const std::exception& error) {
        fprintf(stderr, "Runtime error: %s. Exiting.\n", error.what());
        return 1;
    }
}
