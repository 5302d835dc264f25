// Any bytes from a peer are handled, or are a protocol_error; the scheduler's state is whole after them.
#include <catch2/catch.hpp>
#include <cstring>
#include <string>
#include <vector>

#include "model.hpp"
#include "script.hpp"
#include "support/seeds.hpp"
#include "wire/graph.hpp"

namespace {

using namespace weft::test::scheduling;

/// Messages of every kind, with numbers that are mostly near what exists.
struct nonsense {
  random_source random;
  std::vector<task_id> ids;
  std::vector<attempt_ref> attempts;
  std::string words;
  std::uint64_t next = 1;
  task_id graph = 0;  // the last that was begun, and about the number of its next task
  std::uint64_t graph_next = 1;

  std::uint64_t number(std::uint64_t below) {
    if (random.chance(97)) return random.below(below);
    return random.chance(50) ? random.next() : ~std::uint64_t{0} >> random.below(60);
  }
  task_id id() { return make_task_id(static_cast<peer_id>(number(8)), number(12)); }
  std::span<const task_id> some_ids() {
    ids.clear();
    for (std::uint64_t n = random.below(5); n > 0; --n) ids.push_back(id());
    return ids;
  }
  std::span<const attempt_ref> some_attempts() {
    attempts.clear();
    for (std::uint64_t n = random.below(5); n > 0; --n)
      attempts.push_back({id(), static_cast<std::uint32_t>(number(4)), 0});
    return attempts;
  }
  std::span<const char> text() {
    static const std::vector<std::string> all{"",  "gpu=1", "gpu=1 x=2", "gpu=-1", "w1",
                                              "h", "=",     "gpu=1e300", "a=nan"};
    words = all[number(all.size()) % all.size()];
    return words;
  }
  template <class M>
  M place() {
    M m{};
    m.id = id();
    m.bytes = number(1000);
    m.worker = static_cast<peer_id>(number(8));
    return m;
  }
  template <class M>
  M failure() {
    M m{};
    m.id = id();
    m.attempt = static_cast<std::uint32_t>(number(4));
    m.text = text();
    return m;
  }

  void add(batch_writer& out, peer_id self) {
    switch (random.below(26)) {
      case 0:
      case 1:
      case 2:
      case 3: {
        submit_task m{};
        m.id = random.chance(95) ? make_task_id(self, next++) : id();
        m.function.module = static_cast<std::uint32_t>(random.chance(95) ? 0 : number(3));
        m.function.offset = number(4);
        m.flags = static_cast<std::uint32_t>(random.next());
        m.options = static_cast<std::uint32_t>(random.chance(80) ? 0 : number(3));
        m.retries = static_cast<std::uint16_t>(number(3));
        m.priority = static_cast<std::int16_t>(number(3));
        m.rank = number(100);
        m.inputs = random.chance(70) ? some_ids() : std::span<const task_id>{};
        std::vector<task_id> mine;
        if (random.chance(80)) {
          for (std::uint64_t n = random.below(4); n > 0 && number_of(m.id) > 1; --n)
            mine.push_back(make_task_id(self, 1 + random.below(number_of(m.id) - 1)));
          m.inputs = mine;
        }
        out.add(m);
        break;
      }
      case 4: {
        release_tasks m{};
        m.tasks = some_ids();
        out.add(m);
        break;
      }
      case 5: {
        cancel_tasks m{};
        m.tasks = some_ids();
        out.add(m);
        break;
      }
      case 6: {
        retry_tasks m{};
        m.tasks = some_ids();
        out.add(m);
        break;
      }
      case 7: {
        locate_tasks m{};
        m.tasks = some_ids();
        out.add(m);
        break;
      }
      case 8: {
        define_module m{};
        m.index = static_cast<std::uint32_t>(number(3));
        m.name = text();
        out.add(m);
        break;
      }
      case 9: {
        define_options m{};
        m.index = static_cast<std::uint32_t>(number(3));
        m.flags = static_cast<std::uint32_t>(number(2));
        m.time_limit_ns = static_cast<std::int64_t>(number(1000));
        const std::string a(text().data(), text().size()), b(text().data(), text().size());
        m.resources = a;
        m.workers = b;
        out.add(m);
        break;
      }
      case 10:
      case 11:
      case 12: {
        done_task m{};
        m.id = id();
        m.attempt = static_cast<std::uint32_t>(1 + number(2));
        m.bytes = number(1000);
        m.nanoseconds = number(1'000'000);
        out.add(m);
        break;
      }
      case 13:
        out.add(failure<failed_task>());
        break;
      case 14: {
        cancelled_task m{};
        m.tasks = some_attempts();
        out.add(m);
        break;
      }
      case 15:
        out.add(place<missing_value>());
        break;
      case 16: {
        retracted_task m{};
        m.id = id();
        m.attempt = static_cast<std::uint32_t>(1 + number(2));
        m.given_back = static_cast<std::uint32_t>(number(2));
        out.add(m);
        break;
      }
      case 17:
        out.add(place<value_added>());
        break;
      case 18: {
        value_dropped m{};
        m.tasks = some_ids();
        out.add(m);
        break;
      }
      case 19: {
        replicate_values m{};
        m.copies = static_cast<std::uint32_t>(number(3));
        m.tasks = some_ids();
        out.add(m);
        break;
      }
      case 20:
        out.add(rebalance_values{});
        break;
      case 21: {
        ask_cluster m{};
        m.request = number(3);
        m.retire = text();
        out.add(m);
        break;
      }
      case 22: {
        begin_graph m{};
        m.first = random.chance(95) ? make_task_id(self, next) : id();
        m.count = random.chance(90) ? 1 + random.below(6) : number(9);
        m.options = static_cast<std::uint32_t>(random.chance(80) ? 0 : number(3));
        std::vector<graph_layer> layers(1 + random.below(3));
        std::vector<std::byte> calls;
        for (graph_layer& l : layers) {
          l.function.offset = number(4);
          l.links = static_cast<std::uint32_t>(random.chance(90) ? random.below(2) : number(4));
          l.before_bytes = static_cast<std::uint32_t>(random.chance(95) ? random.below(4) : number(4));
          l.flags = random.chance(90) ? task_inline : static_cast<std::uint32_t>(random.next());
          calls.resize(calls.size() + (l.before_bytes & 7));
        }
        if (random.chance(30)) m.others = some_ids();
        m.layers = layers;
        m.calls = calls;
        graph = m.first;
        graph_next = next;
        next += m.count;
        out.add(m);
        break;
      }
      case 23:
      case 24: {
        graph_part m{};
        m.graph = random.chance(95) ? graph : id();
        m.tasks = static_cast<std::uint32_t>(random.chance(95) ? 1 : random.below(4));
        std::vector<std::byte> bytes;
        if (random.chance(90)) {
          graph_writer one(graph_next++, 1);
          one.task(0, static_cast<std::uint32_t>(random.below(9)), random.chance(50), random.chance(50), 0);
          if (random.chance(50)) {
            one.link(1);
            one.input(graph_next - 1 - random.below(2), random.chance(50));
          }
          bytes.assign(one.bytes().begin(), one.bytes().end());
        } else {
          for (std::uint64_t i = random.below(9); i > 0; --i) bytes.push_back(static_cast<std::byte>(number(256)));
        }
        m.bytes = bytes;
        out.add(m);
        break;
      }
      case 25: {
        worker_machine m{};
        m.name = text();
        out.add(m);
        break;
      }
      default: {
        heartbeat m{};
        m.mode = static_cast<std::uint32_t>(number(4));
        m.executing = some_attempts();
        out.add(m);
      }
    }
  }
};

}  // namespace

TEST_CASE("any bytes are handled, or a protocol_error", "[scheduler][seeds]") {
  std::size_t refused = 0, handled = 0;
  for (const std::uint64_t seed : weft::test::seed_range(3000)) {
    scheduler_options o;
    o.steal_least = 0;
    o.no_worker_limit = 5'000'000;
    scheduler_core core(o);
    nonsense n{{seed}, {}, {}, {}};
    std::vector<std::pair<peer_id, std::uint64_t>> peers;  // and the next number of its tasks
    const auto enter = [&](bool as_worker) {
      worker_hello hello;
      hello.name = "w1";
      hello.host = "h";
      hello.slots = 2;
      hello.resources = "gpu=1";
      peers.emplace_back(as_worker ? core.add_worker(0, hello) : core.add_client(0, hello), 1);
    };
    for (const bool as_worker : {true, true, false, true}) enter(as_worker);
    time_ns now = 0;
    for (int k = 0; k < 60; ++k) {
      now += 1'000'000;
      const std::size_t who = n.random.below(peers.size());
      batch_writer out;
      n.next = peers[who].second;
      for (std::uint64_t m = 1 + n.random.below(3); m > 0; --m) n.add(out, peers[who].first);
      peers[who].second = n.next;
      std::vector<std::byte> bytes = out.take();
      if (n.random.chance(10)) bytes[n.random.below(bytes.size())] ^= static_cast<std::byte>(1 << n.random.below(8));
      if (n.random.chance(2)) bytes.resize(n.random.below(bytes.size()));
      try {
        batch_reader reader(bytes);
        core.receive(now, peers[who].first, reader);
        ++handled;
      } catch (const protocol_error&) {
        ++refused;
        if (n.random.chance(40)) {
          core.check_invariants();
          core.remove_peer(now, peers[who].first, false, "it speaks nonsense");
          const bool worker = n.random.chance(60);
          peers.erase(peers.begin() + static_cast<std::ptrdiff_t>(who));
          enter(worker);
        }
      }
      try {
        core.check_invariants();
        if (core.deadline() <= now) core.tick(now);
        core.check_invariants();
      } catch (const std::exception& e) { FAIL("seed " << seed << ": " << e.what()); }
      core.clear_outputs();
      core.take_departures();
    }
    for (const auto& [p, next] : peers) core.remove_peer(now, p, true, "");
    core.check_invariants();
    REQUIRE(core.statistics().tasks == 0);
  }
  if (handled + refused < 10'000) return;
  CHECK(handled > refused / 4);
  CHECK(refused > handled / 10);
}

TEST_CASE("a worker that nobody could name in a list is not let in", "[scheduler]") {
  script s;
  const auto refused = [&](const std::string& name) {
    worker_hello hello;
    hello.name = name;
    try {
      s.core.add_worker(s.now, hello);
    } catch (const protocol_error& e) { return std::string(e.what()); }
    return std::string();
  };
  CHECK(
      refused("my worker") ==
      "weft: a worker cannot be called 'my worker': names are given in lists, with blanks between two: write - or _ "
      "where it has a blank");
  for (const char* blank : {" a", "a ", "a\tb", "a\nb", "\r"})
    CHECK(refused(blank).find("blank") != std::string::npos);
  CHECK(refused("a\x7f") == "weft: a worker cannot be called 'a?': it has control characters, which nobody can type");
  CHECK(refused("") == "weft: a worker cannot be called '': a name has one character at least");
  CHECK(refused(std::string(257, 'x')).find("it has 257 bytes; a name may have 256") != std::string::npos);
  CHECK(s.core.statistics().workers == 0);
  CHECK(refused(std::string(256, 'x')).empty());
  CHECK(refused("wörker-1:x/y").empty());
  CHECK(s.core.statistics().workers == 2);
}

TEST_CASE("what a peer may not say is refused by a sentence, and changes nothing", "[scheduler]") {
  script s({.most_inputs = 2, .most_call_bytes = 8, .most_number_gap = 10, .most_modules = 4, .most_options = 5});
  const peer_id c = s.client(), d = s.client(), w = s.worker();
  const task_id a = s.submit(c);
  const auto refused = [&](const auto& change, const char* what) {
    submit_task m{};
    m.id = make_task_id(c, 2);
    change(m);
    std::string text;
    try {
      s.say(c, m);
    } catch (const protocol_error& e) { text = e.what(); }
    CAPTURE(text, what);
    CHECK(text.find(what) != std::string::npos);
    CHECK(s.core.statistics().tasks == 1);
  };
  const std::vector<task_id> self{make_task_id(c, 2)}, many{a, a, a};
  const std::vector<std::byte> large(9);
  refused([&](submit_task& m) { m.id = make_task_id(d, 1); }, "not its own");
  refused([&](submit_task& m) { m.id = a; }, "not above the last");
  refused([&](submit_task& m) { m.id = make_task_id(c, 0); }, "not above the last");
  refused([&](submit_task& m) { m.id = make_task_id(c, 100); }, "most_number_gap");
  refused([&](submit_task& m) { m.inputs = self; }, "not submitted before");
  refused([&](submit_task& m) { m.inputs = many; }, "most_inputs");
  refused([&](submit_task& m) { m.call = large; }, "most_call_bytes");
  refused([&](submit_task& m) { m.options = 1; }, "not defined");
  refused([&](submit_task& m) { m.function.module = 1; }, "not defined");
  CHECK_THROWS_AS(s.about<release_tasks>(d, {a}), protocol_error);
  CHECK_THROWS_AS(s.about<cancel_tasks>(d, {a}), protocol_error);
  CHECK_THROWS_AS(s.about<retry_tasks>(d, {a}), protocol_error);
  CHECK_THROWS_AS(s.about<locate_tasks>(d, {a}), protocol_error);
  CHECK_THROWS_AS(s.done(c, a), protocol_error);
  CHECK_THROWS_AS(s.beat(w, static_cast<worker_mode>(9)), protocol_error);
  CHECK_THROWS_AS(s.options(c, 0, ""), protocol_error);
  CHECK_THROWS_AS(s.options(c, 5, ""), protocol_error);
  CHECK_THROWS_AS(s.options(c, 1, "gpu=x"), protocol_error);
  CHECK_THROWS_AS(s.options(c, 1, "gpu=1 gpu=1"), protocol_error);
  CHECK_THROWS_AS(s.worker(0), protocol_error);
  CHECK_THROWS_AS(s.worker(1, "gpu=nan"), protocol_error);
  CHECK(s.core.state_of(a) == task_state::assigned);
}
