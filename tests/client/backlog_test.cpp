// What a client says faster than its link takes it, and graphs that it can say in part only.
#include <catch2/catch.hpp>
#include <memory>
#include <new>
#include <string>
#include <vector>

#include "client/home.hpp"
#include "weft/layer.hpp"
#include "weft/weft.hpp"

namespace {

using namespace weft::net;

constexpr peer_id self = 7;
constexpr std::size_t much = std::size_t{1} << 30;

int same(int x) { return x; }
std::size_t size(const std::vector<double>& v) { return v.size(); }

/// Takes nothing: the test asks for the output.
class idle_links : public client_links {
 public:
  void has_output() override {}
  void send_now() override {}
  void peer(const peer_info&) override {}
  void peer_left(peer_id) override {}
  weft::task<weft::client> lease(weft::detail::lease_terms) override { throw weft::misuse("no leases here"); }
  weft::task<weft::cluster_info> look(std::string) override { throw weft::misuse("nobody to ask here"); }
  void fetch(peer_id, std::uint64_t, std::span<const task_id>) override {}
  void offer(peer_id) override {}
  void close() noexcept override {}
};

struct slow_cluster {
  slow_cluster() { home.attach(*client.get_engine()); }
  /// What the link is given: the numbers of the submissions, and a minus before those that are cancelled.
  bool take(std::size_t room) {
    batch_writer into;
    const bool more = home.take_output(0, into, room);
    batch_reader in(into.bytes());
    std::uint16_t kind = 0;
    while (in.next(kind)) {
      if (kind == static_cast<std::uint16_t>(message_kind::submit_task))
        said.push_back(static_cast<std::int64_t>(number_of(in.get<submit_task>().id)));
      if (kind == static_cast<std::uint16_t>(message_kind::cancel_tasks))
        for (const task_id id : in.get<cancel_tasks>().tasks)
          said.push_back(-static_cast<std::int64_t>(number_of(id)));
    }
    taken = into.size();
    return more;
  }
  std::vector<std::int64_t> said;
  std::size_t taken = 0;
  weft::pool threads{{.threads = 1}};
  std::unique_ptr<client_home> made = std::make_unique<client_home>(self, std::make_unique<idle_links>());
  client_home& home = *made;
  weft::client client{threads, {.memory_budget = std::uint64_t{64} << 20}, std::move(made)};
};

TEST_CASE("what the link has no room for waits in its order", "[client]") {
  slow_cluster s;
  std::vector<weft::future<int>> all;
  for (int i = 0; i < 10; ++i) all.push_back(s.client.submit(same, i));
  CHECK(!s.take(much));
  CHECK(s.said.size() == 10);
  for (int i = 10; i < 20; ++i) all.push_back(s.client.submit(same, i));
  CHECK(s.take(0));
  CHECK(s.taken == 0);
  all[15].cancel();
  CHECK(s.take(0));
  for (int i = 20; i < 30; ++i) all.push_back(s.client.submit(same, i));
  CHECK(!s.take(much));
  REQUIRE(s.said.size() == 31);
  for (std::int64_t i = 0; i < 20; ++i) CHECK(s.said[static_cast<std::size_t>(i)] == i + 1);
  CHECK(s.said[20] == -16);
  for (std::int64_t i = 20; i < 30; ++i) CHECK(s.said[static_cast<std::size_t>(i) + 1] == i + 1);
}

TEST_CASE("what waits for the link goes a piece at a time", "[client]") {
  slow_cluster s;
  std::vector<weft::future<std::size_t>> all;
  for (int i = 0; i < 64; ++i) {
    all.push_back(s.client.submit(size, std::vector<double>(10'000)));
    s.take(0);
  }
  std::size_t pieces = 0;
  for (; s.take(1); ++pieces) CHECK(s.taken < (std::size_t{2} << 20));
  CHECK(pieces >= 3);
  CHECK(s.said.size() == 64);
}

TEST_CASE("beyond the limit nothing more is accepted until the link has taken some", "[client]") {
  slow_cluster s;
  s.home.limit_waiting(10'000);
  std::vector<weft::future<int>> all;
  for (int i = 0; i < 500; ++i) all.push_back(s.client.submit(same, i));  // 48 bytes and more each
  CHECK(s.take(0));
  CHECK_THROWS_AS(s.client.submit(same, 1), weft::overloaded);
  CHECK_THROWS_WITH(s.client.submit(same, 1),
                    Catch::Contains("at most 10000 may (client_options.most_unsent): await some"));
  CHECK_THROWS_AS(s.client.scatter(1), weft::overloaded);
  CHECK(!s.take(much));
  all.push_back(s.client.submit(same, 1));
  CHECK(!s.take(much));
  CHECK(s.said.size() == 501);  // what was refused has left no trace
  CHECK(s.said.back() == 501);
}

TEST_CASE("what waits for a cluster that is gone is let go", "[client]") {
  slow_cluster s;
  s.home.limit_waiting(1000);
  std::vector<weft::future<int>> all;
  for (int i = 0; i < 100; ++i) all.push_back(s.client.submit(same, i));
  CHECK(s.take(0));
  s.home.lost("weft: the cluster is gone: the test ends it");
  CHECK_THROWS_WITH(s.client.submit(same, 1), "weft: the cluster is gone: the test ends it");
  CHECK(!s.take(much));
  CHECK(s.said.empty());
}

/// Has no memory to send what it is told to for the n-th time.
class failing_links final : public idle_links {
 public:
  explicit failing_links(int& left) : left_(left) {}
  void has_output() override { send_now(); }
  void send_now() override {
    if (left_ != 0 && --left_ == 0) throw std::bad_alloc();
  }

 private:
  int& left_;
};

int number(std::size_t i) { return static_cast<int>(i); }

TEST_CASE("of a graph that is sent in part those tasks go on that were sent", "[client]") {
  constexpr std::size_t count = 30'000;
  std::size_t in_part = 0;
  for (int at = 1; at <= 7; ++at) {
    INFO("sending fails the time " << at);
    int left = 0;
    weft::pool threads({.threads = 1});
    client_limits limits;
    limits.graphs = true;
    auto made = std::make_unique<client_home>(self, std::make_unique<failing_links>(left), limits);
    client_home& home = *made;
    weft::client client(threads, {.memory_budget = std::uint64_t{64} << 20}, std::move(made));
    home.attach(*client.get_engine());
    left = at;
    auto all = client.compute(weft::layer_of(count, number));
    left = 0;
    // What the scheduler hears: a graph, parts of it, and that no more will come if that is so.
    batch_writer out;
    home.take_output(0, out, much);
    std::size_t sent = 0;
    bool cut = false;
    std::uint16_t kind = 0;
    for (batch_reader said(out.bytes()); said.next(kind);) {
      if (kind != static_cast<std::uint16_t>(message_kind::graph_part)) continue;
      const auto part = said.get<graph_part>();
      REQUIRE_FALSE(cut);
      cut = part.tasks == 0;
      sent += part.tasks;
    }
    CHECK(cut == (sent != count));
    in_part += sent != 0 && cut;
    std::size_t right = 0;
    for (std::size_t i = 0; i < count; ++i)
      right += all[i].status() == (i < sent ? weft::task_status::pending : weft::task_status::failed);
    CHECK(right == count);
    const auto hear = [&](const auto& m) {
      batch_writer in;
      in.add(m);
      batch_reader reader(in.bytes());
      home.receive(0, reader);
    };
    if (sent != 0) {
      hear(task_failed{{make_task_id(self, 1), 0, 0}, "number", "an error", "not now", {}});
      CHECK(all[0].status() == weft::task_status::failed);
      client.retry(all[0]);
      weft::encoder value(weft::encoder::buffers::copied);
      weft::encode(value, 77);
      hear(task_finished{{make_task_id(self, 1), 4, the_scheduler, has_value}, value.message()});
      const auto get = [](weft::future<int> f) -> weft::task<int> { co_return co_await std::move(f); };
      CHECK(threads.run(get(all[0])) == 77);
    }
    if (sent == count) continue;
    CHECK_THROWS_WITH(client.retry(all[count - 1]), Catch::Contains("was not accepted by the cluster"));
    CHECK(all[count - 1].status() == weft::task_status::failed);
    const auto wait = [](weft::future<int> f) -> weft::task<> { static_cast<void>(co_await std::move(f)); };
    CHECK_THROWS_WITH(threads.run(wait(all[count - 1])), Catch::Contains("bad_alloc"));
  }
  CHECK(in_part >= 3);
}

}  // namespace
