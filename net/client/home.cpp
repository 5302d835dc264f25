#include "client/home.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "client/lines.hpp"
#include "engine/rank.hpp"
#include "object/functions.hpp"
#include "object/modules.hpp"
#include "weft/detail/task_details.hpp"
#include "weft/errors.hpp"

namespace weft::net {

using detail::node;
using detail::node_state;

namespace {

/// Options that a session can refer to at a time; the oldest makes room.
constexpr std::uint32_t most_options = 1024;
/// Bytes of messages that are not left to gather more.
constexpr std::size_t much_output = std::size_t{64} << 10;
/// Of those that wait for the link: they lie in pieces of this size.
constexpr std::size_t waiting_piece = std::size_t{1} << 20;

std::unique_ptr<detail::remote_failure> because(std::string function, std::string type, std::string what,
                                                std::vector<std::string> path) {
  return std::make_unique<detail::remote_failure>(
      detail::remote_failure{std::move(function), std::move(type), std::move(what), std::move(path)});
}

}  // namespace

client_home::client_home(peer_id self, std::unique_ptr<client_links> links, const client_limits& limits)
    : self_(self),
      links_(std::move(links)),
      most_message_(limits.message),
      graphs_(limits.graphs),
      offered_bytes_(limits.offered_bytes),
      secret_(limits.secret),
      only_(limits.module == detail::program_module().key() ? 0 : limits.module),
      core_(self, static_cast<client_host&>(*this), limits),
      most_waiting_(limits.waiting_bytes) {
  modules_.push_back(only_ != 0 ? only_ : detail::program_module().key());
  call_.only_functions_of(only_);
}

client_home::~client_home() = default;

// ---- submission --------------------------------------------------------------------------------------------------

void client_home::check() const {
  if (!trouble_.load(std::memory_order_acquire)) return;
  std::lock_guard guard(lock_);
  if (!lost_.empty()) throw std::runtime_error(lost_);
  if (too_much_waits())
    throw overloaded("weft: " + std::to_string(waiting_bytes_) +
                     " bytes of tasks wait for the scheduler, which takes them more slowly than they are submitted, "
                     "or is away; at most " +
                     std::to_string(most_waiting_) +
                     " may (client_options.most_unsent): await some of what was submitted, then submit the rest");
}

void client_home::check_lost() const {
  if (!trouble_.load(std::memory_order_acquire)) return;
  std::lock_guard guard(lock_);
  if (!lost_.empty()) throw std::runtime_error(lost_);
}

void client_home::limit_waiting(std::uint64_t bytes) {
  std::lock_guard guard(lock_);
  most_waiting_ = bytes;
  note_trouble();
}

/// Bytes of a call whose task has so many inputs. A message that is too large would end the session, and with it the
/// tasks of others.
std::size_t client_home::most_call(std::size_t inputs) const noexcept {
  // It goes on to a worker with more about each input, and with small ones themselves.
  constexpr std::size_t given = std::size_t{64} << 10, rest = 256;
  const std::size_t more = inputs * sizeof(input_ref) + sizeof(run_record) + given + rest;
  return more < most_message_ ? most_message_ - more : 0;
}

void client_home::check_size(const node& n) const {
  const std::size_t most = most_call(n.input_count);
  if (call_.message().size() <= most) return;
  const std::string limit = std::to_string(call_.message().size()) + " bytes, and at most " + std::to_string(most);
  if (n.type->run)
    throw std::length_error("weft: the arguments of " + detail::key_of(n) + " take " + limit +
                            " can travel with a task: scatter the large ones, or let tasks make them");
  throw std::length_error("weft: a value that is scattered takes " + limit +
                          " can travel through the scheduler: scatter it in parts, or let a task read or make it");
}

/// How many bytes a value has, encoded, that is offered; 0: it is not, and goes along with the message. What an await
/// cannot copy is not: while it is on its way the client's own handle would keep it from being moved. It is encoded
/// to see that it can be; attachments are left where they are.
std::uint64_t client_home::offered_bytes(const node& n, const detail::portable_call& how) const {
  const detail::value_type& value = *n.type->value;
  if (offered_bytes_ == 0 || !how.entry->value || !value.copies || value.small) return 0;
  try {
    if (value.bytes(n) < offered_bytes_) return 0;
  } catch (...) {  // weft_owned_bytes of its type: it counts as nothing, as for the engine
    return 0;
  }
  encoder e;
  e.only_functions_of(only_);
  value.encode(n, e);
  std::uint64_t bytes = e.message().size();
  for (const buffer& a : e.attachments()) bytes += a.size();
  return bytes < offered_bytes_ ? 0 : bytes;
}

/// Under the lock, into inputs_. What was not taken on has no number that others could name: they fail as it did.
void client_home::name_inputs(node& n) {
  inputs_.clear();
  for (std::uint32_t i = 0; i < n.input_count; ++i) {
    const node& from = *n.inputs[i].from;
    const entry* e = entries_.find(from.number);
    if (e && e->node == &from) {
      inputs_.push_back(id_of(from.number));
      continue;
    }
    n.number = 0;  // nor has this one
    if (from.ended()) detail::throw_failure(from);
    throw misuse("weft: an input of " + detail::key_of(n) + " is no task of this client");
  }
}

std::uint32_t client_home::module_index(std::uint64_t key) {
  for (std::size_t i = 0; i < modules_.size(); ++i)
    if (modules_[i] == key) return static_cast<std::uint32_t>(i);
  const detail::module* m = detail::find_module(key);
  define_module d{};
  d.index = static_cast<std::uint32_t>(modules_.size());
  d.build_id = m->build_id;
  d.name = m->path;
  core_.out().add(d);
  modules_.push_back(key);
  return d.index;
}

std::uint32_t client_home::options_index(const detail::task_details* d) {
  if (!d) return 0;
  std::string resources;
  for (const auto& [name, amount] : d->resources)
    resources += (resources.empty() ? "" : " ") + name + "=" + detail::amount_text(amount);
  std::string key = d->name + '\n' + resources + '\n' + d->workers + '\n' + d->hosts + '\n' +
                    (d->allow_other_workers ? "l" : "s") + std::to_string(d->time_limit.count()) + '\n' +
                    std::to_string(d->memory);
  if (const auto at = options_.find(key); at != options_.end()) return at->second;
  const std::uint32_t index = next_options_;
  next_options_ = next_options_ % most_options + 1;
  if (options_of_.size() <= index) options_of_.resize(index + 1);
  options_.erase(options_of_[index]);
  define_options m{};
  m.index = index;
  m.flags = d->allow_other_workers ? loose_restrictions : 0u;
  m.time_limit_ns = d->time_limit.count();
  m.expected_bytes = d->memory;
  m.name = d->name;
  m.resources = resources;
  m.workers = d->workers;
  m.hosts = d->hosts;
  core_.out().add(m);
  options_.emplace(key, index);
  options_of_[index] = std::move(key);
  return index;
}

/// True: it is offered.
bool client_home::submit(node& n, bool may_offer) {
  // Numbers are given in the order of submission, and a task is announced before it can end.
  std::lock_guard order(submit_lock_);
  const auto announce = [&] {
    if (n.type->run) engine_->announce(n);
  };
  const detail::portable_call& how = *n.type->portable(n);
  detail::entry_name name{};
  offered_call offered{0, secret_};
  try {
    name = detail::name_of(*how.entry, only_);
    call_.clear();
    if (may_offer) offered.bytes = offered_bytes(n, how);
    if (offered.bytes == 0) {
      how.encode(n, call_);
      check_size(n);
    }
    check_lost();
    if (offered.bytes != 0) engine_->adopt_value(n);  // before anybody asks for it
    n.number = core_.submitted() + 1;                 // which none but who submits changes
  } catch (...) {
    announce();
    n.number = 0;  // it is no task of the cluster
    throw;
  }
  announce();

  std::unique_lock guard(lock_);
  name_inputs(n);
  submit_task m{};
  m.function = {name.offset, module_index(name.module), 0};
  m.rank = n.rank;
  m.flags = task_wanted | task_inline | (how.waits ? task_waits : 0u) | (how.submits ? task_submits : 0u) |
            (n.type->run ? 0u : task_constant) | (offered.bytes != 0 ? task_offered : 0u);
  m.options = options_index(n.details);
  m.retries = n.retries;
  m.priority = detail::priority_of(n.rank);
  m.inputs = inputs_;
  m.call = offered.bytes != 0 ? std::as_bytes(std::span(&offered, 1)) : call_.message();
  core_.submit(m);
  entry& e = entries_.make(n.number);
  e.node = &n;
  if (!lost_.empty()) throw std::runtime_error(lost_);
  if (offered.bytes != 0) {
    e.kept = true;
    n.counts.fetch_or(node::given_up, std::memory_order_relaxed);
    detail::add_handle(n);
  }
  if (core_.out().size() < much_output) {
    links_->has_output();
  } else {
    // Who submits in a loop leaves nobody else on his thread: the first tasks are to run meanwhile.
    guard.unlock();
    links_->send_now();
  }
  return offered.bytes != 0;
}

bool client_home::take_output(time_ns now, batch_writer& into, std::size_t room) {
  std::lock_guard guard(lock_);
  core_.tick(now);
  batch_writer& out = core_.out();
  if (waiting_.empty() && out.size() <= room) {
    into.append(out);
    return false;
  }
  const bool was_too_much = too_much_waits();
  if (!out.empty()) {
    const std::size_t bytes = out.size();
    if (waiting_.empty() || waiting_.back().size() >= waiting_piece) waiting_.emplace_back();
    waiting_.back().append(out);
    waiting_bytes_ += bytes;
  }
  while (!waiting_.empty() && room != 0) {
    const std::size_t bytes = waiting_.front().size();
    into.append(waiting_.front());
    waiting_.pop_front();
    waiting_bytes_ -= bytes;
    room -= std::min(room, bytes);
  }
  if (too_much_waits() != was_too_much) note_trouble();
  return !waiting_.empty();
}

void client_home::cancel(std::uint64_t number) noexcept {
  std::lock_guard guard(lock_);
  if (closed_ || !lost_.empty()) return;
  const task_id id = id_of(number);
  core_.cancel({&id, 1});
  links_->has_output();
}

void client_home::retry(std::uint64_t number) {
  std::lock_guard guard(lock_);
  if (!lost_.empty()) throw std::runtime_error(lost_);
  const task_id id = id_of(number);
  core_.retry({&id, 1});
  links_->has_output();
}

void client_home::replicate(std::uint64_t number, std::uint32_t copies) {
  std::lock_guard guard(lock_);
  if (!lost_.empty()) throw std::runtime_error(lost_);
  const task_id id = id_of(number);
  core_.replicate({&id, 1}, copies);
  links_->has_output();
}

void client_home::rebalance() {
  std::lock_guard guard(lock_);
  if (!lost_.empty()) throw std::runtime_error(lost_);
  core_.rebalance();
  links_->has_output();
}

std::shared_ptr<question> client_home::ask(std::string_view retire) {
  std::lock_guard guard(lock_);
  if (!lost_.empty()) throw std::runtime_error(lost_);
  auto asked = std::make_shared<question>();
  questions_.emplace(core_.ask(retire), asked);
  links_->has_output();
  return asked;
}

void client_home::release(node& n) noexcept {
  value_arrival* waits = nullptr;
  {
    std::lock_guard guard(lock_);
    entry* e = entries_.find(n.number);
    if (!e || e->node != &n) return;  // it was never submitted
    waits = std::exchange(e->awaited, nullptr);
    gone_.erase(n.number);
    entries_.erase(n.number);
    core_.release(id_of(n.number));
    if (!closed_ && lost_.empty()) links_->has_output();
  }
  if (waits) waits->fail(std::make_exception_ptr(weft::cancelled()));
}

void client_home::only_kept(node& n) noexcept {
  std::lock_guard guard(lock_);
  entry* e = entries_.find(n.number);
  if (!e || e->node != &n || !e->kept || closed_ || !lost_.empty() || std::exchange(e->let_go, true)) return;
  core_.let_go(id_of(n.number));
  links_->has_output();
}

void client_home::close() noexcept {
  {
    std::lock_guard guard(lock_);
    if (std::exchange(closed_, true)) return;
  }
  links_->close();
  lost("weft: this client of the cluster has ended");
}

// ---- what the scheduler says -------------------------------------------------------------------------------------

void client_home::add_news(std::uint64_t number, news n) {
  entry* e = entries_.find(number);
  if (!e || !detail::take_reference(*e->node)) return;
  n.node = e->node;
  if (n.kind == news::what::over) n.kept = std::exchange(e->kept, false);
  news_.push_back(std::move(n));
}

void client_home::let_go(const news& n) noexcept {
  if (n.kept) detail::drop_handle(*n.node);
  detail::engine::drop_reference(*n.node);
}

void client_home::receive(time_ns now, batch_reader& batch) {
  std::vector<news> all, untold;
  std::vector<std::shared_ptr<question>> answered;
  std::exception_ptr broken;
  {
    std::lock_guard guard(lock_);
    if (closed_) return;
    try {
      core_.receive(batch);
      core_.tick(now);
      if (!core_.out().empty()) links_->has_output();
      all.swap(news_);
    } catch (...) {
      broken = std::current_exception();
      untold.swap(news_);
    }
    answered.swap(answered_);
  }
  for (const auto& q : answered) q->over.set();
  for (const news& n : untold) let_go(n);
  if (broken) std::rethrow_exception(broken);
  tell(all);
}

void client_home::finished(task_id task, std::uint64_t bytes, std::span<const std::byte> value) {
  add_news(number_of(task), {news::what::done, nullptr, bytes, !value.empty(), value, nullptr});
}
void client_home::failed(const task_failed& m) {
  // As on one machine: the one whose time is over has timed out, and what needs its value is cancelled.
  if (m.flags & time_is_over) {
    const bool itself = lines_of(m.path).size() <= 1;
    return add_news(number_of(m.id), itself ? news::what::timed_out : news::what::cancelled);
  }
  add_news(number_of(m.id), {news::what::failed,
                             nullptr,
                             0,
                             false,
                             {},
                             because(text_of(m.function), text_of(m.type), text_of(m.text), lines_of(m.path))});
}
void client_home::cancelled(task_id task) { add_news(number_of(task), news::what::cancelled); }
void client_home::restarted(task_id task) { add_news(number_of(task), news::what::restarted); }

void client_home::answered(const cluster_state& what) {
  const auto at = questions_.find(what.request);
  if (at == questions_.end()) return;
  at->second->answer = info_of(what);
  answered_.push_back(std::move(at->second));
  questions_.erase(at);
}

/// A value was lost while it was read, and was made again: it comes along with the end, and not as an answer. What
/// has begun to come all the same is waited for (see cut_off). False: nobody reads it.
bool client_home::give_reading(const news& n) {
  value_arrival* waits = nullptr;
  {
    std::lock_guard guard(lock_);
    entry* e = entries_.find(n.node->number);
    if (!e || !e->awaited) return false;
    if (e->landing) return true;
    waits = std::exchange(e->awaited, nullptr);
    core_.unread(id_of(n.node->number));
  }
  try {
    decoder d(n.value);
    detail::engine::restore_value(*n.node, d);
    d.finish();
  } catch (...) { waits->error = std::current_exception(); }
  waits->done.set();
  return true;
}

void client_home::fail_reading(const node& n, std::exception_ptr why) {
  value_arrival* waits = nullptr;
  {
    std::lock_guard guard(lock_);
    if (entry* e = entries_.find(n.number)) {
      waits = std::exchange(e->awaited, nullptr);
      if (n.is(node_state::done)) gone_.insert_or_assign(n.number, why);
    }
  }
  if (waits) waits->fail(std::move(why));
}

/// Its task runs again.
void client_home::bring_back(const node& n) {
  std::lock_guard guard(lock_);
  gone_.erase(n.number);
}

void client_home::tell(std::vector<news>& all) {
  for (news& n : all) {
    switch (n.kind) {
      case news::what::done:
        if (n.has_value && give_reading(n)) break;
        if (n.has_value || n.node->type->value->schema() == 0) {
          decoder d(n.value);
          engine_->remote_done(*n.node, n.bytes, &d);
        } else {
          engine_->remote_done(*n.node, n.bytes, nullptr);
        }
        break;
      // A value that was there, and is not made again, fails for those who wait for it.
      case news::what::failed:
        fail_reading(*n.node, std::make_exception_ptr(std::runtime_error("weft: the value is lost: " + n.why->text)));
        engine_->remote_failed(*n.node, std::move(*n.why));
        break;
      case news::what::timed_out:
        fail_reading(*n.node, std::make_exception_ptr(weft::timed_out()));
        engine_->remote_timed_out(*n.node);
        break;
      case news::what::cancelled:
        fail_reading(*n.node, std::make_exception_ptr(weft::cancelled()));
        engine_->remote_cancelled(*n.node);
        break;
      case news::what::restarted:
        bring_back(*n.node);
        engine_->restart_remote(*n.node);
        break;
      case news::what::over:
        break;
    }
    let_go(n);
  }
  all.clear();
}

void client_home::lost(const std::string& why) {
  std::vector<news> all;
  std::vector<value_arrival*> waiting;
  std::unordered_map<std::uint64_t, std::shared_ptr<question>> asked;
  {
    std::lock_guard guard(lock_);
    if (!lost_.empty()) return;
    lost_ = why;
    waiting_.clear();
    waiting_bytes_ = 0;
    note_trouble();
    asked.swap(questions_);
    entries_.for_each([&](entry& e) {
      if (e.awaited) waiting.push_back(std::exchange(e.awaited, nullptr));
      if (!detail::take_reference(*e.node)) return;
      all.push_back({closed_ ? news::what::cancelled : news::what::failed,
                     e.node,
                     0,
                     false,
                     {},
                     because({}, "weft::cluster_lost", why, {}),
                     std::exchange(e.kept, false)});
    });
  }
  for (const auto& [request, q] : asked) {
    q->lost = why;
    q->over.set();
  }
  for (value_arrival* a : waiting) a->fail(std::make_exception_ptr(std::runtime_error(why)));
  tell(all);
}

// ---- values ------------------------------------------------------------------------------------------------------

/// A load of the store.
task<> client_home::fetch(node& n) {
  value_arrival here;
  {
    std::lock_guard guard(lock_);
    if (!lost_.empty()) throw std::runtime_error(lost_);
    entry* e = entries_.find(n.number);
    if (!e) throw weft::cancelled();
    if (const auto at = gone_.find(n.number); at != gone_.end()) std::rethrow_exception(at->second);
    e->awaited = &here;
    core_.read(id_of(n.number), fetches_++);
    links_->has_output();  // and a tick, in which fetches begin
  }
  co_await here.done.wait();
  if (here.error) std::rethrow_exception(here.error);
}

expected_value client_home::expected(std::uint64_t request, task_id value) const {
  std::lock_guard guard(lock_);
  return expected_by(core_.fetches(), request, value);
}

void client_home::refuse(time_ns now, std::uint64_t request, task_id value, std::exception_ptr why) {
  value_arrival* waits = nullptr;
  {
    std::lock_guard guard(lock_);
    if (!core_.fetches().expects(request, value)) return core_.not_there(now, request, value, true);
    entry* e = entries_.find(number_of(value));
    const bool landing = e && e->landing;  // another answer may not have been cut off yet
    if (e && !landing) waits = std::exchange(e->awaited, nullptr);
    if (waits) core_.unread(value);
    core_.not_there(now, request, value, landing);
  }
  if (waits) waits->fail(std::move(why));
}

value_landing client_home::land(time_ns now, const value_header& header) {
  value_landing where;
  std::unique_lock guard(lock_);
  where.over = !core_.fetches().under_way(header.request);
  if (!core_.fetches().expects(header.request, header.id)) {
    core_.not_there(now, header.request, header.id, true);  // it may be abandoned, and this was its answer
    return where;
  }
  entry* e = entries_.find(number_of(header.id));
  // Another answer may not have been cut off yet.
  if (!e || !e->awaited || e->landing || !detail::take_reference(*e->node)) {
    core_.not_there(now, header.request, header.id, true);
    return where;
  }
  node* const n = e->node;
  std::exception_ptr failed;
  try {
    where = begin_value(*n, header);
    e->landing = true;
  } catch (...) { failed = std::current_exception(); }
  guard.unlock();  // the node may go, and be released
  if (failed) refuse(now, header.request, header.id, failed);
  detail::engine::drop_reference(*n);
  return where;
}

void client_home::landed(std::uint64_t request, task_id value, value_landing where) {
  value_arrival* waits = nullptr;
  {
    std::lock_guard guard(lock_);
    if (!core_.fetched(request, value)) core_.unread(value);  // the store waits for it whatever the core thinks
    if (entry* e = entries_.find(number_of(value))) {
      waits = std::exchange(e->awaited, nullptr);
      if (waits) e->landing = false;
    }
  }
  if (!waits) return cut_off(std::move(where));  // it has failed meanwhile, and this goes before another may come
  complete_value(*where.node);
  waits->done.set();
}

void client_home::cut_off(value_landing where) {
  abandon_value(*where.node);
  {
    std::lock_guard guard(lock_);
    entry* e = entries_.find(where.node->number);
    if (!e) return;
    e->landing = false;
    // The task may have ended again meanwhile, by a value that was not taken.
    if (!e->awaited) return;
    core_.read(id_of(where.node->number), fetches_++);
    links_->has_output();  // and a tick, as in fetch()
  }
}

void client_home::not_there(time_ns now, std::uint64_t request, task_id value, bool busy) {
  std::lock_guard guard(lock_);
  core_.not_there(now, request, value, busy);
}

void client_home::peer_interrupted(time_ns now, peer_id peer) {
  std::lock_guard guard(lock_);
  core_.peer_interrupted(now, peer);
}

void client_home::peer_resumed(peer_id peer) {
  std::lock_guard guard(lock_);
  core_.peer_resumed(peer);
}

void client_home::peer_lost(time_ns now, peer_id peer) {
  std::lock_guard guard(lock_);
  core_.peer_lost(now, peer);
}

bool client_home::gives(task_id task) {
  const entry* e = entries_.find(number_of(task));
  return e && e->kept && lost_.empty();
}

outgoing_value client_home::find(task_id value) {
  std::lock_guard guard(lock_);
  entry* e = submitter_of(value) == self_ ? entries_.find(number_of(value)) : nullptr;
  if (!e || !e->kept || !detail::take_handle(*e->node)) return {};
  core_.asked_for(value);
  return {node_handle(e->node), nullptr, e->node->type->value->schema()};
}

void client_home::cannot_send(task_id value) {
  std::lock_guard guard(lock_);
  if (closed_ || !lost_.empty()) return;
  core_.cannot_give(value);
  links_->has_output();
}

void client_home::tick(time_ns now) {
  std::lock_guard guard(lock_);
  if (closed_) return;
  core_.tick(now);
  if (!core_.out().empty()) links_->has_output();
}

time_ns client_home::deadline() const {
  std::lock_guard guard(lock_);
  return core_.deadline();
}

void client_home::fetch(peer_id peer, std::uint64_t request, std::span<const task_id> values) {
  links_->fetch(peer, request, values);
}

}  // namespace weft::net
