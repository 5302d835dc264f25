#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "env/child.hpp"
#include "support/test_directory.hpp"

/// A cluster of real processes, to be treated badly: the command `weft`, and the program of
/// tests/package/cluster_consumer.
namespace faults {

using weft::detail::child_process;
using words = std::vector<std::string>;

/// All of a file; empty if there is none.
std::string read_file(const std::string& path);
/// Looks until `is` says yes. Fails the test when that takes more than `within`: `what` says what did not come, and
/// `log` is shown.
void wait_until(const std::string& what, const std::function<bool()>& is, const std::string& log = {},
                std::chrono::seconds within = std::chrono::seconds(30));
/// The sum of all numbers that JSON has under a name; -1 where there are none.
long sum_of(const std::string& json, const std::string& name);

class cluster {
 public:
  /// A scheduler; `flags` behind its own.
  explicit cluster(words flags = {}, bool tls = false);

  /// Starts a worker of one thread, and waits until the scheduler has one more. Its process, or its nanny's.
  child_process start_worker(const std::string& name, words flags = {}, bool with_nanny = false);
  /// A client that is the program, with arguments of its own. What it says goes to the file `name`.
  child_process start_client(const std::string& name, words arguments, words flags = {});
  /// What `weft info --json` prints; empty when it fails.
  std::string info() const;
  long number(const std::string& name) const { return sum_of(info(), name); }
  /// Waits until it is `wanted`.
  void wait_for(const std::string& name, const std::function<bool(long)>& wanted);
  long workers() const;
  void wait_for_workers(long count);
  /// The text of a file that a process wrote to.
  std::string said(const std::string& name) const { return read_file(place_ / name); }
  /// Waits for a process to end, and for its status.
  int status_of(child_process& p, const std::string& name,
                std::chrono::seconds within = std::chrono::seconds(60)) const;
  /// With certificates, where there are any.
  words with_identity(words command) const;

  const std::string& address() const noexcept { return address_; }
  std::string certificates() const { return tls_ ? place_ / "certificates" : std::string(); }
  const test_directory& place() const noexcept { return place_; }
  child_process scheduler;

 private:
  test_directory place_;
  bool tls_;
  std::string address_;
};

/// The only child of a process.
int child_of(int process);
/// Whether a process is there, and is no zombie.
bool lives(int process);

}  // namespace faults
