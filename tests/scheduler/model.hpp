#pragma once

/// Workers and clients as the scheduler sees them, in a few hundred lines, and a network between that delays as the
/// seed says. A value is a hash of the task and its inputs' values, so that there is one right answer for each.
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "scheduler/core.hpp"

namespace weft::test::scheduling {

using namespace weft::net;

/// splitmix64 (Steele, Lea, Flood 2014).
struct random_source {
  std::uint64_t state;
  std::uint64_t next() noexcept {
    std::uint64_t z = (state += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
  std::uint64_t below(std::uint64_t n) noexcept { return next() % n; }
  bool chance(std::uint64_t percent) noexcept { return below(100) < percent; }
};

inline std::uint64_t mix(std::uint64_t a, std::uint64_t b) noexcept {
  random_source r{a ^ (b * 0xff51afd7ed558ccd)};
  return r.next();
}

inline void require(bool holds, const std::string& what) {
  if (!holds) throw std::logic_error(what);
}

/// What a task's function does, by its offset.
enum behaviour : std::uint64_t { always_works = 16, sometimes_fails = 32, always_fails = 48 };

class world;

struct model_worker {
  struct task {
    std::uint32_t attempt = 0;
    std::uint64_t offset = 0;
    std::vector<input_ref> inputs;
    bool executing = false;
    task_id offered = 0;      // itself, where its submitter gives its value
    std::uint64_t value = 0;  // what it will make: it took its inputs when it began
  };
  peer_id self = 0;
  std::uint32_t slots = 1;
  worker_mode mode = worker_mode::running;
  std::map<task_id, task> tasks;
  std::map<task_id, std::uint64_t> values;
  std::map<task_id, peer_id> remote;  // where values are that tasks here take
  std::set<task_id> asked;            // missing_value was said, value_at has not come
  std::map<task_id, peer_id> copies;  // copy_value that has not been done
  std::set<task_id> promises;         // value_at, or the value itself, is to come
  std::set<task_id> early;            // of values: pushed before value_at
  std::map<task_id, std::set<peer_id>> pushes;
  batch_writer out;

  void receive(world& w, batch_reader& in);
  void pushed(task_id id, std::uint64_t value);
  bool takes(task_id id) const;
  void say_added(task_id id, std::uint64_t bytes);
  void step(world& w, random_source& random, bool calm);
  void lose_input(task_id id);
  bool lacks(world& w, const task& t) const;
};

struct model_client {
  enum class state { pending, finished, failed, cancelled };
  struct future {
    state at = state::pending;
    bool wanted = false;
  };
  std::map<task_id, peer_id> gives;  // what it has offered, and the worker that may ask for it
  peer_id self = 0;
  std::uint64_t next = 1;
  std::map<task_id, future> futures;  // that it has not released
  std::set<peer_id> known;
  batch_writer out;
};

/// Everything together. Throws std::logic_error when something is not as it must be.
class world {
 public:
  world(std::uint64_t seed, const scheduler_options& options);

  /// Chaos for so many steps, then calm; at the end nothing is left.
  void run(std::size_t steps);
  std::uint64_t hash() const noexcept { return hash_; }
  const scheduler_core& scheduler() const noexcept { return core_; }
  /// What had happened when calm began.
  const scheduler_statistics& seen() const noexcept { return seen_; }
  std::uint64_t expected(task_id id) const { return expected_.at(id); }

  model_worker* find_worker(peer_id p);
  /// Whether who has offered the value knows that this worker is to have it.
  bool gives(task_id id, peer_id to) const;

 private:
  friend struct model_worker;
  void add_worker();
  void add_client();
  void lose(peer_id p, bool expected);
  void submit_some(model_client& c);
  void client_step(model_client& c);
  void client_receives(model_client& c, batch_reader& in);
  void client_hears(model_client& c, std::uint16_t kind, const batch_reader& in);
  void deliver_to_core(peer_id p);
  void deliver_from_core(peer_id p);
  void collect();
  void check();
  void step(bool calm);
  std::string describe() const;
  void note(std::uint64_t n) noexcept { hash_ = mix(hash_, n); }

  std::uint64_t seed_;
  random_source random_;
  scheduler_core core_;
  time_ns now_ = 0;
  std::map<peer_id, model_worker> workers_;
  std::map<peer_id, model_client> clients_;
  std::map<peer_id, model_client> submitters_;  // workers whose tasks submit tasks, by the worker
  scheduler_statistics seen_;
  std::map<peer_id, std::deque<std::vector<std::byte>>> to_core_, from_core_;
  std::map<task_id, std::uint64_t> expected_, behaviours_;
  std::map<task_id, std::vector<task_id>> inputs_;
  std::uint64_t hash_ = 0;
  std::size_t named_ = 0, steps_ = 0;
};

}  // namespace weft::test::scheduling
