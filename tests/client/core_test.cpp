// The client's bookkeeping: rules one by one, and much at random.
#include <array>
#include <catch2/catch.hpp>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "client/core.hpp"
#include "support/seeds.hpp"

using namespace weft::net;
using strings = std::vector<std::string>;

namespace {

constexpr peer_id self = 7;
task_id task(std::uint64_t n) { return make_task_id(self, n); }

struct session final : client_host {
  explicit session(const client_limits& limits = {}) : core(self, *this, limits) {
    for (peer_id p = 2; p < 6; ++p) hear(peer_info{{p, static_cast<std::uint8_t>(peer_role::worker), {}}, {}, {}});
    said.clear();
  }
  template <class M>
  void hear(const M& m) {
    in.add(m);
    const std::vector<std::byte> bytes = in.take();
    batch_reader reader(bytes);
    core.receive(reader);
  }
  void finish(std::uint64_t n, peer_id worker) { hear(task_finished{{task(n), 10, worker, 0}, {}}); }
  template <class M>
  void hear_list(std::uint64_t n) {
    const task_id id = task(n);
    hear(M{{}, {&id, 1}});
  }
  task_id submit(std::uint32_t flags = task_wanted) {
    return core.submit(submit_task{{0, {}, 0, flags, 0, 0, 0, 0}, {}, {}});
  }
  strings tick(time_ns now = 0) {
    core.tick(now);
    return heard();
  }
  strings heard() {
    strings all;
    all.swap(said);
    return all;
  }
  /// What is to go to the scheduler.
  strings written() {
    strings all;
    const std::vector<std::byte> bytes = core.out().take();
    batch_reader reader(bytes);
    std::uint16_t kind = 0;
    const auto list = [&](const char* what, std::span<const task_id> ids) {
      std::string text = what;
      for (const task_id id : ids) text += " " + std::to_string(number_of(id));
      all.push_back(text);
    };
    while (reader.next(kind)) switch (static_cast<message_kind>(kind)) {
        case message_kind::submit_task: {
          const task_id id = reader.get<submit_task>().id;
          list("submit", {&id, 1});
          break;
        }
        case message_kind::release_tasks:
          list("release", reader.get<release_tasks>().tasks);
          break;
        case message_kind::cancel_tasks:
          list("cancel", reader.get<cancel_tasks>().tasks);
          break;
        case message_kind::retry_tasks:
          list("retry", reader.get<retry_tasks>().tasks);
          break;
        case message_kind::locate_tasks:
          list("locate", reader.get<locate_tasks>().tasks);
          break;
        case message_kind::withdraw_offers:
          list("withdraw", reader.get<withdraw_offers>().tasks);
          break;
        case message_kind::unreached_offers: {
          const auto m = reader.get<unreached_offers>();
          list(("unreached " + std::to_string(m.worker) + ":").c_str(), m.tasks);
          break;
        }
        case message_kind::replicate_values: {
          const auto m = reader.get<replicate_values>();
          list(("replicate to " + std::to_string(m.copies) + ":").c_str(), m.tasks);
          break;
        }
        case message_kind::rebalance_values:
          all.push_back("rebalance");
          break;
        case message_kind::ask_cluster: {
          const auto m = reader.get<ask_cluster>();
          all.push_back("ask " + std::to_string(m.request) + " and retire '" +
                        std::string(m.retire.data(), m.retire.size()) + "'");
          break;
        }
        default:
          all.push_back("nonsense");
      }
    return all;
  }

  void peer(const peer_info& m) override { said.push_back("peer " + std::to_string(m.peer)); }
  void peer_left(peer_id p) override { said.push_back("left " + std::to_string(p)); }
  void finished(task_id id, std::uint64_t, std::span<const std::byte> value) override {
    note(value.empty() ? "finished" : "finished with value", id);
  }
  void failed(const task_failed& m) override { note("failed", m.id); }
  void cancelled(task_id id) override { note("cancelled", id); }
  void restarted(task_id id) override { note("restarted", id); }
  void answered(const cluster_state& m) override {
    said.push_back("answer " + std::to_string(m.request) + " target " + std::to_string(m.target));
  }
  bool gives(task_id id) override { return !gone.contains(id); }
  void offer_over(task_id id) override { note("offer over", id); }
  void offer(peer_id p) override { said.push_back("offer to " + std::to_string(p)); }
  void unreached(peer_id p) override { said.push_back("unreached " + std::to_string(p)); }
  void want(std::uint64_t n, peer_id worker) { hear(want_offer{{task(n), 0, worker, 0}}); }
  void fetch(peer_id p, std::uint64_t r, std::span<const task_id> ids) override {
    request = r;
    requests[p] = {r, {ids.begin(), ids.end()}};
    std::string text = "fetch from " + std::to_string(p);
    for (const task_id id : ids) text += " " + std::to_string(number_of(id));
    said.push_back(text);
  }
  void give_up(peer_id p, std::uint64_t) override {
    requests.erase(p);
    said.push_back("give up " + std::to_string(p));
  }
  void note(const char* what, task_id id) { said.push_back(what + (" " + std::to_string(number_of(id)))); }

  client_core core;
  batch_writer in;
  strings said;
  std::set<task_id> gone;  // values that were offered
  std::uint64_t request = 0;
  std::map<peer_id, std::pair<std::uint64_t, std::set<task_id>>> requests;
};

}  // namespace

TEST_CASE("tasks are numbered, and only those that are held are known", "[client_core]") {
  session s;
  CHECK(s.submit() == task(1));
  CHECK(s.submit(0) == task(2));
  CHECK(s.submit() == task(3));
  CHECK(s.core.tasks() == 2);
  s.core.release(task(1));
  s.core.release(task(1));
  CHECK(s.core.deadline() == 0);
  CHECK(s.submit() == task(4));
  s.core.release(task(3));
  s.core.tick(0);
  CHECK(s.written() == strings{"submit 1", "submit 2", "submit 3", "submit 4", "release 1 3"});
  CHECK(s.core.deadline() == fetcher::never);
  const task_id four = task(4);
  s.core.cancel({&four, 1});
  s.core.retry({&four, 1});
  s.core.retry({});
  CHECK(s.written() == strings{"cancel 4", "retry 4"});
}

TEST_CASE("wishes and questions go behind the tasks that they are about", "[client_core]") {
  session s;
  s.submit();
  const task_id one = task(1);
  s.core.replicate({&one, 1}, 3);
  s.core.replicate({}, 3);
  s.core.rebalance();
  CHECK(s.core.ask({}) == 1);
  CHECK(s.core.ask("alice tcp://b:1") == 2);
  CHECK(s.written() == strings{"submit 1", "replicate to 3: 1", "rebalance", "ask 1 and retire ''",
                               "ask 2 and retire 'alice tcp://b:1'"});
  s.hear(cluster_state{{2, 4, 0}, {}, {}, {}});
  CHECK(s.heard() == strings{"answer 2 target 4"});
  CHECK_THROWS_AS(s.hear(cluster_state{{3, 4, 0}, {}, {}, {}}), protocol_error);
  CHECK_THROWS_AS(s.hear(cluster_state{{0, 4, 0}, {}, {}, {}}), protocol_error);
}

TEST_CASE("a value is offered to the worker that is to have it, again and again until it has it", "[client_core]") {
  client_limits limits;
  limits.fetch.first_retry = 10;
  limits.fetch.longest_retry = 20;
  session s(limits);
  s.submit(task_wanted | task_constant | task_offered);
  s.submit(task_wanted | task_constant | task_offered);
  s.written();
  CHECK(s.tick().empty());
  s.want(1, 2);
  CHECK(s.heard() == strings{"offer to 2"});
  s.core.peer_lost(100, 2);
  CHECK(s.core.deadline() == 110);
  CHECK(s.tick(109).empty());
  CHECK(s.tick(110) == strings{"offer to 2"});
  for (time_ns at = 200; at < 300; at += 50) {  // not more seldom than that
    s.core.peer_lost(at, 2);
    CHECK(s.core.deadline() == at + 20);
    CHECK(s.tick(at + 20) == strings{"offer to 2"});
  }
  // Another one is to have it: nobody tries the first any more.
  s.core.peer_lost(400, 2);
  s.want(1, 3);
  CHECK(s.heard() == strings{"offer to 3"});
  CHECK(s.tick(1000).empty());
  s.core.peer_lost(1000, 2);
  CHECK(s.core.deadline() == fetcher::never);
  // Nor one that has left, or whose value has come, or ended in another way.
  s.want(2, 4);
  s.core.peer_lost(1000, 4);
  s.hear(peer_gone{{4, 0}});
  s.core.peer_lost(1000, 3);
  s.finish(1, 3);
  CHECK(s.heard() == strings{"offer to 4", "left 4", "finished 1"});
  CHECK(s.tick(2000).empty());
  CHECK(s.core.deadline() == fetcher::never);
  s.want(2, 5);
  s.core.peer_lost(2000, 5);
  s.hear_list<task_cancelled>(2);
  CHECK(s.heard() == strings{"offer to 5", "cancelled 2"});
  CHECK(s.tick(3000).empty());
  CHECK(s.written().empty());
}

TEST_CASE("a worker that is not reached is given up, and another is to have what was offered", "[client_core]") {
  client_limits limits;
  limits.fetch.first_retry = 10;
  limits.fetch.longest_retry = 10;
  limits.offer_tries = 3;
  session s(limits);
  for (int i = 0; i < 3; ++i) s.submit(task_wanted | task_constant | task_offered);
  s.written();
  s.want(1, 2);
  s.want(2, 2);
  s.want(3, 3);
  s.heard();
  s.core.peer_lost(100, 2);
  s.core.peer_lost(200, 2);
  s.core.asked_for(task(1));  // it has come: only now it counts anew
  for (time_ns at = 300; at < 500; at += 100) {
    s.core.peer_lost(at, 2);
    CHECK(s.tick(at + 10) == strings{"offer to 2"});
    CHECK(s.written().empty());
  }
  s.core.peer_lost(500, 2);
  CHECK(s.core.deadline() == 0);
  CHECK(s.tick(600) == strings{"unreached 2"});
  CHECK(s.written() == strings{"unreached 2: 1 2"});
  CHECK(s.core.deadline() == fetcher::never);
  s.core.peer_lost(700, 2);  // it is not tried any more
  CHECK(s.tick(800).empty());
  s.want(1, 3);
  s.want(2, 2);  // unless it is to have them once more
  CHECK(s.heard() == strings{"offer to 3", "offer to 2"});
  s.core.peer_lost(900, 2);
  CHECK(s.tick(910) == strings{"offer to 2"});
  CHECK(s.written().empty());
}

TEST_CASE("an offer of what is gone is withdrawn", "[client_core]") {
  session s;
  for (int i = 0; i < 3; ++i) s.submit(task_wanted | task_constant | task_offered);
  s.written();
  s.gone.insert(task(1));
  s.core.release(task(2));
  s.want(1, 2);
  s.want(2, 2);
  CHECK(s.core.deadline() == 0);
  CHECK(s.tick().empty());
  CHECK(s.written() == strings{"withdraw 1 2", "release 2"});
  s.want(3, 2);
  s.core.cannot_give(task(3));
  CHECK(s.tick() == strings{"offer to 2"});
  CHECK(s.written() == strings{"withdraw 3"});
  CHECK_THROWS_AS(s.want(4, 2), protocol_error);   // that was never submitted
  CHECK_THROWS_AS(s.want(3, 99), protocol_error);  // and a worker whom nobody knows
}

TEST_CASE("an offer that is let go of is given until it is over", "[client_core]") {
  client_limits limits;
  limits.fetch.first_retry = 10;
  session s(limits);
  for (int i = 0; i < 6; ++i) s.submit(task_wanted | task_constant | task_offered);
  s.written();
  s.want(1, 2);
  CHECK(s.heard() == strings{"offer to 2"});
  for (std::uint64_t n = 1; n < 6; ++n) s.core.let_go(task(n));
  s.tick();
  CHECK(s.written() == strings{"release 1 2 3 4 5"});
  CHECK(s.core.tasks() == 1);
  CHECK(s.core.kept_offers() == 5);
  // It is still on its way, and may be wanted anew.
  s.core.peer_lost(100, 2);
  CHECK(s.tick(110) == strings{"offer to 2"});
  s.want(2, 3);
  CHECK(s.heard() == strings{"offer to 3"});
  // The scheduler says when nobody needs it. How it has ended it may have said before it heard that the future is
  // gone.
  s.hear_list<drop_offers>(1);
  s.finish(2, 3);
  s.hear_list<task_cancelled>(3);
  s.hear(task_failed{{task(4), 0, 0}, {}, {}, {}, {}});
  s.hear_list<task_restarted>(5);
  CHECK(s.heard() == strings{"offer over 1"});
  CHECK(s.core.kept_offers() == 4);
  s.want(2, 3);  // what was made of it is lost
  CHECK(s.heard() == strings{"offer to 3"});
  s.hear(drop_offers{{}, std::array{task(2), task(3), task(4), task(5)}});
  CHECK(s.heard() == strings{"offer over 2", "offer over 3", "offer over 4", "offer over 5"});
  CHECK(s.core.kept_offers() == 0);
  s.core.peer_lost(200, 2);
  s.core.peer_lost(200, 3);
  CHECK(s.core.deadline() == fetcher::never);
  // Of one that has a future nothing is over by that.
  s.hear_list<drop_offers>(6);
  CHECK(s.heard().empty());
  s.want(1, 2);
  s.tick(300);
  CHECK(s.written() == strings{"withdraw 1"});
  CHECK_THROWS_AS(s.hear_list<drop_offers>(9), protocol_error);
}

TEST_CASE("a worker that could not be reached is tried again for an offer that was let go of meanwhile",
          "[client_core]") {
  client_limits limits;
  limits.fetch.first_retry = 10;
  session s(limits);
  s.submit(task_wanted | task_constant | task_offered);
  s.want(1, 2);
  CHECK(s.heard() == strings{"offer to 2"});
  s.core.peer_lost(100, 2);
  s.core.let_go(task(1));
  CHECK(s.tick(100).empty());
  CHECK(s.core.deadline() == 110);
  CHECK(s.tick(110) == strings{"offer to 2"});
}

TEST_CASE("cancellations are gathered, and written before releases", "[client_core]") {
  session s;
  for (int i = 0; i < 4; ++i) s.submit();
  s.written();
  const task_id ids[] = {task(1), task(2), task(3)};
  s.core.cancel({ids, 2});
  s.core.release(task(1));
  s.core.cancel({ids + 2, 1});
  s.core.cancel({});
  CHECK(s.core.deadline() == 0);
  s.submit();
  s.core.tick(0);
  CHECK(s.written() == strings{"submit 5", "cancel 1 2 3", "release 1"});
  CHECK(s.core.deadline() == fetcher::never);
  for (std::uint32_t i = 0; i < client_limits{}.batch; ++i) s.core.cancel({ids, 1});
  CHECK(s.written().size() == 1);
}

TEST_CASE("a value that came along with its end is asked for where it is, if it is read again", "[client_core]") {
  session s;
  s.submit();
  s.written();
  const std::byte value[8] = {};
  s.finish(1, 2);
  s.hear(task_finished{{task(1), 8, 2, has_value}, value});
  s.heard();
  s.core.read(task(1), 1);
  s.tick();
  CHECK(s.written() == strings{"locate 1"});
}

TEST_CASE("ends reach the host, and those of released tasks do not", "[client_core]") {
  session s;
  for (int i = 0; i < 5; ++i) s.submit();
  const std::byte value[8] = {};
  s.finish(1, 2);
  s.hear(task_finished{{task(2), 8, 2, has_value}, value});
  s.hear(task_failed{{task(3), 0, 0}, {}, {}, {}, {}});
  s.hear_list<task_cancelled>(4);
  s.core.release(task(5));
  s.finish(5, 2);
  s.hear_list<task_restarted>(5);
  s.hear_list<task_restarted>(3);
  s.finish(3, 3);
  s.hear(task_failed{{task(1), 0, 0}, {}, {}, {}, {}});  // its value was lost, and it may not run twice
  CHECK(s.heard() == strings{"finished 1", "finished with value 2", "failed 3", "cancelled 4", "restarted 3",
                             "finished 3", "failed 1"});
}

TEST_CASE("a value is read when there is one", "[client_core]") {
  session s;
  s.submit();
  s.submit();
  s.core.read(task(1), 5);
  CHECK(s.tick().empty());
  s.finish(1, 2);
  s.finish(2, 2);
  CHECK(s.tick() == strings{"finished 1", "finished 2", "fetch from 2 1"});
  CHECK(s.core.fetched(s.request, task(1)));
  CHECK_FALSE(s.core.fetched(s.request, task(1)));
  s.core.read(task(2), 1);
  CHECK(s.tick() == strings{"fetch from 2 2"});
  s.core.release(task(2));
  CHECK(s.heard() == strings{"give up 2"});
  CHECK_FALSE(s.core.fetched(s.request, task(2)));
  s.written();
  // Read again: where it is now the scheduler knows.
  s.core.read(task(1), 1);
  s.core.tick(0);
  CHECK(s.written() == strings{"release 2", "locate 1"});
  s.finish(1, 3);
  CHECK(s.tick() == strings{"fetch from 3 1"});
}

TEST_CASE("when nobody has a value the scheduler is asked, once", "[client_core]") {
  session s;
  s.submit();
  s.core.read(task(1), 5);
  s.finish(1, 2);
  s.tick();
  s.written();
  s.core.not_there(0, s.request, task(1), false);
  s.core.tick(0);
  s.core.tick(0);
  CHECK(s.written() == strings{"locate 1"});
  SECTION("it is elsewhere") {
    s.finish(1, 3);
    CHECK(s.tick() == strings{"fetch from 3 1"});
    s.hear(peer_gone{{3, 0}});
    CHECK(s.tick() == strings{"left 3"});
    CHECK(s.written() == strings{"locate 1"});
    CHECK_THROWS_AS(s.finish(1, 3), protocol_error);
  }
  SECTION("it is made again") {
    s.hear_list<task_restarted>(1);
    s.finish(1, 4);
    CHECK(s.tick() == strings{"restarted 1", "finished 1", "fetch from 4 1"});
  }
  SECTION("it has failed") {
    s.hear(task_failed{{task(1), 0, 0}, {}, {}, {}, {}});
    CHECK(s.tick() == strings{"failed 1"});
    CHECK(s.core.fetches().values() == 0);
  }
  SECTION("the answer names nobody") {
    s.finish(1, 0);
    s.core.tick(0);
    CHECK(s.written().empty());
  }
  SECTION("nobody wants it any longer") {
    s.core.unread(task(1));
    s.finish(1, 3);
    CHECK(s.tick().empty());
  }
}

TEST_CASE("what the scheduler cannot mean is an error", "[client_core]") {
  session s;
  s.submit();
  CHECK_THROWS_AS(s.finish(2, 2), protocol_error);
  CHECK_THROWS_AS(s.finish(0, 2), protocol_error);
  CHECK_THROWS_AS(s.finish(1, 77), protocol_error);
  CHECK_THROWS_AS(s.hear(task_finished{{make_task_id(3, 1), 1, 2, 0}, {}}), protocol_error);
  CHECK_THROWS_AS(s.hear(set_mode{}), protocol_error);
  CHECK_THROWS_AS(s.hear(peer_info{{1u << 24, 0, {}}, {}, {}}), protocol_error);
  CHECK(s.tick().empty());
}

TEST_CASE("every reading ends, whatever the scheduler and the workers do", "[client_core]") {
  for (const std::uint64_t seed : weft::test::seed_range(10'000)) {
    INFO("seed " << seed);
    std::mt19937_64 random(seed);
    const auto one_in = [&](std::uint64_t n) { return random() % n == 0; };
    client_limits limits;
    limits.fetch = {2, 40, 30, 2, 5, 20};
    limits.batch = 3;
    session s(limits);
    std::map<task_id, peer_id> place;  // the truth; 0: pending
    std::set<task_id> held, reading, released, asked;
    const auto some = [&](const std::set<task_id>& set) {
      auto it = set.begin();
      std::advance(it, static_cast<std::ptrdiff_t>(random() % set.size()));
      return *it;
    };
    const auto tell = [&](task_id id) { s.hear(task_finished{{id, 10, place[id], 0}, {}}); };
    const auto answer = [&](bool honest) {
      if (s.requests.empty()) return;
      auto& [peer, r] = *s.requests.begin();
      const task_id id = *r.second.begin();
      const auto number = r.first;
      const bool there = place[id] == peer;
      r.second.erase(id);
      if (r.second.empty()) s.requests.erase(s.requests.begin());
      if (!there)
        s.core.not_there(0, number, id, false);
      else if (!honest && one_in(3))
        s.core.not_there(0, number, id, true);
      else if (s.core.fetched(number, id)) {
        REQUIRE(reading.contains(id));
        reading.erase(id);
      }
    };
    const auto scheduler = [&] {
      const std::vector<std::byte> bytes = s.core.out().take();
      batch_reader reader(bytes);
      std::uint16_t kind = 0;
      while (reader.next(kind)) {
        if (kind == static_cast<std::uint16_t>(message_kind::release_tasks))
          for (const task_id id : reader.get<release_tasks>().tasks) REQUIRE(released.insert(id).second);
        if (kind == static_cast<std::uint16_t>(message_kind::locate_tasks))
          for (const task_id id : reader.get<locate_tasks>().tasks) {
            REQUIRE(place.contains(id));
            if (place[id] != 0) tell(id);
          }
      }
    };
    time_ns now = 0;
    for (int i = 0; i < 120; ++i) {
      ++now;
      switch (random() % 10) {
        case 0:
        case 1: {
          const task_id id = s.submit();
          held.insert(id);
          place[id] = 0;
          break;
        }
        case 2:
        case 3:
          if (!held.empty()) {
            const task_id id = some(held);
            reading.insert(id);
            s.core.read(id, random() % 5);
          }
          break;
        case 4:
          if (!held.empty()) {
            const task_id id = some(held);
            if (one_in(2)) {
              s.core.unread(id);
            } else {
              s.core.release(id);
              held.erase(id);
            }
            reading.erase(id);
          }
          break;
        case 5:
        case 6:  // also of released ones: it crosses
          for (auto& [id, peer] : place) {
            if (!one_in(4)) continue;
            if (peer == 0) {
              peer = static_cast<peer_id>(2 + random() % 4);
              tell(id);
            } else if (one_in(2)) {
              peer = static_cast<peer_id>(2 + random() % 4);  // moved, unsaid
            } else {
              peer = 0;
              s.hear(task_restarted{{}, {&id, 1}});
            }
          }
          break;
        case 7:
          scheduler();
          break;
        case 8:
          answer(false);
          break;
        default:
          s.core.tick(now);
      }
    }
    for (auto& [id, peer] : place)
      if (peer == 0) {
        peer = 2;
        tell(id);
      }
    for (int i = 0; i < 1000 && !reading.empty(); ++i) {
      s.core.tick(now += 20);
      scheduler();
      answer(true);
    }
    REQUIRE(reading.empty());
    for (const task_id id : held) s.core.release(id);
    s.core.tick(now);
    scheduler();
    REQUIRE(released.size() == s.core.submitted());
    REQUIRE(s.core.tasks() == 0);
    REQUIRE(s.core.fetches().values() == 0);
    REQUIRE(s.core.fetches().bytes_in_flight() == 0);
  }
}
