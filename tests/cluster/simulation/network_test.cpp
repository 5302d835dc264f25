#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "transport/simulated_network.hpp"

namespace weft::net {
namespace {

/// Reads whatever comes, and remembers what it was told.
struct listener final : simulated_host {
  explicit listener(simulated_network& n) : net(n) {}
  void accepted(simulated_end end, simulated_node) override { ends.push_back(end); }
  void connected(simulated_end end) override { ends.push_back(end); }
  void readable(simulated_end end) override {
    const auto bytes = net.available(end);
    ++pieces;
    for (const std::byte b : bytes) got.push_back(static_cast<char>(b));
    net.consume(end, bytes.size());
  }
  void writable(simulated_end) override { ++writes; }
  void broken(simulated_end end) override {
    ++breaks;
    net.close(end);
  }
  simulated_network& net;
  std::vector<simulated_end> ends;
  std::string got;
  int pieces = 0, writes = 0, breaks = 0;
};

struct two_nodes {
  explicit two_nodes(std::uint64_t seed = 1, simulated_network_options o = {}) : net(time, seed, o) {
    first = net.add_node();
    second = net.add_node();
    net.listen(second, &b);
  }
  void until_quiet() {
    while (time.step()) net.check_invariants();
  }
  std::size_t send(simulated_end end, const std::string& text) {
    const std::span<const std::byte> bytes = std::as_bytes(std::span(text));
    return net.send(end, {&bytes, 1});
  }
  simulated_time time;
  simulated_network net;
  listener a{net}, b{net};
  simulated_node first = 0, second = 0;
};

}  // namespace

TEST_CASE("bytes come in order, in pieces, and no faster than they are read") {
  simulated_network_options o;
  o.send_buffer = 100;
  o.split = 1;
  two_nodes n(7, o);
  const simulated_end end = n.net.connect(n.first, n.a, n.second);
  n.until_quiet();
  std::string sent;
  for (int i = 0; i < 50; ++i) {
    std::string text(30, static_cast<char>('a' + i % 26));
    text.resize(n.send(end, text));
    sent += text;
    if (i % 5 == 0) n.until_quiet();
  }
  n.until_quiet();
  CHECK(n.b.got == sent);
  CHECK(n.b.pieces > 50);
  CHECK(n.a.writes > 0);
  n.net.close(end);
  n.until_quiet();
  CHECK(n.b.breaks == 1);
  CHECK(n.net.connections() == 0);
}

TEST_CASE("who is not told of a cut sends into the void") {
  two_nodes n;
  const simulated_end end = n.net.connect(n.first, n.a, n.second);
  n.until_quiet();
  CHECK(n.net.cut(n.first, n.second, 0, false, true));
  CHECK_FALSE(n.net.cut(n.first, n.second, 0, true, true));
  CHECK(n.send(end, "lost") == 4);
  n.until_quiet();
  CHECK(n.b.got.empty());
  CHECK(n.b.breaks == 1);
  CHECK(n.a.breaks == 0);
  CHECK(n.net.knows(end));
}

TEST_CASE("a wall delays what is sent, and breaks a connection in the end") {
  two_nodes n;
  const simulated_end end = n.net.connect(n.first, n.a, n.second);
  n.until_quiet();
  const std::uint32_t wall = n.net.partition({1, 0}, false);
  n.send(end, "late");
  n.send(n.b.ends.at(0), "not held up");  // the other way is open
  while (n.a.got.empty()) REQUIRE(n.time.step());
  CHECK(n.b.got.empty());
  n.net.heal(wall);
  n.until_quiet();
  CHECK(n.b.got == "late");
  n.net.partition({1, 0}, true);
  n.send(end, "never");
  n.until_quiet();
  CHECK(n.b.got == "late");
  CHECK(n.a.breaks == 1);
  CHECK(n.b.breaks == 1);
  const time_ns before = n.time.now();
  n.net.connect(n.first, n.a, n.second);
  n.until_quiet();
  CHECK(n.a.breaks == 2);
  CHECK(n.time.now() - before > 1'000'000'000);
  CHECK(n.net.connections() == 0);
}

TEST_CASE("who does not listen refuses, and who dies is gone") {
  two_nodes n;
  n.net.refuse(n.second, true);
  n.net.connect(n.first, n.a, n.second);
  n.until_quiet();
  CHECK(n.a.breaks == 1);
  n.net.refuse(n.second, false);
  n.net.hide(n.second, n.first, true);
  n.net.hide(n.first, n.second, true);  // the other way is another matter
  n.net.connect(n.first, n.a, n.second);
  n.until_quiet();
  CHECK(n.a.breaks == 2);
  n.net.hide(n.second, n.first, false);
  const simulated_end end = n.net.connect(n.first, n.a, n.second);
  n.until_quiet();
  CHECK(n.a.breaks == 2);
  n.net.crash(n.second, false);
  n.until_quiet();
  CHECK(n.a.breaks == 3);
  CHECK_FALSE(n.net.knows(end));
  CHECK(n.net.connections() == 0);
}

TEST_CASE("a slow reader reads little at a time; a clog holds everything back") {
  two_nodes n;
  const simulated_end end = n.net.connect(n.first, n.a, n.second);
  n.until_quiet();
  n.net.slow_reader(n.second, 3, 1'000'000);
  n.net.clog(n.first, n.second, 5'000'000'000);
  n.send(end, std::string(30, 'x'));
  n.until_quiet();
  CHECK(n.b.got.size() == 30);
  CHECK(n.b.pieces >= 10);
  CHECK(n.time.now() >= 5'009'000'000);
}

TEST_CASE("the same seed and calls bring the same") {
  const auto run = [](std::uint64_t seed) {
    two_nodes n(seed);
    const simulated_end end = n.net.connect(n.first, n.a, n.second);
    n.until_quiet();
    for (int i = 0; i < 100; ++i) n.send(end, std::string(static_cast<std::size_t>(i + 1), 'x'));
    n.until_quiet();
    return n.time.digest();
  };
  CHECK(run(1) == run(1));
  CHECK(run(1) != run(2));
}

}  // namespace weft::net
