#include "cluster/processes/world.hpp"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "client/session.hpp"
#include "weft/errors.hpp"

namespace weft::net::processes {

using namespace std::chrono_literals;

namespace {

simulation::options simulation_of(const plan& p) {
  simulation::options o;
  o.workers = 1;
  o.longest_step = p.longest_step;
  o.step_limit = 20'000'000;
  return o;
}

/// Of all chance in the run but what programs do, and the faults.
std::uint64_t chance_of(const plan& p) { return p.chance == 0 ? p.seed : mix(p.seed, p.chance); }

}  // namespace

world::world(const plan& p)
    : plan_(p), simulation_(chance_of(p), simulation_of(p)), network_(simulation_, chance_of(p), p.network) {}

world::~world() = default;

void world::note(const std::string& what) const {
  if (!plan_.traced) return;
  std::fprintf(stderr, "%12.6f s  %s\n", static_cast<double>(simulation_.elapsed().count()) / 1e9, what.c_str());
}

void world::wrong(const std::string& what) {
  note("WRONG: " + what);
  if (!wrong_.empty()) return;
  wrong_ = what + "\n  (of seed " + std::to_string(plan_.seed) + ", in step " + std::to_string(simulation_.steps()) +
           ", " + std::to_string(simulation_.elapsed().count()) + " ns)";
}

// ---- processes ---------------------------------------------------------------------------------------------------

template <class P>
P& world::begin(std::vector<std::unique_ptr<P>>& all, const std::string& name, unsigned threads) {
  all.push_back(std::make_unique<P>());
  P& p = *all.back();
  p.name = name;
  p.threads = &simulation_.add_pool(threads);
  p.node = network_.add(*p.threads, name);
  return p;
}

void world::add_scheduler() {
  scheduler_process& s = begin(schedulers_, "scheduler", 1);
  server_options o;
  o.listen.push_back(stream_network::place(s.name));
  o.core = plan_.scheduler;
  o.link = plan_.link;
  s.it = scheduler_server::make(*s.threads, std::move(o));
  s.it->start();
  s.threads->spawn(run_scheduler(*this, s));
}

void world::add_worker() {
  simulated_random dice(mix(plan_.seed, workers_.size() + 1));
  const std::uint32_t least = plan_.program.slots, most = std::max(least, plan_.most_threads);
  worker_process& w = begin(workers_, "worker-" + std::to_string(workers_.size() + 1),
                            static_cast<unsigned>(dice.between(least, most)));
  w.scheduler = schedulers_.size();
  worker_options o;
  o.scheduler = stream_network::place("scheduler");
  o.listen = stream_network::place(w.name);
  o.name = w.name;
  o.submit_by = make_nested_client;
  o.memory.memory_budget = plan_.memory;
  o.memory.spill_directory = "/disk";
  o.link = plan_.link;
  o.limits = plan_.limits;
  w.disk = std::make_unique<simulated_disk>(simulation_, *w.threads, simulated_disk::options());
  w.it = worker::make(*w.threads, std::move(o));
  w.threads->spawn(run_worker(*this, w));
}

task<> world::run_worker(world& of, worker_process& w) {
  std::string why;
  try {
    why = co_await worker::run(w.it);
  } catch (const std::exception& e) { why = e.what(); }
  w.over = true;
  of.note(w.name + " is over: " + why);
  of.changed_.set();
  if (w.told) co_return;
  if (!of.is_lost(w.scheduler)) {
    of.wrong(w.name + " has ended: " + why);
    co_return;
  }
  // As a nanny starts the next.
  of.add_worker();
}

void world::add_client() {
  simulated_random dice(mix(plan_.seed + 1, clients_.size() + 1));
  client_process& c = begin(clients_, "client-" + std::to_string(clients_.size() + 1), 1 + dice.one_in(2));
  c.threads->spawn(run_client(*this, c));
}

task<> world::run_client(world& of, client_process& c) {
  for (bool again = true; again;) again = co_await run_life(of, c);
  c.over = true;
  of.note(c.name + " is over");
  of.changed_.set();
}

/// True: it has lost its cluster, and looks for another.
task<bool> world::run_life(world& of, client_process& c) {
  const std::size_t scheduler = of.schedulers_.size();
  client_session_options o;
  o.scheduler = stream_network::place("scheduler");
  o.name = c.name;
  o.link = of.plan_.link;
  o.memory.memory_budget = std::uint64_t{256} << 20;
  o.offered_bytes = of.plan_.offered_bytes;
  std::string failed;
  bool connected = false;
  c.found.cluster_lost = false;
  try {
    const client mine = co_await connect_client(*c.threads, std::move(o));
    connected = true;
    co_await run_program(mine, of.plan_, of.plan_.seed * 1000 + 100 * c.lives++ + c.node, c.found);
  } catch (const std::exception& e) { failed = e.what(); }
  if (c.died) co_return false;
  if (!connected && of.is_lost(scheduler)) {
    of.note(c.name + " finds no cluster: " + failed);
    co_return true;
  }
  if (failed.empty() && !c.found.wrong.empty()) failed = c.found.wrong;
  const bool lost = c.found.cluster_lost;
  if (lost) of.note(c.name + " has lost its cluster");
  if (failed.empty() && lost && !of.is_lost(scheduler)) failed = "the cluster is said to be gone, and is there";
  if (!failed.empty()) of.wrong(c.name + ": " + failed);
  of.outcome_.lost_clusters += lost;
  co_return failed.empty() && lost;
}

task<> world::run_scheduler(world& of, scheduler_process& s) {
  co_await scheduler_server::run(s.it);
  s.over = true;
  of.note("a scheduler is over");
  of.changed_.set();
}

// ---- faults ------------------------------------------------------------------------------------------------------

world::process& world::any_process(simulated_random& dice) {
  std::vector<process*> all{schedulers_.back().get()};
  for (const auto& w : workers_)
    if (!w->dead && !w->over) all.push_back(w.get());
  for (const auto& c : clients_)
    if (!c->dead) all.push_back(c.get());
  return *all[static_cast<std::size_t>(dice.below(all.size()))];
}

world::worker_process* world::any_worker(simulated_random& dice) {
  std::vector<worker_process*> all;
  for (const auto& w : workers_)
    if (!w->dead && !w->told && !w->over) all.push_back(w.get());
  return all.empty() ? nullptr : all[static_cast<std::size_t>(dice.below(all.size()))];
}

world::client_process* world::any_client(simulated_random& dice) {
  std::vector<client_process*> all;
  for (const auto& c : clients_)
    if (!c->dead && !c->over) all.push_back(c.get());
  return all.empty() ? nullptr : all[static_cast<std::size_t>(dice.below(all.size()))];
}

void world::crash(process& p, bool silent) {
  note(p.name + " crashes");
  p.dead = true;
  network_.crash(p.node, silent);
  simulation_.pause(*p.threads);
}

task<> world::pause(process& p, std::chrono::nanoseconds lasts) {
  if (p.pauses++ == 0) simulation_.pause(*p.threads);
  co_await sleep_for(lasts);
  if (--p.pauses == 0 && !p.dead) simulation_.go_on(*p.threads);
}

task<> world::lose_scheduler(bool dies, bool silent, std::chrono::nanoseconds until_next) {
  if (std::exchange(scheduler_leaves_, true)) co_return;
  scheduler_process& s = *schedulers_.back();
  if (dies)
    crash(s, silent);
  else
    s.it->stop("it was told so");
  co_await sleep_for(until_next);
  add_scheduler();
  scheduler_leaves_ = false;
}

task<> world::befall(fault f) {
  const auto [kind, at, lasts, chance] = f;
  const std::chrono::nanoseconds time(lasts);
  simulated_random dice(chance);
  simulated_network& n = network_.faults();
  process &a = any_process(dice), &b = any_process(dice);
  note(std::string(name_of(kind)) + " " + a.name + ", " + b.name + " for " + std::to_string(lasts / 1'000'000) +
       " ms");
  if (plan_.forbidden == kind) wrong("there is a " + std::string(name_of(kind)) + ", which is forbidden");
  switch (kind) {
    case fault_kind::cut:
    case fault_kind::cut_one:
    case fault_kind::cut_silently:
      n.cut(a.node, b.node, dice(), kind != fault_kind::cut_silently, kind == fault_kind::cut);
      network_.look();
      break;
    case fault_kind::partition:
    case fault_kind::one_way: {
      std::vector<std::uint8_t> side(a.node + 1);
      side[a.node] = 1;
      const std::uint32_t wall = n.partition(std::move(side), kind == fault_kind::partition);
      co_await sleep_for(time);
      network_.faults().heal(wall);
      break;
    }
    case fault_kind::clog:
      n.clog(a.node, b.node, simulation_.elapsed().count() + lasts);
      break;
    case fault_kind::slow_reader:
      n.slow_reader(a.node, static_cast<std::size_t>(dice.between(1000, 20'000)),
                    static_cast<time_ns>(dice.between(10'000, 10'000'000)));
      co_await sleep_for(time);
      network_.faults().slow_reader(a.node, 0, 0);
      break;
    case fault_kind::pause:
      co_await pause(a, time);
      break;
    case fault_kind::crash:
    case fault_kind::crash_silently:
      if (worker_process* w = any_worker(dice)) {
        w->told = true;
        crash(*w, kind == fault_kind::crash_silently);
        co_await sleep_for(time);
        add_worker();
      }
      break;
    case fault_kind::stop:
    case fault_kind::retire:
      if (worker_process* w = any_worker(dice)) {
        w->told = true;
        if (kind == fault_kind::stop)
          w->it->stop("it was told so");
        else
          w->it->retire(), w->retires = true;
        add_worker();
      }
      break;
    case fault_kind::client_dies:
      if (client_process* c = any_client(dice)) {
        c->died = true;
        crash(*c, dice.one_in(2));
      }
      break;
    case fault_kind::disk_errors:
      if (worker_process* w = any_worker(dice)) {
        simulated_disk::options bad;
        bad.errors_per_million = bad.short_per_million = 200'000;
        bad.flips_per_million = bad.torn_per_million = 50'000;
        w->disk->set(bad);
        co_await sleep_for(time);
        w->disk->set({});
      }
      break;
    case fault_kind::scheduler_dies:
    case fault_kind::scheduler_stops:
      co_await lose_scheduler(kind == fault_kind::scheduler_dies, dice.one_in(2), time);
      break;
  }
  --faults_under_way_;
  changed_.set();
}

task<> world::make_faults() {
  for (const fault& f : plan_.faults) {
    const time_ns now = simulation_.elapsed().count();
    if (f.at > now) co_await sleep_for(std::chrono::nanoseconds(f.at - now));
    ++outcome_.faults;
    ++faults_under_way_;
    simulation_.pool().spawn(befall(f));
  }
  const auto all_over = [this] { return faults_under_way_ == 0; };
  co_await until(all_over);
}

// ---- a life ------------------------------------------------------------------------------------------------------

template <class Condition>
task<> world::until(Condition met) {
  while (!met()) {
    changed_.reset();
    try {
      co_await timeout(50ms, changed_.wait());
    } catch (const timed_out&) {}
  }
}

template <class Condition>
task<bool> world::within(std::chrono::seconds limit, Condition met) {
  try {
    co_await timeout(limit, until(met));
  } catch (const timed_out&) { co_return false; }
  co_return true;
}

/// Looks often while there are faults, and at first; then less and less often, to the end.
task<> world::watch() {
  constexpr std::chrono::nanoseconds first = 1ms, last = 1s;
  std::chrono::nanoseconds pause = first;
  for (;;) {
    try {
      co_await timeout(pause, watched_enough_.wait());
      co_return;
    } catch (const timed_out&) {}
    pause = faults_under_way_ != 0 ? first * 5 : std::min(pause * 5 / 4, last);
    try {
      for (const auto& s : schedulers_) s->it->check_invariants();
    } catch (const std::logic_error& e) {
      wrong(e.what());
      co_return;
    }
  }
}

task<> world::live() {
  simulation_.pool().spawn(network_.carry());
  simulation_.pool().spawn(watch());
  add_scheduler();
  for (std::uint32_t i = 0; i < plan_.workers; ++i) add_worker();
  for (std::uint32_t i = 0; i < plan_.clients; ++i) add_client();
  if (!plan_.faults.empty()) co_await make_faults();
  const auto clients_over = [this] {
    return std::ranges::all_of(clients_, [](const auto& c) { return c->over || c->dead; });
  };
  const bool in_time = co_await within(300s, clients_over);
  if (!in_time) {
    std::string who;
    for (const auto& c : clients_)
      if (!c->over && !c->dead) who += " " + c->name;
    note("the scheduler has " + net::describe(schedulers_.back()->it->look(), true));
    wrong("not over 300 s after the last fault:" + who);
  }
  const auto nothing_left = [this] {
    const scheduler_statistics has = schedulers_.back()->it->statistics();
    return has.clients + has.tasks + has.leases == 0;
  };
  if (in_time) {
    const bool empty = co_await within(60s, nothing_left);
    const scheduler_statistics has = schedulers_.back()->it->statistics();
    outcome_.restarted = has.restarted, outcome_.stolen = has.stolen, outcome_.copies = has.copies;
    const auto retired = [this] {
      return std::ranges::all_of(workers_, [](const auto& w) { return !w->retires || w->over || w->dead; });
    };
    const bool let_go = co_await within(60s, retired);
    if (!let_go) wrong("a worker that has asked to be let go is there still");
    if (!empty)
      wrong("the scheduler still has " + std::to_string(has.clients) + " clients, " + std::to_string(has.tasks) +
            " tasks, " + std::to_string(has.leases) + " leases");
  }
  co_await end();
}

task<> world::end() {
  note("the world ends");
  for (const auto& w : workers_) {
    w->told = true;
    w->it->stop("the world ends");
    // Who was dead finds that nobody can be reached any more, and gives its memory back.
    if (std::exchange(w->dead, false)) simulation_.go_on(*w->threads);
  }
  for (const auto& c : clients_)
    if (std::exchange(c->dead, false)) simulation_.go_on(*c->threads);
  const auto clients_over = [this] { return std::ranges::all_of(clients_, [](const auto& c) { return c->over; }); };
  const bool clients_ended = co_await within(120s, clients_over);
  if (!clients_ended) wrong("clients do not end");
  const auto workers_over = [this] { return std::ranges::all_of(workers_, [](const auto& w) { return w->over; }); };
  const bool workers_ended = co_await within(60s, workers_over);
  if (!workers_ended) wrong("workers do not end");
  for (const auto& s : schedulers_) {
    s->it->stop("the world ends");
    if (std::exchange(s->dead, false)) simulation_.go_on(*s->threads);
  }
  const auto over = [this] { return std::ranges::all_of(schedulers_, [](const auto& s) { return s->over; }); };
  const bool schedulers_ended = co_await within(60s, over);
  if (!schedulers_ended) wrong("a scheduler does not end");
  watched_enough_.set();
  // What links still have to say.
  co_await sleep_for(20s);
  for (const auto& w : workers_) w->it.reset();
  for (const auto& s : schedulers_) s->it.reset();
  network_.stop();
}

outcome world::run() {
  const computing here(simulation_);
  try {
    simulation_.run(live());
  } catch (const std::exception& e) { wrong(e.what()); }
  outcome& o = outcome_;
  o.wrong = wrong_;
  o.digest = mix(simulation_.hash(), network_.digest());
  o.steps = simulation_.steps();
  o.virtual_time = simulation_.elapsed().count();
  for (const auto& c : clients_) o.values += c->found.values, o.calls += c->found.calls, o.late += c->found.late;
  return o;
}

outcome run(const plan& p) {
  world w(p);
  return w.run();
}

}  // namespace weft::net::processes
