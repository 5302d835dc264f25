#include "cluster/simulation/client_process.hpp"

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#include "client/question.hpp"

namespace weft::net::simulation {

client_process::client_process(surroundings& world, simulated_node node, std::uint32_t number, std::uint64_t seed,
                               const program_options& program)
    : member(world, node, peer_role::client, number), dice_(seed), program_(program), budget_(program.tasks) {
  tokens_ = mix(seed, number) | 1;
  secret_ = mix(seed, number + 1000u) | 1;
}

// ---- lives -------------------------------------------------------------------------------------------------------

void client_process::begin_life() {
  client_limits limits;
  limits.offer_tries = program_.offer_tries;
  core_ = std::make_unique<client_core>(self(), static_cast<client_host&>(*this), limits);
  ++epoch_;
  if (program_.gpus) {
    define_options o{};
    o.index = 1;
    o.resources = std::string_view("gpu=1");
    core_->out().add(o);
  }
  if (program_.simple) submit_simple();
  world_.time.at(now() + static_cast<time_ns>(dice_.below(static_cast<std::uint64_t>(program_.between))), *this,
                 act_now, epoch_);
  wake();
}

void client_process::end_life(const std::string&) {
  // All futures have failed; the program goes on with what it has not submitted yet.
  ++epoch_;
  core_.reset();
  futures_.clear();
  held_.clear();
  parts_.clear();
  to_cancel_.clear();
  to_retry_.clear();
  pending_ = reading_ = 0;
  last_reads_ = false;
}

void client_process::told(std::span<const std::byte> messages) {
  batch_reader reader(messages);
  core_->receive(reader);
}

void client_process::work() {
  if (!core_) return;
  if (budget_ == 0 && !done_) finish_program();
  core_->tick(now());
  say_to_scheduler(core_->out());
  const time_ns due = core_->deadline();
  if (due != fetcher::never) alarm(std::max(due, now() + 1));
}

void client_process::happened(std::uint8_t what, std::uint64_t argument) {
  if (what != act_now) return member::happened(what, argument);
  if (argument != epoch_ || !core_ || done_) return;
  act();
  wake();
  if (budget_ != 0 || program_.cancels)
    world_.time.at(now() + 1 + static_cast<time_ns>(dice_.below(static_cast<std::uint64_t>(program_.between) * 2)),
                   *this, act_now, epoch_);
}

// ---- values ------------------------------------------------------------------------------------------------------

void client_process::fetch(peer_id p, std::uint64_t request, std::span<const task_id> values) {
  ask_for(p, request, values);
}

void client_process::value_came(std::uint64_t request, task_id id, std::uint64_t, std::uint64_t hash) {
  if (!core_->fetched(request, id)) return;
  future& f = of(id);
  check_value(f, id, hash);
  if (std::exchange(f.reading, false)) --reading_;
  f.was_read = true;
  ++read_;
  wake();
}

void client_process::value_not_there(std::uint64_t request, task_id id, bool busy) {
  core_->not_there(now(), request, id, busy);
  wake();
}

void client_process::holder_lost(peer_id peer) {
  if (core_) core_->peer_lost(now(), peer);
  wake();
}

bool client_process::gives(task_id task) {
  const future& f = of(task);
  must(f.offered, "a value is wanted that was not offered");
  return f.held || f.kept;
}

void client_process::offer_over(task_id task) {
  must(std::exchange(of(task).kept, false), "an offer is over that is not kept");
}

member::served client_process::serve(std::uint64_t request, task_id id) {
  const bool mine = core_ && submitter_of(id) == self() && number_of(id) <= futures_.size();
  if (!mine || !gives(id)) return {request, id, false, false, 0, 0};
  const bool busy = dice_.one_in(16);
  const future& f = of(id);
  return {request, id, !busy, busy, f.answer, f.spec.bytes};
}

// ---- ends --------------------------------------------------------------------------------------------------------

client_process::future& client_process::of(task_id id) {
  must(submitter_of(id) == self() && number_of(id) - 1 < futures_.size(), "a client is told of a task of another");
  return futures_[number_of(id) - 1];
}

template <class F>
bool client_process::any_before(std::uint32_t index, F&& yes) const {
  std::vector<std::uint32_t> stack{index};
  std::set<std::uint32_t> seen{index};
  while (!stack.empty()) {
    const std::uint32_t i = stack.back();
    stack.pop_back();
    if (yes(futures_[i])) return true;
    for (const std::uint32_t input : futures_[i].inputs)
      if (seen.insert(input).second) stack.push_back(input);
  }
  return false;
}

void client_process::check_value(const future& f, task_id id, std::uint64_t hash) const {
  if (hash != f.answer) throw violation("the value of " + name_of(id) + " is wrong");
}

void client_process::finished(task_id id, std::uint64_t, std::span<const std::byte> value) {
  future& f = of(id);
  const auto index = static_cast<std::uint32_t>(number_of(id) - 1);
  if (!value.empty()) {
    std::uint64_t hash = 0;
    must(value.size() == sizeof hash, "an inline value has another size");
    std::memcpy(&hash, value.data(), sizeof hash);
    check_value(f, id, hash);
  }
  if (f.at == state::finished) {
    must(!value.empty() && f.reading, "a result was published twice");
  } else {
    if (!program_.simple && any_before(index, [](const future& x) {
          return x.spec.does == behaviour::fails || x.spec.does == behaviour::kills;
        }))
      throw violation(name_of(id) + " has ended well, and cannot have");
    if (f.at == state::pending) --pending_, ++ended_;
    f.at = state::finished;
  }
  if (!value.empty() && std::exchange(f.reading, false)) --reading_;
  if (!value.empty()) f.was_read = true;
}

void client_process::failed(const task_failed& m) {
  future& f = of(m.id);
  const auto index = static_cast<std::uint32_t>(number_of(m.id) - 1);
  const std::string type(m.type.begin(), m.type.end()), text(m.text.begin(), m.text.end());
  bool allowed = false;
  if (type == "simulation::error")
    allowed = any_before(index, [&](const future& x) {
      return x.spec.does == behaviour::fails || x.spec.does == behaviour::flaky ||
             (x.spec.does == behaviour::submits && losses_);
    });
  else if (type == "weft::killed_workers")
    allowed = losses_;
  else if (type == "weft::lost")
    allowed = losses_ && any_before(index, [&](const future& x) { return x.once || (x.offered && unreached_ != 0); });
  if (!allowed) throw violation(name_of(m.id) + " has failed, and may not have: " + type + ": " + text);
  if (f.at == state::pending) --pending_, ++ended_;
  if (std::exchange(f.reading, false)) --reading_;
  f.at = state::failed;
}

void client_process::cancelled(task_id id) {
  future& f = of(id);
  if (!any_before(static_cast<std::uint32_t>(number_of(id) - 1), [](const future& x) { return x.cancel_asked; }))
    throw violation(name_of(id) + " was cancelled, and nobody has asked for it");
  if (f.at == state::pending) --pending_, ++ended_;
  if (std::exchange(f.reading, false)) --reading_;
  f.at = state::cancelled;
}

void client_process::restarted(task_id id) {
  future& f = of(id);
  if (f.at != state::pending) ++pending_, --ended_;
  f.at = state::pending;
}

/// What it says may be old when it comes; that its parts fit together is all that can be told.
void client_process::answered(const cluster_state& what) {
  const cluster_info all = info_of(what);
  for (const worker_info& w : all.workers)
    if (w.name.empty() || w.slots == 0) throw violation("a worker is described without its name or slots");
}

// ---- looking in --------------------------------------------------------------------------------------------------

std::vector<task_id> client_process::unfinished() const {
  std::vector<task_id> all;
  for (const std::uint32_t i : held_)
    if (futures_[i].held && futures_[i].at == state::pending) all.push_back(id_of(i));
  return all;
}

std::vector<task_id> client_process::finished_ids() const {
  std::vector<task_id> all;
  for (const std::uint32_t i : held_)
    if (futures_[i].held && futures_[i].at == state::finished) all.push_back(id_of(i));
  return all;
}

std::string client_process::describe(std::size_t most) const {
  std::string text = role_name() + ", peer " + std::to_string(self()) + ": " + std::to_string(pending_) +
                     " tasks pending, " + std::to_string(reading_) + " being read, " + std::to_string(budget_) +
                     " to be submitted";
  std::size_t n = 0;
  for (const std::uint32_t i : held_) {
    const future& f = futures_[i];
    if (!f.held || (f.at != state::pending && !f.reading) || n++ == most) continue;
    text += "\n    " + name_of(id_of(i)) + (f.reading ? " (read)" : "") + ", behaviour " +
            std::to_string(static_cast<int>(f.spec.does)) + ", inputs";
    for (const std::uint32_t input : f.inputs) text += " " + std::to_string(input + 1);
  }
  return text;
}

}  // namespace weft::net::simulation
