// Graphs that come whole: they wait in their submitter's backlog, a few bytes a task, and get records as what is
// before them ends.
#include <algorithm>
#include <string>

#include "scheduler/core.hpp"

namespace weft::net {
namespace {

/// Tasks that get records in one event: it is to be over soon, since others wait for the scheduler.
constexpr int most_at_once = 512;
/// Unfinished tasks for each slot that a submitter is to have, as far as there are more.
constexpr std::uint64_t for_each_slot = 8;
/// And so many times as many while a worker has nothing to do: it may find work further on.
constexpr std::uint64_t while_hungry = 16;
/// Bytes of a number in a call, at most.
constexpr std::uint64_t most_leb128 = 10;

std::string name_of(task_id first) { return "the graph of number " + std::to_string(number_of(first)); }

}  // namespace

void scheduler_core::take_numbers(peer_id p, task_id first, std::uint64_t count) {
  const std::uint64_t number = number_of(first), next = tasks_.next_number(p);
  const auto what = [&] {
    return "task " + std::to_string(number) + " of peer " + std::to_string(submitter_of(first));
  };
  if (submitter_of(first) != p)
    throw protocol_error("weft: peer " + std::to_string(p) + " submits " + what() + ", which is not its own");
  if (number < next)
    throw protocol_error("weft: " + what() + " is submitted, though its number is not above the last, " +
                         std::to_string(next - 1));
  if (number - next > options_.most_number_gap)
    throw protocol_error("weft: " + what() + " comes after number " + std::to_string(next - 1) +
                         ": more are left out than scheduler.most_number_gap");
  const std::uint64_t there = tasks_.size() + pending_tasks_;
  if (there >= options_.most_tasks || count > options_.most_tasks - there)
    throw protocol_error("weft: there are " + std::to_string(there) + " tasks, and " + std::to_string(count) +
                         " come: more than scheduler.most_tasks allows");
}

std::uint32_t scheduler_core::options_of(const peer& from, std::uint32_t index, task_id id) const {
  if (index == 0) return 0;
  if (index >= from.options.size() || from.options[index] == 0)
    throw protocol_error("weft: task " + std::to_string(number_of(id)) + " has options " + std::to_string(index) +
                         ", which were not defined");
  return from.options[index];
}

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
  std::size_t calls = 0;
  for (const graph_layer& l : m.layers) {
    if (l.links > options_.most_inputs || l.shared > m.others.size() || (l.flags & ~graph_flags) != 0)
      throw protocol_error("weft: a layer of " + name_of(m.first) +
                           " has too many links, shares what it has not named, or flags that no layer has");
    if (std::uint64_t{l.before_bytes} + l.behind_bytes + most_leb128 * (std::uint64_t{l.links} + 1) >
        options_.most_call_bytes)
      throw protocol_error("weft: the arguments of a layer of " + name_of(m.first) +
                           " take more than scheduler.most_call_bytes; scatter them");
    call_at.push_back(calls);
    calls += std::size_t{l.before_bytes} + l.behind_bytes;
    links.push_back(l.links);
    functions.push_back(function_of(from, l.function));
  }
  if (calls != m.calls.size())
    throw protocol_error("weft: the calls of " + name_of(m.first) + " are not as long as its layers say");
  auto graph = std::make_unique<pending_graph>(m, std::move(links));
  graph->functions = std::move(functions);
  graph->call_at = std::move(call_at);
  graph->options = options;
  graph->since = last_event_ = now_;
  if (options != 0) catalogue_.hold(options);
  if (from.behind.empty()) behind_.push_back(p);
  from.behind.add(std::move(graph));
  pending_tasks_ += m.count;
  tasks_.reserve(p, number_of(m.first) + m.count, from.behind.lowest());
}

void scheduler_core::add_part(peer& from, const graph_part& m) {
  pending_graph* g = from.behind.open_graph(number_of(m.graph));
  if (!g)
    throw protocol_error("weft: a part of " + name_of(m.graph) + ", which was not begun, or of which all is here");
  if (m.tasks == 0) {
    pending_tasks_ -= g->end - g->arrived.next();
    g->end = g->arrived.next();
    g->cut_short = true;
    return;
  }
  if (m.tasks > g->end - g->arrived.next())
    throw protocol_error("weft: a part of " + name_of(m.graph) + " has more tasks than are to come");
  std::span<const std::byte> rest = m.bytes;
  for (std::uint32_t i = 0; i < m.tasks; ++i) {
    g->arrived.read(rest, graph_task_, options_.most_inputs);
    if (graph_task_.inputs.size() + 1 > options_.most_inputs)
      throw protocol_error("weft: a task of " + name_of(m.graph) + " has more inputs than scheduler.most_inputs");
  }
  if (!rest.empty()) throw protocol_error("weft: a part of " + name_of(m.graph) + " is longer than its tasks");
  g->parts.emplace_back(m.bytes.begin(), m.bytes.end());
}

/// Behind what it names. True: something of it has no record yet, and so it waits.
template <class M>
bool scheduler_core::wait_behind(peer& from, const M& m) {
  if (from.behind.empty()) return false;
  if (std::none_of(m.tasks.begin(), m.tasks.end(), [&](task_id id) { return from.behind.pending(number_of(id)); }))
    return false;
  put_behind(from, m, true);
  return true;
}
template bool scheduler_core::wait_behind(peer&, const cancel_tasks&);
template bool scheduler_core::wait_behind(peer&, const retry_tasks&);
template bool scheduler_core::wait_behind(peer&, const replicate_values&);

template <class M>
backlog::entry& scheduler_core::put_behind(peer& from, const M& m, bool hurried) {
  batch_writer alone;
  alone.add(m);
  return from.behind.add(alone.bytes(), hurried);
}

/// A task that takes values of tasks without records waits for these.
bool scheduler_core::wait_behind(peer& from, peer_id p, const submit_task& m, std::uint32_t function,
                                 std::uint32_t options) {
  if (from.behind.empty()) return false;
  if (std::none_of(m.inputs.begin(), m.inputs.end(),
                   [&](task_id id) { return submitter_of(id) == p && from.behind.pending(number_of(id)); }))
    return false;
  backlog::entry& e = put_behind(from, m, false);
  e.function = function;
  e.options = options;
  e.since = last_event_ = now_;
  if (options != 0) catalogue_.hold(options);
  from.behind.submits(m.id, m.inputs);
  ++pending_tasks_;
  tasks_.reserve(p, number_of(m.id) + 1, from.behind.lowest());
  return true;
}

/// What is released while the backlog has a use for it, or before it has a record, is released behind that.
bool scheduler_core::release_behind(peer& from, std::span<const task_id> ids) {
  if (from.behind.empty()) return false;
  std::vector<task_id> later, now;
  bool hurried = false;
  for (const task_id id : ids) {
    const bool pending = from.behind.pending(number_of(id));
    hurried = hurried || pending;
    (pending || from.behind.pinned(id) ? later : now).push_back(id);
  }
  if (later.empty()) return false;
  put_behind(from, release_tasks{{}, later}, hurried);
  release_now(now);
  return true;
}

/// Gives records to what submitters have in their backlogs, as far as they have little that is not finished.
void scheduler_core::enter_backlogs() {
  more_to_enter_ = false;
  if (behind_.empty()) return;
  int left = most_at_once;
  for (std::size_t k = 0; k < behind_.size(); ++k) {
    const peer_id p = behind_[k];
    peer& from = *peers_[p];
    const int each = std::max(1, left / static_cast<int>(behind_.size() - k));
    int entered = 0;
    while (!from.behind.empty() && wants_more(from, p) && entered < each && enter_next(from, p)) ++entered;
    left = std::max(0, left - entered);
    if (!from.behind.empty() && entered == each) more_to_enter_ = true;
  }
  std::erase_if(behind_, [&](peer_id p) { return peers_[p]->behind.empty(); });
  // Who was first is last the next time.
  if (behind_.size() > 1) std::rotate(behind_.begin(), behind_.begin() + 1, behind_.end());
}

bool scheduler_core::wants_more(const peer& from, peer_id p) const {
  if (from.behind.in_hurry()) return true;
  const std::uint64_t few = std::max<std::uint64_t>(options_.frontier, for_each_slot * total_slots_),
                      there = tasks_.unfinished_of(p);
  if (there < few) return true;
  return !heap_.empty() && workers_[heap_[0]].work() < workers_[heap_[0]].slots && there / while_hungry < few;
}

/// Carries out the next of what a submitter has said. False: a part of a graph is still to come.
bool scheduler_core::enter_next(peer& from, peer_id p) {
  backlog::entry& e = from.behind.front();
  if (!e.graph) {
    carry_out(from, p);
    return true;
  }
  pending_graph& g = *e.graph;
  if (g.entered.next() != g.end) {
    if (g.parts.empty()) return false;
    enter_task(p, g);
    if (g.entered.next() != g.end) return true;
  }
  // What is left of a graph that was cut short waits for nobody.
  if (g.cut_short)
    for (std::uint64_t n = g.first(); n < g.end; ++n)
      if (const slot t = tasks_.find(make_task_id(p, n)); t != no_task && tasks_[t].has(mark_floating)) {
        tasks_[t].unset(mark_floating);
        loose_.push_back(t);
      }
  const std::uint32_t options = g.options;
  from.behind.pop({});
  if (options != 0) catalogue_.drop(options);
  tasks_.reserve(p, 0, from.behind.lowest());
  return true;
}

void scheduler_core::enter_task(peer_id p, pending_graph& g) {
  const std::uint64_t number = g.entered.next();
  std::span<const std::byte> rest = std::span(g.parts.front()).subspan(g.at);
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
  submit_task m{};
  m.id = make_task_id(p, number);
  m.rank = graph_task_.rank;
  m.flags = graph_task_.wanted ? l.flags | task_wanted : l.flags & ~std::uint32_t{task_wanted};
  m.retries = g.said.retries;
  m.priority = g.said.priority;
  m.inputs = graph_inputs_;
  m.call = graph_call_;
  --pending_tasks_;
  const slot entered = enter(m, g.functions[graph_task_.layer], g.options, g.since);
  if (graph_task_.taken) tasks_[entered].set(mark_floating);
  // Each is kept until the last that takes its value has a record.
  for (const graph_input& i : graph_task_.inputs) {
    if (i.number == 0) continue;
    const slot t = tasks_.find(make_task_id(p, i.number));
    if (t == no_task) continue;
    if (!i.last)
      tasks_[t].set(mark_floating);
    else if (tasks_[t].has(mark_floating)) {
      tasks_[t].unset(mark_floating);
      loose_.push_back(t);
    }
  }
  g.at += before - rest.size();
  if (rest.empty()) {
    g.parts.pop_front();
    g.at = 0;
  }
}

/// A message that waited.
void scheduler_core::carry_out(peer& from, peer_id p) {
  const backlog::entry e = std::move(from.behind.front());
  batch_reader messages(std::as_bytes(std::span(e.message)));
  std::uint16_t kind = 0;
  messages.next(kind);
  if (e.submits != 0) {
    const auto m = messages.get<submit_task>();
    --pending_tasks_;
    enter(m, e.function, e.options, e.since);
    if (e.options != 0) catalogue_.drop(e.options);
    from.behind.pop(m.inputs);
  } else {
    from.behind.pop({});
    switch (static_cast<message_kind>(kind)) {
      case message_kind::release_tasks:
        release(from, p, messages.get<release_tasks>().tasks);
        break;
      case message_kind::cancel_tasks:
        cancel(from, p, messages.get<cancel_tasks>());
        break;
      case message_kind::retry_tasks:
        retry(from, p, messages.get<retry_tasks>());
        break;
      default:
        replicate(from, p, messages.get<replicate_values>());
        break;
    }
  }
  tasks_.reserve(p, 0, from.behind.lowest());
}

/// Of a submitter that leaves.
void scheduler_core::drop_backlog(peer& from, peer_id p) {
  if (from.behind.empty()) return;
  pending_tasks_ -= from.behind.tasks();
  for (const backlog::entry& e : from.behind.entries())
    if (const std::uint32_t options = e.graph ? e.graph->options : e.options; options != 0) catalogue_.drop(options);
  std::erase(behind_, p);
}

}  // namespace weft::net
