// What a task costs the scheduler, with workers that do nothing: [.times], for a quiet machine.
#include <sys/resource.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdio>
#include <string>
#include <vector>

#include "scheduler/core.hpp"

namespace {

using namespace weft::net;

double cpu_seconds() {
  rusage u{};
  getrusage(RUSAGE_SELF, &u);
  return static_cast<double>(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
         static_cast<double>(u.ru_utime.tv_usec + u.ru_stime.tv_usec) * 1e-6;
}

struct attempt_of {
  task_id id;
  std::uint32_t attempt;
};

/// Zero workers: what they are given they have done at once. What the peers do is prepared or measured apart, so that
/// the time is the scheduler's.
struct bench {
  scheduler_core core;
  peer_id client;
  std::vector<peer_id> workers;
  std::vector<std::vector<attempt_of>> given;
  double peers_time = 0;
  std::size_t finished = 0;
  time_ns now = 0;

  explicit bench(std::size_t n) {
    client = core.add_client(0, {});
    for (std::size_t k = 0; k < n; ++k) {
      worker_hello hello;
      hello.name = "w" + std::to_string(k);
      hello.slots = 16;
      workers.push_back(core.add_worker(0, hello));
    }
    given.resize(n);
  }

  void say(peer_id p, batch_writer& batch) {
    const std::vector<std::byte> bytes = batch.take();
    batch_reader reader(bytes);
    core.receive(now += 1000, p, reader);
  }

  /// Reads what the scheduler says; true if anybody has something to do.
  bool read() {
    const double from = cpu_seconds();
    for (const peer_id p : core.outputs()) {
      const std::vector<std::byte> bytes = core.out(p).take();
      batch_reader reader(bytes);
      std::uint16_t kind = 0;
      while (reader.next(kind)) {
        if (kind == static_cast<std::uint16_t>(message_kind::run_task)) {
          const auto m = reader.get<run_task>();
          given[p - workers[0]].push_back({m.id, m.attempt});
        } else if (kind == static_cast<std::uint16_t>(message_kind::task_finished)) {
          ++finished;
        }
      }
    }
    core.clear_outputs();
    peers_time += cpu_seconds() - from;
    return std::any_of(given.begin(), given.end(), [](const auto& g) { return !g.empty(); });
  }

  void work() {
    batch_writer out;
    while (read())
      for (std::size_t k = 0; k < workers.size(); ++k) {
        if (given[k].empty()) continue;
        const double from = cpu_seconds();
        for (const attempt_of& a : given[k]) {
          done_task m{};
          m.id = a.id;
          m.attempt = a.attempt;
          m.bytes = 8;
          m.nanoseconds = 500;
          out.add(m);
        }
        given[k].clear();
        peers_time += cpu_seconds() - from;
        say(workers[k], out);
      }
  }
};

void measure(const char* what, std::size_t tasks, std::size_t chain, std::size_t fan_in) {
  constexpr std::size_t batch = 4000;
  bench b(10);
  std::vector<batch_writer> submits, releases;
  const std::uint64_t call[2] = {1, 2};
  for (std::size_t n = 1; n <= tasks;) {
    batch_writer& out = submits.emplace_back();
    batch_writer& back = releases.emplace_back();
    std::vector<task_id> ids;
    for (std::size_t k = 0; k < batch && n <= tasks; ++k, ++n) {
      submit_task m{};
      m.id = make_task_id(b.client, n);
      m.function.offset = 64;
      m.rank = n;
      m.flags = task_wanted;
      std::vector<task_id> inputs;
      if (chain > 1 && (n - 1) % chain != 0) inputs.push_back(make_task_id(b.client, n - 1));
      for (std::size_t i = 1; i <= fan_in && n > i * 97; ++i) inputs.push_back(make_task_id(b.client, n - i * 97));
      m.inputs = inputs;
      m.call = std::as_bytes(std::span(call));
      out.add(m);
      ids.push_back(m.id);
    }
    release_tasks m{};
    m.tasks = ids;
    back.add(m);
  }
  const double from = cpu_seconds();
  for (batch_writer& s : submits) b.say(b.client, s);
  const double submitted = cpu_seconds();
  const scheduler_statistics full = b.core.statistics();
  const double started = cpu_seconds();
  b.work();
  const double done = cpu_seconds();
  REQUIRE(b.finished == tasks);
  for (batch_writer& r : releases) {
    b.say(b.client, r);
    b.read();
  }
  const double end = cpu_seconds();
  REQUIRE(b.core.statistics().tasks == 0);
  const double n = static_cast<double>(tasks);
  const double whole = (submitted - from) + (end - started) - b.peers_time;
  std::printf(
      "%s: %.3f us a task (submit %.3f, run+done %.3f, release %.3f; of the peers %.3f apart), %.1f bytes a "
      "task, %.1f of edges, %.1f of payload; ahead %.3f\n",
      what, whole / n * 1e6, (submitted - from) / n * 1e6, (done - started) / n * 1e6, (end - done) / n * 1e6,
      b.peers_time / n * 1e6, static_cast<double>(full.record_bytes) / n, static_cast<double>(full.edge_bytes) / n,
      static_cast<double>(full.payload_bytes) / n, static_cast<double>(b.core.statistics().ahead) / n);
}

}  // namespace

TEST_CASE("what a task costs the scheduler", "[scheduler][.times]") {
  for (int k = 0; k < 3; ++k) measure("independent", 1'000'000, 1, 0);
  measure("chains of 100", 1'000'000, 100, 0);
  measure("3 inputs", 1'000'000, 1, 3);
}
