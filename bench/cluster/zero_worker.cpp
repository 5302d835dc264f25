#include "zero_worker.hpp"

#include <algorithm>
#include <ctime>
#include <span>
#include <utility>

#include "wire/messages.hpp"

namespace bench {
namespace {

using namespace weft::net;

double cpu_seconds() {
  timespec t{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

constexpr std::size_t batch_tasks = 4000;

}  // namespace

zero_workers::zero_workers(std::size_t workers, std::uint32_t slots) : client_(core_.add_client(0, {})) {
  for (std::size_t i = 0; i < workers; ++i) {
    worker_hello hello;
    hello.name = "worker-" + std::to_string(i);
    hello.slots = slots;
    workers_.push_back(core_.add_worker(0, hello));
  }
  given_.resize(workers);
}

void zero_workers::prepare(const shape& s) {
  submits_.clear();
  releases_.clear();
  const std::uint64_t call[2] = {1, 2};
  std::vector<task_id> inputs, ids;
  for (std::size_t i = 0; i < s.tasks;) {
    batch_writer& out = submits_.emplace_back();
    ids.clear();
    for (std::size_t k = 0; k < batch_tasks && i < s.tasks; ++k, ++i) {
      submit_task m{};
      m.id = make_task_id(client_, ++number_);
      m.function.offset = 64;
      m.rank = number_;
      m.flags = task_wanted;
      inputs.clear();
      if (s.chain > 1 && i % s.chain != 0) inputs.push_back(m.id - 1);
      for (std::size_t n = 1; n <= s.inputs && i >= n * 97; ++n) inputs.push_back(m.id - n * 97);
      m.inputs = inputs;
      m.call = std::as_bytes(std::span(call));
      out.add(m);
      ids.push_back(m.id);
    }
    release_tasks m{};
    m.tasks = ids;
    releases_.emplace_back().add(m);
  }
}

double zero_workers::since(double begin) noexcept { return cpu_seconds() - begin - std::exchange(peers_, 0); }

double zero_workers::submit() {
  const double begin = cpu_seconds();
  for (batch_writer& b : submits_) say(client_, b);
  return since(begin);
}

double zero_workers::run() { return run_some(~std::size_t{0}); }

double zero_workers::run_some(std::size_t tasks) {
  const double begin = cpu_seconds();
  work(tasks);
  return since(begin);
}

double zero_workers::release() {
  const double begin = cpu_seconds();
  for (batch_writer& b : releases_) {
    say(client_, b);
    read();
  }
  return since(begin);
}

double zero_workers::lose(std::size_t worker) {
  given_[worker].clear();
  const double begin = cpu_seconds();
  core_.remove_peer(now_ += 1000, workers_[worker], false, "killed");
  return since(begin);
}

void zero_workers::say(peer_id p, batch_writer& batch) {
  const double begin = cpu_seconds();
  const std::vector<std::byte> bytes = batch.take();
  peers_ += cpu_seconds() - begin;
  batch_reader reader(bytes);
  core_.receive(now_ += 1000, p, reader);
}

/// What the scheduler says to all; true if anybody has something to do.
bool zero_workers::read() {
  const double begin = cpu_seconds();
  for (const peer_id p : core_.outputs()) {
    const std::vector<std::byte> bytes = core_.out(p).take();
    batch_reader reader(bytes);
    std::uint16_t kind = 0;
    while (reader.next(kind)) {
      if (kind == static_cast<std::uint16_t>(message_kind::run_task)) {
        const auto m = reader.get<run_task>();
        given_[p - workers_[0]].push_back({m.id, m.attempt});
      } else if (kind == static_cast<std::uint16_t>(message_kind::task_finished)) {
        ++finished_;
      }
    }
  }
  core_.clear_outputs();
  peers_ += cpu_seconds() - begin;
  return std::any_of(given_.begin(), given_.end(), [](const auto& g) { return !g.empty(); });
}

void zero_workers::work(std::size_t until) {
  batch_writer out;
  while (read())
    for (std::size_t k = 0; k < workers_.size(); ++k) {
      if (given_[k].empty()) continue;
      if (finished_ >= until) return;
      const double begin = cpu_seconds();
      for (const attempt_of& a : given_[k]) {
        done_task m{};
        m.id = a.id;
        m.attempt = a.attempt;
        m.bytes = 8;
        m.nanoseconds = 500;
        out.add(m);
      }
      given_[k].clear();
      peers_ += cpu_seconds() - begin;
      say(workers_[k], out);
    }
}

}  // namespace bench
