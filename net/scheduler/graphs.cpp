// Graphs that come whole: they wait in their submitter's backlog, a few bytes a task, and get records as what is
// before them ends.
#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#include "scheduler/core.hpp"

namespace weft::net {
namespace {

/// What one event may enter, or carry out of what has waited: it is to be over soon, since others wait for the
/// scheduler. Each thing counts as one, and a task as one more for so many bytes of its call and its edges.
constexpr std::size_t most_at_once = 512, bytes_of_one = 1024;
/// Graphs of one submitter that one event looks at.
constexpr std::size_t most_graphs = 4096;
/// Unfinished tasks for each slot that a graph is to have, as far as it has more.
constexpr std::uint64_t for_each_slot = 8;
/// And so many times as many while a worker has nothing to do: it may find work further on.
constexpr std::uint64_t while_hungry = 16;
/// Numbers that a submitter's graphs may leave out in all, as they are cut short: the index has 8 bytes for 1024.
constexpr std::uint64_t most_unused = std::uint64_t{1} << 32;

std::string name_of(task_id first) { return "the graph of number " + std::to_string(number_of(first)); }

}  // namespace

void scheduler_core::begin(peer& from, peer_id p, const begin_graph& m) {
  if (m.count == 0 || m.layers.empty()) throw protocol_error("weft: " + name_of(m.first) + " has no tasks");
  take_numbers(p, m.first, m.count);
  if (m.count > number_of(~task_id{0}) - number_of(m.first))
    throw protocol_error("weft: " + name_of(m.first) + " has more tasks than there are numbers");
  const std::uint32_t options = options_of(from, m.options, m.first);
  for (const task_id id : m.others) {
    own_task(p, id, "take the value of");
    if (number_of(id) >= number_of(m.first))
      throw protocol_error("weft: " + name_of(m.first) + " takes number " + std::to_string(number_of(id)) +
                           ", which was not submitted before it");
  }
  std::vector<std::uint32_t> links, functions;
  std::vector<std::size_t> call_at;
  std::size_t calls = 0, longest = 0;
  for (const graph_layer& l : m.layers) {
    if (l.links > options_.most_inputs || l.shared > m.others.size() || (l.flags & ~graph_flags) != 0)
      throw protocol_error("weft: a layer of " + name_of(m.first) +
                           " has too many links, shares what it has not named, or flags that no layer has");
    if (std::uint64_t{l.before_bytes} + l.behind_bytes + leb128_bytes * (std::uint64_t{l.links} + 1) >
        options_.most_call_bytes)
      throw protocol_error("weft: the arguments of a layer of " + name_of(m.first) +
                           " take more than scheduler.most_call_bytes; scatter them");
    call_at.push_back(calls);
    calls += std::size_t{l.before_bytes} + l.behind_bytes;
    longest = std::max(longest, calls - call_at.back());
    links.push_back(l.links);
    functions.push_back(function_of(from, l.function));
  }
  if (calls != m.calls.size())
    throw protocol_error("weft: the calls of " + name_of(m.first) + " are not as long as its layers say");
  auto graph = std::make_unique<pending_graph>(m, std::move(links));
  graph->functions = std::move(functions);
  graph->call_at = std::move(call_at);
  graph->options = options;
  check_room(m.count + graph->weight());
  // Each record has its call, so that of long ones there are fewer.
  graph->frontier = std::max<std::uint64_t>(1, options_.frontier / (1 + longest / bytes_of_one));
  last_event_ = now_;
  if (options != 0) catalogue_.hold(options);
  if (from.behind.empty()) behind_.push_back(p);
  const std::uint64_t promised = m.count + graph->weight();
  from.behind.add(std::move(graph));
  promised_tasks_ += promised;
  tasks_.reserve(p, number_of(m.first) + m.count, from.behind.lowest());
}

void scheduler_core::add_part(peer& from, peer_id p, const graph_part& m) {
  pending_graph* g = from.behind.open_graph(number_of(m.graph));
  if (!g || submitter_of(m.graph) != p)
    throw protocol_error("weft: a part of " + name_of(m.graph) + ", which was not begun, or of which all is here");
  if (m.tasks == 0) {
    if (!m.bytes.empty()) throw protocol_error("weft: a part of " + name_of(m.graph) + " has bytes and no tasks");
    cut_short(from, *g);
  } else {
    if (m.tasks > g->end - g->here)
      throw protocol_error("weft: a part of " + name_of(m.graph) + " has more tasks than are to come");
    std::span<const std::byte> rest = m.bytes;
    for (std::uint32_t i = 0; i < m.tasks; ++i) {
      g->arrived.read(rest, graph_task_, options_.most_inputs);
      const std::uint32_t shared = g->layers[graph_task_.layer].shared;
      if (graph_task_.inputs.size() + (shared != 0) > options_.most_inputs)
        throw protocol_error("weft: a task of " + name_of(m.graph) + " has more inputs than scheduler.most_inputs");
      if (shared != 0) ++g->mentions[shared - 1];
      for (const graph_input& input : graph_task_.inputs)
        if (input.number == 0) ++g->mentions[input.other];
    }
    if (!rest.empty()) throw protocol_error("weft: a part of " + name_of(m.graph) + " is longer than its tasks");
    g->parts.push_back({{m.bytes.begin(), m.bytes.end()}, now_});
    g->here += m.tasks;
    pending_tasks_ += m.tasks;
    promised_tasks_ -= m.tasks;
  }
  if (!g->complete()) return;
  // What no task takes that has no record yet is not needed for this graph any more.
  std::vector<task_id> taken;
  for (std::size_t k = 0; k < g->others.size(); ++k)
    if (g->mentions[k] == 0) taken.push_back(g->others[k]);
  release_now(from.behind.unpin(taken));
}

/// No more of it will come.
void scheduler_core::cut_short(peer& from, pending_graph& g) {
  const std::uint64_t end = std::exchange(g.end, g.here);
  g.cut_short = true;
  promised_tasks_ -= end - g.end;
  // Numbers that nobody has take room in the index of those that may still get a record.
  from.unused_numbers += end - g.end;
  if (from.unused_numbers > most_unused)
    throw protocol_error("weft: " + name_of(g.first) +
                         " is cut short: more numbers are left out than a scheduler keeps count of");
  // Who waits for what will not come waits no longer.
  from.behind.due(g.end, end);
}

/// What was said of tasks waits for those of them that have no record; the others are given. `hurried`: these are
/// entered without waiting for what is before them.
std::vector<task_id> scheduler_core::hold_back(peer& from, message_kind kind, std::span<const task_id> ids,
                                               bool hurried, std::uint32_t copies) {
  std::vector<task_id> now;
  now.reserve(ids.size());
  for (const task_id id : ids) {
    const std::uint64_t number = number_of(id);
    if (from.behind.empty() || !from.behind.pending(number)) {
      now.push_back(id);
      continue;
    }
    if (from.behind.waiting() >= options_.most_tasks)
      throw protocol_error("weft: a peer says more of tasks that are still to be entered than scheduler.most_tasks");
    backlog::entry e;
    e.kind = static_cast<std::uint16_t>(kind);
    e.copies = copies;
    from.behind.wait_for(number, std::move(e));
    if (hurried) from.behind.hurry(number);
  }
  return now;
}

/// A task that takes values of tasks without records waits for the last of these, which mostly is the last to come.
bool scheduler_core::wait_for_inputs(peer& from, peer_id p, const submit_task& m, std::uint32_t function,
                                     std::uint32_t options) {
  if (from.behind.empty()) return false;
  const std::size_t last = last_pending(from, p, m.inputs, m.inputs.size(), 0);
  if (last == m.inputs.size()) return false;
  batch_writer alone;
  alone.add(m);
  backlog::entry e;
  e.kind = static_cast<std::uint16_t>(message_kind::submit_task);
  e.message.resize(alone.size() / sizeof(std::uint64_t));  // which messages fill
  std::memcpy(e.message.data(), alone.bytes().data(), alone.size());
  e.function = function;
  e.options = options;
  e.since = last_event_ = now_;
  if (options != 0) catalogue_.hold(options);
  from.behind.pin(m.inputs);
  e.looked_at = last;
  const std::uint64_t waits_for = number_of(m.inputs[last]);
  from.behind.wait_for(waits_for, std::move(e));
  from.behind.submitted(number_of(m.id), waits_for);
  ++pending_tasks_;
  tasks_.reserve(p, number_of(m.id) + 1, from.behind.lowest());
  return true;
}

/// Of the inputs before `end` the last that has no record, but for that number; else the number of all inputs.
std::size_t scheduler_core::last_pending(const peer& from, peer_id p, std::span<const task_id> inputs,
                                         std::size_t end, std::uint64_t but) const noexcept {
  for (std::size_t k = end; k-- > 0;)
    if (const std::uint64_t n = number_of(inputs[k]);
        submitter_of(inputs[k]) == p && n != but && from.behind.pending(n))
      return k;
  return inputs.size();
}

/// Carries out what has waited, up to about so much. Gives what it has cost.
std::size_t scheduler_core::carry_out(peer& from, peer_id p, std::size_t most) {
  std::size_t used = 0;
  for (; used < most && from.behind.any_due(); ++used) {
    auto [number, e] = from.behind.take_due();
    const task_id id = make_task_id(p, number);
    switch (static_cast<message_kind>(e.kind)) {
      case message_kind::release_tasks:
        release_unpinned(from, {id});
        break;
      case message_kind::cancel_tasks:
        cancel_now({&id, 1});
        break;
      case message_kind::retry_tasks:
        retry_now({&id, 1});
        break;
      case message_kind::replicate_values:
        want_copies(id, e.copies);
        break;
      default:
        used += enter_waiting(from, p, number, e);
        break;
    }
  }
  return used;
}

/// A task that has waited for that number gets its record, or waits for another one. Gives what that has cost beside
/// the one that each thing costs.
std::size_t scheduler_core::enter_waiting(peer& from, peer_id p, std::uint64_t waited_for, backlog::entry& e) {
  batch_reader messages(std::as_bytes(std::span(e.message)));
  std::uint16_t kind = 0;
  messages.next(kind);
  const auto m = messages.get<submit_task>();
  const std::uint64_t number = number_of(m.id);
  // What has its record keeps it: none of those behind the one that was waited for is looked at again.
  if (const std::size_t last = last_pending(from, p, m.inputs, e.looked_at, waited_for); last != m.inputs.size()) {
    const std::uint64_t input = number_of(m.inputs[last]);
    const std::size_t cost = (e.looked_at - last) * sizeof(task_id) / bytes_of_one;
    e.looked_at = last;
    from.behind.wait_for(input, std::move(e));
    if (from.behind.waits_longer(number, input)) from.behind.hurry(input);
    return cost;
  }
  const std::size_t cost = e.message.size() * sizeof(std::uint64_t) / bytes_of_one;
  from.behind.entered(number);
  --pending_tasks_;
  enter(m, e.function, e.options, e.since);
  if (e.options != 0) catalogue_.drop(e.options);
  release_now(from.behind.unpin(m.inputs));
  tasks_.reserve(p, 0, from.behind.lowest());
  from.behind.due(number);
  return cost;
}

/// Gives records to what submitters have in their backlogs, as far as they have little that is not finished. `anew`:
/// something has happened since all were looked at.
void scheduler_core::enter_backlogs(bool anew) {
  more_to_enter_ = false;
  if (behind_.empty()) return;
  if (anew)
    for (const peer_id p : behind_) peers_[p]->looked_at = 0;
  std::size_t left = most_at_once, served = 0;
  for (; served < behind_.size() && left > 0; ++served) {
    const peer_id p = behind_[served];
    peer& from = *peers_[p];
    const bool alone = from.behind.graphs() == 1 && behind_.size() == 1;
    const std::size_t used = enter_some(from, p, std::max<std::size_t>(1, left / (behind_.size() - served)));
    left -= std::min(left, used);
    // Others may have waited for just that.
    if (used != 0 && !alone) more_to_enter_ = true;
  }
  // Who was not looked at is first the next time; else who was second.
  const bool all = served == behind_.size();
  if (!all) more_to_enter_ = true;
  std::rotate(behind_.begin(), behind_.begin() + static_cast<std::ptrdiff_t>(all ? 1 : served), behind_.end());
  std::erase_if(behind_, [&](peer_id p) { return peers_[p]->behind.empty(); });
}

/// Of one submitter: what has waited, and of its graphs in turns. Gives what it has cost, which is about `most` at
/// most.
std::size_t scheduler_core::enter_some(peer& from, peer_id p, std::size_t most) {
  std::size_t used = carry_out(from, p, most);
  const std::size_t all = from.behind.graphs();
  for (std::size_t graphs = std::min(all, most_graphs); graphs > 0 && used < most; --graphs) {
    pending_graph* g = from.behind.graph_from(from.next_graph);
    if (!g) g = from.behind.graph_from(0);
    if (!g) break;
    from.next_graph = g->first + 1;
    ++from.looked_at;
    if (!from.behind.others_there(*g)) continue;
    const std::size_t each = used + std::max<std::size_t>(1, (most - used) / graphs);
    while (g->entered.next() < g->here && used < each && wants_more(*g)) {
      const std::uint64_t number = g->entered.next();
      used += enter_task(from, p, *g);
      from.behind.due(number);
      if (used < most) used += carry_out(from, p, most - used);
    }
    if (g->entered.next() == g->end)
      finish(from, p, *g);
    else if (used >= each && g->entered.next() < g->here && wants_more(*g))
      more_to_enter_ = true;
  }
  if (used != 0) from.looked_at = 0;
  if (used >= most || from.behind.any_due() || (all > most_graphs && from.looked_at < all)) more_to_enter_ = true;
  return used;
}

bool scheduler_core::wants_more(const pending_graph& g) const {
  if (g.entered.next() < g.hurry_to) return true;
  const std::uint64_t few = std::max<std::uint64_t>(g.frontier, for_each_slot * total_slots_);
  if (g.unfinished < few) return true;
  return !heap_.empty() && workers_[heap_[0]].work() < workers_[heap_[0]].slots && g.unfinished / while_hungry < few;
}

/// All of it has records.
void scheduler_core::finish(peer& from, peer_id p, pending_graph& g) {
  // What was kept for those that will not come is kept no longer.
  if (g.cut_short)
    for (std::uint64_t n = g.first; n < g.end; ++n)
      if (const slot t = tasks_.find(make_task_id(p, n)); t != no_task && tasks_[t].has(mark_floating)) {
        tasks_[t].unset(mark_floating);
        loose_.push_back(t);
      }
  if (g.options != 0) catalogue_.drop(g.options);
  promised_tasks_ -= g.weight();
  from.behind.remove(g);
  tasks_.reserve(p, 0, from.behind.lowest());
}

/// The next task of a graph gets its record. Gives what it has cost.
std::size_t scheduler_core::enter_task(peer& from, peer_id p, pending_graph& g) {
  submit_task m{};
  m.id = make_task_id(p, g.entered.next());
  const pending_graph::part& part = g.parts.front();
  std::span<const std::byte> rest = std::span(part.bytes).subspan(g.at);
  const std::size_t before = rest.size();
  g.entered.read(rest, graph_task_, options_.most_inputs);
  const graph_layer& l = g.layers[graph_task_.layer];
  const std::span<const std::byte> call = std::span(g.calls).subspan(g.call_at[graph_task_.layer]);
  graph_call_.assign(call.begin(), call.begin() + l.before_bytes);
  put_leb128(graph_call_, graph_task_.index);
  for (const std::uint32_t count : graph_task_.counts) put_leb128(graph_call_, count);
  graph_call_.insert(graph_call_.end(), call.begin() + l.before_bytes,
                     call.begin() + l.before_bytes + l.behind_bytes);
  graph_inputs_.clear();
  if (l.shared != 0) graph_inputs_.push_back(g.others[l.shared - 1]);
  for (const graph_input& i : graph_task_.inputs)
    graph_inputs_.push_back(i.number == 0 ? g.others[i.other] : make_task_id(p, i.number));
  m.rank = graph_task_.rank;
  m.flags = graph_task_.wanted ? l.flags | task_wanted : l.flags;
  m.retries = g.retries;
  m.priority = g.priority;
  m.inputs = graph_inputs_;
  m.call = graph_call_;
  --pending_tasks_;
  const slot entered = enter(m, g.functions[graph_task_.layer], g.options, part.since);
  // Each is kept until the last that takes its value has a record: those of this graph, and the others.
  if (graph_task_.taken) tasks_[entered].set(mark_floating);
  for (const graph_input& i : graph_task_.inputs) {
    if (i.number == 0) continue;
    const slot t = tasks_.find(make_task_id(p, i.number));
    if (t == no_task) continue;
    if (!i.last) {
      tasks_[t].set(mark_floating);
    } else if (tasks_[t].has(mark_floating)) {
      tasks_[t].unset(mark_floating);
      loose_.push_back(t);
    }
  }
  graph_taken_.clear();
  const auto taken = [&](std::size_t other) {
    if (--g.mentions[other] == 0 && g.complete()) graph_taken_.push_back(g.others[other]);
  };
  if (l.shared != 0) taken(l.shared - 1);
  for (const graph_input& i : graph_task_.inputs)
    if (i.number == 0) taken(i.other);
  if (!graph_taken_.empty()) release_now(from.behind.unpin(graph_taken_));
  g.at += before - rest.size();
  if (rest.empty()) {
    g.parts.pop_front();
    g.at = 0;
  }
  return 1 + (graph_call_.size() + graph_inputs_.size() * sizeof(task_id)) / bytes_of_one;
}

/// A task is on its way to a value again, or no longer. Coroutines do not count, nor does what waits for one, or did
/// when it got its record: they may wait for a later task of their own graph.
void scheduler_core::count_unfinished(const task_record& r, bool more) noexcept {
  const peer_id p = submitter_of(r.id);
  if (r.behind_coroutine || !knows(p)) return;
  pending_graph* const g = peers_[p]->behind.graph_of(number_of(r.id));
  if (!g) return;
  if (more)
    ++g->unfinished;
  else if (--g->unfinished == 0) {  // it may have been the last thing that goes on
    more_to_enter_ = true;
    peers_[p]->looked_at = 0;
  }
}

/// Of a submitter that leaves.
void scheduler_core::drop_backlog(peer& from, peer_id p) {
  if (from.behind.empty()) return;
  pending_tasks_ -= from.behind.tasks();
  promised_tasks_ -= from.behind.promised();
  from.behind.for_each_options([&](std::uint32_t options) { catalogue_.drop(options); });
  std::erase(behind_, p);
}

}  // namespace weft::net
