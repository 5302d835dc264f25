#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "wire/ids.hpp"
#include "wire/messages.hpp"

namespace weft::net {

/// How the scheduler decides, and its limits. The defaults are meant to be left alone.
struct scheduler_options {
  // ---- placement ----
  /// Tasks that only bring data into memory are given to a worker up to this many for each slot; the rest waits here.
  double saturation = 1.1;
  /// More than that where tasks are short and their values small: work for this long a slot, so that no slot idles
  /// while a report and the next task are on their way.
  time_ns pipeline = 1'000'000;
  std::uint32_t most_pipelined = 4096;
  /// What counts as a small value for that, in bytes.
  std::uint64_t small_value = 64 * 1024;
  /// Small values, of at most most_inline bytes each, that are kept here for tasks that take them elsewhere: so many
  /// bytes of them.
  std::size_t kept_values = std::size_t{64} << 20;
  /// How long what nobody waits for may wait for other messages: that a small value is no longer needed, and is there
  /// where it was promised and has been pushed. 0: not at all.
  time_ns laziness = 5'000'000;
  /// A worker that has most of a task's inputs is passed over when its queue is longer than the shortest by what it
  /// costs to move them, and this.
  time_ns overload = 0;
  /// What moving values is taken to cost.
  double bytes_per_second = 1e9;
  time_ns transfer_latency = 50'000;
  /// The run time of a function that has not run yet.
  time_ns unknown_run_time = 10'000'000;
  /// Tasks that a worker is given ahead of their inputs, for each slot; more where they are short, up to `pipeline`
  /// and `most_pipelined`.
  std::uint32_t ahead = 256;
  /// A task with more inputs than this is not handed over ahead, nor looked at each time that one is.
  std::uint32_t ahead_inputs = 16;
  /// Nor is one whose inputs are being made on several workers, when one is expected to be larger than this.
  std::uint64_t most_pushed = 4096;
  /// The last task that takes a value of so many bytes may have it, on a worker: it writes its own into that memory.
  double least_given = 65536;
  /// Nor are the dependents of a task that has more than this.
  std::uint32_t ahead_dependents = 1024;
  /// A task whose inputs are at most this many, and all used by more than two tasks for each slot of the cluster, is
  /// taken for one that brings data into memory.
  std::uint32_t producer_inputs = 4;
  /// A worker with nothing to do takes from others at most this often, and from queues at least this long.
  time_ns steal_interval = 2'000'000;
  time_ns steal_least = 4'000'000;
  std::uint32_t steal_most = 4096;
  /// A paused worker has one value that is offered on its way; when that needs longer than this, another submitter's
  /// may be besides.
  time_ns slow_offer = 1'000'000'000;

  /// A graph is entered as long as it has fewer unfinished tasks than this, or than 8 for each slot of the cluster;
  /// while a worker has nothing to do, than 16 times as many. Where a layer's call takes n KiB it is n + 1 times
  /// smaller; coroutines, and what was to wait for one, do not count.
  std::uint64_t frontier = 8192;

  // ---- failure ----
  /// A task that ran on this many workers (127 at most) as they were lost fails.
  std::uint32_t allowed_losses = 3;
  /// Tasks that no worker may run fail when there has been none for this long; 0: they wait. The rest of their graph,
  /// as far as none may run it either, fails with them. Values that are offered, and fit only into workers that are
  /// paused, or leased while others run, wait for these without a limit.
  time_ns no_worker_limit = 0;
  /// A worker that was not heard of for this long (and for ten heartbeats) is taken to be lost; 0: never.
  time_ns worker_ttl = 300'000'000'000;

  // ---- limits on what peers may do; beyond them the session ends with protocol_error ----
  std::size_t most_tasks = 100'000'000;  // at most task_table::most_tasks
  std::uint32_t most_inputs = 1u << 20;
  std::uint32_t most_call_bytes = 64u << 20;
  std::uint64_t most_number_gap = 1u << 20;
  std::uint32_t most_text = 64 * 1024;
  std::uint32_t most_modules = 4096;
  std::uint32_t most_functions = 1u << 20;
  std::uint32_t most_options = 1u << 20;
  std::uint32_t most_classes = 4096;
  std::uint32_t most_resources = 256;
  std::uint32_t most_slots = 1u << 16;
  std::uint32_t most_workers = 1u << 20;
  std::size_t most_leases = 1024;  // of one client
  std::uint32_t most_path = 64;
  /// Results up to this size travel with the report of the end, when the submitter asks for that.
  std::uint32_t most_inline = 64 * 1024;

  // ---- policies ----
  /// Copies of values that nobody needs are dropped this often; 0: never.
  time_ns reduce_interval = 2'000'000'000;
  /// Work for this long is what a cluster that adapts its size aims for.
  time_ns target_duration = 5'000'000'000;
  /// The cluster may be closed when nothing has happened for this long; 0: never.
  time_ns idle_timeout = 0;
};

/// Who begins a session.
struct peer_hello {
  std::string name, address;
  std::vector<std::byte> program;  // its build-id
  peer_role role = peer_role::client;
};
struct worker_hello : peer_hello {
  std::string host;       // of the address; empty: it has none
  std::string resources;  // `gpu=1 licence=0.5`
  std::uint32_t slots = 1;
  std::uint64_t memory = 0;        // bytes that its process may use; 0: unknown
  std::uint64_t value_memory = 0;  // that values may take of it, before a heartbeat says so; 0: unknown
  bool takes_offers = true;        // capability::offers
};

}  // namespace weft::net
