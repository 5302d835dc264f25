/// Two sessions over connections that break anywhere, lose what is on its way, and deliver late: every message comes
/// once, in order, whatever the seed.
#include "support/seeds.hpp"
#include "wire/session_pair.hpp"

using namespace weft::net;
using weft::test::pair;
using weft::test::random_numbers;
using weft::test::side;

namespace {

session_options small_options() {
  session_options o;
  o.frames.batch = 600;
  o.frames.message = 3000;
  o.frames.chunk = 300;
  o.compression.least_bytes = 64;
  o.window_bytes = 1500;
  o.window_batches = 4;
  o.ack_batches = 3;
  o.ack_bytes = 500;
  return o;
}

link_traits some_link(random_numbers& r) {
  return {.between_hosts = r.one_in(2), .encrypted = r.one_in(4), .compresses = r.one_in(2)};
}

/// A life of two sessions; gives what came of it, as one number.
std::uint64_t run(std::uint64_t seed) {
  random_numbers r(seed);
  session_options o = small_options();
  o.compression.policy = static_cast<compression_policy>(r.below(3));
  pair p(o);
  time_ns now = 0;
  std::uint64_t trace = 0, breaks = 0;
  const std::size_t steps = 50 + r.below(150);
  for (std::size_t i = 0; i < steps; ++i) {
    side& s = r.one_in(2) ? p.a : p.b;
    auto& from = &s == &p.a ? p.to_a : p.to_b;
    auto& to = &s == &p.a ? p.to_b : p.to_a;
    switch (r.below(10)) {
      case 0:
      case 1:
        for (std::size_t n = r.below(4); n-- != 0;) s.say(r.one_in(8) ? r.below(2900) : r.below(100));
        break;
      case 2:
      case 3:
        s.begin_write(r.one_in(3));
        break;
      case 4:
      case 5:
        if (s.left != 0 && s.session.connected()) s.push(1 + r.below(r.one_in(2) ? 60 : 4000), to);
        break;
      case 6:
      case 7:
        if (s.session.connected()) s.pull(1 + r.below(r.one_in(2) ? 60 : 4000), from);
        break;
      case 8:
        now += static_cast<time_ns>(r.below(300'000'000));
        s.session.tick(now);
        break;
      case 9:
        if (r.one_in(3)) {
          // One side notices first: the other goes on writing to nowhere. What was on its way is lost.
          s.disconnect();
          from.clear();
          if (r.one_in(2)) to.clear();
          ++breaks;
        } else if (r.one_in(2) && !(p.a.session.connected() && p.b.session.connected())) {
          p.cut();
          p.connect(some_link(r));
        }
        break;
    }
    for (const side* x : {&p.a, &p.b}) {
      // Nothing is handed out beyond the window and one batch.
      REQUIRE(x->session.unacknowledged_bytes() <= o.window_bytes + o.frames.message);
      REQUIRE(x->session.ended().empty());
    }
    trace = trace * 1099511628211ull + p.a.heard * 31 + p.b.heard + p.to_a.size() * 7 + p.to_b.size();
  }
  p.cut();
  p.connect(some_link(r));
  // The last acknowledgements come by time.
  for (int i = 0; i < 1000 && (p.a.heard != p.b.said || p.b.heard != p.a.said); ++i) {
    p.settle();
    now += 60'000'000;
    p.a.session.tick(now);
    p.b.session.tick(now);
  }
  REQUIRE(p.a.heard == p.b.said);
  REQUIRE(p.b.heard == p.a.said);
  for (int i = 0; i < 4; ++i) {
    now += 60'000'000;
    p.a.session.tick(now);
    p.b.session.tick(now);
    p.settle();
  }
  for (const side* x : {&p.a, &p.b}) {
    REQUIRE(x->session.unacknowledged_bytes() == 0);
    REQUIRE(x->session.unsent_bytes() == 0);
  }
  return trace * 31 + p.a.batches + p.b.batches + breaks;
}

}  // namespace

TEST_CASE("every message comes once and in order, whatever breaks") {
  for (const std::uint64_t seed : weft::test::seed_range(10'000)) {
    INFO("WEFT_SEED=" << seed);
    const std::uint64_t first = run(seed);
    if (seed % 50 == 0) REQUIRE(run(seed) == first);
  }
}

TEST_CASE("a connection may break at every byte, in either direction") {
  session_options o = small_options();
  o.compression.policy = compression_policy::always;
  const link_traits links[] = {{}, {.between_hosts = true, .encrypted = false, .compresses = true}};
  for (const link_traits& link : links) {
    std::size_t total = 1;
    for (std::size_t k = 0; k <= total; ++k) {
      pair p(o);
      p.connect(link);
      std::size_t moved = 0;
      // Both talk; k bytes arrive, all directions together, and then the line is dead.
      for (int round = 0; round < 40; ++round) {
        if (round < 6) {
          p.a.say(50 + 90 * static_cast<std::size_t>(round));
          p.b.say(30);
        }
        for (side* s : {&p.a, &p.b}) {
          auto& to = s == &p.a ? p.to_b : p.to_a;
          side& other = s == &p.a ? p.b : p.a;
          if (s->left == 0) s->begin_write();
          if (s->left != 0) s->push(~std::size_t{0}, to);
          const std::size_t n = std::min(to.size(), k - moved);
          moved += n;
          other.pull(n, to);
        }
      }
      total = std::max(total, moved == k ? k + 1 : moved);
      p.cut();
      p.connect(link);
      for (int i = 1; i < 20; ++i) {
        p.settle();
        p.a.session.tick(i * 60'000'000);
        p.b.session.tick(i * 60'000'000);
      }
      REQUIRE(p.a.heard == 6);
      REQUIRE(p.b.heard == 6);
    }
    CHECK(total > 2000);
  }
}
