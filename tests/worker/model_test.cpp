// A scheduler, an engine and peers that do at random whatever they may do, around one worker, over many seeds;
// messages and events lie about until somebody delivers them, so that everything crosses with everything.
#include <algorithm>
#include <catch2/catch.hpp>
#include <deque>
#include <map>
#include <set>
#include <vector>

#include "support/seeds.hpp"
#include "worker/model_engine.hpp"

using namespace weft::net;
using namespace weft::net::test;

namespace {

// ---- the scheduler -----------------------------------------------------------------------------------------------

struct item {
  std::uint32_t attempt = 0;
  bool assigned = false;  // its latest attempt has not ended
  bool here = false, copying = false;
  std::set<peer_id> holders;
  std::vector<task_id> inputs;
};

struct world {
  explicit world(std::uint64_t seed)
      : roll(seed), limits(make_limits(roll)), host(roll, limits.fetch), core(self, host, limits) {
    for (peer_id p = first_peer; p < first_peer + peers; ++p) {
      out.add(peer_info{{p, static_cast<std::uint8_t>(peer_role::worker), {}}, {}, {}});
      living.insert(p);
    }
    for (std::uint64_t i = 1; i <= 6; ++i)
      items[make_task_id(9, i)].holders = has[make_task_id(9, i)] = {some_peer()};
  }
  static worker_limits make_limits(dice& roll) {
    worker_limits l;
    l.fetch = {static_cast<std::uint32_t>(1 + roll(3)),
               100 + roll(200),
               50 + roll(100),
               static_cast<std::uint32_t>(1 + roll(4)),
               10,
               80};
    return l;
  }
  peer_id some_peer() {
    auto it = living.begin();
    std::advance(it, static_cast<std::ptrdiff_t>(roll(living.size())));
    return *it;
  }
  task_id some_item() {
    auto it = items.begin();
    std::advance(it, static_cast<std::ptrdiff_t>(roll(items.size())));
    return it->first;
  }
  static std::uint64_t size_of(task_id id) { return 1 + id * 7 % 120; }

  // What the scheduler does of itself.
  bool assign(task_id id) {
    item& t = items[id];
    std::vector<input_ref> inputs;
    std::vector<std::byte> given;
    for (const task_id i : t.inputs) {
      const item& from = items[i];
      if (from.assigned || from.here)
        inputs.push_back({i, size_of(i), from.here && roll.one_in(4) ? self : 0, 0});
      else if (!from.holders.empty())
        inputs.push_back({i, size_of(i), *from.holders.begin(), roll.one_in(3) ? 8u : 0u});
      else if (promises.contains(i) || roll.one_in(2))
        inputs.push_back({i, 0, promises.emplace(i, some_peer()).first->second, promised_input});
      else
        return false;
      if (inputs.back().given != promised_input) given.resize(given.size() + inputs.back().given);
    }
    promises.erase(id);
    t.assigned = true;
    ++runs;
    const time_ns left = roll.one_in(6) ? static_cast<time_ns>(1 + roll(100)) : 0;
    ++t.attempt;
    if (left != 0) times[{id, t.attempt}] = now + left;
    // Not only where it is true: the worker looks for itself.
    const auto last_uses = static_cast<std::uint16_t>(roll.one_in(2) ? roll(16) : 0);
    out.add(
        run_task{{id, {}, id, left, t.attempt, id % 5 == 0 ? task_once : 0u, 0, 0, last_uses}, inputs, {}, given});
    return true;
  }
  void submit(const std::vector<task_id>& inputs) {
    const task_id id = make_task_id(7, ++numbers);
    items[id].inputs = inputs;
    assign(id);
  }
  void copy(task_id id) {
    items[id].copying = true;
    out.add(copy_value{{id, size_of(id), *items[id].holders.rbegin(), 0}});
  }
  // A peer makes what it was to make, or does not. A promise outlives the task that wanted it: nobody is harmed.
  void keep_promise(task_id id) {
    const peer_id p = promises.at(id);
    promises.erase(id);
    items[id].holders.insert(p);
    has[id].insert(p);
    const std::vector<std::byte> value(8);
    // It may first be heard of with another task, or a copy.
    if (items.size() <= 40 && roll.one_in(2))
      submit({id});
    else if (roll.one_in(2))
      copy(id);
    if (roll.one_in(2))
      out.add(give_value{{id, size_of(id)}, value});
    else
      out.add(value_at{{id, size_of(id), p, 0}});
  }
  void break_promise(task_id id) {
    promises.erase(id);
    std::vector<attempt_ref> users;
    for (const auto& [user, t] : items)
      if (t.assigned && std::find(t.inputs.begin(), t.inputs.end(), id) != t.inputs.end()) {
        users.push_back({user, t.attempt, 0});
        asked.insert({user, t.attempt});
      }
    out.add(stop_tasks{{}, users});
  }
  void someone_promised() {
    if (promises.empty()) return;
    auto it = promises.begin();
    std::advance(it, static_cast<std::ptrdiff_t>(roll(promises.size())));
    const task_id id = it->first;
    if (roll.one_in(2)) core.pushed(id, size_of(id), std::vector<std::byte>(8));
    if (roll.one_in(4))
      break_promise(id);
    else if (roll.one_in(2))
      keep_promise(id);
    if (roll.one_in(2)) core.pushed(id, size_of(id), std::vector<std::byte>(8));  // late, or again
  }
  bool needed(task_id id) const {
    for (const auto& [user, t] : items)
      if (t.assigned && std::find(t.inputs.begin(), t.inputs.end(), id) != t.inputs.end()) return true;
    return false;
  }
  void drop_value(task_id id) {
    items[id].here = items[id].copying = false;
    out.add(drop_values{{}, {&id, 1}});
  }
  std::vector<attempt_ref> some_assigned() {
    std::vector<attempt_ref> some;
    for (const auto& [id, t] : items)
      if (t.assigned && roll.one_in(3)) some.push_back({id, t.attempt, 0});
    if (roll.one_in(2)) std::reverse(some.begin(), some.end());
    return some;
  }
  void scheduler_acts() {
    switch (roll(16)) {
      case 0:
      case 1:
      case 2:
      case 3: {
        if (items.size() > 40) break;
        std::vector<task_id> inputs;
        for (std::uint64_t n = roll(4); n-- > 0;) inputs.push_back(some_item());
        submit(inputs);
        break;
      }
      case 4:
      case 5: {
        const task_id id = some_item();
        if (const item& t = items[id]; !t.assigned && !t.here && !t.copying && t.holders.empty()) assign(id);
        break;
      }
      case 6:  // a newer attempt in the place of one that has not ended, or although the value is here
        if (const task_id id = some_item(); items[id].attempt != 0 && roll.one_in(3)) assign(id);
        break;
      case 7:
        if (const auto some = some_assigned(); roll.one_in(2)) {
          for (const attempt_ref& a : some) {
            asked.insert({a.id, a.attempt});
            item& t = items[a.id];
            if (roll.one_in(2)) continue;
            t.assigned = false;  // the end is not waited for
            if (roll.one_in(2)) t.holders = has[a.id] = {some_peer()};
          }
          out.add(stop_tasks{{}, some});
        }
        break;
      case 8:
        if (const auto some = some_assigned(); roll.one_in(2)) {
          for (const attempt_ref& a : some) {
            asked.insert({a.id, a.attempt});
            ++retracts[{a.id, a.attempt}];
          }
          out.add(retract_tasks{{}, some});
        }
        break;
      case 9:
      case 10:
        if (const task_id id = some_item(); !items[id].assigned && !needed(id)) drop_value(id);
        break;
      case 11:
        if (const task_id id = some_item(); !items[id].holders.empty()) copy(id);
        break;
      case 12:  // another worker has taken a copy
        if (const task_id id = some_item(); items[id].here) {
          const peer_id p = some_peer();
          items[id].holders.insert(p);
          has[id].insert(p);
        }
        break;
      case 13:
        if (roll.one_in(10) && living.size() > 1) {
          const peer_id p = *living.rbegin();
          living.erase(p);
          for (auto& [id, t] : items) t.holders.erase(p);
          std::vector<task_id> broken;
          for (const auto& [id, maker] : promises)
            if (maker == p) broken.push_back(id);
          for (const task_id id : broken) break_promise(id);
          if (host.requests.contains(p) && roll.one_in(2)) lose_link(p);
          out.add(peer_gone{{p, 0}});
        }
        break;
      case 14:
        if (roll.one_in(3)) out.add(set_mode{{static_cast<std::uint8_t>(roll(2)), {}}});
        break;
      default:
        someone_promised();
        break;
    }
  }

  // What the scheduler hears.
  void ended(task_id id, std::uint32_t attempt, bool repeatable) {
    item& t = items[id];
    must(attempt != 0 && attempt <= t.attempt, "an attempt that was never assigned");
    if (const bool first = ends.insert({id, attempt}).second; !first)
      must(repeatable && asked.contains({id, attempt}), "an attempt that ended twice");
    if (t.assigned && t.attempt == attempt) t.assigned = false;
  }
  void hears(batch_reader in) {
    std::uint16_t kind = 0;
    while (in.next(kind)) {
      switch (static_cast<message_kind>(kind)) {
        case message_kind::done_task: {
          const auto m = in.get<done_task>();
          if (items[m.id].attempt == m.attempt) items[m.id].here = true;
          ended(m.id, m.attempt, false);
          break;
        }
        case message_kind::failed_task: {
          const auto m = in.get<failed_task>();
          if (m.flags & time_is_over) {
            const auto at = times.find({m.id, m.attempt});
            must(at != times.end() && now >= at->second, "a task that ended before its time");
            ++late;
          }
          ended(m.id, m.attempt, false);
          break;
        }
        case message_kind::cancelled_task:
          for (const attempt_ref& a : in.get<cancelled_task>().tasks) ended(a.id, a.attempt, true);
          break;
        case message_kind::retracted_task: {
          const auto m = in.get<retracted_task>();
          if (m.given_back) ended(m.id, m.attempt, true);
          if (auto r = retracts.find({m.id, m.attempt}); r != retracts.end() && r->second > 0) --r->second;
          break;
        }
        case message_kind::missing_value: {
          const auto m = in.get<missing_value>();
          item& t = items[m.id];
          if (m.flags & not_taken) {
            t.copying = false;
            break;
          }
          t.holders.erase(m.worker);
          if (!needed(m.id) && !t.copying) break;
          if (t.assigned) {
            // It is made here: who waits for it has been, or will be, given back.
            break;
          }
          if (t.holders.empty() && roll.one_in(3)) {
            t.here = t.copying = false;
            if (assign(m.id)) break;
          }
          if (t.holders.empty()) {
            const peer_id p = some_peer();
            t.holders.insert(p);
            has[m.id].insert(p);
          }
          out.add(value_at{{m.id, m.bytes, *t.holders.begin(), 0}});
          break;
        }
        case message_kind::value_added: {
          item& t = items[in.get<value_added>().id];
          t.here = true;
          t.copying = false;
          break;
        }
        case message_kind::value_dropped:
          for (const task_id id : in.get<value_dropped>().tasks) items[id].here = false;
          break;
        case message_kind::heartbeat:
          break;
        default:
          must(false, "a message that no worker sends");
      }
    }
  }

  // The links.
  void lose_link(peer_id p) {
    host.requests.erase(p);
    core.peer_lost(now, p);
  }
  bool peer_acts(bool kind) {
    if (host.requests.empty()) return false;
    auto it = host.requests.begin();
    std::advance(it, static_cast<std::ptrdiff_t>(roll(host.requests.size())));
    const peer_id p = it->first;
    if (!living.contains(p) || (!kind && roll.one_in(20))) {
      lose_link(p);
      return true;
    }
    auto& r = it->second;
    const std::size_t at = roll(r.ids.size());
    const task_id id = r.ids[at];
    const std::uint64_t number = r.number;
    r.ids.erase(r.ids.begin() + static_cast<std::ptrdiff_t>(at));
    if (r.ids.empty()) host.requests.erase(it);
    if (!kind && roll.one_in(10)) has[id].erase(p);
    if (!has[id].contains(p)) {
      core.not_there(now, number, id, false);
    } else if (!kind && roll.one_in(4)) {
      core.not_there(now, number, id, true);
    } else if (!kind && host.known.contains(id) && !host.known[id]->needed && roll.one_in(4)) {
      core.not_taken(number, id);  // a copy for its own sake: no task waits for it
    } else if (core.fetched(number, id, size_of(id))) {
      must(host.known.contains(id) && host.known[id]->state == node_state::remote, "kept a value that is not remote");
      host.known[id]->state = node_state::value;
    }
    return true;
  }

  bool deliver_event() {
    if (host.events.empty()) return false;
    const event e = host.events.front();
    host.events.pop_front();
    switch (e.kind) {
      case event::began:
        core.began(e.id, e.attempt);
        break;
      case event::done:
        core.done(e.id, e.attempt, size_of(e.id), 5);
        break;
      case event::failed:
        core.failed(failed_task{{e.id, e.attempt, 0}, {}, {}, {}, {}});
        break;
      case event::cancelled:
        core.cancelled(e.id, e.attempt);
        break;
      case event::need:
        core.need(e.id, roll(50), engine::frees(e.id));
        break;
      case event::need_not:
        core.need_not(e.id);
        break;
      case event::dropped:
        core.dropped(e.id);
        break;
      case event::taken:
        if (host.known.contains(e.id) && host.known[e.id]->taken) core.taken(e.id);
        break;
    }
    return true;
  }
  void post_to_worker() {
    if (!out.empty()) to_worker.push_back(out.take());
  }
  void post_to_scheduler() {
    if (core.out().empty()) return;
    to_scheduler.push_back(core.out().take());
    for (const std::byte b : to_scheduler.back()) host.note(8, static_cast<std::uint64_t>(b), 0);
  }
  bool deliver_to_worker() {
    if (to_worker.empty()) return false;
    const auto bytes = std::move(to_worker.front());
    to_worker.pop_front();
    batch_reader in(bytes);
    core.receive(now, in);
    host.paused = core.mode() == worker_mode::paused || core.mode() == worker_mode::stopped || own_pause;
    return true;
  }
  bool deliver_to_scheduler() {
    if (to_scheduler.empty()) return false;
    const auto bytes = std::move(to_scheduler.front());
    to_scheduler.pop_front();
    hears(batch_reader(bytes));
    return true;
  }
  void own_mode(bool paused) {
    own_pause = paused;
    core.pause(now, paused);
    host.paused = paused || core.mode() == worker_mode::paused || core.mode() == worker_mode::stopped;
  }

  void run() {
    for (int i = 0; i < 300; ++i) {
      ++now;
      switch (roll(8)) {
        case 0:
        case 1:
          scheduler_acts();
          break;
        case 2:
          if (roll.one_in(2)) post_to_worker();
          deliver_to_worker();
          break;
        case 3:
          post_to_scheduler();
          if (roll.one_in(2)) deliver_to_scheduler();
          break;
        case 4:
          host.step(false);
          break;
        case 5:
          deliver_event();
          deliver_event();
          break;
        case 6:
          peer_acts(false);
          break;
        default:
          core.tick(now);
          if (roll.one_in(30)) own_mode(!own_pause);
          if (core.heartbeat_due(now)) core.heartbeat(now, {});
          break;
      }
    }
    const std::uint64_t how = roll(4);
    if (how == 0) out.add(set_mode{{static_cast<std::uint8_t>(worker_mode::stopped), {}}});
    if (how == 1) out.add(set_mode{{static_cast<std::uint8_t>(worker_mode::retiring), {}}});
    if (how > 1) out.add(set_mode{{static_cast<std::uint8_t>(worker_mode::running), {}}});
    own_mode(false);
    settle();
    for (const auto& [id, t] : items) must(!t.assigned, "a task of which the scheduler has never heard the end");
    for (const auto& [which, left] : retracts) must(left == 0, "a retraction that was not answered");
    must(core.tasks() == 0, "a task is left in the worker");
    for (auto& [id, t] : items) drop_value(id);
    settle();
    must(core.empty() && host.known.empty() && host.requests.empty() && core.fetches().bytes_in_flight() == 0,
         "something is left after everything was dropped");
  }
  /// Until nothing happens any more.
  void settle() {
    for (int quiet = 0, rounds = 0; quiet < 3; ++quiet) {
      must(++rounds < 20'000, "it does not come to rest");
      now = std::max(now + 1, core.deadline() == fetcher::never ? now : std::min(core.deadline(), now + 1000));
      post_to_worker();
      post_to_scheduler();
      core.tick(now);
      bool moved = deliver_to_worker();
      moved |= deliver_to_scheduler();
      moved |= deliver_event();
      moved |= host.step(true);
      moved |= peer_acts(true);
      // What was promised is made at last: also what is promised only now, to a task that is run again because a
      // value is missing. A scheduler promises what a worker has been given to make, and hears of its end.
      if (!promises.empty()) {
        keep_promise(promises.begin()->first);
        moved = true;
      }
      if (moved || !out.empty() || !core.out().empty() || !host.requests.empty() ||
          (core.fetches().deadline() != fetcher::never))
        quiet = -1;
    }
  }

  dice roll;
  worker_limits limits;
  engine host;
  worker_core core;
  batch_writer out;
  std::deque<std::vector<std::byte>> to_worker, to_scheduler;
  std::map<task_id, item> items;
  std::map<task_id, std::set<peer_id>> has;  // the truth
  std::map<task_id, peer_id> promises;       // what peers are to make
  std::set<peer_id> living;
  std::set<std::pair<task_id, std::uint32_t>> ends, asked;
  std::map<std::pair<task_id, std::uint32_t>, int> retracts;
  std::map<std::pair<task_id, std::uint32_t>, time_ns> times;  // none of them ends for want of time before
  std::uint64_t numbers = 0, runs = 0, late = 0;
  bool own_pause = false;
  time_ns now = 0;
};

}  // namespace

TEST_CASE("a worker reports each attempt once, whatever crosses", "[worker][model]") {
  std::uint64_t runs = 0, ends = 0, late = 0, given_away = 0;
  for (const std::uint64_t seed : weft::test::seed_range(10'000)) {
    INFO("seed " << seed);
    world w(seed);
    REQUIRE_NOTHROW(w.run());
    runs += w.runs;
    ends += w.ends.size();
    late += w.late;
    given_away += w.host.given_away;
    if (seed % 50 != 0) continue;
    world again(seed);
    again.run();
    REQUIRE(again.host.hash == w.host.hash);
  }
  CHECK(ends <= runs);
  CHECK(ends > runs / 2);
  CHECK(late > runs / 100);
  CHECK(given_away > runs / 100);
}
