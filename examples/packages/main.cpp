// The machine's own Debian package index: parsed, summed, made a graph, and ranked, on all cores.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <sstream>
#include <string>

#include "graph.hpp"
#include "index.hpp"
#include "plain.hpp"
#include "weft/weft.hpp"

namespace {

using packages::record;
using seconds = std::chrono::duration<double>;

const char* const usage =
    "usage: packages [--input FILE] [--threads N] [--top N] [--no-check] [--quiet]\n"
    "\n"
    "Reads Debian's package index, prints the heaviest sections, the busiest maintainers and the packages with\n"
    "the highest PageRank, and checks all of it against a second, deliberately simple implementation.\n"
    "\n"
    "  --input FILE   an index in a file; without it, what apt-cache dumpavail prints\n"
    "  --threads N    workers; 0, the default: as many as this process may use\n"
    "  --top N        how many of each to print; the default is 8\n"
    "  --no-check     leaves out the check, which takes seconds\n"
    "  --quiet        no progress\n";

struct wrong_usage : std::runtime_error {
  using std::runtime_error::runtime_error;
};

struct options {
  std::string input;
  unsigned threads = 0;
  std::size_t top = 8;
  bool check = true, quiet = false;
};

unsigned number(const std::string& flag, const std::string& text) {
  char* end = nullptr;
  const unsigned long n = std::strtoul(text.c_str(), &end, 10);
  if (text.empty() || *end || text[0] == '-' || n > 100000)
    throw wrong_usage(flag + " takes a number from 0 to 100000, not '" + text + "'");
  return static_cast<unsigned>(n);
}

options parse_options(int argc, char** argv) {
  options o;
  for (int i = 1; i < argc; ++i) {
    const std::string flag = argv[i];
    const auto value = [&]() -> std::string {
      if (i + 1 == argc) throw wrong_usage(flag + " needs a value");
      return argv[++i];
    };
    if (flag == "--input")
      o.input = value();
    else if (flag == "--threads")
      o.threads = number(flag, value());
    else if (flag == "--top")
      o.top = number(flag, value());
    else if (flag == "--no-check")
      o.check = false;
    else if (flag == "--quiet")
      o.quiet = true;
    else if (flag == "--help") {
      std::cout << usage;
      std::exit(0);
    } else
      throw wrong_usage("unknown option '" + flag + "'");
  }
  return o;
}

std::string read_index(const std::string& path) {
  std::string text;
  if (!path.empty()) {
    std::ifstream in(path, std::ios::binary);
    if (!in) throw std::runtime_error("cannot open " + path);
    if (std::filesystem::is_directory(path)) throw std::runtime_error("cannot read " + path + ": it is a folder");
    try {
      text.assign(std::istreambuf_iterator<char>(in), {});
    } catch (const std::exception& e) { throw std::runtime_error("cannot read " + path + ": " + e.what()); }
    if (text.empty()) throw std::runtime_error(path + " is empty");
    return text;
  }
  std::FILE* pipe = ::popen("apt-cache dumpavail 2>/dev/null", "r");
  if (!pipe) throw std::runtime_error("cannot run apt-cache");
  char buffer[1 << 16];
  for (std::size_t n; (n = std::fread(buffer, 1, sizeof buffer, pipe)) > 0;) text.append(buffer, n);
  if (::pclose(pipe) != 0)
    throw std::runtime_error("apt-cache dumpavail failed: this is no Debian? Give an index with --input FILE");
  if (text.empty())
    throw std::runtime_error("apt-cache dumpavail printed nothing: run 'apt-get update' first, or give --input FILE");
  return text;
}

struct findings {
  std::vector<record> records;
  packages::graph graph;
  std::vector<double> rank;
  seconds parse{}, link{}, order{};
};

weft::task<findings> analyse(const std::string& text, bool quiet) {
  using clock = std::chrono::steady_clock;
  findings f;
  weft::progress_bar bar("parsing", quiet ? weft::progress_bar::style::silent : weft::progress_bar::style::guessed);
  bar.set_whole(text.size());
  auto tell = [&bar](std::size_t n) { bar.add(n); };
  const auto t0 = clock::now();
  f.records = co_await packages::parse_parallel(text, tell);
  const auto t1 = clock::now();
  f.graph = co_await packages::build(f.records);
  const auto t2 = clock::now();
  f.rank = co_await packages::rank(f.graph);
  f.parse = t1 - t0;
  f.link = t2 - t1;
  f.order = clock::now() - t2;
  co_return f;
}

template <class Map>
std::vector<std::pair<typename Map::key_type, typename Map::mapped_type>> largest(const Map& m, std::size_t n) {
  std::vector<std::pair<typename Map::key_type, typename Map::mapped_type>> v(m.begin(), m.end());
  std::sort(v.begin(), v.end(), [](const auto& a, const auto& b) {
    return a.second != b.second ? a.second > b.second : a.first < b.first;
  });
  v.resize(std::min(n, v.size()));
  return v;
}

int report(const options& o, const std::string& text, const findings& f) {
  std::map<std::string, std::uint64_t> sections, maintainers;
  std::uint64_t kib = 0;
  for (const record& r : f.records) {
    kib += r.installed_kib;
    sections[std::string(r.section)] += r.installed_kib;
    ++maintainers[std::string(r.maintainer)];
  }
  std::printf("%zu packages, %.1f GiB installed, %zu dependencies (%llu on what the index does not have)\n",
              f.records.size(), static_cast<double>(kib) / 1048576, f.graph.target.size(),
              static_cast<unsigned long long>(f.graph.unresolved));
  std::printf("\nheaviest sections\n");
  for (const auto& [name, size] : largest(sections, o.top))
    std::printf("%10.2f GiB  %s\n", static_cast<double>(size) / 1048576, name.c_str());
  std::printf("\nbusiest maintainers\n");
  for (const auto& [name, n] : largest(maintainers, o.top))
    std::printf("%10llu      %s\n", static_cast<unsigned long long>(n), name.c_str());
  std::map<std::string, double> ranks;
  for (std::size_t i = 0; i < f.rank.size(); ++i) ranks[std::string(f.graph.names[i])] = f.rank[i];
  std::printf("\nmost depended on, by PageRank\n");
  for (const auto& [name, r] : largest(ranks, o.top)) std::printf("%10.5f      %s\n", r, name.c_str());
  std::printf("\nparsed in %.0f ms (%.0f MB/s), graph in %.0f ms, ranked in %.0f ms\n", f.parse.count() * 1e3,
              static_cast<double>(text.size()) / 1e6 / f.parse.count(), f.link.count() * 1e3, f.order.count() * 1e3);
  if (!o.check) return 0;

  const auto begin = std::chrono::steady_clock::now();
  const packages::plain_totals plain = packages::plain_pass(text);
  double worst = ranks.size() == plain.rank.size() ? 0 : 1;
  for (const auto& [name, r] : plain.rank) worst = std::max(worst, std::abs(r - ranks[name]));
  const bool same = plain.records == f.records.size() && plain.installed_kib == kib &&
                    plain.edges == f.graph.target.size() && plain.section_kib == sections &&
                    plain.maintainer_packages == maintainers && worst < 1e-6;
  std::printf(
      "check: a second implementation, simple and on one thread (%.1f s), %s: every sum, and every rank within "
      "%.0e\n",
      seconds(std::chrono::steady_clock::now() - begin).count(), same ? "matches" : "DIFFERS", worst);
  return same ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const options o = parse_options(argc, argv);
    const std::string text = read_index(o.input);
    const findings f = weft::run(analyse(text, o.quiet), {.threads = o.threads});
    if (f.records.empty()) throw std::runtime_error("the index has no package in it");
    return report(o, text, f);
  } catch (const wrong_usage& e) {
    std::cerr << "packages: " << e.what() << "\n" << usage;
    return 2;
  } catch (const weft::cancelled&) {
    std::cerr << "packages: interrupted\n";
    return 130;
  } catch (const std::exception& e) {
    std::cerr << "packages: " << e.what() << "\n";
    return 1;
  }
}
