// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "options.h"

namespace falco {

/// Does what the options say. Returns the exit status: 0, or 1 when a validated file is invalid.
/// Throws std::runtime_error for what makes falco end with status 1.
int run(const Options& options);

}  // namespace falco
