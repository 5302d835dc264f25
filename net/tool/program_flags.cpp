#include "tool/program_flags.hpp"

#include <algorithm>

#include "tool/flags.hpp"

namespace weft::net {
namespace {

constexpr unsigned most_local_workers = 1024;

std::vector<flag> flags_of(std::string_view table) {
  std::vector<flag> flags;
  for (const setting& s : all_settings())
    if (s.table == table || s.table == "security") flags.push_back(flag_of(s));
  return flags;
}

/// The flag that gives a setting the value that it has.
std::string text_flag(const flag& f, settings& of) {
  const setting_slot slot = f.sets->slot(of);
  if (const auto* const yes = std::get_if<bool*>(&slot)) return **yes ? f.name : "--no-" + f.name.substr(2);
  return f.name + "=" + text_of(*f.sets, of);
}

unsigned local_workers(const std::string& argument) {
  const std::size_t equals = argument.find('=');
  if (equals == std::string::npos) return 0;
  const auto n = parse_count(argument.substr(equals + 1));
  if (!n || *n < 1 || *n > most_local_workers)
    throw wrong_use("flag --local-cluster is '" + argument.substr(equals + 1) +
                    "': give it a number of workers from 1 to " + std::to_string(most_local_workers) + ", or none");
  return static_cast<unsigned>(*n);
}

}  // namespace

program_flags parse_program_flags(std::span<char*> arguments) {
  program_flags p;
  if (arguments.empty()) return p;
  p.rest.push_back(arguments[0]);
  const std::vector<std::string> texts(arguments.begin() + 1, arguments.end());
  const auto keep = [&](std::size_t from, std::size_t to) {
    for (std::size_t i = from; i < to; ++i) p.rest.push_back(arguments[i + 1]);
  };
  const auto end = static_cast<std::size_t>(std::find(texts.begin(), texts.end(), "--") - texts.begin());
  const std::span<const std::string> ours(texts.data(), end);

  flag worker_flag = flag_of(setting_of("worker.scheduler"));
  worker_flag.name = "--worker";
  std::vector<flag> known = {flag_of(setting_of("client.scheduler")),      worker_flag,
                             flag_of(setting_of("client.library")),        flag_of(setting_of("worker.threads")),
                             flag_of(setting_of("security.certificates")), flag_of(setting_of("security.insecure"))};
  bool cluster = false;
  for (std::size_t at = 0; at < ours.size(); ++at) {
    const std::string& argument = ours[at];
    const std::string name = argument.substr(0, argument.find('='));
    if (name == "--local-cluster") {
      p.local_cluster = local_workers(argument);
      continue;
    }
    const auto f = std::find_if(known.begin(), known.end(), [&](const flag& x) { return x.name == name; });
    if (f == known.end()) {
      keep(at, at + 1);
    } else if (f->value.empty()) {
      if (name != argument) throw wrong_use("flag " + name + " takes no value");
      p.assignments.push_back({f->sets, {"true"}, f->name});
    } else {
      p.assignments.push_back({f->sets, {take_value(*f, ours, at)}, f->name});
      cluster = cluster || f->sets->table == "client";
    }
    if (name != "--worker") continue;
    // The nanny, or whoever wrote this, means the worker with all that follows: a slip must not pass unseen.
    p.worker = true;
    const std::vector<flag> behind = flags_of("worker");
    const flags_read read = read_flags(behind, ours.subspan(at + 1), after_first::flags);
    if (!read.rest.empty())
      throw wrong_use("'" + read.rest[0] +
                      "' stands behind --worker, where only flags of a worker may: arguments of the "
                      "program come before it, or behind --");
    for (const given_flag& g : read.given) p.assignments.push_back({g.what->sets, {g.value}, g.what->name});
    break;
  }
  if (p.worker && (cluster || p.local_cluster))
    throw wrong_use(std::string("flags --worker and ") + (cluster ? "--cluster" : "--local-cluster") +
                    " contradict each other: a program is a worker, or a client");
  if (cluster && p.local_cluster)
    throw wrong_use("flags --cluster and --local-cluster contradict each other: the cluster is there, or is started");
  keep(std::min(end + 1, texts.size()), texts.size());
  return p;
}

void program_flags::apply(configuration& to) const {
  if (local_cluster) {
    const std::string none;
    to.assign(setting_of("client.scheduler"), {&none, 1}, "flag --local-cluster");
  }
  for (const assignment& a : assignments) to.assign(*a.what, a.values, "flag " + a.flag);
}

std::vector<std::string> client_environment(const client_settings& s) {
  settings of;
  of.client = s;
  of.security = s.security;
  std::vector<std::string> all;
  for (const setting& x : all_settings()) {
    if (x.table != "client" && x.table != "security") continue;
    const std::string text = text_of(x, of);
    all.push_back(x.variable() + "=" + text);
    if (!x.short_variable.empty()) all.push_back(std::string(x.short_variable) + "=" + text);
  }
  return all;
}

std::vector<std::string> worker_command(std::span<const std::string> command, const worker_settings& s) {
  settings of;
  of.worker = s;
  of.worker.nanny = false;
  of.security = s.security;
  std::vector<std::string> flags = {"--worker=" + s.scheduler};
  for (const flag& f : flags_of("worker")) {
    // What is the nanny's is nothing to its workers, and their programs may be older than it.
    if (f.sets->key() == "worker.scheduler" || f.sets->name.starts_with("program")) continue;
    if (f.sets->key() == "worker.library" && !s.library) continue;
    flags.push_back(text_flag(f, of));
  }
  std::vector<std::string> all(command.begin(), command.end());
  all.insert(std::find(all.begin(), all.end(), "--"), flags.begin(), flags.end());
  return all;
}

}  // namespace weft::net
