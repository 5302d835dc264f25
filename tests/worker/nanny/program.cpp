// A client for the tests of nannies, with functions and a type of its own. What it is to do is its first argument.
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <string>
#include <vector>

#include "weft/cluster.hpp"
#include "weft/weft.hpp"

int twice_in_a_library(int x);

namespace {

struct reading {
  std::string name;
  std::vector<double> values;
};

reading measure(int n) { return {PROGRAM, std::vector<double>(static_cast<std::size_t>(n), 0.5)}; }
double total(const reading& r) {
  double sum = 0;
  for (const double v : r.values) sum += v;
  return r.name == PROGRAM ? sum : -1;
}
int worker_process() { return ::getpid(); }
int twice(int x) { return twice_in_a_library(x); }

/// The first time its worker dies of it; the file remembers.
int kill_worker_once(const std::string& file) {
  if (std::ifstream(file)) return ::getpid();
  std::ofstream(file) << ::getpid() << std::endl;
  ::kill(::getpid(), SIGKILL);
  return 0;
}
/// The same by taking memory, a MiB at a time.
int eat_once(const std::string& file) {
  if (std::ifstream(file)) return ::getpid();
  std::ofstream(file) << ::getpid() << std::endl;
  std::vector<std::vector<char>> eaten;
  for (std::size_t i = 0; i < 4096; ++i) {
    eaten.emplace_back(std::size_t{1} << 20);
    std::memset(eaten.back().data(), static_cast<int>(i), eaten.back().size());
  }
  return 0;
}

std::string variable(const std::string& name) {
  const char* const value = std::getenv(name.c_str());
  return value ? value : "";
}
/// Of the worker, with blanks between its words.
std::string command_line() {
  std::ifstream in("/proc/self/cmdline", std::ios::binary);
  std::string all{std::istreambuf_iterator<char>(in), {}};
  std::replace(all.begin(), all.end(), '\0', ' ');
  return all;
}

/// Whatever worker runs it dies.
int kill_worker() {
  ::kill(::getpid(), SIGKILL);
  return 0;
}

weft::task<int> run(weft::client& c, std::span<char*> arguments) {
  const std::string what = arguments.size() > 1 ? arguments[1] : "sum",
                    file = arguments.size() > 2 ? arguments[2] : "";
  if (what == "sum") {
    auto r = c.submit(measure, 1000);
    const double t = co_await c.submit(total, r);
    const int four = co_await c.submit(twice, 2);
    std::cout << "total " << t << " twice " << four << std::endl;
  } else if (what == "who") {
    const int process = co_await c.submit(worker_process);
    std::cout << "worker " << process << std::endl;
  } else if (what == "die") {
    const int process = co_await c.submit(kill_worker_once, file);
    std::cout << "worker " << process << std::endl;
  } else if (what == "kill") {
    std::string why;
    try {
      co_await c.submit(kill_worker);
    } catch (const weft::task_failed& e) { why = e.what(); }
    std::cout << "failed: " << why << std::endl;
  } else if (what == "eat") {
    const int process = co_await c.submit(eat_once, file);
    std::cout << "worker " << process << std::endl;
  } else if (what == "variable") {
    const std::string value = co_await c.submit(variable, file);
    std::cout << file << "=" << value << std::endl;
  } else if (what == "command") {
    const std::string value = co_await c.submit(command_line);
    std::cout << "command " << value << std::endl;
  } else if (what == "hold") {  // until the file is there
    const int process = co_await c.submit(worker_process);
    std::cout << "worker " << process << std::endl;
    while (!std::ifstream(file)) co_await weft::sleep_for(std::chrono::milliseconds(10));
    const int again = co_await c.submit(twice, 3);
    std::cout << "again " << again << std::endl;
  } else {
    co_return 3;
  }
  co_return 0;
}

}  // namespace

int main(int argc, char** argv) { return weft::main(argc, argv, run); }
