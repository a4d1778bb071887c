// SPDX-License-Identifier: Apache-2.0
#include "app.h"

#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <fstream>
#include <memory>
#include <stdexcept>

#include "config_falco.h"
#include "configuration.h"
#include "event_source.h"
#include "falco_engine.h"
#include "falco_outputs.h"
#include "fields.h"
#include "logger.h"

namespace falco {

namespace {

using Clock = std::chrono::steady_clock;

void fail_on(const std::vector<Problem>& errors) {
    if (!errors.empty()) {
        throw std::runtime_error("could not load rules: " + to_string(errors.front()) +
                                 (errors.size() > 1 ? " (and " + std::to_string(errors.size() - 1) + " more)" : ""));
    }
}

/// `-pk` and its like fill in %container.info; other text goes behind each output.
std::string rewrite_output(const Options& options, std::string output) {
    std::string info;
    const std::string print = options.print.value_or("");
    if (print == "c" || print == "container" || print == "m" || print == "mesos") {
        info = "%container.name (id=%container.id)";
    } else if (print == "k" || print == "kubernetes") {
        info = "k8s.ns=%k8s.ns.name k8s.pod=%k8s.pod.name container=%container.id";
    }
    // Where there is nothing to fill in, the space before it goes as well.
    const std::string place = "%container.info";
    bool placed = false;
    for (size_t pos = output.find(place); pos != std::string::npos; pos = output.find(place, pos + info.size())) {
        placed = true;
        output.replace(pos, place.size(), info);
        if (info.empty() && pos > 0 && output[pos - 1] == ' ') {
            output.erase(--pos, 1);
        }
    }
    if (!print.empty() && !placed) {
        output += " " + (info.empty() ? print : info);
    }
    return output;
}

bool has_tag(const Rule& rule, const std::vector<std::string>& tags) {
    return std::any_of(rule.tags.begin(), rule.tags.end(), [&](const std::string& tag) {
        return std::find(tags.begin(), tags.end(), tag) != tags.end();
    });
}

void choose_rules(FalcoEngine& engine, const Options& options, Priority least) {
    if (!options.only_tags.empty()) {
        engine.enable([&](const Rule& rule) { return !has_tag(rule, options.only_tags); }, false);
    }
    engine.enable([&](const Rule& rule) { return has_tag(rule, options.disabled_tags); }, false);
    for (const std::string& substring : options.disabled_substrings) {
        engine.enable([&](const Rule& rule) { return rule.name.find(substring) != std::string::npos; }, false);
    }
    engine.enable([&](const Rule& rule) { return rule.priority > least; }, false);
}

/// Configuration, rules and outputs: what SIGHUP replaces as a whole.
struct Setup {
    Configuration config;
    Logger log;
    FalcoEngine engine;
    std::unique_ptr<Outputs> outputs;
};

std::unique_ptr<Setup> load_setup(const Options& options) {
    auto setup = std::make_unique<Setup>();
    setup->config = load_configuration(options.config_file, options.overrides, options.rules_files);
    Configuration& config = setup->config;
    if (options.unbuffered) {
        config.buffered_outputs = false;
    }
    setup->log.enabled = config.log_stderr;
    setup->log.iso_time = config.time_format_iso_8601;
    setup->log.level = options.verbose ? Priority::Debug : config.log_level;
    setup->log.info("Falco version " FALCO_VERSION " (driver version " FALCO_DRIVER_VERSION ")");
    setup->log.info("Falco initialized with configuration file " + options.config_file);
    for (const std::string& path : config.rules_files) {
        setup->log.info("Loading rules from file " + path);
        fail_on(setup->engine.load(path));
    }
    fail_on(setup->engine.compile([&](const std::string& output) { return rewrite_output(options, output); }));
    for (const Problem& problem : setup->engine.warnings()) {
        setup->log.warning(to_string(problem));
    }
    choose_rules(setup->engine, options, config.priority);
    setup->outputs = std::make_unique<Outputs>(config);
    return setup;
}

int validate(const std::vector<std::string>& paths) {
    FalcoEngine engine;
    std::vector<Problem> errors;
    for (const std::string& path : paths) {
        const auto more = engine.load(path);
        errors.insert(errors.end(), more.begin(), more.end());
    }
    const auto more = engine.compile([](const std::string& output) { return rewrite_output({}, output); });
    errors.insert(errors.end(), more.begin(), more.end());
    for (const Problem& problem : engine.warnings()) {
        fprintf(stderr, "Warning: %s\n", to_string(problem).c_str());
    }
    for (const std::string& path : paths) {
        const auto here = [&](const Problem& problem) { return problem.origin.file == path; };
        const auto count = std::count_if(errors.begin(), errors.end(), here);
        printf("%s: %s\n", path.c_str(), count == 0 ? "Ok" : "Invalid");
        if (count > 0) {
            printf("%d error%s:\n", static_cast<int>(count), count == 1 ? "" : "s");
        }
        for (const Problem& problem : errors) {
            if (here(problem)) {
                printf("   %s\n", to_string(problem).c_str());
            }
        }
    }
    return errors.empty() ? 0 : 1;
}

void list_fields() {
    for (const Field& field : all_fields()) {
        printf("%-28s %s\n", std::string(field.name).c_str(), std::string(field.meaning).c_str());
    }
}

void describe_rules(const FalcoEngine& engine, const Options& options) {
    bool found = false;
    for (const Rule& rule : engine.rules()) {
        if (options.describe_rule && rule.name != *options.describe_rule) {
            continue;
        }
        printf("%-50s %s\n", rule.name.c_str(), rule.desc.c_str());
        found = true;
    }
    if (options.describe_rule && !found) {
        throw std::runtime_error("no rule has the name '" + *options.describe_rule + "'; -L shows all");
    }
}

/// Blocks the signals that falco takes, so that they wait on a descriptor: this also holds for process 1 of a container.
int open_signals() {
    sigset_t signals;
    sigemptyset(&signals);
    for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGUSR1}) {
        sigaddset(&signals, number);
    }
    sigprocmask(SIG_BLOCK, &signals, nullptr);
    // A reader of our output that goes away is an error of writing, not the end.
    signal(SIGPIPE, SIG_IGN);
    const int fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
    if (fd == -1) {
        throw std::runtime_error(std::string("signalfd: ") + strerror(errno));
    }
    return fd;
}

std::unique_ptr<EventSource> open_source(const Options& options, const Setup& setup) {
    if (options.trace) {
        return open_trace(*options.trace);
    }
    if (const auto probe = probe_from_environment()) {
        return open_probe(*probe, setup.log);
    }
    return open_device(setup.config.device, setup.log);
}

/// Returns false when falco shall end.
bool handle_signals(int fd, const Options& options, std::unique_ptr<Setup>& setup) {
    signalfd_siginfo info = {};
    while (read(fd, &info, sizeof(info)) == static_cast<ssize_t>(sizeof(info))) {
        try {
            if (info.ssi_signo == SIGHUP) {
                setup->log.info("SIGHUP received, reloading");
                setup = load_setup(options);
            } else if (info.ssi_signo == SIGUSR1) {
                setup->outputs->reopen();
            } else {
                setup->log.info(std::string(info.ssi_signo == SIGINT ? "SIGINT" : "SIGTERM") + " received, exiting");
                return false;
            }
        } catch (const std::runtime_error& error) {
            setup->log.error(std::string(error.what()) + "; going on as before");
        }
    }
    return true;
}

void process_events(const Options& options, int signal_fd, std::unique_ptr<Setup> setup) {
    const auto source = open_source(options, *setup);
    const auto start = Clock::now();
    Statistics statistics;
    const EventSink sink = [&](const Event& event) {
        if (const Rule* rule = setup->engine.process(event)) {
            statistics.count(*rule);
            setup->outputs->alert(*rule, event);
        }
    };
    for (;;) {
        // poll skips a descriptor of -1.
        pollfd fds[2] = {{signal_fd, POLLIN, 0}, {source->fd(), POLLIN, 0}};
        const bool by_clock = source->fd() == -1 || options.duration;
        if (poll(fds, 2, by_clock ? 1000 : -1) == -1 && errno != EINTR) {
            throw std::runtime_error(std::string("poll: ") + strerror(errno));
        }
        if (fds[0].revents != 0 && !handle_signals(signal_fd, options, setup)) {
            break;
        }
        if ((fds[1].revents != 0 || source->fd() == -1) && !source->read(sink)) {
            break;
        }
        if (options.duration && Clock::now() - start >= std::chrono::seconds(*options.duration)) {
            break;
        }
    }
    fputs(statistics.summary().c_str(), stdout);
    setup->outputs->flush();
}

}  // namespace

int run(const Options& options) {
    if (options.help) {
        fputs(usage().c_str(), stdout);
        return 0;
    }
    if (options.version) {
        printf("Falco version: %s\nDriver version: %s\n", FALCO_VERSION, FALCO_DRIVER_VERSION);
        return 0;
    }
    if (options.list_fields) {
        list_fields();
        return 0;
    }
    if (!options.validate_files.empty()) {
        return validate(options.validate_files);
    }
    const int signal_fd = open_signals();
    auto setup = load_setup(options);
    if (options.describe_all_rules || options.describe_rule) {
        describe_rules(setup->engine, options);
        return 0;
    }
    if (options.daemonize && daemon(1, 0) == -1) {
        throw std::runtime_error(std::string("cannot go into the background: ") + strerror(errno));
    }
    if (options.pidfile) {
        std::ofstream stream(*options.pidfile);
        stream << getpid() << "\n";
        if (!stream.flush()) {
            throw std::runtime_error("cannot write the pidfile " + *options.pidfile);
        }
    }
    process_events(options, signal_fd, std::move(setup));
    return 0;
}

}  // namespace falco
