// Fetching: order, limits, busy and lost peers, and what is forgotten on its way.
#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "worker/fetcher.hpp"

using namespace weft::net;
using strings = std::vector<std::string>;

namespace {

struct links final : fetch_host {
  explicit links(const fetch_limits& limits = {}) : fetcher(*this, limits) {
    for (peer_id p = 2; p < 9; ++p) fetcher.add_peer(p);
  }
  void fetch(peer_id peer, std::uint64_t request, std::span<const task_id> ids) override {
    std::string text = std::to_string(peer) + ":";
    for (const task_id id : ids) text += " " + std::to_string(id);
    calls.push_back(text);
    requests.push_back(request);
  }
  void give_up(peer_id peer, std::uint64_t) override { calls.push_back("give up " + std::to_string(peer)); }
  void missing(task_id id, std::uint64_t, peer_id last) override {
    calls.push_back("missing " + std::to_string(id) + " " + std::to_string(last));
  }
  void want(task_id id, std::uint64_t bytes, std::uint64_t rank, std::vector<peer_id> holders) {
    fetcher.know(id, bytes);
    for (const peer_id h : holders) fetcher.add_holder(id, h);
    fetcher.want(id, rank);
  }
  strings tick(time_ns now = 0) {
    fetcher.tick(now);
    return take();
  }
  strings take() {
    strings all;
    all.swap(calls);
    return all;
  }

  strings calls;
  std::vector<std::uint64_t> requests;
  weft::net::fetcher fetcher;
};

}  // namespace

TEST_CASE("what is wanted of one peer travels together, by rank", "[fetcher]") {
  links l;
  l.want(10, 5, 3, {2});
  l.want(11, 5, 1, {2});
  l.want(12, 5, 2, {3, 2});
  l.want(13, 5, 0, {4});
  CHECK(l.tick() == strings{"4: 13", "2: 11 12 10"});
  l.want(14, 5, 0, {2});
  CHECK(l.tick().empty());  // one request a peer
  for (const task_id id : std::vector<task_id>{11, 12, 10}) CHECK(l.fetcher.arrived(l.requests[1], id));
  CHECK(l.fetcher.deadline() == 0);
  CHECK(l.tick() == strings{"2: 14"});
  CHECK(l.fetcher.values() == 2);
}

TEST_CASE("ranks may change, and wishes end", "[fetcher]") {
  links l;
  l.want(10, 5, 3, {2});
  l.want(11, 5, 4, {2});
  l.want(12, 5, 1, {2});
  l.fetcher.want(11, 2);
  l.fetcher.unwant(12);
  CHECK(l.tick() == strings{"2: 11 10"});
  l.fetcher.want(12, 1);
  l.fetcher.forget(12);
  CHECK_FALSE(l.fetcher.knows(12));
  CHECK(l.fetcher.deadline() == fetcher::never);
}

TEST_CASE("limits of a request, of peers and of bytes", "[fetcher]") {
  fetch_limits limits;
  SECTION("bytes of a request, of which one value may be more") {
    limits.batch_bytes = 100;
    links l(limits);
    l.want(10, 150, 1, {2});
    l.want(11, 60, 1, {3});
    l.want(12, 40, 2, {3});
    l.want(13, 1, 3, {3});
    CHECK(l.tick() == strings{"2: 10", "3: 11 12"});
  }
  SECTION("values of a request") {
    limits.batch_values = 2;
    links l(limits);
    for (task_id id = 10; id < 14; ++id) l.want(id, 1, id, {2});
    CHECK(l.tick() == strings{"2: 10 11"});
  }
  SECTION("peers at once") {
    limits.peers = 2;
    links l(limits);
    for (peer_id p = 2; p < 6; ++p) l.want(20u - p, 1, 20 - p, {p});
    CHECK(l.tick() == strings{"5: 15", "4: 16"});
    l.fetcher.arrived(l.requests[0], 15);
    CHECK(l.tick() == strings{"3: 17"});
  }
  SECTION("bytes on their way: nobody overtakes what does not fit") {
    limits.bytes = 100;
    links l(limits);
    l.want(10, 60, 1, {2});
    l.want(11, 60, 2, {3});
    l.want(12, 10, 3, {4});
    CHECK(l.tick() == strings{"2: 10"});
    l.fetcher.arrived(l.requests[0], 10);
    CHECK(l.tick() == strings{"3: 11", "4: 12"});
    CHECK(l.fetcher.bytes_in_flight() == 70);
  }
  SECTION("more than may be on its way goes alone") {
    limits.bytes = 100;
    links l(limits);
    l.want(10, 500, 1, {2});
    l.want(11, 1, 2, {2});
    l.want(12, 1, 3, {3});
    CHECK(l.tick() == strings{"2: 10"});
    l.fetcher.arrived(l.requests[0], 10);
    CHECK(l.tick() == strings{"2: 11", "3: 12"});
  }
}

TEST_CASE("a busy peer is asked later, and later still", "[fetcher]") {
  fetch_limits limits;
  limits.first_retry = 10;
  limits.longest_retry = 30;
  links l(limits);
  l.want(10, 1, 1, {2});
  l.want(11, 1, 2, {2});
  time_ns now = 100;
  CHECK(l.tick(now).size() == 1);
  for (const time_ns pause : {10, 20, 30, 30}) {
    const std::uint64_t request = l.requests.back();
    l.fetcher.refused(now, request, 10, true);
    l.fetcher.refused(now, request, 11, true);
    CHECK(l.tick(now).empty());
    CHECK(l.fetcher.deadline() == now + pause);
    now += pause;
    CHECK(l.tick(now - 1).empty());
    CHECK(l.tick(now) == strings{"2: 10 11"});
  }
  // What comes ends the patience; another holder is asked at once.
  l.fetcher.arrived(l.requests.back(), 10);
  l.fetcher.refused(now, l.requests.back(), 11, true);
  l.fetcher.add_holder(11, 3);
  CHECK(l.tick(now) == strings{"3: 11"});
  l.fetcher.refused(now, l.requests.back(), 11, false);
  CHECK(l.tick(now + 9).empty());
  CHECK(l.tick(now + 10) == strings{"2: 11"});
}

TEST_CASE("who does not have it is struck off, and nobody is said once", "[fetcher]") {
  links l;
  l.want(10, 1, 1, {2, 3});
  CHECK(l.tick() == strings{"2: 10"});
  l.fetcher.refused(0, l.requests.back(), 10, false);
  CHECK(l.tick() == strings{"3: 10"});
  l.fetcher.refused(0, l.requests.back(), 10, false);
  CHECK(l.take() == strings{"missing 10 3"});
  l.fetcher.want(10, 0);
  l.fetcher.unwant(10);
  l.fetcher.want(10, 0);
  CHECK(l.tick().empty());
  l.fetcher.add_holder(10, 3);
  CHECK(l.tick() == strings{"3: 10"});
  CHECK(l.fetcher.arrived(l.requests.back(), 10));
  l.want(11, 1, 1, {});
  CHECK(l.take() == strings{"missing 11 0"});
}

TEST_CASE("a peer that goes is replaced by the other holders", "[fetcher]") {
  links l;
  l.want(10, 1, 1, {2, 3});
  l.want(11, 1, 2, {2});
  l.fetcher.know(12, 1);
  l.fetcher.add_holder(12, 2);
  CHECK(l.tick() == strings{"2: 10 11"});
  l.want(13, 1, 3, {2, 4});
  l.fetcher.forget(11);
  SECTION("gone") {
    l.fetcher.peer_gone(2);
    CHECK_FALSE(l.fetcher.knows_peer(2));
    CHECK(l.tick() == strings{"3: 10", "4: 13"});
    l.fetcher.want(12, 1);
    CHECK(l.tick() == strings{"missing 12 0"});
  }
  SECTION("lost: it may come back, but is not asked at once") {
    l.fetcher.peer_lost(5, 2);
    CHECK(l.tick(5) == strings{"3: 10", "4: 13"});
    l.fetcher.want(12, 1);
    CHECK(l.tick(5).empty());
    CHECK(l.tick(l.fetcher.deadline()) == strings{"2: 12"});
  }
  CHECK_FALSE(l.fetcher.arrived(l.requests.front(), 10));
  CHECK_FALSE(l.fetcher.knows(11));
}

TEST_CASE("a peer that is away keeps its place, and is asked when it is back", "[fetcher]") {
  links l;
  l.want(10, 1, 1, {2, 3});
  l.want(11, 1, 2, {2});
  CHECK(l.tick() == strings{"2: 10 11"});
  const std::uint64_t before = l.requests.back();
  l.fetcher.forget(11);
  CHECK(l.fetcher.under_way(before));
  CHECK(l.fetcher.expects(before, 10));
  CHECK_FALSE(l.fetcher.expects(before, 11));
  l.fetcher.peer_interrupted(5, 2);
  CHECK_FALSE(l.fetcher.under_way(before));
  CHECK_FALSE(l.fetcher.expects(before, 10));
  CHECK_FALSE(l.fetcher.knows(11));
  CHECK(l.fetcher.bytes_in_flight() == 0);
  l.want(12, 1, 3, {2});
  CHECK(l.tick(5) == strings{"3: 10"});  // of who is there, at once
  CHECK(l.tick(10'000'000'000).empty());
  CHECK(l.fetcher.deadline() == fetcher::never);
  SECTION("it comes back") {
    l.fetcher.peer_resumed(2);
    CHECK(l.fetcher.deadline() == 0);
    CHECK(l.tick(10'000'000'000) == strings{"2: 12"});
  }
  SECTION("it does not") {
    l.fetcher.peer_lost(10'000'000'000, 2);
    CHECK(l.take() == strings{"missing 12 2"});
    l.fetcher.add_holder(12, 2);
    CHECK(l.tick(20'000'000'000) == strings{"2: 12"});
  }
  SECTION("it breaks again and again: it is given time") {
    for (time_ns now = 20'000'000'000; now < 30'000'000'000; now += 5'000'000'000) {
      l.fetcher.peer_resumed(2);
      CHECK(l.tick(now) == strings{"2: 12"});
      l.fetcher.peer_interrupted(now, 2);
      l.fetcher.peer_resumed(2);
      CHECK(l.tick(now).empty());
      CHECK(l.fetcher.deadline() > now);
    }
  }
}

TEST_CASE("what is forgotten on its way is thrown away, or wanted again", "[fetcher]") {
  links l;
  for (task_id id = 10; id < 13; ++id) l.want(id, 7, id, {2});
  CHECK(l.tick() == strings{"2: 10 11 12"});
  const std::uint64_t request = l.requests.back();
  l.fetcher.forget(10);
  l.fetcher.forget(11);
  CHECK(l.fetcher.bytes_in_flight() == 21);
  CHECK_FALSE(l.fetcher.arrived(request, 10));
  SECTION("given up when nothing of the request is wanted") {
    l.fetcher.forget(12);
    CHECK(l.take() == strings{"give up 2"});
    CHECK_FALSE(l.fetcher.arrived(request, 12));
  }
  SECTION("given up when the last that was wanted has come") {
    CHECK(l.fetcher.arrived(request, 12));
    CHECK(l.take() == strings{"give up 2"});
  }
  SECTION("known again before it comes") {
    l.fetcher.know(11, 7);
    l.fetcher.forget(12);
    CHECK(l.fetcher.arrived(request, 11));
    CHECK(l.take() == strings{"give up 2"});
  }
  CHECK(l.fetcher.values() == 0);
  CHECK(l.fetcher.requests() == 0);
  CHECK(l.fetcher.bytes_in_flight() == 0);
}

TEST_CASE("what is abandoned, and answered, is asked for anew when it is wanted again", "[fetcher]") {
  links l;
  l.want(10, 7, 1, {2});
  l.want(11, 7, 2, {2});
  CHECK(l.tick() == strings{"2: 10 11"});
  const std::uint64_t request = l.requests.back();
  l.fetcher.forget(10);
  l.fetcher.refused(0, request, 10, GENERATE(false, true));
  CHECK(l.fetcher.bytes_in_flight() == 7);
  l.want(10, 7, 1, {2});
  CHECK(l.tick().empty());  // one request a peer
  CHECK(l.fetcher.arrived(request, 11));
  CHECK(l.tick() == strings{"2: 10"});  // at once: nobody was refused anything
  CHECK(l.fetcher.arrived(l.requests.back(), 10));
  CHECK(l.fetcher.values() == 0);
}

TEST_CASE("what is not taken is wanted no longer, and its holder has it all the same", "[fetcher]") {
  links l;
  l.want(10, 7, 1, {2});
  l.want(11, 7, 2, {2});
  CHECK(l.tick() == strings{"2: 10 11"});
  const std::uint64_t request = l.requests.back();
  CHECK(l.fetcher.not_taken(request, 12) == 0);
  CHECK(l.fetcher.not_taken(request + 1, 10) == 0);
  SECTION("it is wanted again") {
    CHECK(l.fetcher.not_taken(request, 10) == 2);
    CHECK(l.fetcher.not_taken(request, 10) == 0);
    CHECK(l.fetcher.arrived(request, 11));
    CHECK(l.tick().empty());
    l.fetcher.want(10, 1);
    CHECK(l.tick() == strings{"2: 10"});
    CHECK(l.fetcher.not_taken(l.requests.back(), 10) == 2);
  }
  SECTION("it is wanted again, and another has it") {
    l.fetcher.add_holder(10, 3);
    CHECK(l.fetcher.not_taken(request, 10) == 2);
    l.fetcher.want(10, 1);
    CHECK(l.tick() == strings{"3: 10"});
    CHECK(l.fetcher.not_taken(l.requests.back(), 10) == 3);  // the last one stays
    CHECK(l.fetcher.arrived(request, 11));
    l.fetcher.want(10, 1);
    CHECK(l.tick() == strings{"3: 10"});
    CHECK(l.fetcher.not_taken(l.requests.back(), 10) == 3);
  }
  SECTION("it was abandoned") {
    l.fetcher.forget(10);
    CHECK(l.fetcher.not_taken(request, 10) == 0);
    CHECK(l.fetcher.arrived(request, 11));
    CHECK(l.take() == strings{"give up 2"});
    CHECK(l.fetcher.values() == 0);
  }
  CHECK(l.fetcher.requests() == 0);
  CHECK(l.fetcher.bytes_in_flight() == 0);
}

TEST_CASE("in a pause only what frees memory comes", "[fetcher]") {
  links l;
  l.want(10, 1, 1, {2});
  l.fetcher.pause(true);
  CHECK(l.tick().empty());
  l.fetcher.know(11, 1);
  l.fetcher.add_holder(11, 2);
  l.fetcher.want(11, 9, true);
  CHECK(l.tick() == strings{"2: 11"});
  l.fetcher.pause(false);
  l.fetcher.arrived(l.requests.back(), 11);
  CHECK(l.tick() == strings{"2: 10"});
}

TEST_CASE("each giver has an allowance of its own", "[fetcher]") {
  fetch_limits limits;
  SECTION("of bytes") { limits.bytes = 100; }
  SECTION("of requests") { limits.peers = 1; }
  links l(limits);
  const peer_id slow = giver_of(2), other = giver_of(3);
  const std::string slowly = std::to_string(slow) + ":", others = std::to_string(other) + ":";
  l.fetcher.add_peer(slow, true);
  l.fetcher.add_peer(other);
  l.want(10, 1000, 1, {slow});
  l.want(11, 100, 2, {other});
  l.want(12, 100, 3, {2});
  l.want(13, 100, 4, {3});
  l.want(15, 100, 5, {slow});
  CHECK(l.tick() == strings{"2: 12", others + " 11"});  // the slow one is away
  CHECK(l.fetcher.bytes_in_flight() == 200);
  l.fetcher.peer_resumed(slow);
  const bool of_bytes = limits.bytes == 100;
  CHECK(l.tick() == strings{slowly + (of_bytes ? " 10" : " 10 15")});  // nobody waits for another giver
  l.want(16, 100, 6, {other});
  CHECK(l.tick().empty());  // but each for his own answers
  l.fetcher.arrived(l.requests[1], 11);
  CHECK(l.tick() == strings{others + " 16"});
  l.fetcher.arrived(l.requests[3], 16);
  CHECK(l.tick().empty());
  l.fetcher.arrived(l.requests[0], 12);
  CHECK(l.tick() == strings{"3: 13"});
  l.fetcher.forget(15);
  l.fetcher.forget(10);
  CHECK(l.take() == strings{"give up " + std::to_string(slow)});
  l.fetcher.arrived(l.requests[4], 13);
  CHECK(l.fetcher.bytes_in_flight() == 0);
  l.want(14, 1000, 1, {slow});
  CHECK(l.tick() == strings{slowly + " 14"});
  l.fetcher.peer_interrupted(0, slow);
  CHECK(l.fetcher.bytes_in_flight() == 0);
}

TEST_CASE("in a pause givers bring one value at a time", "[fetcher]") {
  links l;
  const peer_id first = giver_of(2), second = giver_of(3);
  for (const peer_id g : {first, second}) l.fetcher.add_peer(g);
  const auto offered = [&](task_id id, peer_id by) {
    l.want(id, 100, id, {by});
    l.fetcher.want(id, id, true);
  };
  offered(10, first), offered(11, first), offered(12, second);
  l.want(13, 100, 1, {2});
  l.fetcher.pause(true);
  const std::string one = std::to_string(first) + ":", two = std::to_string(second) + ":";
  CHECK(l.tick() == strings{one + " 10"});
  CHECK(l.tick().empty());
  CHECK(l.fetcher.arrived(l.requests[0], 10));
  CHECK(l.tick() == strings{one + " 11"});
  l.fetcher.peer_interrupted(0, first);  // one that is away keeps nobody from it
  CHECK(l.tick() == strings{two + " 12"});
  l.fetcher.pause(false);
  l.fetcher.peer_resumed(first);
  CHECK(l.fetcher.deadline() == 0);
  CHECK(l.tick(1'000'000'000) == strings{"2: 13", one + " 11"});
}

TEST_CASE("in a pause a slow giver keeps others from coming only so long", "[fetcher]") {
  constexpr time_ns ms = 1'000'000;
  links l({.bytes = 50, .slow = 1000 * ms, .slow_bytes = 250});
  std::vector<std::string> names;
  for (peer_id p = 2; p < 6; ++p) {
    const peer_id g = giver_of(p);
    l.fetcher.add_peer(g);
    names.push_back(std::to_string(g) + ":");
    for (const task_id id : {10 * p, 10 * p + 1}) {
      l.want(id, 100, id, {g});
      l.fetcher.want(id, id, true);
    }
  }
  l.fetcher.pause(true);
  CHECK(l.tick(5 * ms) == strings{names[0] + " 20"});
  CHECK(l.fetcher.deadline() == 1005 * ms);
  CHECK(l.tick(1004 * ms).empty());
  CHECK(l.tick(1005 * ms) == strings{names[1] + " 30"});
  CHECK(l.tick(1005 * ms).empty());
  CHECK(l.fetcher.deadline() == 2005 * ms);
  SECTION("one that is not slow is asked on") {
    CHECK(l.fetcher.arrived(l.requests[1], 30));
    CHECK(l.tick(1010 * ms) == strings{names[1] + " 31"});
  }
  SECTION("there is a limit of bytes") {
    CHECK(l.tick(2005 * ms).empty());
    CHECK(l.fetcher.deadline() == fetcher::never);
    CHECK(l.fetcher.arrived(l.requests[0], 20));
    CHECK(l.tick(2010 * ms) == strings{names[0] + " 21"});
  }
  SECTION("the pause is over") {
    l.fetcher.pause(false);
    CHECK(l.tick(1010 * ms).size() == 2);
  }
}

TEST_CASE("in a pause a giver that sends nothing keeps only what does not fit from coming", "[fetcher]") {
  links l({.bytes = 100, .slow = 1000, .slow_bytes = 300});
  std::vector<std::string> names;
  for (peer_id p = 2; p < 6; ++p) {
    l.fetcher.add_peer(giver_of(p));
    names.push_back(std::to_string(giver_of(p)) + ":");
  }
  const auto gives = [&](peer_id p, task_id id, std::uint64_t bytes) {
    l.want(id, bytes, id, {giver_of(p)});
    l.fetcher.want(id, id, true);
  };
  l.fetcher.pause(true);
  gives(2, 10, 200);  // more than workers may bring
  CHECK(l.tick(1) == strings{names[0] + " 10"});
  gives(3, 11, 150);
  gives(4, 12, 60);
  gives(5, 13, 60);
  CHECK(l.tick(1001) == strings{names[2] + " 12"});
  CHECK(l.tick(2001).empty());
  CHECK(l.fetcher.deadline() == fetcher::never);
  CHECK(l.fetcher.arrived(l.requests[0], 10));
  CHECK(l.tick(2002) == strings{names[1] + " 11"});
  CHECK(l.tick(3002) == strings{names[3] + " 13"});
}

TEST_CASE("answers that nobody asked for change nothing", "[fetcher]") {
  links l;
  l.want(10, 1, 1, {2});
  l.want(11, 1, 2, {3});
  l.tick();
  CHECK_FALSE(l.fetcher.arrived(99, 10));
  CHECK_FALSE(l.fetcher.arrived(l.requests[0], 11));
  CHECK_FALSE(l.fetcher.arrived(l.requests[0], 77));
  CHECK_FALSE(l.fetcher.arrived(0, 10));
  l.fetcher.refused(0, l.requests[1], 10, false);
  l.fetcher.refused(0, 0, 10, true);
  l.fetcher.peer_lost(0, 77);
  l.fetcher.peer_gone(77);
  l.fetcher.add_holder(10, 77);
  CHECK(l.take().empty());
  CHECK(l.fetcher.arrived(l.requests[0], 10));
}
