#include "cluster/simulation/world.hpp"

#include <algorithm>
#include <exception>
#include <utility>

namespace weft::net::simulation {

namespace {
constexpr time_ns second = 1'000'000'000;
/// In so much time after the last fault every future must end.
constexpr time_ns longest = 300 * second;
/// And when all is let go, so much later nothing may be left: peers may be silent, and must be found out.
constexpr time_ns longest_rest = 60 * second;
constexpr std::uint64_t most_steps = 50'000'000;
}  // namespace

world::world(const plan& p) : plan_(p), parts_(p.seed, p.network) {
  parts_.sessions = p.sessions;
  parts_.between_hosts = p.between_hosts;
  parts_.turn_cost = p.turn_cost;
  parts_.resume = p.resume;
  parts_.traced = p.traced;
  parts_.hashed = !p.program.simple;
  parts_.scheduler = parts_.net.add_node();
  scheduler_ = std::make_unique<scheduler_process>(parts_, parts_.scheduler, p.scheduler);
  scheduler_->check_every(p.check_every);
  for (std::uint32_t n = 0; n < p.workers; ++n) {
    const simulated_node at = parts_.net.add_node();
    workers_.push_back(std::make_unique<worker_process>(parts_, at, n, p.engine_of(n), p.limits));
    workers_.back()->on_killed = [this](worker_process& w) { crash(w, false); };
    workers_.back()->start();
  }
  for (std::uint32_t n = 0; n < p.clients; ++n) {
    program_options o = p.program;
    o.tasks = p.tasks / p.clients + (n == 0 ? p.tasks % p.clients : 0);
    const simulated_node at = parts_.net.add_node();
    clients_.push_back(std::make_unique<client_process>(parts_, at, n, p.seed * 31 + n, o));
    if (!p.faults.empty() || p.program.killers) clients_.back()->losses_are_possible();
    clients_.back()->start();
  }
  client_dead_.resize(p.clients);
  states_.resize(p.faults.size());
  for (std::size_t f = 0; f < p.faults.size(); ++f) parts_.time.at(p.faults[f].at, *this, fault_begins, f);
  parts_.time.at(p.quiet_at, *this, all_faults_end);
}

world::~world() = default;

// ---- faults ------------------------------------------------------------------------------------------------------

process& world::any_process(std::uint64_t which) {
  which %= 1 + workers_.size() + clients_.size();
  if (which == 0) return *scheduler_;
  if (which <= workers_.size()) return *workers_[which - 1];
  return *clients_[which - 1 - workers_.size()];
}

/// Mostly the scheduler, sometimes a worker.
simulated_node world::other_end(const process& p, std::uint64_t which) {
  if (p.node() != parts_.scheduler && which % 4 != 0) return parts_.scheduler;
  const simulated_node at = any_worker(which / 4).node();
  return at == p.node() ? parts_.scheduler : at;
}

void world::crash(worker_process& w, bool silent) {
  if (!w.alive()) return;
  w.stop(silent);
  const auto number = static_cast<std::uint64_t>(
      std::find_if(workers_.begin(), workers_.end(), [&](const auto& x) { return x.get() == &w; }) -
      workers_.begin());
  parts_.time.at(parts_.time.now() + static_cast<time_ns>(parts_.random.between(1, 1'000'000'000)), *this, fault_ends,
                 number | std::uint64_t{1} << 63);
}

void world::fire(std::uint8_t what, std::uint64_t argument) {
  switch (what) {
    case fault_begins:
      if (!faults_over_) begin_fault(argument);
      return;
    case fault_ends:
      if (argument >> 63) {
        worker_process& w = *workers_[argument << 1 >> 1];
        if (!w.alive()) w.start();
        return;
      }
      return end_fault(argument);
    case all_faults_end:
      for (std::size_t f = 0; f < plan_.faults.size(); ++f) end_fault(f);
      faults_over_ = true;
      return;
  }
}

void world::begin_fault(std::uint64_t number) {
  const fault& f = plan_.faults[number];
  ++did_;
  const time_ns until = std::min(parts_.time.now() + f.lasts, plan_.quiet_at);
  parts_.time.at(until, *this, fault_ends, number);
  process& p = any_process(f.a);
  simulated_network& net = parts_.net;
  switch (f.kind) {
    case fault_kind::cut:
      net.cut(p.node(), other_end(p, f.b), f.b >> 8, true, true);
      return;
    case fault_kind::cut_one:
      net.cut(p.node(), other_end(p, f.b), f.b >> 8, f.b >> 40 & 1, !(f.b >> 40 & 1));
      return;
    case fault_kind::cut_silently:
      net.cut(p.node(), other_end(p, f.b), f.b >> 8, false, false);
      return;
    case fault_kind::partition:
    case fault_kind::one_way: {
      std::vector<std::uint8_t> side;
      for (std::size_t n = 0; n < 1 + workers_.size() + clients_.size(); ++n) side.push_back(mix(f.a, n) % 4 == 0);
      states_[number] = net.partition(std::move(side), f.kind == fault_kind::partition) + 1u;
      return;
    }
    case fault_kind::clog:
      net.clog(p.node(), other_end(p, f.b), until);
      return;
    case fault_kind::slow_reader:
      net.slow_reader(p.node(), 1 + f.b % 5000, static_cast<time_ns>(1 + f.b % 20'000'000));
      return;
    case fault_kind::refuse:
      net.refuse(p.node(), true);
      return;
    case fault_kind::pause:
      p.pause(until - parts_.time.now());
      return;
    case fault_kind::crash:
      return crash(any_worker(f.a), false);
    case fault_kind::crash_silently:
      return crash(any_worker(f.a), true);
    case fault_kind::lose_value:
      any_worker(f.a).lose_value(f.b);
      return;
    case fault_kind::disk_full:
      any_worker(f.a).disk_full(true);
      return;
    case fault_kind::busy:
      any_worker(f.a).busy(true);
      return;
    case fault_kind::retire: {
      const peer_id w = any_worker(f.a).self();
      // One at least stays, to take the others' values.
      if (w != 0 && scheduler_->core().knows(w) && retired_ + 1 < workers_.size()) {
        ++retired_;
        scheduler_->run([&](scheduler_core& c) { c.retire(parts_.time.now(), w); });
      }
      return;
    }
    case fault_kind::replicate: {
      const auto values = clients_[f.a % clients_.size()]->finished_ids();
      scheduler_->run([&](scheduler_core& c) { c.replicate(parts_.time.now(), values, 2); });
      return;
    }
    case fault_kind::rebalance:
      scheduler_->run([&](scheduler_core& c) { c.rebalance(parts_.time.now()); });
      return;
    case fault_kind::hide: {
      const simulated_node worker = any_worker(f.b).node(), client = clients_[f.a % clients_.size()]->node();
      net.hide(worker, client, true);
      while (net.cut(worker, client, 0, true, true)) {}
      states_[number] = 1;
      return;
    }
    case fault_kind::client_dies: {
      const std::size_t n = f.a % clients_.size();
      if (std::count(client_dead_.begin(), client_dead_.end(), false) > 1 && !client_dead_[n]) {
        client_dead_[n] = true;
        clients_[n]->stop(f.b & 1);
      }
      return;
    }
  }
}

void world::end_fault(std::uint64_t number) {
  const fault& f = plan_.faults[number];
  process& p = any_process(f.a);
  switch (f.kind) {
    case fault_kind::partition:
    case fault_kind::one_way:
      if (const auto wall = std::exchange(states_[number], 0); wall != 0)
        parts_.net.heal(static_cast<std::uint32_t>(wall - 1));
      return;
    case fault_kind::hide:
      if (std::exchange(states_[number], 0) != 0)
        parts_.net.hide(any_worker(f.b).node(), clients_[f.a % clients_.size()]->node(), false);
      return;
    case fault_kind::slow_reader:
      parts_.net.slow_reader(p.node(), 0, 0);
      return;
    case fault_kind::refuse:
      parts_.net.refuse(p.node(), false);
      return;
    case fault_kind::disk_full:
      any_worker(f.a).disk_full(false);
      return;
    case fault_kind::busy:
      any_worker(f.a).busy(false);
      return;
    default:
      return;
  }
}

// ---- what must hold ----------------------------------------------------------------------------------------------

bool world::all_done() const {
  for (std::size_t n = 0; n < clients_.size(); ++n)
    if (!client_dead_[n] && !clients_[n]->done()) return false;
  return true;
}

bool world::at_rest() const {
  if (!scheduler_->at_rest()) return false;
  for (const auto& w : workers_)
    if (!w->alive() || !w->in_session() || !w->at_rest() || !scheduler_->has_session_with(w->self())) return false;
  for (std::size_t n = 0; n < clients_.size(); ++n)
    if (!client_dead_[n] && (!clients_[n]->in_session() || !clients_[n]->at_rest())) return false;
  return scheduler_->core().workers().size() == workers_.size();
}

/// Nothing is on its way: what clients take for finished must be somewhere.
void world::check_finished() const {
  for (std::size_t n = 0; n < clients_.size(); ++n) {
    if (client_dead_[n]) continue;
    for (const task_id id : clients_[n]->finished_ids())
      if (std::none_of(workers_.begin(), workers_.end(), [&](const auto& w) { return w->has(id); }) &&
          scheduler_->core().state_of(id) == task_state::memory)
        throw violation("the value of " + name_of(id) + " is said to be there, and is nowhere");
  }
}

bool world::nothing_left() const {
  if (scheduler_->core().statistics().tasks != 0) return false;
  for (const auto& w : workers_)
    if (!w->empty()) return false;
  for (std::size_t n = 0; n < clients_.size(); ++n)
    if (!client_dead_[n] && !clients_[n]->empty()) return false;
  return true;
}

std::string world::what_is_left() {
  const scheduler_statistics s = scheduler_->core().statistics();
  std::string text =
      "\n  scheduler: " + std::to_string(s.tasks) + " tasks, " + std::to_string(s.workers) + " workers, states";
  for (const std::size_t n : s.states) text += " " + std::to_string(n);
  if (!scheduler_->at_rest()) text += ", something is on its way from it";
  for (const auto& w : workers_)
    text +=
        "\n  " + w->describe() + (w->at_rest() ? "" : ", something is on its way") + (w->alive() ? "" : " (dead)");
  for (std::size_t n = 0; n < clients_.size(); ++n) {
    text += "\n  " + clients_[n]->describe(4) + (client_dead_[n] ? " (dead)" : "");
    for (const task_id id : clients_[n]->unfinished())
      text += "\n    " + name_of(id) + ": the scheduler's state is " +
              std::to_string(static_cast<int>(scheduler_->core().state_of(id)));
  }
  return text.substr(0, 4000);
}

outcome world::run() {
  outcome o;
  try {
    simulated_time& time = parts_.time;
    time_ns let_go_at = simulated_time::never, empty_since = simulated_time::never;
    for (std::uint64_t n = 1;; ++n) {
      if (!time.step()) throw violation("nothing happens any more" + what_is_left());
      if (n > most_steps) throw violation("there is no end of events" + what_is_left());
      if (n % 64 != 0) continue;
      if (n % (plan_.check_every * 64) == 0) {
        parts_.net.check_invariants();
        if (!plan_.program.simple && at_rest()) check_finished();
      }
      if (let_go_at == simulated_time::never) {
        if (faults_over_ && all_done()) let_go_at = time.now();
        if (time.now() > plan_.quiet_at + longest)
          throw violation("tasks have not ended long after the last fault" + what_is_left());
      } else {
        if (n % (64 * workers_.size() / 2) < 64) {  // it looks at every worker
          // Among many workers some heartbeat is always on its way; nothing else takes so long.
          if (!nothing_left())
            empty_since = simulated_time::never;
          else if (empty_since == simulated_time::never)
            empty_since = time.now();
          else if (time.now() > empty_since + 5 * second)
            break;
        }
        if (time.now() > let_go_at + longest_rest)
          throw violation("all clients have let go of everything, and something is left" + what_is_left());
      }
    }
    scheduler_->core().check_invariants();
    parts_.net.check_invariants();
  } catch (const std::exception& e) {
    o.wrong = e.what();
    o.wrong +=
        "\n  (of seed " + std::to_string(plan_.seed) + ", in step " + std::to_string(parts_.time.steps()) + ")";
  }
  o.digest = parts_.time.digest();
  o.steps = parts_.time.steps();
  o.virtual_time = parts_.time.now();
  for (const auto& w : workers_)
    if (const auto* e = w->engine())
      o.tasks_run += e->ran(), o.overlaps += e->overlaps(), o.taken += e->values_taken();
  for (const auto& c : clients_) o.values_read += c->read_values(), o.unreached += c->unreached_workers();
  o.resumed = scheduler_->resumed();
  o.lost_peers = scheduler_->lost_peers();
  o.faults = did_;
  o.bytes = parts_.net.bytes_sent();
  return o;
}

outcome run(const plan& p) { return world(p).run(); }

}  // namespace weft::net::simulation
