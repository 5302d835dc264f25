// What submitters say: clients, and workers whose tasks submit tasks.
#include <algorithm>
#include <string>

#include "scheduler/core.hpp"

namespace weft::net {
namespace {

std::string_view view(std::span<const char> text) { return {text.data(), text.size()}; }
constexpr std::uint32_t undefined = ~std::uint32_t{0};
constexpr char lost_input[] = "weft::lost_input";

std::string name_of(task_id id) {
  return "task " + std::to_string(number_of(id)) + " of peer " + std::to_string(submitter_of(id));
}

}  // namespace

void scheduler_core::define(peer& from, const define_module& m) {
  if (m.index >= options_.most_modules)
    throw protocol_error("weft: a module has the number " + std::to_string(m.index) + "; a session has at most " +
                         std::to_string(options_.most_modules) + " (scheduler.most_modules)");
  if (m.build_id.size() > options_.most_text || m.name.size() > options_.most_text)
    throw protocol_error("weft: the name or build-id of a module is longer than scheduler.most_text");
  const std::uint32_t ours = catalogue_.module_of(m.build_id, view(m.name));
  if (m.index >= from.modules.size()) from.modules.resize(m.index + 1, undefined);
  from.modules[m.index] = ours;
  from.last_catalogued = undefined;
}

void scheduler_core::define(peer& from, const define_options& m) {
  if (m.index == 0 || m.index >= options_.most_options)
    throw protocol_error("weft: options have the number " + std::to_string(m.index) + "; they have 1 to " +
                         std::to_string(options_.most_options - 1) + " (scheduler.most_options)");
  if (m.name.size() + m.resources.size() + m.workers.size() + m.hosts.size() > options_.most_text)
    throw protocol_error("weft: options are longer than scheduler.most_text, " + std::to_string(options_.most_text) +
                         " bytes");
  if (m.time_limit_ns < 0) throw protocol_error("weft: a time limit is negative");
  const std::uint32_t ours = catalogue_.options_of(m);
  if (m.index >= from.options.size()) from.options.resize(m.index + 1, 0);
  const std::uint32_t before = from.options[m.index];
  from.options[m.index] = ours;
  if (before != 0) catalogue_.drop(before);
  const std::uint32_t c = catalogue_.options_at(ours).placement;
  if (c >= classes_.size()) classes_.resize(c + 1);
  if (!classes_[c] || classes_[c]->key != catalogue_.class_at(c).key) {
    classes_[c] = std::make_unique<class_state>();
    classes_[c]->key = catalogue_.class_at(c).key;
    rebuild_classes();
  }
}

std::uint32_t scheduler_core::function_of(peer& from, const function_ref& f) {
  if (from.last_catalogued != undefined && from.last_function.offset == f.offset &&
      from.last_function.module == f.module)
    return from.last_catalogued;
  if (f.module >= from.modules.size() || from.modules[f.module] == undefined)
    throw protocol_error("weft: a task is of module " + std::to_string(f.module) + ", which was not defined");
  const std::uint32_t ours = catalogue_.function_of(from.modules[f.module], f.offset);
  from.last_function = f;
  from.last_catalogued = ours;
  return ours;
}

void scheduler_core::take_numbers(peer_id p, task_id first, std::uint64_t count) {
  const std::uint64_t number = number_of(first), next = tasks_.next_number(p);
  if (submitter_of(first) != p)
    throw protocol_error("weft: peer " + std::to_string(p) + " submits " + name_of(first) + ", which is not its own");
  if (number < next)
    throw protocol_error("weft: " + name_of(first) + " is submitted, though its number is not above the last, " +
                         std::to_string(next - 1));
  if (number - next > options_.most_number_gap)
    throw protocol_error("weft: " + name_of(first) + " comes after number " + std::to_string(next - 1) +
                         ": more are left out than scheduler.most_number_gap");
  if (count > options_.most_tasks)
    throw protocol_error("weft: " + name_of(first) + " is of " + std::to_string(count) +
                         " tasks: more than scheduler.most_tasks allows");
}

void scheduler_core::check_room(std::uint64_t more) const {
  const std::uint64_t there = tasks_.size() + pending_tasks_ + promised_tasks_;
  if (there >= options_.most_tasks || more > options_.most_tasks - there)
    throw protocol_error("weft: there are " + std::to_string(there) + " tasks, and " + std::to_string(more) +
                         " come: more than scheduler.most_tasks allows");
}

std::uint32_t scheduler_core::options_of(const peer& from, std::uint32_t index, task_id id) const {
  if (index == 0) return 0;
  if (index >= from.options.size() || from.options[index] == 0)
    throw protocol_error("weft: " + name_of(id) + " has options " + std::to_string(index) +
                         ", which were not defined");
  return from.options[index];
}

void scheduler_core::submit(peer& from, peer_id p, const submit_task& m) {
  take_numbers(p, m.id, 1);
  check_room(1);
  if (m.inputs.size() > options_.most_inputs)
    throw protocol_error("weft: " + name_of(m.id) + " has " + std::to_string(m.inputs.size()) +
                         " inputs: more than scheduler.most_inputs");
  if (m.call.size() > options_.most_call_bytes)
    throw protocol_error("weft: the arguments of " + name_of(m.id) + " take " + std::to_string(m.call.size()) +
                         " bytes: more than scheduler.most_call_bytes; scatter them");
  const std::uint32_t options = options_of(from, m.options, m.id);
  if (m.flags & task_offered) check_offer(m);
  for (const task_id i : m.inputs)
    if (submitter_of(i) == p && number_of(i) >= number_of(m.id))
      throw protocol_error("weft: " + name_of(m.id) + " takes number " + std::to_string(number_of(i)) +
                           ", which was not submitted before it");
  const std::uint32_t function = function_of(from, m.function);
  if (!wait_for_inputs(from, p, m, function, options)) enter(m, function, options, now_);
}

/// Makes a record of a task that was said, so that it is right, at the time `since`.
slot scheduler_core::enter(const submit_task& m, std::uint32_t function, std::uint32_t options, time_ns since) {
  scratch_.clear();
  task_id unknown = 0;
  for (const task_id i : m.inputs) {
    const slot s = tasks_.find(i);
    if (s == no_task)
      unknown = i;
    else
      scratch_.push_back(s);
  }
  const slot t = tasks_.add(m.id, scratch_, m.call);
  task_record& r = tasks_[t];
  r.flags = static_cast<std::uint8_t>(m.flags & all_task_flags);
  r.behind_coroutine = (m.flags & task_waits) != 0;
  if (!(m.flags & task_wanted)) r.set(mark_floating);
  task_call& c = tasks_.call(t);
  c.rank = m.rank;
  c.function = function;
  c.options = options;
  c.retries = m.retries;
  c.priority = m.priority;
  ++counts_.submitted;
  last_event_ = now_;
  ++catalogue_.function_at(function).submitted;
  if (options != 0) {
    catalogue_.hold(options);
    if (catalogue_.options_at(options).time_limit != 0) set_deadline(t, since);
  }

  slot failed = no_task, cancelled = no_task;
  for (const slot i : tasks_.inputs(t)) {
    task_record& input = tasks_[i];
    ++input.needed_by;
    if (!is_kept(input)) input.unset(mark_floating);
    if (input.state == task_state::memory) continue;
    if (input.behind_coroutine) r.behind_coroutine = true;
    switch (input.state) {
      case task_state::failed:
        failed = i;
        break;
      case task_state::cancelled:
        cancelled = i;
        break;
      default:
        break;
    }
    ++r.waiting_on;
  }
  count_unfinished(r, true);
  if (unknown != 0) {
    end_tree(t, task_state::failed,
             add_failure(function_name(t), lost_input,
                         "weft: the task " + key_of(t) + " takes " + name_of(unknown) +
                             ", which is not there: it was released, or its submitter has left",
                         ""),
             false);
  } else if (failed != no_task) {
    end_tree(t, task_state::failed, tasks_[failed].worker, false, failed);
  } else if (cancelled != no_task) {
    end_tree(t, task_state::cancelled, 0, false);
  } else if (r.waiting_on == 0) {
    make_ready(t);
  } else {
    for (std::uint32_t i = 0; i < r.inputs_count; ++i)
      if (const slot input = tasks_.inputs(t)[i]; tasks_[input].state == task_state::released) revive(input);
    // It may be handed over with its inputs.
    if (r.state == task_state::waiting) candidates_.push_back(t);
  }
  return t;
}

void scheduler_core::check_offer(const submit_task& m) const {
  if (!(m.flags & task_constant) || !m.inputs.empty() || m.call.size() != sizeof(offered_call))
    throw protocol_error("weft: " + name_of(m.id) +
                         " is an offer, and takes inputs, is no constant, or its call is none of an offer");
}

/// Nobody has the value that was offered, nor will: what was to be made of it fails.
void scheduler_core::end_offer(slot t, std::string_view why) {
  end_tree(t, task_state::failed,
           add_failure(function_name(t), "weft::lost",
                       "weft: the value of " + key_of(t) + " is lost: no worker has it, and " + std::string(why), ""),
           false);
}

/// What has a value keeps it: the word has crossed with its coming.
void scheduler_core::withdraw_offered(peer_id p, std::span<const task_id> ids) {
  for (const task_id id : ids) own_task(p, id, "withdraw the value of");
  for (const task_id id : ids) {
    const slot t = tasks_.find(id);
    if (t != no_task && (tasks_[t].flags & task_offered) && unfinished(tasks_[t].state))
      end_offer(t, "the client that has scattered it cannot read it any more: scatter it again");
  }
}

/// The worker gives back what it waits for, and another is to have it. It is tried anew when some time has passed:
/// whatever kept the client from it may be over.
void scheduler_core::unreached(peer_id p, const unreached_offers& m) {
  constexpr time_ns for_so_long = 600'000'000'000;
  for (const task_id id : m.tasks) own_task(p, id, "speak of a worker for");
  if (!knows(m.worker) || peers_[m.worker]->worker == no_worker_index) return;  // it has left meanwhile
  peers_[p]->unreached[m.worker] = now_ + for_so_long;
  for (const task_id id : m.tasks) {
    const slot t = tasks_.find(id);
    if (t == no_task || !is_offer(t) || tasks_[t].state != task_state::assigned) continue;
    if (tasks_[t].worker != peers_[m.worker]->worker) continue;
    if (!peers_[m.worker]->has_lists()) with_lists_.push_back(m.worker);
    peers_[m.worker]->retracts.push_back({id, tasks_[t].attempt, 0});
  }
  place_offers_anew();
}

/// The submitter has left, and others need what it has offered.
void scheduler_core::end_offers(peer_id p) {
  for (const task_id id : tasks_.all_of(p)) {
    const slot t = tasks_.find(id);
    if (t != no_task && (tasks_[t].flags & task_offered) && unfinished(tasks_[t].state))
      end_offer(t, "the client that has scattered it has left");
  }
}

void scheduler_core::set_deadline(slot t, time_ns since) {
  const time_ns limit = catalogue_.options_at(tasks_.call(t).options).time_limit;
  const time_ns at = limit > never - since ? never : since + limit;
  tasks_[t].set(mark_deadline);
  deadlines_[t] = at;
  const auto later = [](const timer& a, const timer& b) { return a > b; };
  timers_.push_back({at, tasks_[t].id});
  std::push_heap(timers_.begin(), timers_.end(), later);
  // Entries of tasks that have ended stay until they are due, unless they are most of all.
  if (timers_.size() < 1024 || timers_.size() < 2 * deadlines_.size()) return;
  std::erase_if(timers_, [&](const timer& x) { return tasks_.find(x.id) == no_task; });
  std::make_heap(timers_.begin(), timers_.end(), later);
}

slot scheduler_core::own_task(peer_id p, task_id id, const char* what) const {
  if (submitter_of(id) != p)
    throw protocol_error("weft: peer " + std::to_string(p) + " wants to " + what + " " + name_of(id) +
                         ", which is not its own");
  return tasks_.find(id);
}

/// Whether a graph that is not all entered may still take its value.
bool scheduler_core::is_kept(const task_record& r) const noexcept {
  const peer_id p = submitter_of(r.id);
  return r.has(mark_floating) && knows(p) && peers_[p]->behind.graph_of(number_of(r.id));
}

void scheduler_core::release(peer& from, peer_id p, std::span<const task_id> ids) {
  for (const task_id id : ids) own_task(p, id, "release");
  if (from.behind.empty()) return release_now(ids);
  release_unpinned(from, hold_back(from, message_kind::release_tasks, ids, true));
}

/// But for those whose values something takes that has no record yet: these are released behind that.
void scheduler_core::release_unpinned(peer& from, std::vector<task_id> ids) {
  std::erase_if(ids, [&](task_id id) { return from.behind.release_later(id); });
  release_now(ids);
}

void scheduler_core::release_now(std::span<const task_id> ids) {
  for (const task_id id : ids) {
    const slot t = tasks_.find(id);
    if (t == no_task) continue;
    task_record& r = tasks_[t];
    r.flags &= static_cast<std::uint8_t>(~task_wanted);
    if (!is_kept(r)) r.unset(mark_floating);
    tidy_one(t);
  }
}

void scheduler_core::cancel(peer& from, peer_id p, const cancel_tasks& m) {
  for (const task_id id : m.tasks) own_task(p, id, "cancel");
  cancel_now(hold_back(from, message_kind::cancel_tasks, m.tasks, true));
}

void scheduler_core::cancel_now(std::span<const task_id> ids) {
  for (const task_id id : ids) {
    const slot t = tasks_.find(id);
    // What has a value keeps it; who does not want it releases it.
    if (t != no_task && unfinished(tasks_[t].state)) end_tree(t, task_state::cancelled, 0, false);
  }
}

/// Failed and cancelled tasks among these, and those that they depend on, run again. Others that failed for the same
/// reason stay as they are until they are named too.
void scheduler_core::retry(peer& from, peer_id p, const retry_tasks& m) {
  for (const task_id id : m.tasks) own_task(p, id, "retry");
  retry_now(hold_back(from, message_kind::retry_tasks, m.tasks, false));
}

void scheduler_core::retry_now(std::span<const task_id> ids) {
  const auto ended = [&](slot t) {
    return tasks_[t].state == task_state::failed || tasks_[t].state == task_state::cancelled;
  };
  for (const task_id id : ids) {
    const slot t = tasks_.find(id);
    if (t == no_task || !ended(t) || !needed(tasks_[t])) continue;
    std::vector<slot> again{t};  // then their failed inputs, each once: those that are here are `released`
    bool possible = true;
    for (std::size_t k = 0; k < again.size(); ++k) {
      task_record& r = tasks_[again[k]];
      // What was submitted with an input that was not known can never run.
      if (r.state == task_state::failed && failures_[r.worker].type == lost_input && r.aux == no_task)
        possible = false;
      for (const slot i : tasks_.inputs(again[k]))
        if (ended(i) && !tasks_[i].has(mark_asked)) {
          tasks_[i].set(mark_asked);
          again.push_back(i);
        }
    }
    for (const slot x : again) tasks_[x].unset(mark_asked);
    if (!possible) {
      if (tasks_[t].state == task_state::failed) tell_failed(t);
      continue;
    }
    for (const slot x : again) {
      task_record& r = tasks_[x];
      if (r.state == task_state::failed) drop_failure(r.worker);
      r.state = task_state::released;
      r.worker = 0;
      r.cost = r.aux = 0;
      if (r.has(mark_deadline)) set_deadline(x, now_);
    }
    for (const slot x : again)
      if (tasks_[x].flags & task_wanted) tell_restarted(x);
    revive(t);
  }
}

void scheduler_core::locate(peer_id p, std::span<const task_id> ids) {
  for (const task_id id : ids) own_task(p, id, "locate");
  for (const task_id id : ids) {
    const slot t = tasks_.find(id);
    if (t == no_task) continue;
    switch (tasks_[t].state) {
      case task_state::memory:
        // Another place than before, if there is one.
        tasks_.rotate_holders(t);
        tell_finished(t, nullptr);
        break;
      case task_state::failed:
        tell_failed(t);
        break;
      case task_state::cancelled:
        tell_cancelled(t);
        break;
      default:
        tell_restarted(t);
        break;
    }
  }
}

}  // namespace weft::net
