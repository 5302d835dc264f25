// weft-bench: the benchmark program; docs/benchmarks.md has its contract.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <map>
#include <set>

#include "cluster.hpp"
#include "harness.hpp"

namespace {

using namespace bench;

const char* const usage =
    "usage: weft-bench --list\n"
    "       weft-bench [--json] [--quick] [--threads N] [--runs N] [--peers=no] [--against FILE.json]\n"
    "                  GROUP... | GROUP.NAME...\n"
    "\n"
    "Measures weft beside its peers, in turns, and prints the median costs and their ratio. --json prints one\n"
    "object a line instead; --against compares with such lines from another commit, and prints what moved.\n";

struct wrong_usage : std::runtime_error {
  using std::runtime_error::runtime_error;
};

struct command {
  settings how;
  bool list = false, json = false;
  std::string against;
  std::vector<std::string> names;
};

unsigned number(const std::string& flag, const char* text, unsigned least) {
  char* end = nullptr;
  const unsigned long n = text ? std::strtoul(text, &end, 10) : 0;
  if (!text || !*text || *end || text[0] == '-' || n < least || n > 1024)
    throw wrong_usage(flag + " takes a number from " + std::to_string(least) + " to 1024");
  return static_cast<unsigned>(n);
}

command parse(int argc, char** argv) {
  command c;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    const auto value = [&]() -> const char* { return i + 1 < argc ? argv[++i] : nullptr; };
    if (word == "--list")
      c.list = true;
    else if (word == "--json")
      c.json = true;
    else if (word == "--quick")
      c.how.quick = true;
    else if (word == "--peers=no")
      c.how.peers = false;
    else if (word == "--threads")
      c.how.threads = number(word, value(), 1);
    else if (word == "--runs")
      c.how.runs = static_cast<int>(number(word, value(), 1));
    else if (word == "--against") {
      const char* file = value();
      if (!file) throw wrong_usage("--against takes a file");
      c.against = file;
    } else if (word == "--help") {
      std::cout << usage;
      std::exit(0);
    } else if (word.rfind("-", 0) == 0)
      throw wrong_usage("unknown option '" + word + "'");
    else
      c.names.push_back(word);
  }
  if (!c.list && c.names.empty()) throw wrong_usage("name a group or a measurement (--list shows them)");
  return c;
}

bool selected(const measurement& m, const std::string& name) {
  return m.name == name || m.name.rfind(name + ".", 0) == 0;
}

std::vector<const measurement*> choose(const std::vector<std::string>& names) {
  std::vector<const measurement*> chosen;
  for (const std::string& name : names) {
    bool any = false;
    for (const measurement& m : all_measurements())
      if (selected(m, name)) {
        any = true;
        if (std::find(chosen.begin(), chosen.end(), &m) == chosen.end()) chosen.push_back(&m);
      }
    if (!any) throw wrong_usage("there is no measurement or group '" + name + "' (--list shows them)");
  }
  return chosen;
}

void print_head() {
  std::printf("%-28s %12s %12s %12s %-9s %12s %7s  %s\n", "measurement", "median", "min", "max", "unit", "peer",
              "ratio", "peer's name; note");
}

void print_row(const outcome& o) {
  if (o.runs == 0) {
    std::printf("%-28s %12s %12s %12s %-9s %12s %7s  %s\n", o.name.c_str(), "-", "-", "-", o.unit.c_str(), "", "",
                o.note.c_str());
    std::fflush(stdout);
    return;
  }
  char peer[32] = "", ratio[32] = "";
  if (o.peer_value) std::snprintf(peer, sizeof peer, "%.4g", *o.peer_value);
  if (o.ratio) std::snprintf(ratio, sizeof ratio, "%.3f", *o.ratio);
  std::printf("%-28s %12.4g %12.4g %12.4g %-9s %12s %7s  %s%s%s\n", o.name.c_str(), o.weft, o.min, o.max,
              o.unit.c_str(), peer, ratio, o.peer.c_str(), o.peer.empty() || o.note.empty() ? "" : "; ",
              o.note.c_str());
  std::fflush(stdout);
}

/// A field of a line that to_json wrote.
std::string field(const std::string& line, const std::string& name) {
  const std::string key = "\"" + name + "\":";
  const auto at = line.find(key);
  if (at == std::string::npos) return "";
  std::string rest = line.substr(at + key.size());
  if (!rest.empty() && rest[0] == '"') return rest.substr(1, rest.find('"', 1) - 1);
  return rest.substr(0, rest.find_first_of(",}"));
}

/// By the ratio to the peer where both have one, since the machine may be slower today; else by the cost. What lies
/// outside the other's span of runs has moved.
void compare(const std::string& file, const std::vector<outcome>& now) {
  std::ifstream in(file);
  if (!in) throw std::runtime_error("cannot open " + file);
  std::map<std::string, std::string> before;
  for (std::string line; std::getline(in, line);) before[field(line, "bench")] = line;
  std::fprintf(stderr, "\nmoved beyond the noise, against %s:\n", file.c_str());
  bool any = false;
  for (const outcome& o : now) {
    const auto found = before.find(o.name);
    if (found == before.end() || o.runs == 0 || field(found->second, "weft") == "null") continue;
    const auto value = [&](const char* name) { return std::atof(field(found->second, name).c_str()); };
    if (o.min <= value("max") && o.max >= value("min")) continue;
    any = true;
    const bool ratios = o.ratio && field(found->second, "ratio") != "null";
    const double old_value = ratios ? value("ratio") : value("weft"), new_value = ratios ? *o.ratio : o.weft;
    std::fprintf(stderr, "  %-28s %s %.4g -> %.4g (%+.0f %%)\n", o.name.c_str(), ratios ? "ratio" : o.unit.c_str(),
                 old_value, new_value, (new_value / old_value - 1) * 100);
  }
  if (!any) std::fprintf(stderr, "  nothing\n");
}

}  // namespace

int main(int argc, char** argv) {
  bench::serve_if_worker(argc, argv);
  try {
    const command c = parse(argc, argv);
    if (c.list) {
      for (const measurement& m : all_measurements()) std::printf("%-28s %s\n", m.name.c_str(), m.what.c_str());
      return 0;
    }
    const auto chosen = choose(c.names);
    if (!c.json) print_head();
    std::vector<outcome> outcomes;
    int failures = 0;
    for (const measurement* m : chosen) {
      try {
        outcomes.push_back(measure(*m, c.how));
        if (c.json)
          std::printf("%s\n", to_json(outcomes.back()).c_str()), std::fflush(stdout);
        else
          print_row(outcomes.back());
      } catch (const std::exception& e) {
        std::cerr << "weft-bench: " << m->name << ": " << e.what() << "\n";
        ++failures;
      }
    }
    if (!c.against.empty()) compare(c.against, outcomes);
    return failures ? 1 : 0;
  } catch (const wrong_usage& e) {
    std::cerr << "weft-bench: " << e.what() << "\n" << usage;
    return 2;
  } catch (const std::exception& e) {
    std::cerr << "weft-bench: " << e.what() << "\n";
    return 1;
  }
}
