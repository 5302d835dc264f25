// What must be true between events; and what there is, counted.
#include <algorithm>
#include <stdexcept>
#include <string>
#include <unordered_map>
#include <vector>

#include "scheduler/core.hpp"

namespace weft::net {
namespace {

void require(bool holds, const char* what, task_id id = 0) {
  if (holds) return;
  std::string text = std::string("weft: an invariant of the scheduler does not hold: ") + what;
  if (id != 0)
    text += " (task " + std::to_string(number_of(id)) + " of peer " + std::to_string(submitter_of(id)) + ")";
  throw std::logic_error(text);
}

}  // namespace

void scheduler_core::check_invariants() const {
  require(ready_.empty() && loose_.empty() && handed_.empty() && candidates_.empty() && touched_.empty(),
          "an event is handled to its end");
  std::vector<std::uint32_t> count(workers_.size()), ahead(workers_.size()), leaving(workers_.size()),
      urgent(workers_.size()), waiting(workers_.size()), offers(workers_.size());
  std::size_t value_bytes = 0;
  std::vector<std::uint64_t> occupancy(workers_.size()), filled(workers_.size()), bytes(workers_.size()),
      offered(workers_.size());
  std::vector<std::vector<std::int64_t>> free;
  for (const worker& w : workers_) free.push_back(w.total);
  std::vector<std::uint32_t> leased(workers_.size());
  std::size_t unmet = 0;
  for (const lease& l : leases_) {
    unmet += l.is != lease_state::open;
    require(knows(submitter_of(l.id)), "who holds a lease is there");
    require((l.worker == no_worker_index) == (l.is == lease_state::waiting), "a lease waits, or has a worker");
    if (l.is == lease_state::waiting) continue;
    require(workers_[l.worker].peer != 0, "a leased worker is there");
    leased[l.worker] += l.slots;
    for (const auto& [resource, amount] : l.resources) free[l.worker][resource] -= amount;
  }
  require(unmet == unmet_leases_, "leases that are not open are counted");
  std::vector<std::size_t> held(classes_.size());
  std::vector<std::uint32_t> failures(failures_.size());
  std::uint64_t held_cost = 0;
  std::size_t tasks = 0;
  std::unordered_map<const pending_graph*, std::uint32_t> unfinished_of;

  for (slot t = 1; t < tasks_.end(); ++t) {
    const task_record& r = tasks_[t];
    if (!alive(r.state)) continue;
    ++tasks;
    require(tasks_.find(r.id) == t, "an id leads to its record", r.id);
    require(r.state != task_state::ready, "no task is left to be placed", r.id);
    std::uint32_t needed_by = 0, living = 0;
    for (const slot d : tasks_.dependents(t)) {
      if (tasks_[d].state == task_state::gone) continue;
      require(alive(tasks_[d].state), "a dependent has a record", r.id);
      const auto of = tasks_.inputs(d);
      require(std::find(of.begin(), of.end(), t) != of.end(), "a dependent takes the task", r.id);
      ++living;
      needed_by += unfinished(tasks_[d].state);
    }
    require(living == tasks_.living_dependents(t), "dependents that are gone are counted", r.id);
    require(needed_by == r.needed_by, "needed_by counts the unfinished dependents", r.id);
    require((r.flags & task_wanted) || r.has(mark_floating) || living != 0, "a record is kept for a reason", r.id);
    if (unfinished(r.state)) require(needed(r), "an unfinished task is needed", r.id);
    if (unfinished(r.state) && !r.behind_coroutine && knows(submitter_of(r.id)))
      if (const pending_graph* g = peers_[submitter_of(r.id)]->behind.graph_of(number_of(r.id))) ++unfinished_of[g];
    if (r.state == task_state::memory) require(needed(r), "a value is needed", r.id);

    if ((r.flags & task_offered) && unfinished(r.state))
      require(knows(submitter_of(r.id)), "who is to give a value is there", r.id);

    std::uint32_t missing = 0;
    for (const slot i : tasks_.inputs(t)) {
      require(alive(tasks_[i].state), "inputs have records", r.id);
      const task_state s = tasks_[i].state;
      missing += s != task_state::memory;
      if (unfinished(r.state)) {
        require(unfinished(s) || s == task_state::memory, "inputs are there, or on the way", r.id);
        if (r.has(mark_ahead) && s != task_state::memory)
          require(s == task_state::assigned, "ahead: some worker makes it", r.id);
      }
    }
    if (unfinished(r.state)) require(missing == r.waiting_on, "waiting_on counts the inputs without a value", r.id);
    const std::uint32_t c = class_of(t);
    switch (r.state) {
      case task_state::waiting:
        require(r.waiting_on != 0, "what waits lacks an input", r.id);
        break;
      case task_state::held:
        require(r.waiting_on == 0, "what is held has its inputs", r.id);
        ++held[c];
        if (is_offer(t))
          require(classes_[c]->eligible.empty() || may_hold_later(t, c), "an offer is held while nobody may have it",
                  r.id);
        held_cost += r.cost;
        break;
      case task_state::memory:
        value_bytes += tasks_.value(t).size();
        require(tasks_.value(t).empty() || r.needed_by != 0, "values are kept for those that need them", r.id);
        break;
      case task_state::assigned: {
        require(r.worker < workers_.size() && workers_[r.worker].peer != 0, "the worker is there", r.id);
        ++count[r.worker];
        occupancy[r.worker] += r.cost;
        if (is_urgent(t)) ++urgent[r.worker];
        if (is_offer(t)) {
          ++offers[r.worker];
          offered[r.worker] += offered_bytes(t);
        }
        if (r.flags & (task_waits | task_offered)) ++waiting[r.worker];
        if (r.has(mark_ahead))
          ++ahead[r.worker];
        else
          filled[r.worker] += std::min(r.cost, pipeline_cost_);
        if (r.has(mark_ahead)) require(r.waiting_on != 0, "ahead of something", r.id);
        leaving[r.worker] += r.has(mark_retracting);
        if (!is_offer(t))
          for (const auto& [resource, amount] : catalogue_.class_at(c).resources) free[r.worker][resource] -= amount;
        break;
      }
      case task_state::failed:
        ++failures.at(r.worker);
        break;
      default:
        break;
    }
    require(r.state == task_state::assigned || !(r.marks & (mark_ahead | mark_retracting)), "marks of the assigned",
            r.id);
    const auto holders = tasks_.holders(t);
    if (r.state == task_state::memory) require(is_somewhere(t), "a value is somewhere", r.id);
    if (r.state != task_state::memory) require(holders.empty(), "only a value has holders", r.id);
    for (std::size_t k = 0; k < holders.size(); ++k) {
      const worker_index w = holders[k].worker();
      require(w < workers_.size() && workers_[w].peer != 0, "a holder is there", r.id);
      if (!holders[k].coming()) bytes[w] += r.bytes();
      for (std::size_t j = 0; j < k; ++j) require(holders[j].worker() != w, "a worker holds a value once", r.id);
    }
  }
  require(tasks == tasks_.size(), "records are counted");
  std::uint64_t pending = 0, promised = 0;
  for (const auto& p : peers_)
    if (p) {
      p->behind.for_each_graph([&](const pending_graph& g) {
        require(unfinished_of[&g] == g.unfinished, "unfinished tasks of a graph are counted");
      });
      pending += p->behind.tasks();
      promised += p->behind.promised();
    }
  require(pending == pending_tasks_, "tasks without records are counted");
  require(promised == promised_tasks_, "tasks that are to come are counted");
  for (peer_id p = 0; p < peers_.size(); ++p)
    if (peers_[p])
      require(peers_[p]->behind.empty() == (std::find(behind_.begin(), behind_.end(), p) == behind_.end()),
              "who has a backlog is known");
  require(held_cost == held_cost_, "the cost of what is held is counted");
  std::size_t held_offers = 0;
  for (const auto& c : classes_)
    if (c) held_offers += c->offers.size();
  require(held_offers == held_offers_, "held offers are counted");
  for (std::size_t f = 0; f < failures.size(); ++f)
    require(failures[f] == failures_[f].references, "references of failures are counted");
  for (std::size_t c = 0; c < classes_.size(); ++c) {
    if (!classes_[c]) continue;
    require(classes_[c]->all_held() == held[c], "held tasks are in their queues");
    if (c == 0 && !classes_[0]->held.empty())
      for (const worker_index w : heap_) require(workers_[w].work() != 0, "no worker is idle while tasks are held");
  }
  std::uint32_t slots = 0, there = 0;
  for (worker_index index = 0; index < workers_.size(); ++index) {
    const worker& w = workers_[index];
    if (w.peer == 0) {
      require(count[index] == 0 && w.heap_at == ~std::uint32_t{0}, "nobody has nothing");
      continue;
    }
    slots += w.slots + w.leased;
    require(w.leased == leased[index], "leased slots are counted");
    ++there;
    std::uint32_t listed = 0;
    slot before = no_task;
    for (slot t = w.head; t != no_task; before = t, t = tasks_[t].next, ++listed)
      require(tasks_[t].prev == before && tasks_[t].worker == index && tasks_[t].state == task_state::assigned,
              "a worker's list is of its tasks", tasks_[t].id);
    require(before == w.tail && listed == count[index] && w.count == count[index], "a worker's tasks are counted");
    require(w.ahead == ahead[index], "a worker's tasks ahead are counted");
    require(w.urgent == urgent[index], "a worker's urgent tasks are counted");
    require(w.waiting == waiting[index], "a worker's tasks that hold no slot are counted");
    require(w.offers == offers[index] && w.offered == offered[index], "a worker's offers are counted");
    require(w.leaving == leaving[index], "a worker's tasks on retraction are counted");
    require(w.occupancy == occupancy[index] && w.filled == filled[index], "a worker's load is counted");
    require(w.value_bytes == bytes[index], "a worker's values are counted");
    require(w.free == free[index], "a worker's resources are counted");
    for (const std::int64_t amount : w.free) require(amount >= 0, "resources are not given twice");
    require((w.heap_at != ~std::uint32_t{0}) == (w.mode == worker_mode::running && w.slots != 0),
            "who runs, and has slots, may be given tasks");
    if (w.heap_at != ~std::uint32_t{0}) require(heap_[w.heap_at] == index, "the heap knows its places");
  }
  require(value_bytes == tasks_.value_bytes(), "kept values are counted");
  require(slots == total_slots_ && there == worker_count_, "workers are counted");
  require(static_cast<std::size_t>(
              std::count_if(workers_.begin(), workers_.end(),
                            [](const worker& w) { return w.peer != 0 && w.mode == worker_mode::paused; })) == paused_,
          "paused workers are counted");
  std::vector<std::uint64_t> expected(workers_.size());
  for (const retirement& r : retirements_) {
    require(workers_[r.worker].peer != 0 && workers_[r.worker].mode_ordered, "who is on the way out is there");
    for (const retirement::value& v : r.values)
      if (knows(v.asked)) expected[peers_[v.asked]->worker] += v.bytes;
  }
  for (worker_index w = 0; w < workers_.size(); ++w)
    require(workers_[w].peer == 0 || workers_[w].expected == expected[w], "values to be taken over are counted");
  for (std::uint32_t at = 1; at < heap_.size(); ++at)
    require(!heap_before(heap_[at], heap_[(at - 1) / 2]), "the heap is one");
  for (const auto& p : peers_)
    if (p) {
      require(!p->has_lists(), "all is said at the end of an event");
      require(p->later.empty() || p->lazy, "what is said later is said");
    }
}

}  // namespace weft::net
