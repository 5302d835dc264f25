// Random graphs of futures over many orders of execution: right values, or the failure that belongs there.
#include <catch2/catch.hpp>
#include <optional>
#include <random>
#include <set>
#include <stdexcept>
#include <vector>

#include "support/seeds.hpp"
#include "weft/client.hpp"
#include "weft/simulation.hpp"
#include "weft/weft.hpp"

using namespace std::chrono_literals;

namespace {

std::uint64_t mix(std::uint64_t x) {
  x ^= x >> 31;
  x *= 0x9e3779b97f4a7c15u;
  return x ^ (x >> 29);
}
std::uint64_t leaf(std::uint64_t x) { return mix(x); }
std::uint64_t two(std::uint64_t a, std::uint64_t b) { return mix(a * 3 + b); }
std::uint64_t many(weft::values<std::uint64_t> parts) {
  std::uint64_t sum = 1;
  for (const std::uint64_t p : parts) sum = mix(sum + p);
  return sum;
}
weft::task<std::uint64_t> waits(std::uint64_t x) {
  co_await weft::sleep_for(std::chrono::microseconds(x % 50));
  co_return mix(x);
}
std::uint64_t throws(std::uint64_t) { throw std::runtime_error("as planned"); }
weft::task<std::uint64_t> nested(weft::client& c, std::uint64_t x) {
  auto a = c.submit(leaf, x), b = c.submit(waits, x + 1);
  const std::uint64_t left = co_await a;
  co_return mix(left + co_await b);
}

/// What a node of the random graph must give: a value, or a failure (which may be a cancellation).
struct planned {
  weft::future<std::uint64_t> future;
  std::optional<std::uint64_t> value;
  bool cancelled = false;  // by us: its dependents may have had their value before
};

weft::task<> random_graph(weft::client& c, weft::simulation& s) {
  std::vector<planned> nodes;
  const auto pick = [&]() -> planned& { return nodes[s.random() % nodes.size()]; };
  const std::size_t count = 10 + s.random() % 40;
  for (std::size_t i = 0; i < count; ++i) {
    planned p;
    const std::uint64_t x = s.random() % 1000;
    const weft::client with =
        c.with({.priority = static_cast<int>(s.random() % 3), .retries = static_cast<unsigned>(s.random() % 2)});
    switch (nodes.empty() ? 0 : s.random() % 8) {
      case 0:
        p.future = with.submit(leaf, x);
        p.value = mix(x);
        break;
      case 1:
        p.future = with.submit(waits, x);
        p.value = mix(x);
        break;
      case 2:
        p.future = with.submit(nested, x);
        p.value = mix(mix(x) + mix(x + 1));
        break;
      case 3:
        if (s.random() % 4 == 0) {
          p.future = with.submit(throws, x);
          break;
        }
        [[fallthrough]];
      case 4:
      case 5: {
        planned &a = pick(), &b = pick();
        p.future = with.submit(two, a.future, b.future);
        if (a.value && b.value) p.value = mix(*a.value * 3 + *b.value);
        p.cancelled = a.cancelled || b.cancelled;
        break;
      }
      case 6: {
        planned& a = pick();
        p.future = with.submit(waits, a.future);
        if (a.value) p.value = mix(*a.value);
        p.cancelled = a.cancelled;
        break;
      }
      default: {
        std::vector<weft::future<std::uint64_t>> parts;
        std::uint64_t sum = 1;
        bool whole = true;
        for (std::size_t k = s.random() % 6; k > 0; --k) {
          planned& a = pick();
          parts.push_back(a.future);
          whole = whole && a.value.has_value();
          p.cancelled = p.cancelled || a.cancelled;
          if (whole) sum = mix(sum + *a.value);
        }
        p.future = with.submit(many, parts);
        if (whole) p.value = sum;
      }
    }
    nodes.push_back(std::move(p));
    if (s.random() % 16 == 0) {
      planned& a = pick();
      a.future.cancel();
      a.cancelled = true;
      // What depends on it may be cancelled too.
      for (planned& n : nodes) n.cancelled = true;
    }
    if (s.random() % 8 == 0) co_await weft::yield();
  }
  for (planned& n : nodes) {
    if (s.random() % 3 == 0) continue;  // let go, in whatever state it is
    bool failed = false;
    std::uint64_t value = 0;
    try {
      value = co_await n.future;
    } catch (const weft::task_failed&) { failed = true; } catch (const weft::cancelled&) {
      failed = true;
      REQUIRE(n.cancelled);
    }
    if (!failed) REQUIRE(value == n.value.value());
    if (failed && n.value) REQUIRE(n.cancelled);
  }
}

weft::task<> whole(weft::simulation& s) {
  weft::client c(s);
  co_await random_graph(c, s);
}

}  // namespace

TEST_CASE("random graphs of futures give right values, or their failures, in every order", "[seeds]") {
  std::set<std::uint64_t> orders;
  std::size_t ran = 0;
  for (const std::uint64_t seed : weft::test::seed_range(3000)) {
    INFO("seed " << seed << " (replay: WEFT_SEED=" << seed << ")");
    ++ran;
    weft::simulation s(seed);
    s.run(whole(s));
    orders.insert(s.hash());
    if (seed % 20 == 0) {
      weft::simulation again(seed);
      again.run(whole(again));
      REQUIRE(again.hash() == s.hash());
    }
  }
  CHECK(orders.size() > ran * 9 / 10);
}
