#include "cluster/simulation/plan.hpp"

#include <algorithm>

namespace weft::net::simulation {

namespace {
constexpr std::string_view names[fault_kinds] = {
    "cut",    "cut_one",   "cut_silently", "partition",      "one_way",    "clog",      "slow_reader",
    "refuse", "pause",     "crash",        "crash_silently", "lose_value", "disk_full", "busy",
    "retire", "replicate", "rebalance",    "client_dies",    "hide"};
constexpr time_ns ms = 1'000'000;
}  // namespace

std::string_view name_of(fault_kind k) noexcept { return names[static_cast<std::size_t>(k)]; }

engine_options plan::engine_of(std::uint32_t worker) const {
  simulated_random r(seed * 1000003 + worker);
  engine_options o;
  o.slots = static_cast<std::uint32_t>(1 + r.below(4));
  if (program.gpus) o.gpus = worker == 0 ? 1 : static_cast<std::uint32_t>(r.below(3));
  o.memory = r.one_in(3) ? std::uint64_t{1} << 20 : std::uint64_t{64} << 20;
  o.looked_ahead = static_cast<std::uint32_t>(1 + r.below(32));
  o.fickle = fickle;
  o.simple = program.simple;
  if (o.simple) o.slots = 16, o.memory = std::uint64_t{1} << 34;
  return o;
}

plan plan_of(std::uint64_t seed, world_size size) {
  simulated_random r(seed ^ (size == world_size::large ? 0x1a49e : 0));
  plan p;
  p.seed = seed;
  p.workers = static_cast<std::uint32_t>(2 + r.below(5));
  p.clients = static_cast<std::uint32_t>(1 + r.below(3));
  p.tasks = static_cast<std::uint32_t>(r.between(1, r.one_in(4) ? 200 : 60));
  if (size == world_size::large) {
    p.workers = 200;
    p.clients = 3;
    p.tasks = 20'000;
    p.program.largest_graph = 4000;
    p.check_every = 20'000;
  }
  p.program.longest_run_ns = static_cast<std::uint32_t>(r.between(1, 40) * static_cast<std::uint64_t>(ms));
  p.program.between = static_cast<time_ns>(r.between(1, 100)) * ms;
  p.program.gpus = r.one_in(4);
  p.program.failures = r.one_in(4);
  p.program.killers = r.one_in(8);
  p.program.submitters = r.one_in(4);
  p.program.cancels = r.one_in(4);
  p.program.onces = r.one_in(8);
  p.program.scatters = mix(seed, 84) % 2 == 0;
  p.program.graphs = mix(seed, 85) % 2 == 0;
  if (mix(seed, 86) % 2 == 0) p.scheduler.frontier = 1 + mix(seed, 87) % 20;

  p.network.latency = static_cast<time_ns>(r.between(10'000, 2'000'000));
  p.network.jitter = static_cast<time_ns>(r.below(2'000'000));
  p.network.split = r.one_in(4) ? 0.9 : 0.1;
  if (r.one_in(4)) p.network.send_buffer = static_cast<std::size_t>(r.between(2048, 16384));
  if (r.one_in(4)) p.network.bytes_per_second = 1e7;
  if (size == world_size::large) p.network.send_buffer = std::size_t{64} << 10;
  p.between_hosts = r.one_in(2);
  if (r.one_in(4)) {
    p.sessions.window_batches = static_cast<std::uint32_t>(r.between(1, 4));
    p.sessions.window_bytes = static_cast<std::size_t>(r.between(64, 10'000));
    p.sessions.ack_batches = static_cast<std::uint32_t>(r.between(1, 4));
  }
  p.sessions.compression.policy = compression_policy::off;
  p.turn_cost = static_cast<time_ns>(r.below(200'000));
  p.resume = static_cast<time_ns>(r.between(500, 4000)) * ms;
  p.fickle = r.one_in(4);

  if (r.one_in(4)) p.scheduler.ahead = static_cast<std::uint32_t>(r.below(4));
  if (r.one_in(4)) p.scheduler.pipeline = static_cast<time_ns>(r.below(50)) * ms;
  if (r.one_in(4)) p.scheduler.overload = static_cast<time_ns>(r.below(10)) * ms;
  p.scheduler.steal_interval = static_cast<time_ns>(r.between(1, 20)) * ms;
  p.scheduler.steal_least = static_cast<time_ns>(r.below(10)) * ms;
  p.scheduler.reduce_interval = static_cast<time_ns>(r.between(100, 2000)) * ms;
  if (r.one_in(4)) {
    p.limits.fetch.batch_values = static_cast<std::uint32_t>(r.between(1, 4));
    p.limits.fetch.peers = static_cast<std::uint32_t>(r.between(1, 3));
    p.limits.fetch.bytes = r.between(1000, 1'000'000);
  }

  // Each kind is in one run of four; and then it comes a few times.
  const time_ns stop = static_cast<time_ns>(r.between(500, 5000)) * ms;
  for (std::size_t k = 0; k < fault_kinds; ++k) {
    if (!r.one_in(4)) continue;
    const auto kind = static_cast<fault_kind>(k);
    std::uint64_t times = 1 + r.below(6);
    if (kind == fault_kind::client_dies) times = p.clients > 1 ? 1 : 0;
    if (size == world_size::large && (kind == fault_kind::crash || kind == fault_kind::lose_value)) times *= 5;
    for (; times > 0; --times)
      p.faults.push_back({kind, static_cast<time_ns>(r.below(static_cast<std::uint64_t>(stop))),
                          static_cast<time_ns>(r.between(1, r.one_in(3) ? 6000 : 500)) * ms, r(), r()});
  }
  if (r.one_in(8)) p.faults.clear();
  std::sort(p.faults.begin(), p.faults.end(), [](const fault& x, const fault& y) { return x.at < y.at; });
  p.quiet_at = p.faults.empty() ? 0 : stop;
  if (r.one_in(2)) p.scheduler.least_given = 0;
  return p;
}

std::string describe(const plan& p) {
  std::string text = std::to_string(p.workers) + " workers, " + std::to_string(p.clients) + " clients, " +
                     std::to_string(p.tasks) + " tasks";
  for (const auto& [on, what] :
       {std::pair(p.program.gpus, ", gpus"), std::pair(p.program.failures, ", failures"),
        std::pair(p.program.killers, ", killers"), std::pair(p.program.submitters, ", submitters"),
        std::pair(p.program.cancels, ", cancels"), std::pair(p.program.onces, ", onces"),
        std::pair(p.program.scatters, ", scatters"), std::pair(p.program.graphs, ", graphs"),
        std::pair(p.fickle, ", fickle engines")})
    if (on) text += what;
  for (const fault& f : p.faults)
    text += "\n    " + std::to_string(f.at / ms) + " ms: " + std::string(name_of(f.kind)) + " for " +
            std::to_string(f.lasts / ms) + " ms";
  return text;
}

}  // namespace weft::net::simulation
