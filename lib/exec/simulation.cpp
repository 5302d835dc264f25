#include "weft/simulation.hpp"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "env/simulated.hpp"
#include "exec/pool_core.hpp"
#include "weft/errors.hpp"

namespace weft {

namespace {

pool_options simulated_options(unsigned workers, environment& env) {
  pool_options o;
  o.threads = workers ? workers : 1;
  o.env = &env;
  return o;
}

struct root_end : detail::completion {
  root_end() noexcept : completion{&root_end::on_end} {}
  static std::coroutine_handle<> on_end(detail::completion& c, detail::promise_base&) noexcept {
    detail::current_pool()->root_ended(nullptr);
    static_cast<root_end&>(c).ended = true;
    return std::noop_coroutine();
  }
  bool ended = false;
};

}  // namespace

struct simulation::state {
  state(std::uint64_t s, options o) : seed(s), limits(o), env(s) {}

  weft::pool& add(std::unique_ptr<weft::pool> p) {
    members.push_back({std::move(p), false, {}});
    members.back().busy_until.resize(members.back().pool->size());
    lined_up = false;
    return *members.back().pool;
  }

  /// Who takes turns: the workers of the pools that are not paused.
  void line_up() {
    turns.clear();
    for (std::size_t m = 0; m < members.size(); ++m)
      for (unsigned w = 0; !members[m].paused && w < members[m].pool->size(); ++w) turns.push_back({m, w});
  }

  void pause(const weft::pool& p, bool paused) {
    for (member& m : members)
      if (m.pool.get() == &p) m.paused = paused;
    lined_up = false;
  }

  void mix(std::uint64_t v) noexcept {
    hash ^= v + 0x9e3779b97f4a7c15u + (hash << 6) + (hash >> 2);
    hash *= 0xff51afd7ed558ccdu;
    hash ^= hash >> 32;
  }

  /// Lets every worker try, in an order beginning with a random one; false when none found anything.
  bool step() {
    if (!std::exchange(lined_up, true)) line_up();
    const std::size_t n = turns.size();
    std::size_t next = static_cast<std::size_t>(env.random() % n);
    for (std::size_t k = 0; k < n; ++k, next = next + 1 == n ? 0 : next + 1) {
      at = turns[next];
      if (busy_until(at) > env.elapsed() || !members[at.member].pool->core().step(at.worker)) continue;
      if (limits.longest_step.count() > 0)
        env.pass(static_cast<std::int64_t>(env.random() % static_cast<std::uint64_t>(limits.longest_step.count())));
      mix(at.member << 16 | at.worker);
      mix(static_cast<std::uint64_t>(env.elapsed().count()));
      ++steps;
      return true;
    }
    return false;
  }

  bool drained() const {
    return std::ranges::all_of(members, [](const member& m) { return m.pool->core().wait_drained(0); });
  }
  /// When there may be something to do again: a worker has computed its task, or a timer is due where one is free.
  std::int64_t next_time() const {
    const std::int64_t now = env.now_ns();
    std::int64_t next = detail::timer_queue::never;
    for (const member& m : members) {
      bool any_free = false;
      for (const std::chrono::nanoseconds until : m.busy_until) {
        if (until <= env.elapsed())
          any_free = true;
        else if (!m.paused)
          next = std::min(next, now + (until - env.elapsed()).count());
      }
      if (any_free && !m.paused) next = std::min(next, m.pool->core().next_timer());
    }
    return next;
  }
  std::exception_ptr take_error() {
    std::exception_ptr first;
    for (const member& m : members)
      if (std::exception_ptr error = m.pool->core().take_error(); !first) first = std::move(error);
    return first;
  }

  struct member {
    std::unique_ptr<weft::pool> pool;
    bool paused;
    std::vector<std::chrono::nanoseconds> busy_until;  // by worker
  };
  struct turn {
    std::size_t member;
    unsigned worker;
  };
  std::chrono::nanoseconds& busy_until(turn t) noexcept { return members[t.member].busy_until[t.worker]; }
  const std::uint64_t seed;
  const options limits;
  detail::simulated_environment env;
  std::vector<member> members;
  std::vector<turn> turns;
  turn at{};  // whose turn it is
  bool lined_up = false;
  std::uint64_t hash = 0xcbf29ce484222325u;
  std::uint64_t steps = 0;
};

simulation::simulation(std::uint64_t seed, options o) : state_(std::make_unique<state>(seed, o)) {
  add_pool(o.workers);
}
simulation::~simulation() = default;

weft::pool& simulation::add_pool(unsigned workers) {
  auto core = std::make_unique<detail::pool_core>(simulated_options(workers, state_->env), true);
  return state_->add(std::unique_ptr<weft::pool>(new weft::pool(core.release())));
}
weft::pool& simulation::pool() const noexcept { return *state_->members.front().pool; }
void simulation::pause(weft::pool& p) { state_->pause(p, true); }
void simulation::go_on(weft::pool& p) { state_->pause(p, false); }

void simulation::keep_busy(std::chrono::nanoseconds time) {
  detail::pool_core* const core = detail::current_pool();
  if (!core) throw misuse("weft: simulation.keep_busy was called outside its run");
  core->spend(time);
  std::chrono::nanoseconds& until = state_->busy_until(state_->at);
  until = std::max(until, state_->env.elapsed()) + time;
}

void simulation::run_root(detail::promise_base& p, void* frame) {
  state& s = *state_;
  root_end end;
  p.on_finished = &end;
  p.end = detail::ending::call;
  p.stop = &core().stop();
  core().spawn_root(frame, p.band, core().options().max_waiting);
  const auto who = [&s] { return "weft: simulation with seed " + std::to_string(s.seed); };
  for (;;) {
    if (s.step()) {
      if (s.steps > s.limits.step_limit)
        throw misuse(who() + " has not ended after " + std::to_string(s.steps) + " steps");
      continue;
    }
    if (s.drained()) break;
    const std::int64_t next = s.next_time();
    if (next == detail::timer_queue::never)
      throw misuse(who() + " is deadlocked after " + std::to_string(s.steps) +
                   " steps: tasks are left, and wait for what no timer brings");
    s.env.advance_to(next);
  }
  if (std::exception_ptr error = s.take_error()) std::rethrow_exception(error);
}

void simulation::measure_memory_by(std::function<std::uint64_t()> gauge) { state_->env.gauge = std::move(gauge); }
std::uint64_t simulation::seed() const noexcept { return state_->seed; }
std::chrono::nanoseconds simulation::elapsed() const noexcept { return state_->env.elapsed(); }
std::uint64_t simulation::hash() const noexcept { return state_->hash; }
std::uint64_t simulation::steps() const noexcept { return state_->steps; }
detail::pool_core& simulation::core() const noexcept { return pool().core(); }
std::uint64_t simulation::random() noexcept { return state_->env.random(); }

}  // namespace weft
