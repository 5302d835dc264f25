#pragma once

/// A scheduler and what its peers say and hear, in words: for tests that tell a short story.
#include <map>
#include <string>
#include <vector>

#include "scheduler/core.hpp"

namespace weft::test::scheduling {

using namespace weft::net;
using lines = std::vector<std::string>;

struct task_spec {
  std::vector<task_id> inputs = {};
  std::uint32_t flags = task_wanted;
  std::uint64_t offset = 64;
  std::uint64_t rank = 0;  // 0: its number
  std::uint32_t options = 0;
  std::uint16_t retries = 0;
  std::int16_t priority = 0;
};

struct script {
  /// All is said at once, but for a test of laziness.
  explicit script(scheduler_options options = {}, time_ns laziness = 0)
      : core((options.laziness = laziness, options)) {}

  scheduler_core core;
  time_ns now = 0;
  std::map<peer_id, std::vector<std::byte>> outputs;  // that were not heard yet
  std::vector<std::uint64_t> next = std::vector<std::uint64_t>(64, 1);

  peer_id client() { return core.add_client(now, {}); }
  peer_id worker(std::uint32_t slots = 1, const std::string& resources = "", const std::string& host = "h");
  /// One whose memory, in bytes, is known.
  peer_id worker_of(const std::string& name, std::uint64_t memory);

  template <class M>
  void say(peer_id p, const M& m) {
    batch_writer out;
    out.add(m);
    raw(p, out.take());
  }
  void raw(peer_id p, const std::vector<std::byte>& bytes) {
    batch_reader reader(bytes);
    try {
      core.receive(now, p, reader);
    } catch (...) {
      core.check_invariants();
      throw;
    }
    core.check_invariants();
  }
  void tick(time_ns at) {
    core.tick(now = at);
    core.check_invariants();
  }
  /// Time stands still while the scheduler goes on, as long as it wants to: so many ticks at most. Gives how many.
  int go_on(int most) {
    int ticks = 0;
    for (; ticks < most && core.deadline() <= now; ++ticks) tick(now);
    return ticks;
  }
  void lose(peer_id p, bool expected = false) {
    core.remove_peer(now, p, expected, "it broke");
    core.check_invariants();
  }

  task_id submit(peer_id p, const task_spec& spec = {});
  void options(peer_id p, std::uint32_t index, const std::string& resources, const std::string& workers = "",
               const std::string& hosts = "", bool loose = false, time_ns limit = 0, const std::string& name = "");
  void done(peer_id w, task_id id, std::uint32_t attempt = 1, std::uint64_t bytes = 8, std::uint64_t ns = 1'000'000,
            const std::string& value = "");
  void failed(peer_id w, task_id id, std::uint32_t attempt = 1, std::uint32_t flags = 0);
  void retracted(peer_id w, task_id id, std::uint32_t attempt, bool given_back);
  void added(peer_id w, task_id id);
  void missing(peer_id w, task_id id, peer_id from, std::uint32_t flags = 0);
  void beat(peer_id w, worker_mode mode = worker_mode::running, std::vector<attempt_ref> executing = {});
  /// Asks for one.
  lease_id lease(peer_id c, std::uint64_t number, std::uint32_t slots = 1, const std::string& resources = "");
  template <class List>
  void about(peer_id p, const std::vector<task_id>& ids) {
    List m{};
    m.tasks = ids;
    say(p, m);
  }

  /// What the scheduler has said to a peer since it was asked last, in words; definitions and introductions apart.
  lines heard(peer_id p, bool all = false);
};

}  // namespace weft::test::scheduling
