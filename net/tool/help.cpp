#include "tool/help.hpp"

#include <algorithm>
#include <utility>

namespace weft::net {
namespace {

std::vector<flag> flags_of(std::initializer_list<std::string_view> tables, std::vector<flag> others) {
  std::vector<flag> flags;
  for (const std::string_view table : tables)
    for (const setting& s : all_settings())
      if (s.table == table) flags.push_back(flag_of(s));
  flags.insert(flags.end(), others.begin(), others.end());
  return flags;
}

/// Of commands that ask the scheduler, and submit nothing.
std::vector<flag> flags_of_questions(std::vector<flag> others) {
  std::vector<flag> flags = flags_of({"client", "security"}, std::move(others));
  std::erase_if(flags, [](const flag& f) { return f.sets && f.sets->key() == "client.library"; });
  return flags;
}

flag config_flag() {
  return {"--config", "FILE", "a file of settings, over /etc/weft/weft.toml and your own",
          nullptr,    false,  "the file that WEFT_CONFIG names"};
}
flag help_flag() { return {"--help", "", "prints this", nullptr, false, {}}; }

std::vector<subcommand> make() {
  std::vector<subcommand> all;
  all.push_back({"scheduler", "", "runs the scheduler of a cluster",
                 R"(Runs the scheduler of a cluster: it knows all workers, tasks and clients, and
decides which worker does what. There is one for each cluster. It runs until
Ctrl-C, SIGTERM, or its idle timeout.
)",
                 R"(  node1$ weft certs ~/certs --host node1
  node1$ weft scheduler --certificates ~/certs --listen 0.0.0.0:8786
  node2$ weft worker --certificates ~/certs --scheduler node1:8786 ./program
)",
                 flags_of({"scheduler", "security"}, {config_flag(), help_flag()})});
  all.push_back({"worker", "[PROGRAM [ARG...]]", "runs workers on this machine",
                 R"(Runs a worker of a program of yours: the same program that the clients run, so
that it has all the functions that they submit. A worker keeps values and runs
tasks; the nanny, which this command is, watches over its process and starts it
again when it dies. All that follows PROGRAM belongs to the program. Without one
it runs the programs that clients bring, if they have the right to (weft certs);
with --library it has weft's own kernels, for clients that ask for these alone.
)",
                 R"(  node1$ weft scheduler --certificates ~/certs --listen 0.0.0.0:8786
  node2$ weft worker --certificates ~/certs --scheduler node1:8786 \
           --memory-limit 48G ./program
  node3$ weft worker --certificates ~/certs --scheduler node1:8786
)",
                 flags_of({"worker", "security"}, {config_flag(), help_flag()}), after_first::rest});
  all.push_back({"run", "PROGRAM [ARG...]", "runs a program as a client of a cluster",
                 R"(Runs a program of yours as a client of a cluster. All that follows PROGRAM
belongs to the program.
)",
                 R"(  node1$ weft scheduler --certificates ~/certs --listen 0.0.0.0:8786
  node2$ weft worker --certificates ~/certs --scheduler node1:8786 ./program
  laptop$ weft run --certificates ~/certs --cluster node1:8786 ./program 2024
)",
                 flags_of({"client", "security"}, {config_flag(), help_flag()}), after_first::rest});
  all.push_back({"certs",
                 "DIRECTORY",
                 "makes the certificates of a cluster",
                 R"(Makes an authority for a cluster, and a certificate with its key for each role.
Who has one of them is believed by the others, and all that they say to each
other is encrypted. An authority that is in the directory signs again: --force
renews what is about to expire.
)",
                 R"(  node1$ weft certs ~/certs --host node1 --host 10.0.0.1
  node1$ ssh node2 mkdir -m 700 certs
  node1$ scp ~/certs/{ca,worker,worker-key,nanny,nanny-key}.pem node2:certs/
  node2$ weft worker --certificates ~/certs --scheduler node1:8786 ./program
)",
                 {{"--host", "NAME|IP",
                   "a machine, written into the certificates for people and other programs;\n"
                   "      again for more",
                   nullptr, true, "none"},
                  {"--days", "N", "how long they are good; the authority ten times as long, 3650 at most", nullptr,
                   false, "365"},
                  {"--name", "CLUSTER", "what the authority is called", nullptr, false, "weft cluster"},
                  {"--role", "ROLE", "scheduler, worker, nanny or client: makes only this; again for more", nullptr,
                   true, "all four"},
                  {"--no-programs", "", "clients may not upload programs", nullptr, false, {}},
                  {"--force", "", "replaces certificates that are there; never the authority", nullptr, false, {}},
                  help_flag()}});
  all.push_back({"info", "", "shows what a cluster has and does",
                 R"(Asks the scheduler, and shows the workers with their threads, memory and tasks,
how many workers the work asks for, why tasks wait for a worker that is not
there, and what the nannies run that have no program of their own.
)",
                 R"(  node1$ weft scheduler --certificates ~/certs --listen 0.0.0.0:8786
  laptop$ weft info --certificates ~/certs --cluster node1:8786
)",
                 flags_of_questions(
                     {{"--json", "", "prints JSON, for programs", nullptr, false, {}}, config_flag(), help_flag()})});
  all.push_back({"retire", "WORKER...", "lets workers go",
                 R"(Lets workers go, by their names or addresses, as `weft info` shows them: they
are given no more tasks, and end when those that they have are done and others
hold their values. Until then `weft info` calls them retiring. The nanny of a
worker of its own program ends too; one that runs the programs of clients starts
another worker while there are such clients.
)",
                 R"(  laptop$ weft info --certificates ~/certs --cluster node1:8786
  laptop$ weft retire --certificates ~/certs --cluster node1:8786 node2-4711
)",
                 flags_of_questions({config_flag(), help_flag()})});
  all.push_back({"config",
                 "",
                 "prints the settings, and where each came from",
                 R"(Prints the settings that files and the environment give, as TOML, and behind
each where it came from. What it prints can be a file of settings.
)",
                 R"(  node1$ weft config > weft.toml
  node1$ scp weft.toml node2:.config/weft/
)",
                 {config_flag(), help_flag()}});
  return all;
}

std::string default_of(const flag& f) {
  if (!f.sets) return f.initial;
  settings defaults;
  std::string text = value_of(*f.sets, defaults);
  if (f.repeated) text = text.substr(1, text.size() - 2);
  if (text.size() > 2 && text.front() == '"') text = text.substr(1, text.size() - 2);
  if (text == "\"\"") text = "empty";
  // Nobody named a cluster: the commands look where a scheduler listens by default.
  if (f.sets->key() == "client.scheduler") text = worker_settings().scheduler;
  return text;
}

std::string describe(const flag& f) {
  std::string text = "  " + f.name;
  if (!f.value.empty())
    text += " " + f.value;
  else if (f.sets)
    text += ", --no-" + f.name.substr(2);
  text += "\n      " + f.says + "\n";
  const std::string initial = default_of(f);
  std::string more;
  if (f.sets) more = f.sets->key();
  if (!initial.empty()) more += (more.empty() ? "default: " : "; default: ") + initial;
  if (f.sets && !f.sets->short_variable.empty()) (more += "; variable: ") += f.sets->short_variable;
  if (!more.empty()) text += "      (" + more + ")\n";
  return text;
}

constexpr std::string_view units =
    R"(units:
  DURATION  a number with ns, us, ms, s, min, h or d: 250ms, 10s, 1.5h
  BYTES     a number, or one with K, M, G or T, powers of 1,024: 512M, 1.5G
  ADDRESS   host:port, tcp://host:port, tls://host:port, unix:/path, unix:@name
)";

}  // namespace

std::span<const subcommand> all_subcommands() {
  static const std::vector<subcommand> all = make();
  return all;
}

const subcommand* find_subcommand(std::string_view name) {
  const auto all = all_subcommands();
  const auto s = std::find_if(all.begin(), all.end(), [&](const subcommand& x) { return x.name == name; });
  return s == all.end() ? nullptr : &*s;
}

std::string help_of(const subcommand& s) {
  std::string text = ("usage: weft " + std::string(s.name)) += " [FLAG...]";
  if (!s.arguments.empty()) (text += ' ') += s.arguments;
  ((text += "\n\n") += s.about) += "\nflags:\n";
  bool has_settings = false;
  for (const flag& f : s.flags) {
    text += describe(f);
    has_settings = has_settings || f.sets;
  }
  if (has_settings) {
    (text += '\n') += units;
    text += "A setting such as " + s.flags[0].sets->key() + " is also read from files, and from the\nvariable " +
            s.flags[0].sets->variable() + "; `weft config` shows where each came from.\n";
  }
  return (text += "\nexample:\n") += s.example;
}

std::string help_of_all() {
  std::string text =
      R"(usage: weft COMMAND [ARG...]

The cluster of weft: the same program on many machines.

commands:
)";
  for (const subcommand& s : all_subcommands()) {
    (text += "  ") += s.name;
    text.append(11 - s.name.size(), ' ');
    (text += s.brief) += '\n';
  }
  return text +=
         R"(
`weft COMMAND --help` describes its flags. `weft --version` prints the version.

A cluster of two machines:
  node1$ weft certs ~/certs --host node1
  node1$ weft scheduler --certificates ~/certs --listen 0.0.0.0:8786
  node1$ ssh node2 mkdir -m 700 certs
  node1$ scp ~/certs/{ca,worker,worker-key,nanny,nanny-key}.pem node2:certs/
  node2$ weft worker --certificates ~/certs --scheduler node1:8786 ./program
  node1$ weft run --certificates ~/certs --cluster node1:8786 ./program

exit status: 0, 1 after a failure, 2 for arguments or settings that cannot be.
)";
}

}  // namespace weft::net
