// Waits for the edges of a descriptor, with an edge that comes at each point of a wait.
#include "exec/edge.hpp"

#include <catch2/catch.hpp>
#include <functional>
#include <utility>

#include "weft/simulation.hpp"
#include "weft/weft.hpp"

namespace {

using namespace std::chrono_literals;

/// An event that calls something, once, before it is reset and after it.
class watched_event {
 public:
  static inline std::function<void()> before, after;

  void set() noexcept { event_.set(); }
  void reset() noexcept {
    once(before);
    event_.reset();
    once(after);
  }
  auto wait() { return event_.wait(); }

 private:
  static void once(std::function<void()>& f) {
    if (f) std::exchange(f, nullptr)();
  }
  weft::event event_;
};

/// Whether a second wait ends, where another edge comes as the first one does.
bool second_wait_ends(std::function<void()>& where, bool for_good) {
  weft::detail::basic_edge<watched_event> edge;
  edge.begin();
  edge.come(false);
  where = [&] { edge.come(for_good); };
  auto waits = [&]() -> weft::task<bool> {
    co_await edge.wait();
    co_return !(co_await weft::as_result(weft::timeout(1s, edge.wait()))).error();
  };
  weft::simulation sim(1);
  return sim.run(waits());
}

}  // namespace

TEST_CASE("an end that comes while a wait ends is not lost", "[edge]") {
  CHECK(second_wait_ends(watched_event::before, true));
  CHECK(second_wait_ends(watched_event::after, true));
}

TEST_CASE("an edge is for the try after it", "[edge]") {
  CHECK_FALSE(second_wait_ends(watched_event::before, false));  // the try that follows the first wait sees it
  CHECK(second_wait_ends(watched_event::after, false));
}

TEST_CASE("after the end of the other side no wait lasts, until the edge begins anew", "[edge]") {
  weft::detail::basic_edge<weft::event> edge;
  edge.come(true);
  auto waits = [&](int times) -> weft::task<bool> {
    for (int i = 0; i < times; ++i) {
      const auto ended = co_await weft::as_result(weft::timeout(1s, edge.wait()));
      if (ended.error()) co_return false;
    }
    co_return true;
  };
  weft::simulation sim(1);
  CHECK(sim.run(waits(3)));
  edge.begin();
  CHECK_FALSE(sim.run(waits(1)));
}
