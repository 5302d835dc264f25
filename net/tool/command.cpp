#include "tool/command.hpp"

#include <algorithm>
#include <exception>
#include <ostream>

#include "tool/certs_command.hpp"
#include "tool/help.hpp"

namespace weft::net {
namespace {

configuration configure(const flags_read& read, const surroundings& around) {
  configuration_places places;
  places.system_file = around.system_file;
  places.environment = around.environment;
  places.file = read.value("--config", "");
  configuration c = configuration::load(places);
  assign(c, read.given);
  return c;
}

client_settings client_of(const configuration& c) {
  client_settings s = c.client();
  if (s.scheduler.empty()) s.scheduler = worker_settings().scheduler;
  return s;
}

/// Somebody who comes from Dask gives the scheduler's address where the program stands here.
bool is_address(const std::string& text) {
  const std::size_t colon = text.rfind(':');
  return text.find("://") != std::string::npos ||
         (colon != std::string::npos && text.find('/') == std::string::npos && parse_count(text.substr(colon + 1)));
}

/// A nanny can do without a program: clients bring theirs.
void expect_program(const subcommand& s, const flags_read& read) {
  const std::string name(s.name), flag = name == "worker" ? "--scheduler" : "--cluster";
  if (read.rest.empty()) {
    if (name == "worker") return;
    throw wrong_use("weft " + name + " needs a program: weft " + name + " [FLAG...] PROGRAM [ARG...]");
  }
  if (is_address(read.rest[0]))
    throw wrong_use("'" + read.rest[0] + "' is an address, and stands where the program does: weft " + name + " " +
                    flag + " " + read.rest[0] + (name == "worker" ? " [PROGRAM [ARG...]]" : " PROGRAM [ARG...]"));
}

void expect_arguments(const subcommand& s, const flags_read& read, std::size_t wanted) {
  const std::string name(s.name);
  if (read.rest.size() > wanted) {
    const std::string& more = read.rest[wanted];
    throw wrong_use("weft " + name + " has no use for '" + more + "': " +
                    (is_address(more) ? "addresses stand behind flags, see weft " + name + " --help"
                                      : "weft " + name + " [FLAG...]" + (s.arguments.empty() ? "" : " ") +
                                            std::string(s.arguments)));
  }
  if (read.rest.size() < wanted)
    throw wrong_use("weft " + name + " needs a " + std::string(s.arguments) + ": weft " + name + " [FLAG...] " +
                    std::string(s.arguments));
}

int run_certs(const flags_read& read, std::ostream& out) {
  certs_options options;
  options.directory = read.rest[0];
  options.hosts = read.values("--host");
  const std::string days = read.value("--days", "365");
  const auto number = parse_count(days);
  if (!number || *number < 1 || *number > 3650)
    throw wrong_use("flag --days is '" + days + "': give it a whole number from 1 to 3650");
  options.days = static_cast<int>(*number);
  options.name = read.value("--name", "");
  for (const std::string& role : read.values("--role")) options.roles.push_back(parse_role(role));
  options.programs = !read.has("--no-programs");
  options.force = read.has("--force");
  make_certificates(options, out);
  return 0;
}

int run_subcommand(const subcommand& s, std::span<const std::string> arguments, const surroundings& around,
                   const programs& run) {
  const flags_read read = read_flags(s.flags, arguments, s.after);
  if (read.has("--help")) {
    *around.out << help_of(s);
    return 0;
  }
  if (s.after == after_first::rest)
    expect_program(s, read);
  else if (s.arguments.ends_with("..."))
    expect_arguments(s, read, std::max<std::size_t>(read.rest.size(), 1));
  else
    expect_arguments(s, read, s.arguments.empty() ? 0 : 1);
  if (s.name == "certs") return run_certs(read, *around.out);
  const configuration c = configure(read, around);
  if (s.name == "scheduler") return run.scheduler(c.scheduler());
  if (s.name == "worker") return run.nanny(c.worker(), read.rest);
  if (s.name == "run") return run.program(client_of(c), read.rest);
  if (s.name == "retire") return run.retire(client_of(c), read.rest);
  if (s.name == "info") return run.info(client_of(c), read.has("--json"));
  *around.out << c.to_toml();
  return 0;
}

int dispatch(std::span<const std::string> arguments, const surroundings& around, const programs& run) {
  if (arguments.empty()) throw wrong_use("weft needs a command: weft --help lists them");
  const std::string& first = arguments[0];
  if (first == "--version") {
    *around.out << "weft " << around.version << '\n';
    return 0;
  }
  if (first == "--help" || first == "-h" || first == "help") {
    const subcommand* const of = arguments.size() > 1 ? find_subcommand(arguments[1]) : nullptr;
    *around.out << (of ? help_of(*of) : help_of_all());
    return 0;
  }
  if (const subcommand* const s = find_subcommand(first))
    return run_subcommand(*s, arguments.subspan(1), around, run);
  std::vector<std::string> names;
  for (const subcommand& s : all_subcommands()) names.emplace_back(s.name);
  if (first[0] == '-' && first.size() > 1) {
    const std::vector<std::string> flags = {"--help", "--version"};
    throw wrong_use(
        "unknown flag '" + first + "'" +
        suggestion(first, flags, ": flags of a command stand behind its name, as in weft scheduler --help"));
  }
  throw wrong_use("unknown command '" + first + "'" + suggestion(first, names, ": weft has " + listed(names)));
}

/// Each line of an error says who speaks.
void say(std::ostream& err, std::string_view text) {
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    // Errors of other parts begin so already.
    err << (line.substr(0, 6) == "weft: " ? "" : "weft: ") << line << '\n';
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
  }
}

}  // namespace

int command(std::span<const std::string> arguments, const surroundings& around, const programs& run) {
  try {
    const int status = dispatch(arguments, around, run);
    if (around.out->flush()) return status;
    say(*around.err, "standard output cannot be written: is the disk full?");
    return status == 0 ? 1 : status;
  } catch (const wrong_use& e) {
    say(*around.err, e.what());
    return 2;
  } catch (const std::exception& e) {
    say(*around.err, e.what());
    return 1;
  }
}

}  // namespace weft::net
