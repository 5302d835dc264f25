// The store by itself: what its owner's tests cannot bring about at will.
#include "spill/store.hpp"

#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "support/test_directory.hpp"
#include "weft/simulated_disk.hpp"
#include "weft/weft.hpp"

namespace {

using namespace std::chrono_literals;
using weft::detail::memory_request;
using weft::detail::store;
using weft::detail::store_options;
using weft::detail::stored_value;

/// Who owns the values: its work runs on a pool.
struct owner {
  explicit owner(weft::pool& p) : at(p) {}
  store::host host() {
    return {.context = this,
            .spawn = [](void* of, weft::task<> work) { static_cast<owner*>(of)->begin(std::move(work)); },
            .hold = [](void*) noexcept { return true; },
            .let_go = [](void*) noexcept {},
            .now = [](void*) noexcept { return std::int64_t{0}; },
            .resident = [](void*) noexcept { return std::uint64_t{0}; },
            .trim = [](void*) noexcept {}};
  }
  void begin(weft::task<> work) {
    const auto counted = [](std::shared_ptr<works> count, weft::task<> one) -> weft::task<> {
      co_await std::move(one);
      if (count->under_way.fetch_sub(1) == 1) count->none.set();
    };
    if (all->under_way.fetch_add(1) == 0) all->none.reset();
    at.spawn(counted(all, std::move(work)));
  }
  /// A store goes when nothing is at work for it any more.
  weft::task<> end(store& s) {
    co_await rest();
    s.retire();
  }
  weft::task<> rest() {
    while (all->under_way.load() != 0) co_await all->none.wait();
  }
  struct works {
    std::atomic<int> under_way{0};
    weft::event none;
  };
  weft::pool& at;
  std::shared_ptr<works> all = std::make_shared<works>();
  weft::event may_come;  // what is elsewhere
};

const stored_value::operations operations{
    .encode = [](void*, weft::encoder& into) { weft::encode(into, std::string(1000, 'x')); },
    .drop = [](void*) noexcept {},
    .restore = [](void*, weft::decoder& from) { static_cast<void>(weft::decode<std::string>(from)); },
    .remake = [](void*) noexcept { return false; },
    .let_go = [](void*) noexcept {},
    .maker = [](const void*) { return std::string("a value"); },
    .lost = [](void*) noexcept { return false; },
    .fetch = [](void* of) -> weft::task<> { co_await static_cast<owner*>(of)->may_come.wait(); }};

struct asked : memory_request {
  asked() {
    granted = [](memory_request& r) noexcept { static_cast<asked&>(r).there.set(); };
  }
  weft::task<> by(store& s) {
    if (s.ask(*this)) there.set();
    co_await there.wait();
  }
  weft::event there;
  bool ended = false;  // who asked
};

constexpr std::uint64_t size = 1000;

store_options on_simulated_disk() {
  store_options options;
  options.own_directory = false;
  options.files.directory = "/spill";
  options.files.segment_bytes = 256 << 10;
  options.files.chunk_bytes = 16 << 10;
  return options;
}

/// The peer that has what is elsewhere gives it when it has had what is here.
weft::task<> exchange(weft::pool& p, std::string directory) {
  owner of(p);
  store_options options;
  options.budget = 2 * size;
  options.files.directory = std::move(directory);
  auto* const s = new store(std::move(options), of.host());

  stored_value* here = s->insert(&of, operations, size, nullptr);
  s->publish(*here, {});
  asked room;
  room.reserve = 2 * size;
  co_await room.by(*s);
  CHECK(s->counters().in_memory == 0);  // it is on the disk
  s->finish(room);

  // A task takes all there is for values that come from elsewhere,
  stored_value* elsewhere = s->insert_elsewhere(&of, operations, 2 * size);
  s->publish(*elsewhere, {1});
  asked task;
  task.rank = 1;
  task.inputs = &elsewhere;
  task.count = 1;
  CHECK_FALSE(s->ask(task));
  // and a second one waits for room,
  asked second;
  second.rank = 2;
  second.reserve = size;
  second.produces = true;
  CHECK_FALSE(s->ask(second));
  // when a peer asks for what is here.
  asked peer;
  peer.inputs = &here;
  peer.count = 1;
  peer.lasting = true;
  co_await weft::timeout(10s, peer.by(*s));
  CHECK(s->counters().in_memory == 3 * size);
  CHECK_FALSE(task.there.is_set());
  CHECK_FALSE(second.there.is_set());  // that is no reason for a task to begin
  s->finish(peer);
  of.may_come.set();
  co_await weft::timeout(10s, task.there.wait());
  s->finish(task);
  co_await weft::timeout(10s, second.there.wait());
  s->finish(second);
  CHECK(store::erase(here));
  CHECK(store::erase(elsewhere));
  CHECK(s->counters().in_memory == 0);
  co_await of.end(*s);
}

/// The same while a task here waits for what is outside, and holds memory meanwhile: nobody knows whether that comes
/// about without the peer.
weft::task<> exchange_beside_outside(weft::pool& p) {
  owner of(p);
  store_options options = on_simulated_disk();
  options.budget = 4 * size;
  options.patience = 5s;
  auto* const s = new store(std::move(options), of.host());

  stored_value* here = s->insert(&of, operations, size, nullptr);
  s->publish(*here, {});
  asked room;
  room.reserve = 4 * size;
  co_await room.by(*s);
  s->finish(room);

  asked outside;  // a coroutine that waits for a socket
  outside.rank = 1;
  outside.reserve = 2 * size;
  outside.produces = true;
  CHECK(s->ask(outside));
  s->left(outside);
  stored_value* elsewhere = s->insert_elsewhere(&of, operations, 2 * size);
  s->publish(*elsewhere, {2});
  asked task;  // waits for the peer, which waits for what is here
  task.rank = 2;
  task.inputs = &elsewhere;
  task.count = 1;
  CHECK_FALSE(s->ask(task));
  asked peer;
  peer.inputs = &here;
  peer.count = 1;
  peer.lasting = true;
  CHECK_FALSE(s->ask(peer));
  asked last;
  last.rank = 3;
  last.reserve = size;
  CHECK_FALSE(s->ask(last));

  co_await weft::timeout(4s, weft::sleep_for(3s));
  CHECK_FALSE(peer.there.is_set());  // there is patience
  co_await weft::timeout(1min, peer.there.wait());
  CHECK(s->counters().in_memory == 3 * size);
  CHECK_FALSE(task.there.is_set());
  s->finish(peer);
  of.may_come.set();
  co_await weft::timeout(1min, task.there.wait());
  s->finish(task);
  s->finish(outside);
  co_await weft::timeout(1min, last.there.wait());
  s->finish(last);
  CHECK(store::erase(here));
  CHECK(store::erase(elsewhere));
  CHECK(s->counters().in_memory == 0);
  co_await of.end(*s);
}

}  // namespace

TEST_CASE("a peer has its value while some wait for values of peers and all others for what is outside") {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    INFO("seed " << seed);
    weft::simulation s(seed);
    const weft::simulated_disk disk(s);
    s.run(exchange_beside_outside(s.pool()));
  }
}

TEST_CASE("a peer has its value while all that goes on here waits for values of peers") {
  weft::pool p({.threads = 2});
  const test_directory there;
  p.run(exchange(p, there.path()));
  p.drain();
}

TEST_CASE("a task of a lower priority does not move the front of the others") {
  weft::simulation s(1);
  const weft::simulated_disk disk(s);
  s.run([](weft::pool& p) -> weft::task<> {
    owner of(p);
    store_options options = on_simulated_disk();
    options.budget = 4 * size;
    options.place_bits = 32;
    auto* const all = new store(std::move(options), of.host());
    stored_value* written = all->insert(&of, operations, size, nullptr);
    all->publish(*written, {});
    asked room;
    room.reserve = 4 * size;
    co_await room.by(*all);
    all->finish(room);
    asked back;  // of the front of its priority, from which the next uses are counted
    back.rank = 100;
    back.inputs = &written;
    back.count = 1;
    co_await back.by(*all);
    all->finish(back);
    all->add_use(*written, 160);
    stored_value* only_here = all->insert(&of, operations, size, nullptr);
    all->publish(*only_here, {200});
    asked other;
    other.rank = (std::uint64_t{1} << 32) + 5;
    CHECK(all->ask(other));
    all->finish(other);
    // The one that is on the disk too goes, for it costs no writing, and is not needed much sooner.
    asked next;
    next.rank = 101;
    next.reserve = 3 * size;
    CHECK(all->ask(next));
    CHECK(all->counters().in_memory == size);
    all->finish(next);
    co_await of.end(*all);
    CHECK(store::erase(written));
    CHECK(store::erase(only_here));
  }(s.pool()));
}

TEST_CASE("one that has ended while it waits is granted with that, and those behind it go on") {
  weft::simulation s(1);
  const weft::simulated_disk disk(s);
  s.run([](weft::pool& p) -> weft::task<> {
    owner of(p);
    store_options options = on_simulated_disk();
    options.budget = 4 * size;
    auto* const all = new store(std::move(options), of.host());
    asked runs, much, little, later;
    std::uint64_t rank = 0;
    for (asked* r : {&runs, &much, &little, &later}) r->rank = ++rank;
    runs.reserve = later.reserve = 3 * size;
    much.reserve = 2 * size;
    little.reserve = size;
    much.over = later.over = [](const memory_request& r) noexcept { return static_cast<const asked&>(r).ended; };
    CHECK(all->ask(runs));
    CHECK_FALSE(all->ask(much));
    CHECK_FALSE(all->ask(little));
    CHECK_FALSE(all->ask(later));
    all->stop_waiting(runs);  // it does not wait
    later.ended = true;
    all->stop_waiting(later);  // not the first
    CHECK(later.there.is_set());
    CHECK(later.error);
    CHECK_FALSE(little.there.is_set());
    much.ended = true;
    all->stop_waiting(much);
    CHECK(much.there.is_set());
    CHECK(much.error);
    CHECK(little.there.is_set());
    CHECK_FALSE(little.error);
    asked late;  // has ended before it asks
    late.rank = 10;
    late.over = much.over;
    late.ended = true;
    asked waits;
    waits.reserve = 3 * size;
    CHECK_FALSE(all->ask(waits));
    CHECK(all->ask(late));
    CHECK(all->counters().reserved == 4 * size);
    for (asked* r : {&runs, &much, &little, &later, &late}) all->finish(*r);
    CHECK(waits.there.is_set());
    all->finish(waits);
    CHECK(all->counters().reserved == 0);
    co_await of.end(*all);
  }(s.pool()));
}

TEST_CASE("a value that could not be written is tried once more before anybody fails for it") {
  weft::simulation s(1);
  weft::simulated_disk disk(s);
  static int fails, tried;
  static weft::simulated_disk* at;
  at = &disk;
  stored_value::operations counted = operations;
  counted.encode = [](void*, weft::encoder& into) {
    at->set({.errors_per_million = ++tried <= fails ? 1'000'000u : 0u});
    weft::encode(into, std::string(1000, 'x'));
  };
  s.run([](weft::pool& p, const stored_value::operations& does) -> weft::task<> {
    owner of(p);
    store_options options = on_simulated_disk();
    options.budget = 4 * size;
    auto* const all = new store(std::move(options), of.host());
    for (const int failures : {1, 2, 0}) {
      INFO(failures << " failures");
      fails = failures;
      tried = 0;
      stored_value* v = all->insert(&of, does, size, nullptr);
      all->publish(*v, {});
      asked room;
      room.reserve = 4 * size;
      co_await weft::timeout(1min, room.by(*all));
      CHECK(bool(room.error) == (failures == 2));
      CHECK(tried == (failures == 0 ? 1 : 2));
      all->finish(room);
      co_await of.rest();
      CHECK(store::erase(v));
    }
    co_await of.end(*all);
  }(s.pool(), counted));
}

TEST_CASE("a value that comes has its room before it is there, and others leave for it") {
  weft::simulation s(1);
  weft::simulated_disk disk(s);
  s.run([](weft::pool& p) -> weft::task<> {
    owner of(p);
    store_options options = on_simulated_disk();
    options.budget = 3 * size;
    auto* const all = new store(std::move(options), of.host());
    stored_value* here[3];
    for (stored_value*& v : here) {
      v = all->insert(&of, operations, size, nullptr);
      all->publish(*v, {});
    }
    co_await of.rest();  // they are written before memory is short
    CHECK(all->counters().in_memory == 3 * size);
    stored_value* coming = all->insert_coming(&of, operations, 2 * size);
    CHECK(all->counters().in_memory == 3 * size);
    asked room;  // nobody else is given it
    room.reserve = size;
    CHECK(all->ask(room));
    CHECK(all->counters().in_memory == 2 * size);
    asked more;
    more.reserve = size;
    more.rank = 1;
    CHECK_FALSE(all->ask(more));
    all->resize(*coming, size);
    CHECK(all->counters().in_memory == size);
    all->publish(*coming, {});
    all->finish(room);
    co_await more.there.wait();
    all->finish(more);
    co_await of.rest();
    for (stored_value* v : here) CHECK(store::erase(v));
    CHECK(store::erase(coming));
    CHECK(all->counters().in_memory == 0);
    co_await of.end(*all);
  }(s.pool()));
}

TEST_CASE("a value that is taken is the room for what is made of it") {
  weft::pool p({.threads = 2});
  p.run([](weft::pool& at) -> weft::task<> {
    owner of(at);
    store_options options;
    options.budget = 10 * size;
    auto* const all = new store(std::move(options), of.host());
    stored_value* v = all->insert(&of, operations, size, nullptr);
    CHECK_FALSE(all->take(*v, *std::make_unique<asked>()));  // of nobody who has it
    all->publish(*v, {1, 2});
    asked first, second;
    for (asked* r : {&first, &second}) {
      r->inputs = &v;
      r->count = 1;
      CHECK(all->ask(*r));
    }
    CHECK_FALSE(all->take(*v, first));  // of two who have it
    all->finish(second);
    CHECK(all->take(*v, first));
    CHECK(all->counters().in_memory == 0);
    CHECK(all->counters().reserved == size);
    stored_value* made = all->insert(&of, operations, size, &first);
    CHECK(all->counters().in_memory == size);
    CHECK(all->counters().reserved == 0);
    CHECK(all->counters().peak == size);
    all->finish(first);
    all->publish(*made, {});
    CHECK(store::erase(v));
    CHECK(all->counters().in_memory == size);
    // Who takes two has both in memory.
    stored_value* two[] = {all->insert(&of, operations, size, nullptr), all->insert(&of, operations, size, nullptr)};
    for (stored_value* one : two) all->publish(*one, {3});
    asked both;
    both.inputs = two;
    both.count = 2;
    both.reserve = size / 2;
    CHECK(all->ask(both));
    CHECK(all->take(*two[0], both));
    CHECK(all->counters().reserved == size);
    CHECK(all->take(*two[1], both));
    CHECK(all->counters().in_memory == size);
    CHECK(all->counters().reserved == 2 * size);
    all->finish(both);
    CHECK(all->counters().reserved == 0);
    for (stored_value* one : two) CHECK(store::erase(one));
    CHECK(store::erase(made));
    all->retire();
    co_return;
  }(p));
}
