#include "scheduler/core.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>

namespace weft::net {

scheduler_core::scheduler_core(const scheduler_options& options) : options_(options), catalogue_(options_) {
  options_.allowed_losses = std::min<std::uint32_t>(options_.allowed_losses, most_suspicion);
  if (options_.most_tasks > task_table::most_tasks)
    throw std::invalid_argument("weft: scheduler.most_tasks is " + std::to_string(options_.most_tasks) +
                                "; it can be at most " + std::to_string(task_table::most_tasks));
  peers_.resize(1);
  classes_.push_back(std::make_unique<class_state>());
  pipeline_cost_ = static_cast<std::uint32_t>(std::max<time_ns>(1, options_.pipeline >> cost_shift));
}

void scheduler_core::receive(time_ns now, peer_id from, batch_reader& messages) {
  if (!knows(from)) throw protocol_error("weft: a batch from peer " + std::to_string(from) + ", which is not there");
  now_ = std::max(now_, now);
  peer& p = peer_at(from);
  const worker_index w = p.worker;
  if (w != no_worker_index) workers_[w].heard = now_;
  const auto only_workers = [&](std::uint16_t kind) {
    if (w == no_worker_index)
      throw protocol_error("weft: peer " + std::to_string(from) + " is no worker, and sends a message of kind " +
                           std::to_string(kind));
  };
  try {
    std::uint16_t kind = 0;
    while (messages.next(kind)) {
      switch (static_cast<message_kind>(kind)) {
        case message_kind::submit_task:
          submit(p, from, messages.get<submit_task>());
          break;
        case message_kind::release_tasks:
          release(p, from, messages.get<release_tasks>().tasks);
          break;
        case message_kind::cancel_tasks:
          cancel(p, from, messages.get<cancel_tasks>());
          break;
        case message_kind::retry_tasks:
          retry(p, from, messages.get<retry_tasks>());
          break;
        case message_kind::locate_tasks:
          locate(from, messages.get<locate_tasks>().tasks);
          break;
        case message_kind::withdraw_offers:
          withdraw_offered(from, messages.get<withdraw_offers>().tasks);
          break;
        case message_kind::unreached_offers:
          unreached(from, messages.get<unreached_offers>());
          break;
        case message_kind::begin_graph:
          begin(p, from, messages.get<begin_graph>());
          break;
        case message_kind::graph_part:
          add_part(p, from, messages.get<graph_part>());
          break;
        case message_kind::define_module:
          define(p, messages.get<define_module>());
          break;
        case message_kind::define_options:
          define(p, messages.get<define_options>());
          break;
        case message_kind::done_task:
          only_workers(kind), done(w, messages.get<done_task>());
          break;
        case message_kind::failed_task:
          only_workers(kind), report_failed(w, messages.get<failed_task>());
          break;
        case message_kind::cancelled_task:
          only_workers(kind), report_cancelled(w, messages.get<cancelled_task>().tasks);
          break;
        case message_kind::missing_value:
          only_workers(kind), missing(w, messages.get<missing_value>());
          break;
        case message_kind::retracted_task:
          only_workers(kind), retracted(w, messages.get<retracted_task>());
          break;
        case message_kind::value_added:
          only_workers(kind), added(w, messages.get<value_added>());
          break;
        case message_kind::value_dropped:
          only_workers(kind), dropped(w, messages.get<value_dropped>().tasks);
          break;
        case message_kind::heartbeat:
          only_workers(kind), heard(w, messages.get<heartbeat>());
          break;
        case message_kind::worker_machine:
          only_workers(kind), named(w, messages.get<worker_machine>());
          break;
        case message_kind::replicate_values:
          replicate(p, from, messages.get<replicate_values>());
          break;
        case message_kind::rebalance_values:
          messages.get<rebalance_values>();
          rebalance_asked_ = true;
          break;
        case message_kind::ask_cluster:
          answer(from, messages.get<ask_cluster>());
          break;
        case message_kind::lease_request:
          request_lease(from, messages.get<lease_request>());
          break;
        case message_kind::lease_release:
          release_lease(from, messages.get<lease_release>().lease);
          break;
        case message_kind::lease_opened:
          only_workers(kind), opened(w, messages.get<lease_opened>());
          break;
        case message_kind::leased_report:
          only_workers(kind), leased(messages.get<leased_report>());
          break;
        default:
          if (is_of_programs(kind)) break;  // the server's
          throw protocol_error("weft: peer " + std::to_string(from) + " sends the scheduler a message of kind " +
                               std::to_string(kind) + ", which is none for it");
      }
      if (!loose_.empty()) tidy();
    }
  } catch (...) {
    tidy();
    settle();
    throw;
  }
  settle();
}

void scheduler_core::settle(bool happened) {
  tidy();
  if (std::exchange(rebalance_asked_, false)) move_values();  // once, however often it was asked for
  serve_leases();
  enter_backlogs(happened);
  tidy();
  while (true) {
    for (std::size_t i = 0; i < ready_.size(); ++i)
      if (tasks_[ready_[i]].state == task_state::ready) place(ready_[i]);
    ready_.clear();
    fill_workers();
    fill_paused();
    hand_over();
    if (!loose_.empty()) tidy();
    if (ready_.empty() && handed_.empty() && loose_.empty() && touched_.empty()) break;
  }
  steal();
  flush_lists();
  if (tasks_.size() == 0) tasks_.trim();
}

batch_writer& scheduler_core::out(peer_id p) {
  if (!knows(p)) throw std::out_of_range("weft: peer " + std::to_string(p) + " is not there");
  return peers_[p]->out;
}

void scheduler_core::clear_outputs() noexcept {
  for (const peer_id p : outputs_)
    if (knows(p)) {
      peers_[p]->listed = false;
      peers_[p]->out.clear();
    }
  outputs_.clear();
}

void scheduler_core::list(peer_id p) {
  peers_[p]->listed = true;
  outputs_.push_back(p);
  if (std::exchange(peers_[p]->lazy, false)) say_later(p);
}

/// What was to be said later is said now.
void scheduler_core::say_later(peer_id p) {
  const std::vector<task_id> drops = std::exchange(peers_[p]->later, {});
  if (drops.empty()) return;
  drop_values m{};
  m.tasks = drops;
  tell(p, m);
}

void scheduler_core::be_lazy(peer_id p) {
  if (std::exchange(peers_[p]->lazy, true)) return;
  lazy_.push_back(p);
  lazy_until_ = std::min(lazy_until_, now_ + options_.laziness);
}

void scheduler_core::end_laziness() {
  for (const peer_id p : lazy_)
    if (knows(p) && peers_[p]->lazy) list(p);
  lazy_.clear();
  lazy_until_ = never;
}

/// Writes the lists that were gathered for a peer. They are written at the end of the event, or before a message that
/// must come behind them: see assign() and the tell_… functions.
void scheduler_core::flush(peer_id p) {
  peer& to = *peers_[p];
  const auto write = [&](auto m, auto& list) {
    if (list.empty()) return;
    m.tasks = list;
    tell(p, m);
    list.clear();
  };
  write(stop_tasks{}, to.stops);
  write(retract_tasks{}, to.retracts);
  say_later(p);
  write(drop_values{}, to.drops);
  write(task_cancelled{}, to.cancelled);
  write(task_restarted{}, to.restarted);
}

void scheduler_core::flush_lists() {
  for (const peer_id p : with_lists_)
    if (knows(p)) flush(p);
  with_lists_.clear();
}

void scheduler_core::introduce(peer_id to, worker_index w) {
  std::vector<bool>& met = peers_[to]->met;
  if (w < met.size() && met[w]) return;
  if (w >= met.size()) met.resize(w + 1);
  met[w] = true;
  peer_info m{};
  m.peer = workers_[w].peer;
  m.role = static_cast<std::uint8_t>(peer_role::worker);
  m.address = workers_[w].address;
  m.name = workers_[w].name;
  tell(to, m);
}

void scheduler_core::tell_finished(slot t, const std::span<const std::byte>* value) {
  const task_record& r = tasks_[t];
  const peer_id p = submitter_of(r.id);
  if (!knows(p)) return;
  if (peers_[p]->has_lists()) flush(p);
  task_finished m{};
  m.id = r.id;
  m.bytes = r.bytes();
  for (const holder h : tasks_.holders(t)) {
    if (h.coming()) continue;
    introduce(p, h.worker());
    m.worker = workers_[h.worker()].peer;
    break;
  }
  if (value) {
    m.flags = has_value;
    m.value = *value;
  }
  tell(p, m);
}

void scheduler_core::tell_failed(slot t) {
  const task_record& r = tasks_[t];
  const peer_id p = submitter_of(r.id);
  if (!knows(p)) return;
  if (peers_[p]->has_lists()) flush(p);
  const failure& f = failures_[r.worker];
  // From the task to the first failure, then the other way round. The way may be cut off, where what was to blame
  // runs again: the first failure is known all the same.
  std::vector<std::string> keys;
  for (slot at = t; tasks_[at].state == task_state::failed && tasks_[at].aux != no_task; at = tasks_[at].aux) {
    if (keys.size() >= options_.most_path) {
      keys.push_back("...");
      break;
    }
    keys.push_back(key_of(at));
  }
  keys.push_back(f.path);
  std::string path;
  for (auto k = keys.rbegin(); k != keys.rend(); ++k) path += (path.empty() ? "" : "\n") + *k;
  task_failed m{};
  m.id = r.id;
  m.flags = f.flags;
  m.function = f.function;
  m.type = f.type;
  m.text = f.text;
  m.path = path;
  tell(p, m);
}

// A task may be cancelled and run again, or the other way round, in one event: what was said first is written first.
void scheduler_core::tell_cancelled(slot t) {
  const peer_id p = submitter_of(tasks_[t].id);
  if (!knows(p)) return;
  if (!peers_[p]->restarted.empty()) flush(p);
  if (!peers_[p]->has_lists()) with_lists_.push_back(p);
  peers_[p]->cancelled.push_back(tasks_[t].id);
}

/// Who has let go of a value that it offered keeps it for as long as what was made of it may be made again.
void scheduler_core::tell_unneeded(slot t) {
  const task_id id = tasks_[t].id;
  if (is_offer(t) && knows(submitter_of(id))) tell(submitter_of(id), drop_offers{{}, {&id, 1}});
}

void scheduler_core::tell_restarted(slot t) {
  const peer_id p = submitter_of(tasks_[t].id);
  if (!knows(p)) return;
  if (!peers_[p]->cancelled.empty()) flush(p);
  if (!peers_[p]->has_lists()) with_lists_.push_back(p);
  peers_[p]->restarted.push_back(tasks_[t].id);
}

/// The worker need not keep a value. Never said of what the worker is just making, nor to one that has not said yet
/// that it has it: its value_added may be on its way here while this is on its way there, and would be believed
/// wrongly. It is answered then (see added).
void scheduler_core::drop_value(worker_index w, task_id id) {
  const peer_id p = workers_[w].peer;
  if (!peers_[p]->has_lists()) with_lists_.push_back(p);
  peers_[p]->drops.push_back(id);
}

void scheduler_core::drop_later(worker_index w, task_id id) {
  constexpr std::size_t most_later = 1024;
  const peer_id p = workers_[w].peer;
  peer& to = *peers_[p];
  if (options_.laziness == 0 || to.listed || to.has_lists() || to.later.size() >= most_later)
    return drop_value(w, id);
  to.later.push_back(id);
  be_lazy(p);
}

void scheduler_core::drop_everywhere(slot t) {
  task_record& r = tasks_[t];
  for (const holder h : tasks_.holders(t)) {
    // Who was asked for a copy, and has not got it, would fetch it all the same.
    if (!h.coming()) workers_[h.worker()].value_bytes -= r.bytes();
    if (r.bytes() <= options_.small_value)
      drop_later(h.worker(), r.id);
    else
      drop_value(h.worker(), r.id);
  }
  tasks_.clear_holders(t);
  r.set(mark_dropping);
  r.set_bytes(0);
}

void scheduler_core::end_late(slot t, bool told) {
  const time_ns limit = catalogue_.options_at(tasks_.call(t).options).time_limit;
  end_tree(t, task_state::failed,
           add_failure(function_name(t), "weft::timed_out",
                       "weft: the task " + key_of(t) + " did not end within its time limit of " +
                           std::to_string(limit / 1'000'000) + " ms",
                       "", time_is_over),
           told);
}

void scheduler_core::tick(time_ns now) {
  now_ = std::max(now_, now);
  bool ended = false;
  if (now_ >= lazy_until_) end_laziness();
  const auto later = [](const timer& a, const timer& b) { return a > b; };
  while (!timers_.empty() && timers_.front().at <= now_) {
    std::pop_heap(timers_.begin(), timers_.end(), later);
    const timer due = timers_.back();
    timers_.pop_back();
    const slot t = tasks_.find(due.id);
    if (t == no_task || !unfinished(tasks_[t].state)) continue;
    // It has been in time before, or it was retried, and has a later one.
    if (!tasks_[t].has(mark_deadline) || deadlines_.at(t) > due.at) continue;
    end_late(t, false);
    ended = true;
    tidy();
  }
  if (options_.no_worker_limit > 0)
    for (std::uint32_t c = 0; c < classes_.size(); ++c) {
      if (!classes_[c]) continue;
      class_state& state = *classes_[c];
      if (state.all_held() == 0 || !state.eligible.empty() || now_ - state.unmet_since < options_.no_worker_limit)
        continue;
      if (waits_for_paused(c)) {
        state.unmet_since = now_;
        continue;
      }
      const std::string what = missing_of(c);
      ended = state.unmet_over = true;
      while (classes_[c]->all_held() != 0) {
        const slot t = classes_[c]->any_held(tasks_);
        end_tree(
            t, task_state::failed,
            add_failure(function_name(t), "weft::no_worker",
                        "weft: the task " + key_of(t) + " cannot run: " + what + ", and there was none for " +
                            std::to_string(options_.no_worker_limit / 1'000'000) + " ms (scheduler.no_worker_limit)",
                        ""),
            false);
      }
      tidy();
    }
  policies();
  settle(ended);
  if (options_.no_worker_limit > 0)
    for (const auto& c : classes_)
      if (c) c->unmet_over = false;
}

time_ns scheduler_core::deadline() const noexcept {
  time_ns at = lazy_until_;
  if (!timers_.empty()) at = std::min(at, timers_.front().at);
  if (hungry_) at = std::min(at, next_steal_);
  if (more_to_enter_) at = std::min(at, now_);
  if (options_.no_worker_limit > 0)
    for (const auto& c : classes_)
      if (c && c->all_held() != 0 && c->eligible.empty())
        at = std::min(at, c->unmet_since + options_.no_worker_limit);
  if (paused_ != 0 && held_offers_ != 0)
    for (const worker& w : workers_)
      if (w.mode == worker_mode::paused && w.offers != 0 && w.offer_due(options_.slow_offer) > now_)
        at = std::min(at, w.offer_due(options_.slow_offer));
  if (worker_count_ > 0 && options_.worker_ttl > 0) at = std::min(at, next_ttl_);
  if (worker_count_ > 0 && options_.reduce_interval > 0) at = std::min(at, next_reduce_);
  if (!retirements_.empty()) at = std::min(at, next_retire_);
  return at;
}

std::string scheduler_core::key_of(slot t) const {
  const std::string& name = catalogue_.options_at(tasks_.call(t).options).name;
  if (!name.empty()) {
    std::string line = name;  // paths have a line for each key
    std::replace(line.begin(), line.end(), '\n', ' ');
    return line;
  }
  const task_id id = tasks_[t].id;
  return "#" + std::to_string(submitter_of(id)) + "." + std::to_string(number_of(id));
}

std::string scheduler_core::function_name(slot t) const {
  const catalogue::function& f = catalogue_.function_at(tasks_.call(t).function);
  const catalogue::module& m = catalogue_.module_at(f.module);
  static constexpr char digits[] = "0123456789abcdef";
  std::string hex;
  for (unsigned shift = 64; shift != 0;) {
    shift -= 4;
    if (const auto digit = f.offset >> shift & 15; digit != 0 || !hex.empty() || shift == 0) hex += digits[digit];
  }
  return (m.name.empty() ? std::string("program") : m.name) + "+0x" + hex;
}

task_state scheduler_core::state_of(task_id id) const noexcept {
  const slot t = tasks_.find(id);
  return t == no_task ? task_state::free : tasks_[t].state;
}

}  // namespace weft::net
