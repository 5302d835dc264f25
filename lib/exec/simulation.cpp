#include "weft/simulation.hpp"

#include <string>

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
  state(std::uint64_t s, options o)
      : seed(s), limit(o.step_limit), env(s), pool(simulated_options(o.workers, env), true) {}

  void mix(std::uint64_t v) noexcept {
    hash ^= v + 0x9e3779b97f4a7c15u + (hash << 6) + (hash >> 2);
    hash *= 0xff51afd7ed558ccdu;
    hash ^= hash >> 32;
  }

  /// Lets every worker try, in random order beginning with a random one; false when none found anything.
  bool step() {
    const unsigned n = pool.size();
    const unsigned first = static_cast<unsigned>(env.random() % n);
    for (unsigned k = 0; k < n; ++k) {
      const unsigned w = (first + k) % n;
      if (pool.step(w)) {
        mix(w);
        mix(static_cast<std::uint64_t>(env.elapsed().count()));
        ++steps;
        return true;
      }
    }
    return false;
  }

  const std::uint64_t seed;
  const std::uint64_t limit;
  detail::simulated_environment env;
  detail::pool_core pool;
  std::uint64_t hash = 0xcbf29ce484222325u;
  std::uint64_t steps = 0;
};

simulation::simulation(std::uint64_t seed, options o) : state_(std::make_unique<state>(seed, o)) {}
simulation::~simulation() = default;

void simulation::run_root(detail::promise_base& p, void* frame) {
  state& s = *state_;
  root_end end;
  p.on_finished = &end;
  p.end = detail::ending::call;
  p.stop = &s.pool.stop();
  s.pool.spawn_root(frame, p.band, s.pool.options().max_waiting);
  const auto who = [&s] { return "weft: simulation with seed " + std::to_string(s.seed); };
  while (!s.pool.wait_drained(0)) {
    if (s.step()) {
      if (s.steps > s.limit) throw misuse(who() + " has not ended after " + std::to_string(s.steps) + " steps");
      continue;
    }
    const std::int64_t next = s.pool.next_timer();
    if (next == detail::timer_queue::never)
      throw misuse(who() + " is deadlocked after " + std::to_string(s.steps) +
                   " steps: tasks are left, and wait for what no timer brings");
    s.env.advance_to(next);
  }
  if (std::exception_ptr error = s.pool.take_error()) std::rethrow_exception(error);
}

void simulation::measure_memory_by(std::function<std::uint64_t()> gauge) { state_->env.gauge = std::move(gauge); }
std::uint64_t simulation::seed() const noexcept { return state_->seed; }
std::chrono::nanoseconds simulation::elapsed() const noexcept { return state_->env.elapsed(); }
std::uint64_t simulation::hash() const noexcept { return state_->hash; }
std::uint64_t simulation::steps() const noexcept { return state_->steps; }
detail::pool_core& simulation::core() const noexcept { return state_->pool; }
std::uint64_t simulation::random() noexcept { return state_->env.random(); }

}  // namespace weft
