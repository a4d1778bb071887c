// SPDX-License-Identifier: Apache-2.0
#include "event_source.h"

#include <elf.h>
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fstream>
#include <stdexcept>
#include <utility>

#include "config_falco.h"

namespace falco {

namespace {

constexpr size_t CHUNK = 64 * 1024;
// Not in every elf.h.
constexpr uint16_t ELF_MACHINE_BPF = 247;

class Descriptor {
public:
    Descriptor() = default;
    explicit Descriptor(int fd) : fd_(fd) {}
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    ~Descriptor() { reset(-1); }

    int get() const { return fd_; }
    void reset(int fd) {
        if (fd_ > STDERR_FILENO) {
            close(fd_);
        }
        fd_ = fd;
    }

private:
    int fd_ = -1;
};

class TraceSource : public EventSource {
public:
    explicit TraceSource(const std::string& path)
        : path_(path), fd_(path == "-" ? STDIN_FILENO : open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
        if (fd_.get() == -1) {
            throw std::runtime_error("cannot read the trace " + path + ": " + strerror(errno));
        }
    }

    int fd() const override { return fd_.get(); }

    bool read(const EventSink& sink) override {
        char chunk[CHUNK];
        const ssize_t size = ::read(fd_.get(), chunk, sizeof(chunk));
        if (size == -1) {
            if (errno == EINTR || errno == EAGAIN) {
                return true;
            }
            throw std::runtime_error("cannot read the trace " + path_ + ": " + strerror(errno));
        }
        if (size == 0) {
            if (!rest_.empty()) {
                take_line(std::exchange(rest_, {}), sink);
            }
            return false;
        }
        rest_.append(chunk, static_cast<size_t>(size));
        size_t start = 0;
        for (size_t end = rest_.find('\n'); end != std::string::npos; end = rest_.find('\n', start)) {
            take_line(rest_.substr(start, end - start), sink);
            start = end + 1;
        }
        rest_.erase(0, start);
        return true;
    }

private:
    void take_line(std::string line, const EventSink& sink) {
        ++line_number_;
        if (!line.empty() && line.back() == '\r') {
            line.pop_back();
        }
        Event event;
        event.time = time_;
        try {
            if (!parse_trace_line(line, event)) {
                return;
            }
        } catch (const std::runtime_error& error) {
            throw std::runtime_error(path_ + ":" + std::to_string(line_number_) + ": " + error.what());
        }
        event.number = ++events_;
        time_ = event.time;
        sink(event);
    }

    std::string path_;
    Descriptor fd_;
    std::string rest_;
    uint64_t line_number_ = 0;
    uint64_t events_ = 0;
    uint64_t time_ = 0;
};

uint64_t now(clockid_t clock) {
    timespec time = {};
    clock_gettime(clock, &time);
    return static_cast<uint64_t>(time.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(time.tv_nsec);
}

class DeviceSource : public EventSource {
public:
    DeviceSource(std::string path, const Logger& log) : path_(std::move(path)), log_(log) { connect(); }

    int fd() const override { return fd_.get(); }

    bool read(const EventSink& sink) override {
        if (fd_.get() == -1 && !connect()) {
            return true;
        }
        char chunk[CHUNK];
        const ssize_t size = ::read(fd_.get(), chunk, sizeof(chunk));
        if (size == -1 && (errno == EINTR || errno == EAGAIN)) {
            return true;
        }
        if (size <= 0) {
            log_.warning("the driver's device " + path_ + " ended; looking for it again");
            fd_.reset(-1);
            rest_.clear();
            return true;
        }
        rest_.append(chunk, static_cast<size_t>(size));
        size_t start = 0;
        for (; rest_.size() - start >= sizeof(ppm_event); start += sizeof(ppm_event)) {
            ppm_event record;
            memcpy(&record, rest_.data() + start, sizeof(record));
            if (record.dropped > 0) {
                log_.warning("the driver lost " + std::to_string(record.dropped) + " events");
            }
            Event event = event_from_record(record, now(CLOCK_REALTIME) - now(CLOCK_MONOTONIC));
            event.number = ++events_;
            sink(event);
        }
        rest_.erase(0, start);
        return true;
    }

private:
    bool connect() {
        fd_.reset(open(path_.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
        if (fd_.get() != -1) {
            log_.info("Reading events from " + path_);
            complaint_ = 0;
            return true;
        }
        // Once for each reason, not each second.
        if (errno != complaint_) {
            complaint_ = errno;
            log_.warning("no events from the driver: " + path_ + ": " + strerror(errno) +
                         "; load it with falco-driver-loader; waiting");
        }
        return false;
    }

    std::string path_;
    Logger log_;
    Descriptor fd_;
    std::string rest_;
    uint64_t events_ = 0;
    int complaint_ = 0;
};

class SilentSource : public EventSource {
public:
    int fd() const override { return -1; }
    bool read(const EventSink&) override { return true; }
};

}  // namespace

std::unique_ptr<EventSource> open_trace(const std::string& path) {
    return std::make_unique<TraceSource>(path);
}

std::unique_ptr<EventSource> open_device(const std::string& path, const Logger& log) {
    return std::make_unique<DeviceSource>(path, log);
}

std::unique_ptr<EventSource> open_probe(const std::string& path, const Logger& log) {
    Elf64_Ehdr header = {};
    std::ifstream stream(path, std::ios::binary);
    if (!stream) {
        log.warning("no BPF probe at " + path + "; make it with falco-driver-loader bpf");
    } else if (!stream.read(reinterpret_cast<char*>(&header), sizeof(header)) ||
               memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 || header.e_machine != ELF_MACHINE_BPF) {
        log.warning(path + " is no BPF object; make it with falco-driver-loader bpf");
    } else {
        log.warning("found the BPF probe " + path + "; this falco does not load probes, so it gives no events");
    }
    return std::make_unique<SilentSource>();
}

std::optional<std::string> probe_from_environment() {
    const char* probe = getenv("FALCO_BPF_PROBE");
    if (probe == nullptr) {
        return std::nullopt;
    }
    if (*probe != '\0') {
        return probe;
    }
    const char* home = getenv("HOME");
    return std::string(home == nullptr ? "/root" : home) + "/" + FALCO_BPF_PROBE_FILE;
}

}  // namespace falco
