#include "cluster/processes/plan.hpp"

#include <utility>

namespace weft::net::processes {

namespace {

constexpr std::string_view names[fault_kinds] = {
    "cut",         "cut_one",     "cut_silently",   "partition",      "one_way", "clog",
    "slow_reader", "pause",       "crash",          "crash_silently", "stop",    "retire",
    "client_dies", "disk_errors", "scheduler_dies", "scheduler_stops"};
constexpr time_ns ms = 1'000'000;

}  // namespace

std::string_view name_of(fault_kind k) noexcept { return names[static_cast<std::size_t>(k)]; }

plan plan_of(std::uint64_t seed) {
  simulated_random r(seed ^ 0x9c0ce55e5u);
  plan p;
  p.seed = seed;
  p.workers = static_cast<std::uint32_t>(1 + r.below(4));
  p.clients = r.one_in(3) ? 2 : 1;
  p.most_threads = static_cast<std::uint32_t>(1 + r.below(3));
  p.longest_step = std::chrono::nanoseconds(r.one_in(3) ? 0 : static_cast<std::int64_t>(r.below(20'000)));

  p.program.tasks = static_cast<std::uint32_t>(r.between(1, r.one_in(4) ? 120 : 40));
  p.program.most_words = r.one_in(3) ? 20'000 : 200;
  p.program.longest_run = std::chrono::microseconds(r.between(1, 20'000));
  p.program.failures = r.one_in(3);
  p.program.submitters = r.one_in(3);
  p.program.cancels = r.one_in(3);
  p.program.layers = r.one_in(3);
  p.program.replicas = r.one_in(4);
  if (r.one_in(3)) p.memory = std::uint64_t{1} << 20;
  p.offered_bytes = mix(seed, 84) % 3 == 0 ? std::uint64_t{64} << 10 : 100 + mix(seed, 85) % 2000;
  if (r.one_in(3)) p.program.calls = static_cast<std::uint32_t>(r.between(1, 40));
  p.program.slots = static_cast<std::uint32_t>(r.between(1, p.most_threads));
  p.program.deadlines = r.one_in(3);

  simulated_network_options& n = p.network.network;
  n.latency = static_cast<time_ns>(r.between(10'000, 1'000'000));
  n.jitter = static_cast<time_ns>(r.below(1'000'000));
  n.split = r.one_in(4) ? 0.9 : 0.1;
  if (r.one_in(4)) n.send_buffer = static_cast<std::size_t>(r.between(2048, 16384));
  if (r.one_in(4)) n.bytes_per_second = 1e7;
  p.network.together = r.one_in(2) ? static_cast<time_ns>(r.below(2'000'000)) : 0;
  p.network.on_one_host = r.one_in(2);
  if (r.one_in(4)) {
    p.link.session.window_batches = static_cast<std::uint32_t>(r.between(1, 4));
    p.link.session.window_bytes = static_cast<std::size_t>(r.between(64, 10'000));
    p.link.session.ack_batches = static_cast<std::uint32_t>(r.between(1, 4));
  }
  if (r.one_in(4)) p.link.session.frames.chunk = static_cast<std::uint32_t>(r.between(100, 10'000));

  if (r.one_in(4)) p.link.session.full_bytes = static_cast<std::size_t>(r.between(1000, 100'000));
  if (r.one_in(4)) {
    p.limits.fetch.batch_values = static_cast<std::uint32_t>(r.between(1, 4));
    p.limits.fetch.peers = static_cast<std::uint32_t>(r.between(1, 3));
    p.limits.fetch.bytes = r.between(1000, 1'000'000);
  }

  // One right answer: a task fails for what it does, not for whom it was given to.
  p.scheduler.allowed_losses = 1000;
  p.scheduler.steal_interval = static_cast<time_ns>(r.between(1, 20)) * ms;
  p.scheduler.steal_least = static_cast<time_ns>(r.below(10)) * ms;
  p.scheduler.reduce_interval = static_cast<time_ns>(r.between(100, 2000)) * ms;
  if (r.one_in(4)) p.scheduler.ahead = static_cast<std::uint32_t>(r.below(4));
  if (r.one_in(4)) p.scheduler.pipeline = static_cast<time_ns>(r.below(50)) * ms;
  if (r.one_in(4)) p.scheduler.overload = static_cast<time_ns>(r.below(10)) * ms;

  std::vector<fault_kind> kinds;
  for (std::size_t k = 0; k < fault_kinds; ++k)
    if (r.one_in(4)) kinds.push_back(static_cast<fault_kind>(k));
  if (kinds.empty() || r.one_in(6)) return p;
  p.quiet_at = static_cast<time_ns>(r.between(20, r.one_in(3) ? 5000 : 500)) * ms;
  for (std::uint64_t left = r.between(1, 12); left > 0; --left) {
    fault f{kinds[static_cast<std::size_t>(r.below(kinds.size()))], 0, 0, r()};
    f.at = static_cast<time_ns>(r.below(static_cast<std::uint64_t>(p.quiet_at)));
    f.lasts = static_cast<time_ns>(r.between(1, static_cast<std::uint64_t>(p.quiet_at - f.at)));
    const bool of_scheduler = f.kind == fault_kind::scheduler_dies || f.kind == fault_kind::scheduler_stops;
    if (of_scheduler && r.one_in(3)) f.lasts *= 50;  // now and then longer than anybody waits for it
    p.faults.push_back(f);
  }
  std::ranges::sort(p.faults, {}, &fault::at);
  return p;
}

std::string describe(const plan& p) {
  std::string text = std::to_string(p.workers) + " workers, " + std::to_string(p.clients) + " clients, " +
                     std::to_string(p.program.tasks) + " tasks of each";
  for (const auto& [on, what] :
       {std::pair(p.program.failures, ", failures"), std::pair(p.program.submitters, ", submitters"),
        std::pair(p.program.cancels, ", cancels"), std::pair(p.program.layers, ", layers"),
        std::pair(p.program.replicas, ", replicas"), std::pair(p.program.deadlines, ", deadlines"),
        std::pair(p.program.calls != 0, ", leases"), std::pair(p.memory < plan::much_memory, ", little memory")})
    if (on) text += what;
  for (const fault& f : p.faults)
    text += "\n    " + std::to_string(f.at / ms) + " ms: " + std::string(name_of(f.kind)) + " for " +
            std::to_string(f.lasts / ms) + " ms";
  return text;
}

}  // namespace weft::net::processes
