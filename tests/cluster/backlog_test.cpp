// A client that submits faster than its scheduler reads, over real links.
#include <catch2/catch.hpp>
#include <future>
#include <vector>

#include "in_process.hpp"

namespace {

int twice(int x) { return 2 * x; }

/// Whoever runs it does nothing else until it is told.
weft::task<> stand_still(std::shared_future<void> until) {
  until.wait();
  co_return;
}

TEST_CASE("a scheduler that stands still is not lost, and nothing that was submitted is", "[cluster]") {
  in_process_cluster cluster(1);
  weft::pool p({.threads = 1});
  weft::net::client_session_options o;
  o.scheduler = cluster.where;
  o.link.session.window_bytes = o.link.session.full_bytes = std::size_t{64} << 10;
  o.link.session.held_bytes = std::size_t{2} << 20;
  o.link.session.most_bytes = std::size_t{3} << 20;
  o.memory.memory_budget = std::uint64_t{64} << 20;
  o.memory.most_unsent = std::uint64_t{8} << 20;  // by far more than the link would hold
  weft::client c = p.run(weft::net::connect_client(p, std::move(o)));
  std::promise<void> go_on;
  cluster.scheduler_pool.spawn(stand_still(go_on.get_future().share()));
  const auto flood = [](weft::client& to, std::promise<void>& go) -> weft::task<std::size_t> {
    std::vector<weft::future<int>> all;
    bool refused = false;
    for (int i = 0; i < 1'000'000 && !refused; ++i) {
      try {
        all.push_back(to.submit(twice, i));
      } catch (const weft::overloaded&) { refused = true; }
    }
    go.set_value();
    REQUIRE(refused);
    std::size_t wrong = 0;
    for (std::size_t i = 0; i < all.size(); ++i) {
      const int x = co_await all[i];
      wrong += x != 2 * static_cast<int>(i);
    }
    CHECK(wrong == 0);
    const int x = co_await to.submit(twice, 21);
    CHECK(x == 42);
    co_return all.size();
  };
  const std::size_t accepted = p.run(flood(c, go_on));
  CHECK(accepted > 10'000);
}

weft::task<int> value_of(weft::future<int> f) { co_return co_await std::move(f); }

TEST_CASE("what a client says is sent, however much waits on its pool", "[cluster]") {
  in_process_cluster cluster(1);
  weft::pool p({.threads = 1, .max_waiting = 2});
  weft::client c = cluster.connect(p);
  std::promise<void> stands, go_on, gone_on;
  const auto stand = [](std::promise<void>& begun, std::shared_future<void> until) -> weft::task<> {
    begun.set_value();
    until.wait();
    co_return;
  };
  const auto set = [](std::promise<void>* what) -> weft::task<> {
    if (what) what->set_value();
    co_return;
  };
  p.spawn(stand(stands, go_on.get_future().share()));
  stands.get_future().wait();
  p.spawn(set(nullptr), weft::priority::interactive);
  p.spawn(set(&gone_on), weft::priority::interactive);
  CHECK_THROWS_AS(p.spawn(set(nullptr), weft::priority::interactive), weft::overloaded);
  auto f = c.submit(twice, 21);
  c.submit(twice, 22).cancel();
  go_on.set_value();
  gone_on.get_future().wait();
  CHECK(p.run(value_of(std::move(f))) == 42);
}

}  // namespace
