// Values that come over links that break: all of them arrive.
#include "worker/exchange.hpp"

#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <future>
#include <latch>
#include <map>
#include <optional>
#include <set>
#include <thread>

#include "support/comes.hpp"
#include "transport/hub.hpp"
#include "worker/bench.hpp"

namespace {

using namespace weft::net;
using namespace weft::net::test;

constexpr std::size_t large = 500'000;  // 4 MB: more than a socket holds

/// Values that a peer has.
class shelf final : public exchange_host {
 public:
  void put(task_id id, const numbers& v) {
    auto parts = std::make_shared<std::vector<std::vector<std::byte>>>();
    weft::encoder e;
    weft::encode(e, v);
    parts->emplace_back(e.message().begin(), e.message().end());
    for (const auto& b : e.attachments()) parts->emplace_back(b.begin(), b.end());
    values_[id] = {{}, parts, weft::schema_hash<numbers>()};
  }
  /// One that goes as a message.
  void put_message(task_id id, std::size_t bytes) {
    auto parts = std::make_shared<std::vector<std::vector<std::byte>>>();
    parts->emplace_back(bytes);
    values_[id] = {{}, parts, 0};
  }
  outgoing_value find(task_id id) override {
    if (on_find) on_find(id);
    const auto at = values_.find(id);
    return at == values_.end() ? outgoing_value() : outgoing_value{{}, at->second.copy, at->second.schema};
  }
  expected_value expected(std::uint64_t, task_id) override { return {}; }
  void refuse(std::uint64_t, task_id, std::exception_ptr) override {}
  value_landing land(const value_header&) override { return {}; }
  void landed(std::uint64_t, task_id, value_landing) override {}
  void cut_off(task_id, value_landing) override {}
  void not_there(std::uint64_t, task_id, bool) override {}
  void peer_interrupted(peer_id) override {}
  void peer_resumed(peer_id) override {}
  void peer_lost(peer_id) override {
    if (on_lost) on_lost();
  }

  std::function<void()> on_lost;
  std::function<void(task_id)> on_find;

 private:
  std::map<task_id, outgoing_value> values_;
};

/// A peer that serves values, whose link can be cut.
class shop final : public hub_handler {
 public:
  explicit shop(const exchange_limits& limits = {}) {
    own_.role = peer_role::worker;
    serving = std::make_shared<exchange>(threads, security(), own_, link_options(), goods, limits);
  }
  ~shop() {
    serving->close();
    listening_->close();
    threads.drain();
  }
  address open() {
    hub_options options;
    options.link.session.full_bytes = full_bytes;
    listening_.emplace(threads, security(), own_, options,
                       std::shared_ptr<hub_handler>(std::shared_ptr<void>(), this));
    static std::atomic<int> number{0};
    address a;
    a.kind = address_kind::unix_socket;
    a.host = "@weft-test-shop-" + std::to_string(::getpid()) + "-" + std::to_string(++number);
    return listening_->listen(a);
  }
  void cut() {
    std::lock_guard guard(lock_);
    ++cuts;
    if (link_) link_->cut();
  }

  admission admit(const link_peer&) override {
    return {std::make_shared<counter>(*this, serving->serve()), 0, refusal::role, {}};
  }
  void begun(std::shared_ptr<peer_link> l) override {
    std::lock_guard guard(lock_);
    ++links;
    if (closes-- > 0) return l->close(bye_code::finished, "the shop is closed");
    link_ = std::move(l);
  }

  weft::pool threads{{.threads = 2}};
  shelf goods;
  std::shared_ptr<exchange> serving;
  std::function<void()> on_request;  // before it is answered
  /// Answers instead of the exchange, while it gives true.
  std::function<bool(peer_link&, const get_values&)> instead;
  int cuts = 0;
  int links = 0;   // that were made
  int closes = 0;  // how many of the next links
  std::size_t full_bytes = session_options().full_bytes;
  std::atomic<int> answered{0};  // batches of requests
  bool link_is_full() {
    std::lock_guard guard(lock_);
    return link_ && link_->full();
  }

 private:
  class counter final : public link_handler {
   public:
    counter(shop& of, std::shared_ptr<link_handler> inner) : of_(of), inner_(std::move(inner)) {}
    void received(peer_link& from, std::span<const std::byte> messages) override {
      if (of_.on_request) of_.on_request();
      if (of_.instead) {
        batch_reader batch(messages);
        std::uint16_t kind = 0;
        if (batch.next(kind) && kind == static_cast<std::uint16_t>(message_kind::get_values) &&
            of_.instead(from, batch.get<get_values>()))
          return;
      }
      inner_->received(from, messages);
      ++of_.answered;
    }
    void ended(peer_link& l, const std::string& why, bool in_order) override { inner_->ended(l, why, in_order); }

   private:
    shop& of_;
    const std::shared_ptr<link_handler> inner_;
  };

  std::mutex lock_;
  greeting own_;
  std::optional<hub> listening_;
  std::shared_ptr<peer_link> link_;
};

/// The bench fetches from the shop, as peer 2.
void knows(bench& b, shop& s, const exchange_limits& limits = {}) {
  greeting own;
  own.role = peer_role::worker;
  b.links = std::make_shared<exchange>(b.threads, security(), own, link_options(), b, limits);
  b.links->know(2, to_string(s.open()));
}

}  // namespace

TEST_CASE("values come over a link that breaks", "[worker]") {
  const std::size_t in_header = GENERATE(std::size_t{1} << 20, 0u);  // else the message comes in chunks
  shop s({.header_message = in_header});
  for (task_id id = 90; id < 94; ++id) s.goods.put(id, some(static_cast<double>(id), large));
  bench b;
  knows(b, s);
  b.run(20, 90, large);
  CHECK(b.result(20) == total(some(90, large)));

  std::atomic<int> times = 3;
  const auto cut = [&] {
    if (times.fetch_sub(1) > 0) s.cut();
  };
  SECTION("when a request is sent, which then comes twice") { b.on_ask = cut; }
  SECTION("between the request and its answer") { s.on_request = cut; }
  SECTION("in the middle of a value") { b.on_land = cut; }
  for (task_id id = 91; id < 94; ++id) b.run(id - 70, id, large);
  for (task_id id = 91; id < 94; ++id) CHECK(b.result(id - 70) == total(some(static_cast<double>(id), large)));
  CHECK(s.cuts > 0);
  CHECK(b.missed() == 0);  // the peer has them still
}

TEST_CASE("who sends another value than its header says is hung up on, and asked again", "[worker]") {
  const std::vector<std::byte> bytes(100);  // sent from where they are
  std::atomic<int> lies = 0;
  shop s;
  s.goods.put(90, some(1, 1'000));
  s.instead = [&](peer_link& to, const get_values& m) {
    value_header h{};
    h.request = m.request;
    h.id = 90;
    std::uint64_t size = 100;
    switch (lies++) {
      case 0:  // a chunk goes beyond the end of the message
        h.message_bytes = 99;
        h.bytes = size = 1;
        break;
      case 1:  // a part of the message is in the header
        h.message_bytes = 100;
        h.message = std::span(bytes).first(4);
        size = 0;
        break;
      case 2:  // more than there can be
        h.message_bytes = ~std::uint64_t{0};
        h.bytes = size;
        break;
      case 3:
        h.bytes = 99;
        break;
      default:
        return false;
    }
    if (size != 0) h.attachments = {&size, 1};
    to.send_value(h, {bytes}, nullptr);
    return true;
  };
  bench b;
  knows(b, s);
  b.run(20, 90, 1'000);
  CHECK(b.result(20) == total(some(1, 1'000)));
  CHECK(lies > 4);
  CHECK(b.missed() == 4);
}

TEST_CASE("a long message that is none fails the task that takes the value", "[worker]") {
  const std::vector<std::byte> bytes(100, std::byte{0xff});  // sent from where they are
  shop s;
  s.instead = [&](peer_link& to, const get_values& m) {
    value_header h{};
    h.request = m.request;
    h.id = m.tasks.front();
    h.message_bytes = 100;
    to.send_value(h, {bytes}, nullptr);
    return true;
  };
  bench b;
  knows(b, s);
  b.run(20, 90, 1'000);
  CHECK_THAT(b.failure(20), Catch::Contains("weft"));
}

TEST_CASE("a value that comes as more than it is said to take is refused, and the session goes on", "[worker]") {
  const std::size_t in_header = GENERATE(std::size_t{1} << 20, 0u);
  const numbers value = some(3, 2'000);
  weft::encoder e;
  weft::encode(e, value);
  const std::size_t message = e.message().size();
  shop s({.header_message = in_header});
  s.goods.put(90, value);
  s.goods.put(91, some(1, 1'000));
  bench b;
  SECTION("one byte less than too much") {
    knows(b, s, {.surplus_bytes = message});
    b.run(20, 90, 1'000);
    CHECK(b.result(20) == total(value));
  }
  SECTION("one byte too much, for a task") {
    knows(b, s, {.surplus_bytes = message - 1});
    b.run(20, 90, 1'000);
    const std::string why = b.failure(20);
    CHECK_THAT(why, Catch::Contains("is said to have 8000 bytes comes as " + std::to_string(16'000 + message)));
    CHECK_THAT(why, Catch::Contains("weft_owned_bytes"));
    b.run(21, 91, 1'000);
    CHECK(b.result(21) == total(some(1, 1'000)));
  }
  SECTION("one byte too much, for a copy") {
    s.goods.put(90, some(3, 20'000));
    knows(b, s, {.surplus_bytes = message - 1});
    b.copy(90);
    const bool said = b.wait([&] { return b.refused_copies() == 1; });
    CHECK(said);
    CHECK(b.core.empty());
    b.run(20, 90, 1'000);  // it is there still
    CHECK_THAT(b.failure(20), Catch::Contains("weft_owned_bytes"));
    b.run(21, 91, 1'000);
    CHECK(b.result(21) == total(some(1, 1'000)));
  }
  SECTION("one byte too much, for two tasks and a copy") {
    s.goods.put(90, some(3, 20'000));
    knows(b, s, {.surplus_bytes = message - 1});
    b.copy(90);
    b.run(20, 90, 10'000);
    b.run(22, 90, 10'000);
    for (const task_id id : {task_id{20}, task_id{22}})
      CHECK_THAT(b.failure(id), Catch::Contains("weft_owned_bytes"));
    const bool said = b.wait([&] { return b.refused_copies() == 1; });
    CHECK(said);
  }
  CHECK(b.missed() == 0);  // the peer has it
  CHECK(s.links == 1);
}

TEST_CASE("who begins more values than were asked for is hung up on", "[worker]") {
  const std::vector<std::byte> bytes(100);
  shop s;
  s.goods.put(90, some(1, 1'000));
  std::atomic<int> asked = 0;
  s.instead = [&](peer_link& to, const get_values& m) {
    if (asked++ > 0) return false;
    const std::uint64_t size = 100;
    for (int i = 0; i < 100; ++i) {
      value_header h{};
      h.request = m.request;
      h.id = static_cast<task_id>(1'000 + i);
      h.bytes = size;
      h.attachments = {&size, 1};
      to.send(h);  // its chunks never come
    }
    return true;
  };
  bench b;
  knows(b, s, {.coming_values = 99});
  b.run(20, 90, 1'000);
  CHECK(b.result(20) == total(some(1, 1'000)));
  CHECK(b.missed() == 1);
}

TEST_CASE("a message that was begun, and for which nobody waits any more, is gone over", "[worker]") {
  const std::vector<std::byte> half(500);
  shop s({.header_message = 0});
  s.goods.put(90, some(1, 1'000));
  std::atomic<int> asked = 0;
  std::uint64_t old = 0;
  value_header h{};
  h.id = 90;
  h.message_bytes = 1'000;
  s.instead = [&](peer_link& to, const get_values& m) {
    const int before = asked++;
    if (before == 0) {
      h.request = old = m.request;
      to.send_value(h, {half}, nullptr);
    } else if (before == 1) {
      h.request = m.request;
      to.send_value(h, {}, nullptr);  // lets go of the other
      h.request = old;
      to.send_value(h, {half}, nullptr);  // the other's rest
    } else {
      return false;
    }
    to.send(value_missing{{m.request, 90, 0, 0}});
    return true;
  };
  bench b;
  knows(b, s);
  b.run(20, 90, 1'000);
  CHECK(b.result(20) == total(some(1, 1'000)));
  CHECK(s.links == 1);
}

TEST_CASE("a long value that is gone over, since nobody wants it, is asked for again by who does", "[worker]") {
  const std::vector<std::byte> half(500);  // sent from where they are
  shop s({.header_message = 0});
  s.goods.put(90, some(1, 1'000));
  struct question {
    std::shared_ptr<peer_link> from;
    std::uint64_t request = 0;
    /// A header that lands nowhere: when it is seen those before it have been.
    void mark() const {
      value_header h{};
      h.request = request;
      h.id = 99;
      h.message = small;
      from->send(h);
    }
    void begin(task_id id, const std::vector<std::byte>& part) const {
      value_header h{};
      h.request = request;
      h.id = id;
      h.message_bytes = 1'000;
      from->send_value(h, {part}, nullptr);
    }
    std::vector<std::byte> small = std::vector<std::byte>(8);
  };
  std::promise<question> asked;
  bool first = true;
  s.instead = [&](peer_link& to, const get_values& m) {
    if (!std::exchange(first, false)) return false;
    const question q{to.shared_from_this(), m.request};
    q.mark();
    asked.set_value(q);
    return true;
  };
  std::atomic<int> marks = 0;
  bench b;
  b.on_land = [&] { ++marks; };
  knows(b, s);
  const auto seen = [&](int n) { return b.wait([&] { return marks == n; }); };
  b.copy(90);
  b.copy(91);
  REQUIRE(seen(1));
  const question q = asked.get_future().get();
  SECTION("it begins when nobody wants it") {
    b.drop_value(90);
    q.begin(90, half);
  }
  SECTION("it has begun, and another long one begins when nobody wants it") {
    q.begin(90, half);
    q.mark();
    REQUIRE(seen(2));
    marks = 1;
    b.drop_value(90);
    q.begin(91, half);
  }
  q.mark();
  REQUIRE(seen(2));
  b.run(20, 90, 1'000);
  q.from->send(value_missing{{q.request, 91, 0, 0}});
  CHECK(b.result(20) == total(some(1, 1'000)));
  CHECK(s.links == 1);
}

TEST_CASE("values come after links that end as soon as they are made", "[worker]") {
  for (int round = 0; round < 20; ++round) {
    shop s;
    s.goods.put(90, some(1, 1'000));
    s.closes = 2;
    bench b;
    knows(b, s);
    b.run(20, 90, 1'000);
    CHECK(b.result(20) == total(some(1, 1'000)));
  }
}

namespace {

/// Asks for values, and reads nothing from the first answer on, until it is told to go on.
class slow_reader final : public link_handler {
 public:
  void received(peer_link&, std::span<const std::byte> messages) override {
    go_on.wait();
    std::lock_guard guard(lock);
    batch_reader batch(messages);
    std::uint16_t kind = 0;
    while (batch.next(kind)) {
      if (kind == static_cast<std::uint16_t>(message_kind::value_header))
        came.push_back(batch.get<value_header>().request);
      else
        (batch.get<value_missing>().busy ? busy : missing).push_back(batch.get<value_missing>().request);
    }
    changed.notify_all();
  }
  void ended(peer_link&, const std::string&, bool) override {
    std::lock_guard guard(lock);
    is_over = true;
    changed.notify_all();
  }

  std::latch go_on{1};
  std::mutex lock;
  std::condition_variable changed;
  std::vector<std::uint64_t> came, busy, missing;
  bool is_over = false;
};

}  // namespace

TEST_CASE("what nobody wants any more is not sent to its end", "[worker]") {
  constexpr std::size_t n = 4'000'000;  // 32 MB: more than sockets and a chunk
  shop s;
  s.goods.put(90, some(1, n));
  bench b;
  knows(b, s);
  std::latch dropped(1);
  std::atomic<bool> landing = false, stopped = false;
  b.on_landing = [&] {  // nothing is read meanwhile
    if (landing.exchange(true)) return;
    b.look_again();
    dropped.wait();
    stopped = comes([&] { return s.answered == 2; });
  };
  b.copy(90);
  const bool began = b.wait([&] { return landing.load(); });
  b.drop_value(90);
  dropped.count_down();
  REQUIRE(began);
  CHECK(b.wait([&] { return b.cut_offs() == 1; }));
  CHECK(stopped);
  b.run(20, 90, n);  // and is sent anew to who wants it then, on the same link
  CHECK(b.result(20) == total(some(1, n)));
  CHECK(s.links == 1);
  CHECK(b.missed() == 0);
}

TEST_CASE("what is refused by its header is not sent to its end", "[worker]") {
  const std::size_t in_header = GENERATE(std::size_t{1} << 20, 0u);
  shop s({.header_message = in_header});
  s.goods.put(90, some(1, 4'000'000));
  s.goods.put(91, some(2, 1'000));
  bench b;
  knows(b, s, {.surplus_bytes = 1'000'000});
  b.run(20, 90, 1'000);
  CHECK_THAT(b.failure(20), Catch::Contains("weft_owned_bytes"));
  CHECK(comes([&] { return s.answered == 2; }));  // asked, and told to stop
  b.run(21, 91, 1'000);
  CHECK(b.result(21) == total(some(2, 1'000)));
  CHECK(s.links == 1);
}

TEST_CASE("who stops what was awaited is hung up on, and asked again", "[worker]") {
  shop s;
  s.goods.put(90, some(1));
  std::atomic<int> asked = 0;
  s.instead = [&](peer_link& to, const get_values& m) {
    if (asked++ != 0) return false;
    to.send(values_stopped{{m.request}});
    return true;
  };
  bench b;
  knows(b, s);
  b.run(20, 90);
  CHECK(b.result(20) == total(some(1)));
  CHECK(s.links == 2);
}

TEST_CASE("who does not read what it asked for is told to ask again", "[worker]") {
  shop s;
  s.full_bytes = std::size_t{1} << 20;
  s.goods.put_message(90, 1'000'000);
  const address at = s.open();
  weft::pool own({.threads = 2});
  auto reader = std::make_shared<slow_reader>();
  greeting says;
  says.role = peer_role::worker;
  const auto link = own.run(peer_link::dial(own, at, security(), says, link_options(), reader));
  const task_id wanted = 90;
  std::uint64_t asked = 0;
  const auto ask = [&] {
    get_values m{};
    m.request = ++asked;
    m.tasks = std::span(&wanted, 1);
    const int before = s.answered;
    REQUIRE(link->send(m));
    while (s.answered == before) std::this_thread::yield();
  };
  while (!s.link_is_full()) {
    REQUIRE(asked < 1'000);
    ask();
  }
  // What the sockets take makes room for some more, but not for as many.
  for (int i = 0; i < 150; ++i) ask();
  reader->go_on.count_down();
  {
    std::unique_lock guard(reader->lock);
    const bool all = reader->changed.wait_for(guard, std::chrono::seconds(60),
                                              [&] { return reader->came.size() + reader->busy.size() == asked; });
    CHECK(all);
    CHECK(reader->missing.empty());
    CHECK(reader->came.size() < 100);
    CHECK(reader->busy.size() >= 50);
  }
  link->close(bye_code::finished, "the test is over");
  std::unique_lock guard(reader->lock);
  reader->changed.wait(guard, [&] { return reader->is_over; });
  guard.unlock();
  own.drain();
}

namespace {

/// A worker that is to have values which a submitter offers.
class taker final : public exchange_host, public hub_handler {
 public:
  taker() {
    greeting own;
    own.role = peer_role::worker;
    links = std::make_shared<exchange>(threads, security(), own, link_options(), *this);
    listening_.emplace(threads, security(), own, hub_options(),
                       std::shared_ptr<hub_handler>(std::shared_ptr<void>(), this));
    static std::atomic<int> number{0};
    address a;
    a.kind = address_kind::unix_socket;
    a.host = "@weft-test-taker-" + std::to_string(::getpid()) + "-" + std::to_string(++number);
    at = to_string(listening_->listen(a));
  }
  ~taker() {
    links->close();
    listening_->close();
    threads.drain();
  }
  template <class Condition>
  bool until(Condition met) {
    std::unique_lock guard(lock_);
    return changed_.wait_for(guard, std::chrono::seconds(60), met);
  }

  admission admit(const link_peer&) override { return {links->serve(), 0, refusal::role, {}}; }
  void begun(std::shared_ptr<peer_link> l) override {
    note([&] {
      ++begins;
      last = std::move(l);
    });
  }
  outgoing_value find(task_id id) override {
    if (on_find) on_find(id);
    return {};
  }
  expected_value expected(std::uint64_t request, task_id) override {
    const bool wanted = request != given_up;
    return {wanted, wanted, large * sizeof(double)};
  }
  void refuse(std::uint64_t request, task_id, std::exception_ptr) override {
    note([&] { missing.insert(request); });
  }
  value_landing land(const value_header& header) override {
    value_landing where;
    auto bytes = std::make_shared<std::vector<std::byte>>(header.bytes);
    where.wanted = true;
    where.places.emplace_back(*bytes);
    where.keep = bytes;
    if (on_landing) on_landing();
    return where;
  }
  void landed(std::uint64_t request, task_id, value_landing where) override {
    note([&] { came[request] = where.places.front().size(); });
  }
  void cut_off(task_id, value_landing) override {
    note([&] { ++cut_offs; });
  }
  void not_there(std::uint64_t request, task_id, bool) override {
    note([&] { missing.insert(request); });
  }
  void peer_interrupted(peer_id p) override {
    if (on_interrupted) on_interrupted();
    note([&] { told.push_back("-" + std::to_string(submitter_of(make_task_id(p, 0)))); });
  }
  void peer_resumed(peer_id p) override {
    note([&] { told.push_back("+" + std::to_string(submitter_of(make_task_id(p, 0)))); });
  }
  void peer_lost(peer_id) override {
    note([&] { told.emplace_back("lost"); });
  }

  weft::pool threads{{.threads = 2}};
  std::shared_ptr<exchange> links;
  std::string at;
  std::function<void(task_id)> on_find;
  std::function<void()> on_interrupted;  // before it is noted
  std::function<void()> on_landing;
  std::atomic<std::uint64_t> given_up{0};  // a request
  // Under the lock.
  int begins = 0, cut_offs = 0;
  std::shared_ptr<peer_link> last;
  std::map<std::uint64_t, std::size_t> came;  // by request, in bytes
  std::set<std::uint64_t> missing;
  std::vector<std::string> told;

 private:
  template <class F>
  void note(F f) {
    std::lock_guard guard(lock_);
    f();
    changed_.notify_all();
  }
  std::mutex lock_;
  std::condition_variable changed_;
  std::optional<hub> listening_;
};

/// Who offers values as submitter 7.
class giver final {
 public:
  explicit giver(const taker& to) {
    greeting own;
    own.role = peer_role::client;
    goods.put(90, numbers(large, 1.0));
    links = std::make_shared<exchange>(threads, security(), own, link_options(), goods);
    links->know(worker, to.at);
  }
  ~giver() {
    links->close();
    threads.drain();
  }
  void offer(std::uint64_t secret) { links->offer(worker, 7, secret); }

  static constexpr peer_id worker = 9;
  weft::pool threads{{.threads = 1}};
  shelf goods;
  std::shared_ptr<exchange> links;
};

}  // namespace

TEST_CASE("values that are offered are asked for on the link that their giver has made", "[worker]") {
  using strings = std::vector<std::string>;
  const bool first = GENERATE(false, true);
  const task_id there = 90, elsewhere = 91;
  taker t;
  giver g(t);
  if (first) {
    g.offer(77);
    REQUIRE(t.until([&] { return t.begins == 1; }));
  }
  t.links->await_giver(giver_of(7), 77);
  if (!first) g.offer(77);
  REQUIRE(t.until([&] { return t.told == strings{"+7"}; }));
  t.links->ask(giver_of(7), 1, {&there, 1});
  t.links->ask(giver_of(7), 2, {&elsewhere, 1});
  CHECK(t.until([&] { return t.came.contains(1) && t.missing.contains(2); }));
  CHECK(t.came[1] == large * sizeof(double));
  // Another link of the same giver is asked from then on, and when that has ended the older one again.
  {
    giver again(t);
    again.offer(77);
    REQUIRE(t.until([&] { return t.told == strings{"+7", "-7", "+7"}; }));
    t.links->ask(giver_of(7), 3, {&there, 1});
    CHECK(t.until([&] { return t.came.contains(3); }));
  }
  REQUIRE(t.until([&] { return t.told.size() == 5; }));
  CHECK(t.told == strings{"+7", "-7", "+7", "-7", "+7"});
  t.links->ask(giver_of(7), 4, {&there, 1});
  CHECK(t.until([&] { return t.came.contains(4); }));
  // What is not awaited any more is not told of, and its link stays.
  t.links->forget(giver_of(7));
  t.links->await_giver(giver_of(7), 77);
  REQUIRE(t.until([&] { return t.told.size() == 6; }));
  CHECK(t.told.back() == "+7");
}

TEST_CASE("an offered value that nobody wants any more is not sent to its end", "[worker]") {
  const task_id there = 89, next = 90;
  taker t;
  giver g(t);
  g.goods.put(there, numbers(4'000'000, 1.0));  // 32 MB: more than sockets and a chunk
  std::latch found(1);
  g.goods.on_find = [&](task_id id) {
    if (id == next) found.count_down();
  };
  std::latch landing(1);
  std::atomic<bool> first = true;
  t.on_landing = [&] {  // nothing is read meanwhile
    if (!first.exchange(false)) return;
    landing.count_down();
    found.wait();
  };
  t.links->await_giver(giver_of(7), 77);
  g.offer(77);
  REQUIRE(t.until([&] { return t.told.size() == 1; }));
  t.links->ask(giver_of(7), 1, {&there, 1});
  landing.wait();
  t.given_up = 1;
  t.links->stop(giver_of(7), 1);
  t.links->ask(giver_of(7), 2, {&next, 1});
  CHECK(t.until([&] { return t.came.contains(2) && t.cut_offs == 1; }));
  CHECK_FALSE(t.came.contains(1));
  t.given_up = 2;
  t.links->stop(giver_of(7), 2);  // it has come: nothing
  t.links->ask(giver_of(7), 3, {&next, 1});
  CHECK(t.until([&] { return t.came.contains(3); }));
  CHECK(t.begins == 1);
}

TEST_CASE("who offers values by another secret is not asked", "[worker]") {
  const task_id there = 90;
  taker t;
  giver g(t);
  t.links->await_giver(giver_of(7), 77);
  g.offer(78);
  REQUIRE(t.until([&] { return t.begins == 1; }));
  t.links->ask(giver_of(7), 1, {&there, 1});
  CHECK(t.until([&] { return !t.told.empty(); }));
  CHECK(t.told == std::vector<std::string>{"-7"});
  CHECK(t.came.empty());
}

TEST_CASE("that a giver is there again is told behind that it was away", "[worker]") {
  const task_id elsewhere = 91;
  taker t;
  std::latch goes_on{1};
  t.on_interrupted = [&] { goes_on.wait(); };
  // The other thread of the pool turns to it when nothing is left to be told there.
  t.on_find = [&](task_id) {
    t.threads.spawn([](std::latch& l) -> weft::task<> {
      l.count_down();
      co_return;
    }(goes_on));
  };
  t.links->await_giver(giver_of(7), 77);
  {
    giver g(t);
    g.offer(77);
    REQUIRE(t.until([&] { return t.told.size() == 1; }));
  }
  giver again(t);
  again.offer(77);
  again.links->ask(giver::worker, 1, {&elsewhere, 1});  // behind its claim
  REQUIRE(t.until([&] { return t.told.size() == 3; }));
  CHECK(t.told == std::vector<std::string>{"+7", "-7", "+7"});
}

TEST_CASE("who offers again as soon as a link has ended makes another", "[worker]") {
  taker t;
  giver g(t);
  t.links->await_giver(giver_of(7), 77);
  g.goods.on_lost = [&] { g.offer(77); };
  g.offer(77);
  REQUIRE(t.until([&] { return t.told.size() == 1; }));
  t.last->close(bye_code::finished, "the test wants another");
  REQUIRE(t.until([&] { return t.told.size() == 3; }));
  CHECK(t.told == std::vector<std::string>{"+7", "-7", "+7"});
  CHECK(t.begins == 2);
}

TEST_CASE("who claims to give values as nobody, or twice, or answers another, is hung up on", "[worker]") {
  class caller final : public link_handler {
   public:
    void received(peer_link&, std::span<const std::byte>) override {}
    void ended(peer_link&, const std::string& reason, bool) override {
      why = reason;
      over.set();
    }
    std::string why;
    weft::event over;
  };
  const std::string how = GENERATE("nobody", "twice", "another");
  const task_id there = 90;
  taker t;
  giver g(t);
  if (how == "another") {
    t.links->await_giver(giver_of(7), 77);
    g.offer(77);
    REQUIRE(t.until([&] { return t.told.size() == 1; }));
  }
  weft::pool own({.threads = 1});
  auto handler = std::make_shared<caller>();
  greeting says;
  says.role = peer_role::client;
  const auto call = [&]() -> weft::task<> {
    auto dialling =
        peer_link::dial(own, parse_address(t.at, address_kind::tcp), security(), says, link_options(), handler);
    const auto link = co_await std::move(dialling);
    if (how != "nobody") link->send(claim_offers{{76, 7, 0}});
    if (how == "another")
      link->send(value_missing{{1, there, 0, 0}});
    else
      link->send(claim_offers{{77, how == "twice" ? peer_id{7} : peer_id{0}, 0}});
    co_await handler->over.wait();
  };
  own.run(weft::timeout(std::chrono::seconds(60), call()));
  CHECK_THAT(handler->why, Catch::Contains(how == "nobody"  ? "which none can be"
                                           : how == "twice" ? "claimed twice"
                                                            : "answers request 1, which it was not asked"));
  own.drain();
  CHECK(t.missing.empty());
}
