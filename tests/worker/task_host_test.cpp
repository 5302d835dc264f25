// Values that come to a worker's tasks, and are dropped, wanted again or lost on their way.
#include <algorithm>
#include <catch2/catch.hpp>
#include <condition_variable>
#include <mutex>
#include <numeric>
#include <string>
#include <vector>

#include "object/functions.hpp"
#include "weft/detail/call.hpp"
#include "weft/weft.hpp"
#include "worker/task_host.hpp"

namespace {

using namespace weft::net;
using numbers = std::vector<double>;

constexpr task_id value = 90;

double total(const numbers& v) { return std::accumulate(v.begin(), v.end(), 0.0); }
numbers some(double first) {
  numbers v(10'000);
  std::iota(v.begin(), v.end(), first);
  return v;
}

/// A worker without links: the test is its scheduler, and the peers 2 to 4 that have values.
class bench final : public worker_host {
 public:
  bench() : core(1, *this, worker_limits()) {
    for (peer_id p = 2; p < 5; ++p) hear(peer_info{{p, static_cast<std::uint8_t>(peer_role::worker), {}}, {}, {}});
    const auto input = engine.scatter(numbers{1});
    weft::detail::node* const n = new weft::detail::call_node_for<decltype(&total), std::decay_t<decltype(input)>>(
        *engine.get_engine(), &total, input);
    const weft::detail::portable_call& how = *n->type->portable(*n);
    how.encode(*n, call_);
    function_.offset = weft::detail::name_of(*how.entry).offset;
    weft::detail::abandon_node(*n);
  }
  ~bench() {
    tasks.close("the test ends");
    threads.run(tasks.end_all(lock_));
  }

  // The scheduler.
  template <class M>
  void hear(const M& m) {
    batch_writer in;
    in.add(m);
    batch_reader reader(in.bytes());
    core.receive(0, reader);
  }
  /// A task that adds the numbers of a value that peer 2 has.
  void run(task_id id, task_id of = value) {
    const input_ref from{of, 8 * some(0).size(), 2, 0};
    hear(run_task{{id, function_, id, 0, 1, task_inline, 0, 0, 0}, {&from, 1}, call_.message(), {}});
  }
  void stop(task_id id, std::uint32_t attempt) {
    const attempt_ref one{id, attempt, 0};
    hear(stop_tasks{{}, {&one, 1}});
  }
  /// What a task has given, once it has ended.
  double result(task_id id) {
    double sum = -1;
    REQUIRE(wait([&] {
      const std::vector<std::byte> bytes = core.out().take();
      batch_reader reader(bytes);
      std::uint16_t kind = 0;
      bool done = false;
      while (reader.next(kind)) {
        if (kind != static_cast<std::uint16_t>(message_kind::done_task)) continue;
        const auto m = reader.get<done_task>();
        if (m.id != id) continue;
        weft::decoder d(m.value);
        sum = weft::decode<double>(d);
        done = true;
      }
      return done;
    }));
    return sum;
  }

  // The peers.
  /// Waits until a value is asked for.
  std::uint64_t request() {
    REQUIRE(wait([&] { return !requests.empty(); }));
    const std::uint64_t r = requests.front();
    requests.erase(requests.begin());
    return r;
  }
  struct arriving {
    std::uint64_t request = 0;
    task_id id = 0;
    std::vector<std::vector<std::byte>> attachments;
    value_landing where;
  };
  arriving begin(std::uint64_t request, const numbers& what, task_id id = value) {
    arriving a;
    a.request = request;
    a.id = id;
    weft::encoder e;
    weft::encode(e, what);
    std::vector<std::uint64_t> sizes;
    value_header h{};
    h.request = request;
    h.id = id;
    h.schema = weft::schema_hash<numbers>();
    for (const auto& b : e.attachments()) {
      a.attachments.emplace_back(b.begin(), b.end());
      sizes.push_back(b.size());
      h.bytes += b.size();
    }
    h.attachments = sizes;
    h.message = e.message();
    a.where = tasks.land(h);
    return a;
  }
  static void write(const arriving& a) {
    for (std::size_t i = 0; i < a.attachments.size(); ++i)
      std::copy(a.attachments[i].begin(), a.attachments[i].end(), a.where.places.at(i).begin());
  }
  void end(arriving a) { tasks.landed(core, 0, a.request, a.id, a.where); }

  /// Gives the engine's threads time to say things, until `f`.
  template <class F>
  bool wait(F f) {
    for (;;) {
      tasks.pass_on(core);
      core.tick(time += 1'000'000'000);
      if (f()) return true;
      std::unique_lock guard(mutex_);
      if (!changed_.wait_for(guard, std::chrono::seconds(30), [&] { return woken_; })) return false;
      woken_ = false;
    }
  }

  void define(const define_module&) override {}
  void define(const define_options&) override {}
  void peer(const peer_info&) override {}
  void peer_left(peer_id) override {}
  void remote(task_id id, std::uint64_t bytes) override { tasks.remote(id, bytes); }
  void given(task_id id, std::uint64_t bytes, std::span<const std::byte> message) override {
    tasks.given(id, bytes, message);
  }
  void submit(const run_task& task) override { tasks.submit(task); }
  bool withdraw(task_id task) override { return tasks.withdraw(task); }
  void stop(task_id task) override { tasks.stop(task); }
  void drop(task_id id) override { tasks.drop(id); }
  void fetch(peer_id, std::uint64_t request, std::span<const task_id>) override { requests.push_back(request); }
  void give_up(peer_id, std::uint64_t) override {}
  void will_push(peer_id) override {}
  void push(peer_id, task_id, std::uint64_t, std::span<const std::byte>) override {}

 private:
  void wake() {
    std::lock_guard guard(mutex_);
    woken_ = true;
    changed_.notify_all();
  }
  std::mutex mutex_, lock_;
  std::condition_variable changed_;
  bool woken_ = false;

 public:
  weft::pool threads{{.threads = 2}};
  weft::client engine{threads, {.memory_budget = std::uint64_t{64} << 20}};
  task_host tasks{*engine.get_engine(), [this] { wake(); }, [this] { wake(); }};
  worker_core core;
  time_ns time = 0;
  std::vector<std::uint64_t> requests;

 private:
  weft::encoder call_{weft::encoder::buffers::copied};
  function_ref function_{};
};

}  // namespace

TEST_CASE("a value that is dropped while it lands keeps its memory until the link lets go", "[worker]") {
  const bool for_a_task = GENERATE(true, false);
  bench b;
  if (for_a_task)
    b.run(10);
  else
    b.hear(copy_value{{value, 80'000, 2, 0}});
  auto first = b.begin(b.request(), some(1));
  REQUIRE(first.where.wanted);
  b.stop(10, 1);
  const task_id id = value;
  b.hear(drop_values{{}, {&id, 1}});
  b.write(first);
  SECTION("and is thrown away then") {
    b.end(std::move(first));
    CHECK(b.core.empty());
  }
  SECTION("and is not taken for what is asked for again") {
    b.run(11);
    auto second = b.begin(b.request(), some(2));
    REQUIRE(second.where.wanted);
    b.end(std::move(first));
    b.write(second);
    b.end(std::move(second));
    CHECK(b.result(11) == total(some(2)));
  }
  SECTION("and is cut off, where another is coming") {
    b.run(11);
    auto second = b.begin(b.request(), some(2));
    b.tasks.cut_off(value, first.where);
    b.write(second);
    b.end(std::move(second));
    CHECK(b.result(11) == total(some(2)));
  }
}

TEST_CASE("a value that is dropped and wanted again before its request has ended is asked for again", "[worker]") {
  bench b;
  b.hear(copy_value{{91, 80'000, 2, 0}});
  b.hear(copy_value{{value, 80'000, 2, 0}});
  const std::uint64_t both = b.request();
  auto first = b.begin(both, some(1));
  REQUIRE(first.where.wanted);
  const task_id id = value;
  b.hear(drop_values{{}, {&id, 1}});
  b.run(11);
  b.write(first);
  b.end(std::move(first));
  auto other = b.begin(both, some(3), 91);
  b.write(other);
  b.end(std::move(other));
  auto second = b.begin(b.request(), some(2));
  b.write(second);
  b.end(std::move(second));
  CHECK(b.result(11) == total(some(2)));
}

TEST_CASE("what is landing when a worker ends stays until the link lets go", "[worker]") {
  const bool for_a_task = GENERATE(true, false);
  bench::arriving left;
  {
    bench b;
    if (for_a_task)
      b.run(10);
    else
      b.hear(copy_value{{value, 80'000, 2, 0}});
    left = b.begin(b.request(), some(1));
    REQUIRE(left.where.wanted);
  }
  bench::write(left);
}
