// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "event.h"
#include "logger.h"

namespace falco {

using EventSink = std::function<void(const Event&)>;

/// Where events come from. The caller polls `fd()` and calls `read` when it is readable; while there is no
/// descriptor (-1), it calls `read` once a second.
class EventSource {
public:
    virtual ~EventSource() = default;
    virtual int fd() const = 0;
    /// Hands over what is there, and does not wait for more. Returns false at the end of a trace.
    /// Throws std::runtime_error for a fault in the data.
    virtual bool read(const EventSink& sink) = 0;
};

/// A text trace (see parse_trace_line); `-` is the standard input. Throws std::runtime_error when it cannot be opened.
std::unique_ptr<EventSource> open_trace(const std::string& path);

/// The kernel module's device, which may appear and vanish while falco runs.
std::unique_ptr<EventSource> open_device(const std::string& path, const Logger& log);

/// Stands in for the BPF probe: says whether the object is there and is one. This falco has no loader for it, so it
/// gives no events.
std::unique_ptr<EventSource> open_probe(const std::string& path, const Logger& log);

/// The probe that the environment asks for: FALCO_BPF_PROBE is a path, or empty for ~/.falco/falco-bpf.o.
std::optional<std::string> probe_from_environment();

}  // namespace falco
