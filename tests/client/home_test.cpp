// A client's reading of a value, whatever becomes of the task meanwhile.
#include "client/home.hpp"

#include <catch2/catch.hpp>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <numeric>
#include <string>
#include <vector>

#include "weft/simulation.hpp"
#include "weft/weft.hpp"

namespace {

using namespace weft::net;
using numbers = std::vector<double>;

constexpr peer_id self = 7, holder = 2;

numbers make(std::size_t n) { return numbers(n, 1.0); }
double sum_of(const numbers& v) { return std::accumulate(v.begin(), v.end(), 0.0); }

/// What the home does with its links.
struct seen {
  std::mutex lock;
  std::condition_variable changed;
  std::vector<std::uint64_t> requests;
  std::vector<std::uint64_t> given_up;  // of these requests
  std::vector<peer_id> offered;         // to whom
  int outputs = 0;
};

class links final : public client_links {
 public:
  explicit links(seen& by) : by_(by) {}
  void has_output() override {
    std::lock_guard guard(by_.lock);
    ++by_.outputs;
    by_.changed.notify_all();
  }
  void send_now() override {}
  void peer(const peer_info&) override {}
  void peer_left(peer_id) override {}
  weft::task<weft::client> lease(weft::detail::lease_terms) override { throw weft::misuse("no leases here"); }
  weft::task<weft::cluster_info> look(std::string) override { throw weft::misuse("nobody to ask here"); }
  void fetch(peer_id, std::uint64_t request, std::span<const task_id>) override {
    std::lock_guard guard(by_.lock);
    by_.requests.push_back(request);
    by_.changed.notify_all();
  }
  void stop_fetching(peer_id, std::uint64_t request) override {
    std::lock_guard guard(by_.lock);
    by_.given_up.push_back(request);
  }
  void offer(peer_id worker) override {
    std::lock_guard guard(by_.lock);
    by_.offered.push_back(worker);
  }
  void close() noexcept override {}

 private:
  seen& by_;
};

/// A client whose scheduler and workers the test plays.
struct cluster {
  cluster() {
    home.attach(*client.get_engine());
    hear(peer_info{{holder, static_cast<std::uint8_t>(peer_role::worker), {}}, {}, {}});
  }
  template <class M>
  void hear(const M& m) {
    batch_writer in;
    in.add(m);
    batch_reader reader(in.bytes());
    home.receive(0, reader);
  }
  void finished(task_id id) { hear(task_finished{{id, 80'000, holder, 0}, {}}); }
  template <class M>
  void hear_of(task_id id) {
    hear(M{{}, {&id, 1}});
  }
  /// Waits until a value is asked for.
  std::uint64_t request() {
    for (;;) {
      home.tick(time += 1'000'000'000);
      std::unique_lock guard(there.lock);
      if (!there.requests.empty()) {
        const std::uint64_t r = there.requests.back();
        there.requests.clear();
        return r;
      }
      REQUIRE(there.changed.wait_for(guard, std::chrono::seconds(30),
                                     [&] { return !there.requests.empty() || there.outputs != heard; }));
      heard = there.outputs;
    }
  }
  int outputs() {
    std::lock_guard guard(there.lock);
    return there.outputs;
  }
  void wait_for_outputs(int most) {
    std::unique_lock guard(there.lock);
    REQUIRE(there.changed.wait_for(guard, std::chrono::seconds(30), [&] { return there.outputs >= most; }));
  }
  value_header header(std::uint64_t request, task_id id, const weft::encoder& e) {
    value_header h{};
    h.request = request;
    h.id = id;
    h.schema = weft::schema_hash<numbers>();
    for (const auto& a : e.attachments()) {
      sizes.push_back(a.size());
      h.bytes += a.size();
    }
    h.attachments = sizes;
    h.message = e.message();
    return h;
  }

  seen there;
  int heard = 0;
  time_ns time = 0;
  std::vector<std::uint64_t> sizes;
  weft::pool threads{{.threads = 2}};
  std::unique_ptr<client_home> made = std::make_unique<client_home>(self, std::make_unique<links>(there));
  client_home& home = *made;
  weft::client client{threads, {.memory_budget = std::uint64_t{64} << 20}, std::move(made)};
};

/// Reads a value on the pool.
struct reading {
  explicit reading(cluster& s, weft::future<numbers>& f) : threads(s.threads) { threads.spawn(read(*this, f)); }
  static weft::task<> read(reading& r, weft::future<numbers>& f) {
    try {
      const numbers& v = co_await f;
      r.sum = std::accumulate(v.begin(), v.end(), 0.0);
    } catch (const std::exception& e) { r.error = e.what(); }
    r.ended.set();
  }
  /// What it ended with; empty: with a value.
  std::string end() {
    threads.run(weft::timeout(std::chrono::seconds(30), ended.wait()));
    return error;
  }
  weft::pool& threads;
  weft::event ended;
  std::string error;
  double sum = 0;
};

/// Its large parts stay where they are.
weft::encoder encoded(const numbers& value) {
  weft::encoder e;
  weft::encode(e, value);
  return e;
}

/// A value comes.
void answer(const value_landing& where, const weft::encoder& e) {
  std::size_t i = 0;
  for (const auto& a : e.attachments()) std::copy(a.begin(), a.end(), where.places.at(i++).begin());
}
/// The same, from its header on.
void bring(cluster& s, std::uint64_t request, task_id id, const weft::encoder& e) {
  value_landing where = s.home.land(0, s.header(request, id, e));
  REQUIRE(where.wanted);
  answer(where, e);
  s.home.landed(request, id, std::move(where));
}

}  // namespace

TEST_CASE("a reading ends with the task, when the value was lost and is not made again", "[client_home]") {
  cluster s;
  auto f = s.client.submit(make, std::size_t{10'000});
  const task_id id = make_task_id(self, 1);
  s.finished(id);
  reading r(s, f);
  const std::uint64_t request = s.request();
  const numbers sent = make(10'000);
  const weft::encoder e = encoded(sent);
  const bool lands = GENERATE(false, true);
  value_landing where;
  if (lands) {
    where = s.home.land(0, s.header(request, id, e));
    REQUIRE(where.wanted);
  }
  s.hear_of<task_restarted>(id);
  SECTION("cancelled") {
    s.hear_of<task_cancelled>(id);
    CHECK_FALSE(r.end().empty());
  }
  SECTION("failed") {
    s.hear(task_failed{{id, 0, 0}, "make", "an error", "it cannot be made", {}});
    CHECK_THAT(r.end(), Catch::Contains("it cannot be made"));
    if (!lands) {  // and so does who comes later
      reading later(s, f);
      CHECK_THAT(later.end(), Catch::Contains("it cannot be made"));
    }
  }
  if (!lands) return;
  answer(where, e);
  s.home.landed(request, id, std::move(where));
}

TEST_CASE("a request for a value that is lost meanwhile is taken back", "[client_home]") {
  cluster s;
  auto f = s.client.submit(make, std::size_t{10'000});
  const task_id id = make_task_id(self, 1);
  s.finished(id);
  reading r(s, f);
  const std::uint64_t request = s.request();
  s.hear_of<task_restarted>(id);
  CHECK(s.there.given_up == std::vector{request});
  s.finished(id);  // it is there again
  const std::uint64_t again = s.request();
  const numbers value = make(10'000);
  const weft::encoder e = encoded(value);
  bring(s, again, id, e);
  CHECK(r.end().empty());
}

TEST_CASE("who reads later learns that a value was lost and is not made again", "[client_home]") {
  cluster s;
  auto f = s.client.submit(make, std::size_t{10'000});
  const task_id id = make_task_id(self, 1);
  s.finished(id);
  s.hear_of<task_restarted>(id);
  SECTION("cancelled") {
    s.hear_of<task_cancelled>(id);
    reading r(s, f);
    CHECK_THAT(r.end(), Catch::Contains("cannot be brought back: weft::cancelled"));
  }
  SECTION("failed") {
    s.hear(task_failed{{id, 0, 0}, "make", "an error", "it cannot be made", {}});
    reading r(s, f);
    CHECK_THAT(r.end(), Catch::Contains("it cannot be made"));
  }
  SECTION("unless it is made again all the same") {
    s.hear_of<task_cancelled>(id);
    s.hear_of<task_restarted>(id);
    s.finished(id);
    reading r(s, f);
    const std::uint64_t request = s.request();
    const numbers sent = make(10'000);
    const weft::encoder e = encoded(sent);
    bring(s, request, id, e);
    CHECK(r.end().empty());
  }
}

TEST_CASE("a client's reading ends by the answer that is awaited", "[client_home]") {
  cluster s;
  auto f = s.client.submit(make, std::size_t{10'000});
  const task_id id = make_task_id(self, 1);
  s.finished(id);
  reading r(s, f);
  const std::uint64_t before = s.request();
  const numbers sent = make(10'000);
  const weft::encoder e = encoded(sent);
  value_landing first;
  SECTION("not by one to a request that is over") {
    s.home.peer_lost(0, holder);
    s.finished(id);
    const std::uint64_t request = s.request();
    CHECK(s.home.land(0, s.header(before, id, e)).over);
    bring(s, request, id, e);
  }
  SECTION("asked for again when another has not been cut off") {
    first = s.home.land(0, s.header(before, id, e));
    REQUIRE(first.wanted);
    s.home.peer_lost(0, holder);
    s.finished(id);
    const std::uint64_t request = s.request();
    CHECK_FALSE(s.home.land(0, s.header(request, id, e)).wanted);
    s.home.cut_off(std::move(first));
    const std::uint64_t again = s.request();
    bring(s, again, id, e);
  }
  CHECK(r.end().empty());
  CHECK(r.sum == 10'000);
}

TEST_CASE("a reading whose value was lost and made again is not left with an answer that came between",
          "[client_home]") {
  cluster s;
  std::vector<weft::future<numbers>> all;
  for (task_id n = 1; n <= 3; ++n) {
    all.push_back(s.client.submit(make, std::size_t{10'000}));
    s.finished(make_task_id(self, n));
  }
  const numbers sent = make(10'000);
  const weft::encoder e = encoded(sent);
  const auto give = [&](std::uint64_t request, std::uint64_t n) { bring(s, request, make_task_id(self, n), e); };
  reading before(s, all[0]);
  const std::uint64_t first = s.request();
  const int outputs = s.outputs();
  reading r(s, all[1]), other(s, all[2]);
  s.wait_for_outputs(outputs + 2);
  give(first, 1);
  const std::uint64_t both = s.request();
  s.hear_of<task_restarted>(make_task_id(self, 2));
  const value_landing late = s.home.land(0, s.header(both, make_task_id(self, 2), e));
  CHECK_FALSE(late.wanted);
  CHECK_FALSE(late.over);
  s.finished(make_task_id(self, 2));
  give(both, 3);
  give(s.request(), 2);
  for (reading* one : {&before, &r, &other}) CHECK(one->end().empty());
}

TEST_CASE("a reading fails by the answer that is refused, and no other", "[client_home]") {
  cluster s;
  auto f = s.client.submit(make, std::size_t{10'000});
  const task_id id = make_task_id(self, 1);
  s.finished(id);
  reading r(s, f);
  const std::uint64_t before = s.request();
  const auto why = std::make_exception_ptr(weft::codec_error("it is too large"));
  const expected_value of = s.home.expected(before, id);
  CHECK(of.request);
  CHECK(of.value);
  CHECK(of.bytes == 80'000);
  CHECK_FALSE(s.home.expected(before + 1, id).request);
  CHECK_FALSE(s.home.expected(before, id + 1).value);
  SECTION("that is awaited") {
    s.home.refuse(0, before, id, why);
    CHECK_THAT(r.end(), Catch::Contains("it is too large"));
    CHECK_FALSE(s.home.expected(before, id).value);
  }
  SECTION("not one to a request that is over") {
    s.home.peer_lost(0, holder);
    s.finished(id);
    const std::uint64_t request = s.request();
    s.home.refuse(0, before, id, why);
    const numbers sent = make(10'000);
    const weft::encoder e = encoded(sent);
    value_landing where = s.home.land(0, s.header(request, id, e));
    REQUIRE(where.wanted);
    s.home.refuse(0, request, id, why);  // it is landing, by another answer
    s.home.cut_off(std::move(where));
    const std::uint64_t again = s.request();
    bring(s, again, id, e);
    CHECK(r.end().empty());
  }
}

TEST_CASE("a reading ends when the value that was lost comes along with the task's next end", "[client_home]") {
  cluster s;
  auto f = s.client.submit(make, std::size_t{10'000});
  const task_id id = make_task_id(self, 1);
  s.finished(id);
  reading r(s, f);
  const std::uint64_t before = s.request();
  weft::encoder e, along(weft::encoder::buffers::copied);
  const numbers sent = make(10'000);
  weft::encode(e, sent);
  weft::encode(along, sent);
  const bool lands = GENERATE(false, true);
  value_landing where;
  if (lands) {
    where = s.home.land(0, s.header(before, id, e));
    REQUIRE(where.wanted);
  }
  s.hear_of<task_restarted>(id);
  s.hear(task_finished{{id, 80'000, the_scheduler, has_value}, along.message()});
  if (lands) {  // and is cut off: it is asked for again
    const int before_it = s.outputs();
    s.home.cut_off(std::move(where));
    CHECK(s.outputs() > before_it);  // at once
    s.finished(id);
    const std::uint64_t again = s.request();
    bring(s, again, id, e);
  }
  CHECK(r.end().empty());
  CHECK(r.sum == 10'000);
}

TEST_CASE("a value that nobody wants any more may be let go before its reading has begun", "[client_home]") {
  std::size_t stopped = 0;
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    INFO("seed " << seed);
    weft::simulation s(seed);
    const auto reads = [](weft::stop_source stop, weft::future<numbers> f) -> weft::task<bool> {
      struct reading {
        static weft::task<> of(weft::future<numbers> g) { static_cast<void>(co_await std::move(g)); }
      };
      bool ended = false;
      try {
        co_await weft::with_stop(stop, reading::of(std::move(f)));
      } catch (const weft::cancelled&) { ended = true; }
      co_return ended;
    };
    const auto test = [&]() -> weft::task<> {
      seen there;
      auto made = std::make_unique<client_home>(self, std::make_unique<links>(there));
      client_home& home = *made;
      const weft::client c(s.pool(), {.memory_budget = std::uint64_t{64} << 20}, std::move(made));
      home.attach(*c.get_engine());
      const auto hear = [&home](const auto& m) {
        batch_writer in;
        in.add(m);
        batch_reader reader(in.bytes());
        home.receive(0, reader);
      };
      hear(peer_info{{holder, static_cast<std::uint8_t>(peer_role::worker), {}}, {}, {}});
      auto f = c.submit(make, std::size_t{10'000});
      hear(task_finished{{make_task_id(self, 1), 80'000, holder, 0}, {}});
      weft::stop_source stop;
      const auto stops = [&stop, &s]() -> weft::task<> {
        for (std::uint64_t n = s.random() % 4; n > 0; --n) co_await weft::yield();
        stop.request_stop();
      };
      auto both = weft::all(reads(stop, std::move(f)), stops());
      const auto results = co_await std::move(both);
      stopped += results.first;
    };
    s.run(test());
  }
  CHECK(stopped == 200);
}

namespace {

/// A client that offers values from 1000 bytes on. The test is its scheduler.
struct offering {
  explicit offering(weft::pool& p)
      : made(std::make_unique<client_home>(self, std::make_unique<links>(there), limits())),
        home(*made),
        c(p, {.memory_budget = std::uint64_t{64} << 20}, std::move(made)) {
    home.attach(*c.get_engine());
    hear(peer_info{{holder, static_cast<std::uint8_t>(peer_role::worker), {}}, {}, {}});
  }
  ~offering() { home.lost("the test ends"); }

  static client_limits limits() {
    client_limits l;
    l.offered_bytes = 1000;
    l.secret = 77;
    return l;
  }
  template <class... M>
  void hear(const M&... m) {
    batch_writer in;
    (in.add(m), ...);
    batch_reader reader(in.bytes());
    home.receive(0, reader);
  }
  void wanted(task_id id) { hear(want_offer{{id, 0, holder, 0}}); }
  void finished(task_id id, std::uint64_t bytes = 80'000) { hear(task_finished{{id, bytes, holder, 0}, {}}); }
  bool gives(task_id id) { return home.find(id).node != nullptr; }
  /// What the scheduler is told since the last time.
  void listen() {
    submitted.clear();
    released.clear();
    withdrawn = 0;
    batch_writer out;
    home.take_output(0, out, std::size_t{1} << 30);
    batch_reader reader(out.bytes());
    std::uint16_t kind = 0;
    while (reader.next(kind)) {
      if (kind == static_cast<std::uint16_t>(message_kind::withdraw_offers))
        withdrawn += reader.get<withdraw_offers>().tasks.size();
      if (kind == static_cast<std::uint16_t>(message_kind::release_tasks))
        for (const task_id id : reader.get<release_tasks>().tasks) released.push_back(id);
      if (kind != static_cast<std::uint16_t>(message_kind::submit_task)) continue;
      const auto m = reader.get<submit_task>();
      offered_call call{};
      if (m.flags & task_offered) {
        CHECK((m.flags & task_constant) != 0);
        REQUIRE(m.call.size() == sizeof call);
        std::memcpy(&call, m.call.data(), sizeof call);
        CHECK(call.secret == 77);
      }
      submitted.push_back(call.bytes);
    }
  }

  seen there;
  std::unique_ptr<client_home> made;
  client_home& home;
  const weft::client c;
  std::vector<std::uint64_t> submitted;  // offers in bytes, 0 for other tasks
  std::vector<task_id> released;
  std::size_t withdrawn = 0;
};

}  // namespace

TEST_CASE("a large value that is scattered is offered, and given as often as it is wanted", "[client_home]") {
  weft::simulation s(1);
  const auto test = [&]() -> weft::task<> {
    offering o(s.pool());
    const weft::client& c = o.c;
    const std::vector<peer_id>& offered = o.there.offered;
    const task_id large = make_task_id(self, 1), small = make_task_id(self, 2);
    auto f = c.scatter(make(10'000));
    auto few = c.scatter(make(10));
    o.listen();
    REQUIRE(o.submitted.size() == 2);
    CHECK((o.submitted[0] >= 80'000 && o.submitted[0] < 81'000));
    CHECK(o.submitted[1] == 0);
    CHECK_FALSE(o.gives(small));
    // Nobody need have its future, and who awaits it gets a copy.
    o.wanted(large);
    CHECK(offered == std::vector<peer_id>{holder});
    const numbers copy = co_await std::move(f);
    CHECK(copy.size() == 10'000);
    CHECK(o.gives(large));
    o.finished(large);
    CHECK(o.gives(large));
    o.hear(drop_offers{{}, {&large, 1}});
    CHECK_FALSE(o.gives(large));
    // While there is a future it is given as often as it is wanted.
    auto again = c.scatter(make(10'000));
    const task_id second = make_task_id(self, 3);
    o.finished(second);
    o.hear(task_restarted{{}, {&second, 1}});
    o.wanted(second);
    CHECK(offered.size() == 2);
    o.finished(second);
    const numbers another = co_await again;
    CHECK(another.size() == 10'000);
    CHECK(o.gives(second));
    // One that failed, or was cancelled, may be tried again: for what takes it.
    auto failing = c.scatter(make(10'000));
    const task_id third = make_task_id(self, 4);
    o.hear(task_failed{{third, 0, 0}, {}, {}, {}, {}});
    failing = {};
    o.listen();
    CHECK(o.released == std::vector<task_id>{large, third});
    o.wanted(third);
    CHECK(offered.size() == 3);
    CHECK(o.gives(third));
    o.hear(drop_offers{{}, {&third, 1}});
    CHECK_FALSE(o.gives(third));
    o.wanted(third);
    CHECK(offered.size() == 3);
    o.listen();
    CHECK(o.withdrawn == 1);
  };
  s.run(test());
}

TEST_CASE("a value that was offered, and whose future is gone, is kept for as long as others need it",
          "[client_home]") {
  weft::simulation s(1);
  const auto test = [&]() -> weft::task<> {
    offering o(s.pool());
    const std::uint64_t empty = o.c.memory().in_memory;
    const task_id first = make_task_id(self, 1);
    SECTION("nobody else") {
      auto f = o.c.scatter(make(10'000));
      CHECK(o.c.memory().in_memory > empty);
      auto other = f;
      f = {};
      o.listen();
      CHECK(o.released.empty());
      other = {};
      o.listen();
      CHECK(o.released == std::vector<task_id>{first});
      o.wanted(first);  // it has crossed
      CHECK(o.there.offered.size() == 1);
      CHECK(o.gives(first));
      o.hear(drop_offers{{}, {&first, 1}});
      CHECK_FALSE(o.gives(first));
    }
    SECTION("an end has crossed with the last future's") {
      auto f = o.c.scatter(make(10'000));
      const numbers copy = co_await std::move(f);
      CHECK(copy.size() == 10'000);
      CHECK(o.gives(first));
      const int how = GENERATE(0, 1, 2);
      if (how == 0) o.finished(first);
      if (how == 1) o.hear(task_cancelled{{}, {&first, 1}});
      if (how == 2) o.hear(task_failed{{first, 0, 0}, {}, {}, {}, {}});
      CHECK(o.gives(first));
      o.listen();
      CHECK(o.released == std::vector<task_id>{first});
      o.hear(drop_offers{{}, {&first, 1}});
      CHECK_FALSE(o.gives(first));
    }
    SECTION("what is made of what is made of it") {
      auto last = [&] {
        auto between = o.c.submit(sum_of, o.c.scatter(make(10'000)));
        return o.c.submit([](double x) { return x; }, between);
      }();
      o.listen();
      CHECK(o.released.size() == 2);
      o.wanted(first);
      CHECK(o.gives(first));
      o.hear(drop_offers{{}, {&first, 1}});
      CHECK_FALSE(o.gives(first));
      o.wanted(first);
      o.listen();
      CHECK(o.withdrawn == 1);
    }
    CHECK(o.c.memory().in_memory == empty);
    const task_id never = make_task_id(self, 100);
    CHECK_THROWS_AS(o.hear(drop_offers{{}, {&never, 1}}), protocol_error);
  };
  s.run(test());
}

TEST_CASE("what was heard before a message that is wrong is let go of", "[client_home]") {
  weft::simulation s(1);
  const auto test = [&]() -> weft::task<> {
    offering o(s.pool());
    const std::uint64_t empty = o.c.memory().in_memory;
    const task_id first = make_task_id(self, 1), never = make_task_id(self, 100);
    static_cast<void>(o.c.scatter(make(10'000)));  // the home has its last handle
    CHECK(o.c.memory().in_memory > empty);
    CHECK_THROWS_AS(o.hear(drop_offers{{}, {&first, 1}}, task_cancelled{{}, {&never, 1}}), protocol_error);
    CHECK(o.c.memory().in_memory == empty);
    co_return;
  };
  s.run(test());
}

TEST_CASE("questions about the cluster are answered, or end with it", "[client_home]") {
  cluster s;
  const auto first = s.home.ask({}), second = s.home.ask("alice");
  const worker_counts counts[] = {{10, 20, 30, 4, 1, 2, static_cast<std::uint32_t>(worker_mode::paused)}};
  const std::string names = "alice\ntcp://h:1\nh\n\n", waiting = "one\ntwo\n";
  s.hear(cluster_state{{2, 5, 0}, counts, names, waiting});
  CHECK(second->over.is_set());
  CHECK_FALSE(first->over.is_set());
  REQUIRE(second->answer.workers.size() == 1);
  const weft::worker_info& w = second->answer.workers[0];
  CHECK((w.name == "alice" && w.address == "tcp://h:1" && w.host == "h" && w.machine.empty() && w.mode == "paused"));
  CHECK((w.values == 10 && w.memory_used == 20 && w.memory_limit == 30));
  CHECK((w.slots == 4 && w.leased == 1 && w.tasks == 2));
  CHECK(second->answer.target == 5);
  CHECK(second->answer.waiting == std::vector<std::string>{"one", "two"});
  s.hear(cluster_state{{2, 5, 0}, counts, names, waiting});  // nobody waits for it any more
  const std::string too_few = "alice\ntcp://h:1\nh\n";
  CHECK_THROWS_AS(s.hear(cluster_state{{1, 5, 0}, counts, too_few, waiting}), protocol_error);
  s.home.lost("gone");
  CHECK(first->over.is_set());
  CHECK(first->lost == "gone");
  CHECK_THROWS_WITH(s.home.ask({}), "gone");
  CHECK_THROWS_WITH(s.home.rebalance(), "gone");
  CHECK_THROWS_WITH(s.home.replicate(1, 2), "gone");
}
