#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cluster/processes/network.hpp"
#include "scheduler/options.hpp"
#include "transport/link.hpp"
#include "worker/core.hpp"

namespace weft::net::processes {

/// What may go wrong in a run.
enum class fault_kind : std::uint8_t {
  cut,           // both sides learn
  cut_one,       // one side learns
  cut_silently,  // none does, until it has waited too long
  partition,     // a process from the others
  one_way,       // nothing gets out of it, what goes in does
  clog,          // what is sent between two processes arrives much later
  slow_reader,
  pause,           // a process takes no steps for a while
  crash,           // a worker; another begins
  crash_silently,  // with its host: nobody is told
  stop,            // a worker leaves as its process is told to end
  retire,          // a worker asks to be let go in order
  client_dies,
  disk_errors,      // of a worker
  scheduler_dies,   // or its host, and all that it knew; another begins where it was, with nothing
  scheduler_stops,  // in order, as its process is told to end; and another begins
};
inline constexpr std::size_t fault_kinds = 16;
std::string_view name_of(fault_kind k) noexcept;

struct fault {
  fault_kind kind;
  time_ns at, lasts;
  std::uint64_t chance;  // whom it befalls, and how: of its own, so that one may be taken away from among others
  bool operator==(const fault&) const = default;
};

/// What the clients' programs do.
struct program_options {
  std::uint32_t tasks = 30;  // of each client
  std::uint32_t most_words = 1000;
  std::chrono::microseconds longest_run{1000};
  bool failures = false, submitters = false, cancels = false, layers = false, replicas = false, deadlines = false;
  std::uint32_t calls = 0;  // under leases, of each client
  std::uint32_t slots = 1;  // of a lease, at most: so many has each worker
};

/// A run, to the last detail: what a seed stands for, and what shrinking makes smaller.
struct plan {
  std::uint64_t seed = 0;
  std::uint32_t chance = 0;  // the order in which things happen, and how long they take on their way
  std::uint32_t workers = 2, clients = 1;
  std::uint32_t most_threads = 2;
  std::uint64_t memory = much_memory;  // of a worker, for values: what is more is on its disk
  std::uint64_t offered_bytes = 0;     // what is scattered goes straight to a worker from this size on
  std::vector<fault> faults;           // in the order of their times
  time_ns quiet_at = 0;                // no fault begins later, and all but the lack of a scheduler end then
  std::chrono::nanoseconds longest_step{0};
  bool traced = false;                  // says on standard error what goes wrong, and who ends
  std::optional<fault_kind> forbidden;  // that there is none counts as an invariant: for tests of tests
  program_options program;
  stream_network::options network;
  link_options link;
  scheduler_options scheduler;
  worker_limits limits;

  bool has(fault_kind k) const noexcept {
    return std::any_of(faults.begin(), faults.end(), [k](const fault& f) { return f.kind == k; });
  }
  bool loses_scheduler() const noexcept {
    return has(fault_kind::scheduler_dies) || has(fault_kind::scheduler_stops);
  }
  static constexpr std::uint64_t much_memory = std::uint64_t{1} << 28;
};

plan plan_of(std::uint64_t seed);
std::string describe(const plan& p);

}  // namespace weft::net::processes
