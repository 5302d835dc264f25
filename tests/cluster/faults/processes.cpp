#include "cluster/faults/processes.hpp"

#include <poll.h>
#include <signal.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "env/process.hpp"

namespace faults {

namespace {

using clock = std::chrono::steady_clock;

/// Between two looks.
void breathe() { ::poll(nullptr, 0, 10); }

/// The third and the fourth field of a process's stat: its state, and its parent.
std::pair<char, int> state_of(const std::string& process) {
  const std::string stat = read_file("/proc/" + process + "/stat");
  const std::size_t name_end = stat.rfind(')');
  if (name_end == std::string::npos || name_end + 2 >= stat.size()) return {'Z', 0};
  return {stat[name_end + 2], std::atoi(stat.c_str() + name_end + 4)};
}

}  // namespace

std::string read_file(const std::string& path) {
  std::ifstream in(path);
  std::ostringstream all;
  all << in.rdbuf();
  return all.str();
}

void wait_until(const std::string& what, const std::function<bool()>& is, const std::string& log,
                std::chrono::seconds within) {
  const auto end = clock::now() + within;
  while (!is()) {
    INFO(read_file(log));
    if (clock::now() >= end) FAIL("has not come in time: " << what);
    breathe();
  }
}

long sum_of(const std::string& json, const std::string& name) {
  const std::string key = "\"" + name + "\":";
  long sum = -1;
  for (std::size_t at = json.find(key); at != std::string::npos; at = json.find(key, at + 1))
    sum = std::max(sum, 0L) + std::atol(json.c_str() + at + key.size());
  return sum;
}

int child_of(int process) {
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const std::string name = entry.path().filename();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    if (const auto [state, parent] = state_of(name); parent == process && state != 'Z')
      return std::atoi(name.c_str());
  }
  return 0;
}

bool lives(int process) { return state_of(std::to_string(process)).first != 'Z'; }

cluster::cluster(words flags, bool tls) : tls_(tls) {
  if (tls) {
    child_process certs = child_process::start({.command = {WEFT_COMMAND, "certs", certificates()},
                                                .environment = {},
                                                .output = place_ / "certs",
                                                .with_terminal = false});
    REQUIRE(certs.wait() == 0);
  }
  words command =
      with_identity({WEFT_COMMAND, "scheduler", "--listen=127.0.0.1:0", "--address-file=" + (place_ / "address")});
  command.insert(command.end(), flags.begin(), flags.end());
  scheduler = child_process::start(
      {.command = command, .environment = {}, .output = place_ / "scheduler", .with_terminal = false});
  wait_until(
      "the scheduler's address", [&] { return read_file(place_ / "address").ends_with('\n'); }, place_ / "scheduler");
  address_ = read_file(place_ / "address");
  address_.pop_back();
}

words cluster::with_identity(words command) const {
  if (tls_) command.push_back("--certificates=" + certificates());
  return command;
}

child_process cluster::start_worker(const std::string& name, words flags, bool with_nanny) {
  const long before = workers();
  words command;
  if (with_nanny) {
    command = with_identity({WEFT_COMMAND, "worker", "--scheduler=" + address_, "--name=" + name, "--threads=1"});
    command.insert(command.end(), flags.begin(), flags.end());
    command.emplace_back(WEFT_PROGRAM);
  } else {
    command = with_identity({WEFT_PROGRAM, "--worker=" + address_, "--name=" + name, "--threads=1"});
    command.insert(command.end(), flags.begin(), flags.end());
  }
  child_process w =
      child_process::start({.command = command, .environment = {}, .output = place_ / name, .with_terminal = false});
  wait_until("the worker " + name, [&] { return workers() > before; }, place_ / name);
  return w;
}

child_process cluster::start_client(const std::string& name, words arguments, words flags) {
  words command = {WEFT_PROGRAM};
  command.insert(command.end(), arguments.begin(), arguments.end());
  command.insert(command.end(), {"--cluster=" + address_, "--threads=1"});
  command = with_identity(std::move(command));
  words environment = std::move(flags);
  return child_process::start(
      {.command = command, .environment = environment, .output = place_ / name, .with_terminal = false});
}

std::string cluster::info() const {
  return weft::detail::output_of(with_identity({WEFT_COMMAND, "info", "--json", "--cluster=" + address_}), "")
      .value_or("");
}

long cluster::workers() const {
  const std::string json = info();
  long count = 0;
  for (std::size_t at = json.find("\"mode\""); at != std::string::npos; at = json.find("\"mode\"", at + 1)) ++count;
  return count;
}

void cluster::wait_for_workers(long count) {
  wait_until(std::to_string(count) + " workers", [&] { return workers() == count; }, place_ / "scheduler");
}

void cluster::wait_for(const std::string& name, const std::function<bool(long)>& wanted) {
  const auto is = [&] {
    const std::string now = info();
    std::ofstream(place_ / "info") << now;  // what is shown when it does not come
    return wanted(sum_of(now, name));
  };
  wait_until("the right number of " + name, is, place_ / "info");
}

int cluster::status_of(child_process& p, const std::string& name, std::chrono::seconds within) const {
  wait_until("the end of " + name, [&] { return p.status().has_value(); }, place_ / name, within);
  return p.wait();
}

}  // namespace faults
