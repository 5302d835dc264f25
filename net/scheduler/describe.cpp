// What the scheduler tells of itself: numbers, its workers, and why tasks wait.
#include <algorithm>
#include <string>

#include "base/words.hpp"
#include "scheduler/core.hpp"
#include "weft/detail/task_details.hpp"
#include "wire/text.hpp"

namespace weft::net {
namespace {

/// Of a list that others wrote, as much as a sentence can take: `a, b or c`.
std::string listed(const std::vector<std::string>& names) {
  constexpr std::size_t most = 8, most_name = 100;
  std::string text;
  for (std::size_t i = 0; i < std::min(names.size(), most); ++i) {
    const bool last = i + 1 == names.size();
    std::string name = names[i].substr(0, most_name);
    for (char& c : name)
      if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) >= 0x7f) c = '?';
    text += (i == 0 ? "" : last ? " or " : ", ") + name;
  }
  if (names.size() > most) text += " or " + std::to_string(names.size() - most) + " others";
  return text;
}

/// Bytes for one peer beyond which it is not answered any more, since it asks faster than it is sent to.
constexpr std::size_t most_answers = std::size_t{16} << 20;

/// One line for people, whatever is in it.
std::string line_of(std::string text) {
  replace_controls(text, '?');
  return text + '\n';
}

}  // namespace

scheduler_statistics scheduler_core::statistics() const {
  scheduler_statistics s = counts_;
  s.clients = clients_;
  s.workers = worker_count_;
  s.slots = total_slots_;
  s.leases = leases_.size();
  s.leases_waiting = unmet_leases_;
  for (const worker& w : workers_) {
    if (w.peer == 0) continue;
    s.leased_slots += w.leased;
    if (!w.leaves()) continue;
    ++s.leaving;
    s.leaving_slots += w.slots + w.leased;
  }
  s.tasks = tasks_.size();
  s.pending = pending_tasks_;
  for (slot t = 1; t < tasks_.end(); ++t) ++s.states[static_cast<std::size_t>(tasks_[t].state)];
  for (const auto& c : classes_)
    if (c) s.no_worker += c->eligible.empty() ? c->all_held() : c->offers.size();
  s.record_bytes = tasks_.record_bytes();
  s.payload_bytes = tasks_.payload_bytes();
  s.edge_bytes = tasks_.pool_used() - tasks_.payload_bytes();
  s.pool_bytes = tasks_.pool_bytes();
  return s;
}

std::vector<worker_statistics> scheduler_core::workers() const {
  std::vector<worker_statistics> all;
  for (const worker& w : workers_)
    if (w.peer != 0)
      all.push_back({w.peer, w.name, w.address, w.host, w.machine, w.mode, w.slots + w.leased, w.leased, w.count,
                     w.ahead, static_cast<time_ns>(w.occupancy << cost_shift), w.value_bytes, w.last.memory_used,
                     w.last.memory_limit});
  return all;
}

std::vector<std::string> scheduler_core::waiting() const {
  std::vector<std::string> all;
  for (std::uint32_t c = 0; c < classes_.size(); ++c) {
    if (!classes_[c]) continue;
    const bool any = !classes_[c]->eligible.empty();
    const std::size_t n = any ? classes_[c]->offers.size() : classes_[c]->all_held();
    if (n == 0) continue;
    all.push_back(std::to_string(n) + (n == 1 ? " task waits" : " tasks wait") +
                  " for a worker: " + (any ? no_room_now(classes_[c]->offers.first(tasks_), c) : missing_of(c)));
  }
  return all;
}

/// Why no worker may run tasks of this class: `there is no worker with gpu=2 called alice or bob`.
std::string scheduler_core::missing_of(std::uint32_t in_class) const {
  const placement_class& wanted = catalogue_.class_at(in_class);
  std::string what = "there is no worker";
  const char* separator = " with ";
  for (const auto& [resource, amount] : wanted.resources) {
    what += separator + catalogue_.resource_name(resource) + "=" + detail::amount_text(amount);
    separator = ", ";
  }
  if (!wanted.loose) {
    if (!wanted.workers.empty()) what += " called " + listed(wanted.workers);
    if (!wanted.hosts.empty()) what += (wanted.workers.empty() ? " on " : ", or on ") + listed(wanted.hosts);
  }
  const worker* other = nullptr;  // rather one that stays
  for (const worker& w : workers_)
    if (w.peer != 0 && meets(w, wanted, wanted.loose) && (!other || (other->leaves() && !w.leaves()))) other = &w;
  if (!other) return what;
  return what + " that takes tasks: worker " + why_idle(*other);
}

/// Why a worker that is not given tasks is not.
std::string scheduler_core::why_idle(const worker& w) {
  return w.name +
         (w.mode == worker_mode::running ? " has leased all its slots" : " is " + std::string(name_of(w.mode)));
}

/// Why an offer is held though there are workers that may run it.
std::string scheduler_core::no_room_now(slot t, std::uint32_t in_class) const {
  std::string what = "there is none that takes tasks and has memory for the " + std::to_string(offered_bytes(t)) +
                     " bytes of a value that is scattered";
  for (const worker& w : workers_)
    if (may_hold_later(t, in_class, w)) return what + ": worker " + why_idle(w);
  return what;
}

void write_cluster_state(batch_writer& out, std::uint64_t request, const std::vector<worker_statistics>& workers,
                         std::uint32_t target, const std::vector<std::string>& waiting) {
  std::vector<worker_counts> counts;
  std::string names, sentences;
  for (const worker_statistics& w : workers) {
    counts.push_back({w.value_bytes, w.memory_used, w.memory_limit, w.slots, w.leased, w.assigned,
                      static_cast<std::uint32_t>(w.mode)});
    for (const std::string* text : {&w.name, &w.address, &w.host, &w.machine}) names += line_of(*text);
  }
  for (const std::string& sentence : waiting) sentences += line_of(sentence);
  out.add(cluster_state{{request, target, 0}, counts, names, sentences});
}

/// A client asks; first it may let workers go.
void scheduler_core::answer(peer_id p, const ask_cluster& m) {
  if (m.retire.size() > options_.most_text)
    throw protocol_error("weft: the names of workers to retire are longer than scheduler.most_text, " +
                         std::to_string(options_.most_text) + " bytes");
  for (const std::string_view name : detail::words({m.retire.data(), m.retire.size()})) let_go(name);
  peer& to = *peers_[p];
  if (to.out.size() > most_answers)
    throw protocol_error("weft: peer " + std::to_string(p) + " asks about the cluster, and has not taken " +
                         std::to_string(to.out.size()) + " bytes of what it asked before");
  if (!to.listed) list(p);
  write_cluster_state(to.out, m.request, workers(), target(), waiting());
}

}  // namespace weft::net
