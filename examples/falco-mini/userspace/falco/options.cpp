// SPDX-License-Identifier: Apache-2.0
#include "options.h"

#include <getopt.h>

#include <charconv>
#include <stdexcept>

#include "config_falco.h"

namespace falco {

namespace {

// Long options without a letter.
enum : int { VERSION = 256, LIST, IGNORED };

/// Options of Falco 0.32 that make no difference here are taken, so that a command line written for it works.
constexpr option LONG_OPTIONS[] = {
    {"help", no_argument, nullptr, 'h'},
    {"version", no_argument, nullptr, VERSION},
    {"daemon", no_argument, nullptr, 'd'},
    {"list", optional_argument, nullptr, LIST},
    {"option", required_argument, nullptr, 'o'},
    {"pidfile", required_argument, nullptr, 'P'},
    {"print", required_argument, nullptr, 'p'},
    {"unbuffered", no_argument, nullptr, 'U'},
    {"validate", required_argument, nullptr, 'V'},
    {"cri", required_argument, nullptr, IGNORED},
    {"disable-cri-async", no_argument, nullptr, IGNORED},
    {"disable-source", required_argument, nullptr, IGNORED},
    {"enable-source", required_argument, nullptr, IGNORED},
    {"k8s-api", required_argument, nullptr, IGNORED},
    {"k8s-api-cert", required_argument, nullptr, IGNORED},
    {"k8s-node", required_argument, nullptr, IGNORED},
    {"mesos-api", required_argument, nullptr, IGNORED},
    {"print-base64", no_argument, nullptr, IGNORED},
    {"snaplen", required_argument, nullptr, IGNORED},
    {"stats-interval", required_argument, nullptr, IGNORED},
    {"userspace", no_argument, nullptr, IGNORED},
    {nullptr, 0, nullptr, 0},
};
// A leading colon: getopt_long tells a missing argument from an unknown option, and prints nothing.
constexpr char SHORT_OPTIONS[] = ":hc:r:V:e:o:p:P:D:T:t:l:LM:dUv" "AbiuN" "k:K:m:s:S:";

unsigned parse_seconds(const std::string& text) {
    unsigned seconds = 0;
    const auto result = std::from_chars(text.data(), text.data() + text.size(), seconds);
    if (result.ec != std::errc() || result.ptr != text.data() + text.size() || seconds == 0) {
        throw std::runtime_error("-M takes a number of seconds, not '" + text + "'");
    }
    return seconds;
}

}  // namespace

Options parse_options(int argc, char** argv) {
    Options options;
    options.config_file = FALCO_CONFIG_FILE;
    optind = 1;
    for (;;) {
        const int letter = getopt_long(argc, argv, SHORT_OPTIONS, LONG_OPTIONS, nullptr);
        if (letter == -1) {
            break;
        }
        const std::string value = optarg == nullptr ? "" : optarg;
        switch (letter) {
            case 'h':
                options.help = true;
                break;
            case VERSION:
                options.version = true;
                break;
            case LIST:
                options.list_fields = true;
                break;
            case 'L':
                options.describe_all_rules = true;
                break;
            case 'l':
                options.describe_rule = value;
                break;
            case 'c':
                options.config_file = value;
                break;
            case 'o':
                options.overrides.push_back(value);
                break;
            case 'r':
                options.rules_files.push_back(value);
                break;
            case 'V':
                options.validate_files.push_back(value);
                break;
            case 'e':
                options.trace = value;
                break;
            case 'D':
                options.disabled_substrings.push_back(value);
                break;
            case 'T':
                options.disabled_tags.push_back(value);
                break;
            case 't':
                options.only_tags.push_back(value);
                break;
            case 'p':
                options.print = value;
                break;
            case 'P':
                options.pidfile = value;
                break;
            case 'M':
                options.duration = parse_seconds(value);
                break;
            case 'd':
                options.daemonize = true;
                break;
            case 'U':
                options.unbuffered = true;
                break;
            case 'v':
                options.verbose = true;
                break;
            case ':':
                throw std::runtime_error(std::string("the option ") + argv[optind - 1] + " needs a value; see --help");
            case '?':
                throw std::runtime_error(std::string("unknown option ") + argv[optind - 1] + "; see --help");
            default:
                break;
        }
    }
    if (optind < argc) {
        throw std::runtime_error(std::string("unexpected argument '") + argv[optind] + "'; see --help");
    }
    return options;
}

std::string usage() {
    return "Falco version: " FALCO_VERSION
           "\n"
           "Usage: falco [options]\n"
           "\n"
           "  -h, --help              show this text\n"
           "  --version               show the versions of falco and of its driver\n"
           "  -c FILE                 configuration (default " FALCO_CONFIG_FILE
           ")\n"
           "  -r FILE|DIR             rules in place of the configuration's; repeatable\n"
           "  -V, --validate FILE     check rules files and end; repeatable, read in order\n"
           "  -e FILE                 replay a text trace (- is the standard input) and end\n"
           "  -o, --option KEY=VALUE  set a configuration key, nested as a.b=value; repeatable\n"
           "  -D SUBSTRING            disable the rules whose name holds it; repeatable\n"
           "  -t TAG, -T TAG          run only, or disable, the rules with this tag; repeatable\n"
           "  -p, --print FORMAT      c, k or m: put the container's, pod's or task's fields into outputs;\n"
           "                          anything else is added to each output\n"
           "  -L, -l RULE             describe all rules, or one, and end\n"
           "  --list                  show the fields that conditions and outputs may name, and end\n"
           "  -M SECONDS              end after this time\n"
           "  -P, --pidfile FILE      write the process id there\n"
           "  -d, --daemon            run in the background\n"
           "  -U, --unbuffered        write each alert at once\n"
           "  -v                      say more\n"
           "Taken for the sake of existing command lines, without effect here: -A -b -i -k -K -m -N -s -S -u\n"
           "  --cri --disable-cri-async --disable-source --enable-source --k8s-api --k8s-api-cert --k8s-node\n"
           "  --mesos-api --print-base64 --snaplen --stats-interval --userspace\n"
           "\n"
           "Without -e, events come from the kernel module's " FALCO_DRIVER_DEVICE
           " until SIGTERM or SIGINT.\n"
           "SIGHUP reads configuration and rules anew, SIGUSR1 reopens the output file.\n";
}

}  // namespace falco
