#include "worker/task_host.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/log.hpp"
#include "engine/failure.hpp"
#include "exec/pool_core.hpp"
#include "object/functions.hpp"
#include "object/modules.hpp"
#include "weft/detail/task_details.hpp"
#include "weft/errors.hpp"

namespace weft::net {

using detail::node;
using detail::node_state;

namespace {

/// Larger values do not travel along with the report of their end.
constexpr std::size_t most_inline = 4096;
/// Nor does more of what an exception says.
constexpr std::size_t most_text = std::size_t{64} << 10;
/// Some times what a message costs here and at the scheduler, which may well take this processor meanwhile: ends of
/// tasks that take less gather for so long, once so many of them came one after the other.
constexpr std::uint64_t gather_us = 60;
constexpr std::uint32_t short_ends_first = 16;

/// What the codec of a user's type throws may be anything.
std::string text_of(const std::exception_ptr& why) {
  try {
    std::rethrow_exception(why);
  } catch (const std::exception& e) { return e.what(); } catch (...) {
    return "weft: a value cannot be decoded here: its type has thrown what is no std::exception";
  }
}

/// Once: what is wrong with one value of a type is wrong with all.
void log_refusal(const std::exception_ptr& why) {
  const std::string what = text_of(why);
  std::string_view text = what;
  constexpr std::string_view prefix = "weft: ";
  if (text.starts_with(prefix)) text.remove_prefix(prefix.size());
  detail::log_once("copy refused", "a copy of a value that was to be kept here is not: " + std::string(text));
}

/// Tasks of one function mostly run about as long.
const void* function_of(const node& n) noexcept { return n.type->function ? n.type->function(n) : n.type; }

std::string_view text(std::span<const char> s) noexcept { return {s.data(), s.size()}; }

}  // namespace

/// Finds the inputs of a call among what is here.
class task_host::inputs_of final : public detail::input_source {
 public:
  inputs_of(task_host& of, const run_task& task) : of_(of), rest_(task.inputs) {}
  node& take(const detail::remote_type& type) override {
    if (rest_.empty()) throw codec_error("weft: a call wants more inputs than came with it");
    const input_ref input = rest_.front();
    rest_ = rest_.subspan(1);
    record* r = of_.look(input.id);
    if (!r) throw codec_error("weft: an input of a call is not known here");
    if (!r->node) {  // a value of a peer, whose type is known from now on
      node* n = type.make(of_.engine_);
      n->number = r->id;
      r->node = n;
      if (r->copy && r->here && r->schema == 0)
        of_.take_given(*r);
      else
        of_.engine_.adopt_elsewhere(*n, r->bytes);
    } else if (r->node->type->value != type.value && r->node->type->value->schema() != type.value->schema()) {
      throw codec_error("weft: an input of a call has another type than the call's parameter");
    }
    detail::add_handle(*r->node);
    return *r->node;
  }
  std::size_t left() const noexcept override { return rest_.size(); }

 private:
  task_host& of_;
  std::span<const input_ref> rest_;
};

task_host::task_host(detail::engine& e, std::uint64_t module, std::function<void()> wake, std::function<void()> now)
    : engine_(e), wake_(std::move(wake)), now_(std::move(now)), gather_ticks_(gather_us * e.pool().ticks_per_us()) {
  engine_.track_by(this);
  engine_.tell_rests(this);
  engine_.fetch_from(this);
  modules_.push_back(module);
  module_names_.emplace_back(module == detail::program_module().key() ? "this program" : "weft's library");
}

task_host::~task_host() {
  engine_.tell_rests(nullptr);
  for (const event& e : events_)  // nobody is told any more
    if (e.node) detail::engine::drop_reference(*e.node);
}

// ---- the table ---------------------------------------------------------------------------------------------------

task_host::record& task_host::make(task_id id) {
  std::uint32_t place = 0;
  if (free_.empty()) {
    place = static_cast<std::uint32_t>(records_.size());
    records_.emplace_back();
  } else {
    place = free_.back();
    free_.pop_back();
  }
  places_.insert(id, place);
  records_[place].id = id;
  return records_[place];
}

/// The engine may be at the node still: the handle goes, and its end is not told.
void task_host::erase(task_id id) {
  const std::uint32_t place = places_.find(id);
  if (place == id_table::none) return;
  record& r = records_[place];
  node* n = std::exchange(r.node, nullptr);
  if (n && r.lent) end_loan(r, *n);
  if (r.awaited) { std::exchange(r.awaited, nullptr)->fail(std::make_exception_ptr(cancelled())); }
  r = record();
  places_.erase(id);
  free_.push_back(place);
  if (n) detail::drop_handle(*n);
}

// ---- what the core says ------------------------------------------------------------------------------------------

void task_host::define(const define_module& m) {
  if (m.index >= modules_.size()) {
    modules_.resize(m.index + 1);
    module_names_.resize(m.index + 1);
  }
  modules_[m.index] = detail::module_key(m.build_id);
  module_names_[m.index] = text(m.name);
}

void task_host::define(const define_options& o) {
  if (o.index >= options_.size()) options_.resize(o.index + 1);
  auto* d = new detail::task_details;
  options_[o.index] = {d, &detail::drop_details};
  d->name = text(o.name);
  d->memory = o.expected_bytes;
}

void task_host::remote(task_id value, std::uint64_t bytes) {
  if (look(value)) return;
  make(value).bytes = bytes;
}

void task_host::given(task_id value, std::uint64_t bytes, std::span<const std::byte> message) {
  if (look(value)) return;
  record& r = make(value);
  r.bytes = bytes;
  r.here = true;
  r.copy = std::make_shared<std::vector<std::vector<std::byte>>>();
  r.copy->emplace_back(message.begin(), message.end());
}

/// Throws codec_error.
const detail::portable_entry& task_host::entry_of(const function_ref& function) const {
  const std::uint64_t module = function.module < modules_.size() ? modules_[function.module] : 0;
  if (const detail::portable_entry* entry = detail::find_entry({module, function.offset})) return *entry;
  throw codec_error(
      detail::find_module(module)
          ? "weft: the worker's program has no such function: the call does not come from this build"
          : "weft: the worker does not run the client's program (" +
                (function.module < module_names_.size() ? module_names_[function.module] : std::string("unknown")) +
                "): start workers of the same build");
}

void task_host::describe(node& n, const run_task& task) const {
  n.number = task.id;
  n.rank = task.rank;
  n.tracked = true;
  if (task.options == 0 || task.options >= options_.size() || !options_[task.options]) return;
  n.details = options_[task.options].get();
  n.details->references.fetch_add(1, std::memory_order_relaxed);
}

void task_host::fail_unmade(task_id id, std::uint32_t attempt, std::string why) {
  unmade_.push_back({id, attempt, std::move(why)});
  note({event::what::failed, nullptr, id, 0, 0});
}

void task_host::expect(const run_task& task) {
  if (look(task.id)) erase(task.id);  // an older attempt
  record& r = make(task.id);
  r.attempt = task.attempt;
  r.coming = true;
  try {
    offered_call what;
    std::memcpy(&what, task.call.data(), sizeof what);
    r.bytes = what.bytes;
    const detail::remote_type* type = entry_of(task.function).value;
    if (!type) throw codec_error("weft: what a task's submitter offers is no value, but a function's");
    r.node = type->make(engine_);
    engine_.adopt_coming(*r.node);
    describe(*r.node, task);
  } catch (const std::exception& e) { fail_unmade(task.id, task.attempt, e.what()); }
}

void task_host::submit(const run_task& task) {
  if (look(task.id)) erase(task.id);  // an older attempt
  record& r = make(task.id);
  r.attempt = task.attempt;
  bool counted = false;
  try {
    const detail::portable_entry& entry = entry_of(task.function);
    inputs_of inputs(*this, task);
    decoder d(task.call);
    node* n = entry.make(engine_, d, inputs);
    look(task.id)->node = n;  // making inputs may have moved the records
    detail::add_handle(*n);
    let_held_go();
    describe(*n, task);
    d.finish();
    if (task.last_uses != 0) lend_inputs(task, *n);
    work_->enter();
    counted = true;
    if (n->type->run)
      engine_.submit(*n);
    else
      engine_.adopt_made(*n);
  } catch (const std::exception& e) {
    let_held_go();
    if (counted) work_->leave();  // the engine has not taken it
    record& failed = *look(task.id);
    if (node* n = std::exchange(failed.node, nullptr)) {
      n->tracked = false;  // that it goes is no end of a task
      engine_.abandon(*n);
      detail::drop_handle(*n);
    }
    fail_unmade(task.id, task.attempt, e.what());
  }
}

bool task_host::withdraw(task_id task) {
  record* r = look(task);
  if (!r) return true;
  if (!r->node) return false;  // it has failed already, and that will be told
  node* n = r->node;
  detail::add_handle(*n);
  const bool taken = engine_.withdraw(*n);
  if (taken) erase(task);
  detail::drop_handle(*n);
  return taken;
}

void task_host::stop(task_id task) {
  if (record* r = look(task); r && r->node) engine_.cancel(*r->node);
}

void task_host::drop(task_id id) { erase(id); }

/// Who takes a value that is lent, and who is to take it, see each other.
task_id task_host::hold(const run_task& task) {
  if (lent_ == 0) return 0;
  for (const input_ref& input : task.inputs) {
    const record* const r = look(input.id);
    if (!r || !r->lent) continue;
    if (!detail::take_handle(*r->node)) {
      let_held_go();
      return input.id;
    }
    held_.push_back(r->node);
  }
  return 0;
}
void task_host::let_held_go() noexcept {
  for (node* n : held_) detail::drop_handle(*n);
  held_.clear();
}

bool task_host::has(task_id value) {
  const record* const r = look(value);
  return !r || !r->lent || (r->node->counts.load(std::memory_order_acquire) & node::taken) == 0;
}

/// Of a task that is not submitted yet. What is fetched for it is lent before it comes.
void task_host::lend_inputs(const run_task& task, node& n) {
  for (std::size_t i = 0; i < task.inputs.size() && i < 16; ++i) {
    if ((task.last_uses >> i & 1) == 0) continue;
    record* const r = look(task.inputs[i].id);
    if (!r || !r->node || r->coming) continue;
    n.add(node::may_take);
    if (std::exchange(r->lent, true)) continue;
    r->node->add(node::lent);
    ++lent_;
  }
}
/// The record's handle goes: who counts handles is not to take another's for it.
void task_host::end_loan(record& r, node& n) noexcept {
  r.lent = false;
  --lent_;
  n.counts.fetch_or(node::given_up, std::memory_order_acq_rel);
}

// ---- what the engine says ----------------------------------------------------------------------------------------

void task_host::note(event e) noexcept {
  {
    std::lock_guard guard(events_lock_);
    events_.push_back(e);
    untold_ = true;
    if (std::exchange(woken_, true)) return;
  }
  wake_();
}

void task_host::began(node& n) noexcept {
  n.counts.fetch_add(node::one_reference, std::memory_order_relaxed);
  {
    std::lock_guard guard(events_lock_);
    events_.push_back({event::what::began, &n, n.number, 0, 0});
    // Who was woken may have to wait for this one.
    if (!untold_ || function_of(n) == short_function_) return;
  }
  now_();
}

void task_host::ended(node& n, std::uint64_t ran) noexcept {
  const auto keep = work_;  // with the last one this may go
  // Who takes the value in place may have it when this is told.
  const std::uint64_t bytes = n.is(node_state::done) && n.stored ? n.stored->bytes() : 0;
  bool wake = false;
  {
    std::lock_guard guard(events_lock_);
    if (!events_.empty() && events_.back().kind == event::what::began && events_.back().node == &n) {
      events_.back().kind = event::what::ended;  // nobody has heard that it had begun
      events_.back().ran = ran;
      events_.back().bytes = bytes;
    } else {
      n.counts.fetch_add(node::one_reference, std::memory_order_relaxed);
      events_.push_back({event::what::ended, &n, n.number, ran, bytes});
    }
    untold_ = true;
    // A runner rests after what it has run; what ends elsewhere, with no run just before, ends alone.
    const bool alone = ran == 0;
    if (!alone) short_ends_ = ran < gather_ticks_ ? short_ends_ + 1 : 0;
    if (!alone) short_function_ = short_ends_ != 0 ? function_of(n) : nullptr;
    const bool near =
        !alone && short_ends_ > short_ends_first && engine_.pool().ticks() - passed_at_ <= gather_ticks_;
    wake = !near && !std::exchange(woken_, true);
  }
  if (wake) wake_();
  keep->leave();
}

bool task_host::lost(node& n) noexcept {
  if (!detail::take_reference(n)) return false;  // it is about to go
  note({event::what::lost, &n, n.number, 0, 0});
  return true;
}

/// By its last user, which runs: nobody waits for this, and the user's end is told behind it.
void task_host::taken(node& n) noexcept {
  n.counts.fetch_add(node::one_reference, std::memory_order_relaxed);
  std::lock_guard guard(events_lock_);
  events_.push_back({event::what::taken, &n, n.number, 0, 0});
}

void task_host::rests() noexcept {
  {
    std::lock_guard guard(events_lock_);
    if (!untold_ || std::exchange(woken_, true)) return;
  }
  wake_();
}

bool task_host::pass_on(worker_core& core) {
  bool any = false;
  for (;;) {
    {
      std::lock_guard guard(events_lock_);
      passing_.swap(events_);
      untold_ = woken_ = false;
      if (!passing_.empty()) passed_at_ = engine_.pool().ticks();
    }
    if (passing_.empty()) return any;
    any = true;
    for (const event& e : passing_) {
      tell(core, e);
      if (e.node) detail::engine::drop_reference(*e.node);
    }
    passing_.clear();
  }
}

void task_host::tell(worker_core& core, const event& e) {
  record* r = look(e.id);
  switch (e.kind) {
    case event::what::began:
      if (r && r->node == e.node) core.began(e.id, r->attempt);
      return;
    case event::what::ended:
      if (r && r->node == e.node) tell_end(core, *r, *e.node, e.ran, e.bytes);
      return;
    case event::what::needed:
      if (!r || r->node != e.node || closed_) { return e.waits->fail(std::make_exception_ptr(cancelled())); }
      r->awaited = e.waits;
      if (r->copy && !r->landing)
        decode_copy(*r);
      else  // what is landing may yet be cut off
        // What does not free memory is held back by the store, where it is short; what this asks for has its room.
        core.need(e.id, fetches_++, true);
      return;
    case event::what::lost:
      if (r && r->node == e.node) core.dropped(e.id);
      return;
    case event::what::taken:
      if (r && r->node == e.node) core.taken(e.id);
      return;
    case event::what::failed: {
      const auto at = std::find_if(unmade_.begin(), unmade_.end(), [&](const auto& f) { return f.id == e.id; });
      if (at == unmade_.end()) return;
      const failure_before f = std::move(*at);
      unmade_.erase(at);
      if (!r || r->attempt != f.attempt) return;
      core.failed({{f.id, f.attempt, 0}, {}, {}, f.text, {}});
      return;
    }
  }
}

void task_host::tell_end(worker_core& core, const record& r, node& n, std::uint64_t ran, std::uint64_t bytes) {
  const task_id id = r.id;
  const std::uint32_t attempt = r.attempt;
  if (n.is(node_state::done)) {
    const detail::value_type& value = *n.type->value;
    result_.clear();
    if (!n.stored && n.has_value) {
      bytes = value.bytes(n);
      try {
        value.encode(n, result_);
      } catch (const std::exception& error) {
        core.failed({{id, attempt, 0}, {}, {}, std::string_view(error.what()), {}});
        return;
      }
    }
    const auto message = result_.message();
    core.done(id, attempt, bytes, ran * 1000 / engine_.pool().ticks_per_us(),
              message.size() <= most_inline ? message : std::span<const std::byte>());
    return;
  }
  if (n.is(node_state::failed)) {
    const detail::remote_failure f = detail::describe_failure(n);
    std::string path;
    for (const std::string& key : f.path) path += (path.empty() ? "" : "\n") + key;
    core.failed({{id, attempt, 0}, f.function, f.type, std::string_view(f.text).substr(0, most_text), path});
    return;
  }
  core.cancelled(id, attempt);
}

// ---- values of peers ---------------------------------------------------------------------------------------------

/// A load of the store: it ends when the value has come, or never will.
task<> task_host::fetch(node& n) {
  value_arrival here;
  if (!detail::take_reference(n)) throw cancelled();  // it is about to go
  note({event::what::needed, &n, n.number, 0, 0, &here});
  co_await here.done.wait();
  if (here.error) std::rethrow_exception(here.error);
}

value_landing task_host::land(worker_core& core, time_ns now, const value_header& header) {
  value_landing where;
  where.over = !core.fetches().under_way(header.request);
  if (!core.fetches().expects(header.request, header.id)) {
    core.not_there(now, header.request, header.id, true);  // it may be abandoned, and this was its answer
    return where;
  }
  record* r = look(header.id);
  // Another answer may not have been cut off yet.
  if (!r || (r->attempt != 0 && !r->coming) || r->here || r->landing || (r->coming && !r->node)) {
    core.not_there(now, header.request, header.id, true);
    return where;
  }
  if (r->coming || (r->node && r->awaited)) {
    try {
      // What a task waits for has its room from the store already.
      if (r->coming) engine_.expect_value(*r->node, header.bytes + header.message.size());
      where = begin_value(*r->node, header);
      r->landing = where.keep.get();
    } catch (...) { refuse(core, now, header.request, header.id, std::current_exception()); }
    return where;
  }
  // No task has asked for it: its type is not known.
  r->copy = std::make_shared<std::vector<std::vector<std::byte>>>();
  r->copy->emplace_back(header.message.begin(), header.message.end());
  for (const std::uint64_t size : header.attachments) {
    r->copy->push_back(detail::unwritten<std::vector<std::byte>>(size));
    where.places.emplace_back(r->copy->back());
  }
  r->schema = header.schema;
  where.wanted = true;
  where.keep = r->copy;
  r->landing = where.keep.get();
  return where;
}

void task_host::refuse(worker_core& core, time_ns now, std::uint64_t request, task_id value, std::exception_ptr why) {
  if (!core.fetches().expects(request, value)) return core.not_there(now, request, value, true);
  record* const r = look(value);
  if (!r || r->landing) return core.not_there(now, request, value, true);  // what lands may yet be taken
  if (r->coming) {                                                         // its task fails by that
    fail_unmade(r->id, r->attempt, text_of(why));
    return core.not_there(now, request, value, true);
  }
  if (r->awaited)
    std::exchange(r->awaited, nullptr)->fail(std::move(why));
  else
    log_refusal(why);
  core.not_taken(request, value);
}

void task_host::landed(worker_core& core, time_ns now, std::uint64_t request, task_id value,
                       const value_landing& where) {
  record* const r = look(value, where);
  if (r && core.fetched(request, value, r->bytes)) {
    if (where.node) complete_value(*where.node);
    return r->coming ? take_offered(core, *r) : arrived(*r);
  }
  cut_off(value, where);
  if (!r) core.not_there(now, request, value, true);
}

/// All of it is there: from now on it is a task's value like others, and the core hears of the task's end.
void task_host::take_offered(worker_core& core, record& r) {
  r.landing = nullptr;
  r.coming = false;
  engine_.adopt_expected(*r.node);
  const record whole = r;  // the core may drop it
  const node& n = *whole.node;
  tell_end(core, whole, *whole.node, 0, n.stored ? n.stored->bytes() : 0);
}

void task_host::arrived(record& r) {
  r.landing = nullptr;
  r.here = true;
  if (!r.awaited) return;
  if (r.copy) return decode_copy(r);
  std::exchange(r.awaited, nullptr)->done.set();
}

void task_host::cut_off(task_id value, const value_landing& where) {
  if (record* r = look(value, where)) {
    r->landing = nullptr;
    r->copy.reset();
  }
  if (where.node) abandon_value(*where.node);
}

/// The first task asks for a copy that came before it. One that cannot be decoded stays: the next task that asks
/// fails by it too.
void task_host::decode_copy(record& r) {
  const auto copy = std::exchange(r.copy, nullptr);
  value_arrival& waits = *std::exchange(r.awaited, nullptr);
  try {
    if (r.schema != 0 && r.schema != r.node->type->value->schema())
      throw codec_error("weft: a value that came from a peer is of another type than its task's function gives");
    std::vector<std::span<const std::byte>> attachments(copy->begin() + 1, copy->end());
    decoder d(copy->front(), attachments);
    detail::engine::restore_value(*r.node, d);
  } catch (...) {
    waits.error = std::current_exception();
    r.copy = copy;
  }
  waits.done.set();
}

/// Throws codec_error: then it is left as if it had been lost on its way.
void task_host::take_given(record& r) {
  const auto copy = std::exchange(r.copy, nullptr);
  try {
    std::vector<std::span<const std::byte>> attachments(copy->begin() + 1, copy->end());
    decoder d(copy->front(), attachments);
    detail::engine::restore_value(*r.node, d);
    d.finish();
  } catch (...) {
    engine_.abandon(*std::exchange(r.node, nullptr));
    r.copy = copy;
    throw;
  }
  engine_.adopt_made(*r.node);
}

outgoing_value task_host::find(task_id value) {
  record* r = look(value);
  if (!r) return {};
  if (r->copy && !r->landing) return {{}, r->copy, r->schema};
  if (!r->node || r->coming || !r->node->is(node_state::done) || (r->attempt == 0 && !r->here)) return {};
  if (!detail::take_handle(*r->node)) return {};  // the last task that takes it has it
  return {node_handle(r->node), nullptr, r->node->type->value->schema()};
}

void task_host::close(const std::string& why) {
  closed_ = true;
  for (record& r : records_) {
    if (!r.awaited) continue;
    std::exchange(r.awaited, nullptr)->fail(std::make_exception_ptr(std::runtime_error(why)));
  }
}

task<> task_host::end_all(std::mutex& driver) {
  {
    std::lock_guard guard(driver);
    for (const record& r : records_)
      if (r.attempt != 0 && r.node && !r.node->ended()) engine_.cancel(*r.node);
  }
  work_->close();
  co_await work_->none.wait();
  engine_.tell_rests(nullptr);
  std::vector<node*> all;
  {
    std::lock_guard guard(driver);
    for (record& r : records_) {
      if (!r.node) continue;
      if (r.lent) end_loan(r, *r.node);
      all.push_back(std::exchange(r.node, nullptr));
    }
  }
  for (node* n : all) detail::drop_handle(*n);
}

}  // namespace weft::net
