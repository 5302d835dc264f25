#include "client/held_lease.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "client/lines.hpp"
#include "engine/engine.hpp"
#include "env/secret.hpp"
#include "exec/pool_core.hpp"
#include "object/functions.hpp"
#include "object/modules.hpp"
#include "weft/errors.hpp"

namespace weft::net {

using detail::node;

// ---- the desk ----------------------------------------------------------------------------------------------------

namespace {

/// What a client whose tasks are calls of a lease runs them by.
class lease_home final : public detail::remote_home {
 public:
  explicit lease_home(std::shared_ptr<held_lease> of) : of_(std::move(of)) {}
  void check() const override { of_->check(); }
  void submit(node& n) override { of_->submit(n); }
  void cancel(std::uint64_t number) noexcept override { of_->drop(number, nullptr); }
  void retry(std::uint64_t) override { throw misuse("weft: a call under a lease is not run again: call once more"); }
  void release(node& n) noexcept override { of_->drop(n.number, &n); }
  task<> fetch(node&) override {
    throw std::logic_error("weft: the result of a call under a lease has come with its end");
    co_return;
  }
  task<client> lease(detail::lease_terms) override {
    throw misuse("weft: a call under a lease has no client that could lease");
  }
  void replicate(std::uint64_t, std::uint32_t) override { not_of_leases(); }
  void rebalance() override { not_of_leases(); }
  task<cluster_info> look(std::string) override { not_of_leases(); }
  void close() noexcept override { of_->close(); }

 private:
  [[noreturn]] static void not_of_leases() {
    throw misuse("weft: a call under a lease knows nothing of the cluster: ask the client that leases");
  }
  const std::shared_ptr<held_lease> of_;
};

}  // namespace

task<client> lease_desk::lease(std::shared_ptr<lease_desk> self, detail::lease_terms terms) {
  auto held = std::make_shared<held_lease>(self, std::move(terms), self->where_.limits);
  auto home = std::make_unique<lease_home>(held);
  client calls(self->where_.threads, self->where_.memory, std::move(home));
  held->attach(*calls.get_engine());
  held->ask();
  co_await held->ready().wait();  // when this is cancelled the client goes, and gives the lease up
  held->check();
  co_return calls;
}

void lease_desk::request(const std::shared_ptr<held_lease>& by) {
  lease_request m{};
  m.secret = detail::secret(where_.threads.core().env());
  {
    std::lock_guard guard(lock_);
    if (!closed_.empty()) throw std::runtime_error(closed_);
    m.lease = make_task_id(where_.self, ++last_);
    leases_.emplace(m.lease, by);
  }
  m.slots = by->terms.slots;
  m.resources = by->terms.resources;
  bool over = false;
  {
    std::lock_guard guard(by->lock_);
    over = !by->over_.empty();  // it was given up between one worker and the next
    by->id_ = m.lease;
    by->secret_ = m.secret;
  }
  if (over) {
    std::lock_guard guard(lock_);
    leases_.erase(m.lease);
    return;
  }
  where_.scheduler->send(m);
}

void lease_desk::release(lease_id id) {
  {
    std::lock_guard guard(lock_);
    if (leases_.erase(id) == 0) return;
  }
  lease_release m{};
  m.lease = id;
  where_.scheduler->send(m);
}

std::shared_ptr<held_lease> lease_desk::find(lease_id id) {
  std::lock_guard guard(lock_);
  const auto at = leases_.find(id);
  return at == leases_.end() ? nullptr : at->second.lock();
}

void lease_desk::received(std::span<const std::byte> messages) {
  batch_reader batch(messages);
  std::uint16_t kind = 0;
  while (batch.next(kind)) {
    if (!is_of_leases(kind)) continue;
    if (kind == static_cast<std::uint16_t>(message_kind::lease_granted)) {
      const auto m = batch.get<lease_granted>();
      if (const auto l = find(m.lease)) l->granted(m);
    } else if (kind == static_cast<std::uint16_t>(message_kind::lease_lost)) {
      const auto m = batch.get<lease_lost>();
      if (const auto l = find(m.lease)) l->lost(std::string(m.text.data(), m.text.size()));
    } else {
      throw protocol_error("weft: the scheduler sent a client a message of kind " + std::to_string(kind) +
                           " about leases");
    }
  }
}

void lease_desk::close(const std::string& why) {
  std::vector<std::shared_ptr<held_lease>> all;
  {
    std::lock_guard guard(lock_);
    if (!closed_.empty()) return;
    closed_ = why;
    for (const auto& [id, l] : leases_)
      if (auto there = l.lock()) all.push_back(std::move(there));
    leases_.clear();
  }
  for (const auto& l : all) l->over(why);
}

// ---- one lease ---------------------------------------------------------------------------------------------------

class held_lease::worker_link final : public link_handler {
 public:
  worker_link(std::shared_ptr<held_lease> of, std::uint64_t turn) : of_(std::move(of)), turn_(turn) {}
  void received(peer_link&, std::span<const std::byte> messages) override { of_->received(turn_, messages); }
  void ended(peer_link&, const std::string& reason, bool) override {
    of_->broken(turn_, reason);
    of_.reset();  // it holds the link, which holds this
  }

 private:
  std::shared_ptr<held_lease> of_;
  const std::uint64_t turn_;
};

held_lease::held_lease(std::shared_ptr<lease_desk> desk, detail::lease_terms t, const held_lease_limits& limits)
    : terms(std::move(t)), desk_(std::move(desk)), limits_(limits) {}

void held_lease::ask() { desk_->request(shared_from_this()); }

void held_lease::check() const {
  std::lock_guard guard(lock_);
  if (!over_.empty()) throw std::runtime_error(over_);
  if (kept_bytes_ > limits_.kept_bytes)
    throw overloaded("weft: the " + std::to_string(calls_.size()) + " calls of a lease that have not ended take " +
                     std::to_string(kept_bytes_) + " bytes; at most " + std::to_string(limits_.kept_bytes) +
                     " are kept: await some of them, then make the others");
  if (kept_bytes_ + cancelled_bytes_ <= limits_.kept_bytes) return;
  cancelled_bytes_ = link_ ? link_->unsent_bytes() : 0;
  if (cancelled_bytes_ > limits_.kept_bytes)
    throw overloaded("weft: " + std::to_string(cancelled_bytes_) +
                     " bytes of calls of a lease, and of those that were cancelled, wait to be sent to " + worker_ +
                     "; at most " + std::to_string(limits_.kept_bytes) +
                     " may: await some of the calls, then make the others");
}

void held_lease::granted(const lease_granted& m) {
  std::uint64_t turn = 0;
  {
    std::lock_guard guard(lock_);
    if (!over_.empty() || m.lease != id_) return;
    turn = ++turn_;
    worker_.assign(m.name.begin(), m.name.end());
  }
  desk_->where_.threads.spawn(dial(shared_from_this(), std::string(m.address.data(), m.address.size()), turn),
                              priority::interactive);
}

task<> held_lease::dial(std::shared_ptr<held_lease> self, std::string address, std::uint64_t turn) {
  const lease_desk::place& where = self->desk_->where_;
  auto handler = std::make_shared<worker_link>(self, turn);
  link_options options = where.link;
  options.try_for = options.connect_within;
  options.wanted = peer_role::worker;
  std::string why;
  try {
    net::address to = parse_address(address, where.who.bare());
    auto made = co_await peer_link::dial(where.threads, std::move(to), where.who, where.own, options, handler);
    self->connected(turn, std::move(made));
    co_return;
  } catch (const std::exception& e) { why = e.what(); }
  self->broken(turn, why);
}

void held_lease::connected(std::uint64_t turn, std::shared_ptr<peer_link> made) {
  {
    std::lock_guard guard(lock_);
    if (over_.empty() && turn == turn_) {
      link_ = made;
      cancelled_bytes_ = 0;
      modules_.assign(1, detail::module_key(desk_->where_.own.build_id));
      made->send_with([&](batch_writer& to) {
        lease_claim m{};
        m.lease = id_;
        m.secret = secret_;
        to.add(m);
        for (auto& [request, c] : calls_) {
          write(to, request, c);
          c.sent = true;
        }
      });
      made = nullptr;
    }
  }
  if (made) return made->close(bye_code::finished, "the lease has ended");
  ready_.set();
}

/// Under the lock. Modules are defined before they are named.
void held_lease::write(batch_writer& to, std::uint64_t request, const call& c) {
  const auto at = std::find(modules_.begin(), modules_.end(), c.module);
  lease_call m{};
  m.request = request;
  m.function.offset = c.offset;
  m.function.module = static_cast<std::uint32_t>(at - modules_.begin());
  if (at == modules_.end()) {
    const detail::module* known = detail::find_module(c.module);
    define_module d{};
    d.index = m.function.module;
    d.build_id = known->build_id;
    d.name = known->path;
    to.add(d);
    modules_.push_back(c.module);
  }
  m.call = c.bytes;
  to.add(m);
}

void held_lease::submit(node& n) {
  std::uint64_t request = 0;
  {
    std::lock_guard guard(lock_);
    request = n.number = ++last_;
  }
  engine_->announce(n);
  if (n.input_count != 0 || !n.type->run)
    throw misuse("weft: a call under a lease takes values: await the future, and give what it has");
  const detail::portable_call& how = *n.type->portable(n);
  encoder e(encoder::buffers::copied);
  const std::uint64_t module = detail::module_key(desk_->where_.own.build_id);
  if (module != detail::program_module().key()) e.only_functions_of(module);
  const detail::entry_name name = detail::name_of(*how.entry, e.only_functions_of());
  how.encode(n, e);
  const auto bytes = e.message();
  if (bytes.size() > limits_.call_bytes)
    throw codec_error("weft: the arguments take " + std::to_string(bytes.size()) + " bytes; a lease carries " +
                      std::to_string(limits_.call_bytes) + " at most: submit the task instead");
  std::unique_lock guard(lock_);
  if (!over_.empty()) throw std::runtime_error(over_);
  call& c = calls_[request];
  c = {&n, name.module, name.offset, std::vector<std::byte>(bytes.begin(), bytes.end()), link_ != nullptr};
  kept_bytes_ += size_of(c);
  if (!link_) return;
  if (c.module != modules_.front()) {
    link_->send_with([&](batch_writer& to) { write(to, request, c); });
    return;
  }
  // Sent without the lock: others need not wait for the system call.
  const std::shared_ptr<peer_link> to = link_;
  guard.unlock();
  lease_call m{};
  m.request = request;
  m.function.offset = name.offset;
  m.call = bytes;
  to->send(m);
}

void held_lease::drop(std::uint64_t request, const node* of) noexcept {
  std::shared_ptr<peer_link> to;
  {
    std::lock_guard guard(lock_);
    const auto at = calls_.find(request);
    if (at == calls_.end() || (of && at->second.node != of)) return;
    if (at->second.sent) to = link_;
    if (to) cancelled_bytes_ += size_of(at->second) + size_of({});
    erase(at);
  }
  if (!to) return;
  lease_cancel m{};
  m.request = request;
  to->send(m);
}

// ---- ends --------------------------------------------------------------------------------------------------------

void held_lease::received(std::uint64_t turn, std::span<const std::byte> messages) {
  {
    std::lock_guard guard(lock_);
    if (turn != turn_) return;
  }
  batch_reader batch(messages);
  std::uint16_t kind = 0;
  while (batch.next(kind)) {
    if (kind != static_cast<std::uint16_t>(message_kind::lease_result))
      throw protocol_error("weft: a worker that is leased sent a message of kind " + std::to_string(kind));
    ended(batch.get<lease_result>());
  }
}

void held_lease::ended(const lease_result& m) {
  node* n = nullptr;
  {
    std::lock_guard guard(lock_);
    if (m.request > last_)
      throw protocol_error("weft: a worker answers call " + std::to_string(m.request) +
                           " of a lease, which has made " + std::to_string(last_));
    lost_in_a_row_ = 0;
    const auto at = calls_.find(m.request);
    if (at == calls_.end()) return;  // it was cancelled
    if (detail::take_reference(*at->second.node)) n = at->second.node;
    erase(at);
  }
  if (!n) return;
  switch (static_cast<call_end>(m.end)) {
    case call_end::value: {
      decoder d(m.value);
      engine_->remote_done(*n, m.value.size(), &d);
      break;
    }
    case call_end::failed:
      engine_->remote_failed(*n, {text_of(m.function), text_of(m.type), text_of(m.text), lines_of(m.path)});
      break;
    default:
      engine_->remote_cancelled(*n);
  }
  detail::engine::drop_reference(*n);
}

/// What is left to do, without the lock, when a worker has been left.
struct held_lease::departure {
  std::shared_ptr<peer_link> link;
  std::vector<node*> failed;  // references of the calls that must not run again
  std::string why;
};

/// Under the lock: there is no worker from now on.
held_lease::departure held_lease::leave_worker(const std::string& why) {
  departure d{std::move(link_),
              {},
              "weft: the call may have begun when its lease was lost: " + why + "; it may not run twice"};
  ++turn_;
  for (auto at = calls_.begin(); at != calls_.end();) {
    call& c = at->second;
    if (!std::exchange(c.sent, false) || !terms.once) {
      ++at;
      continue;
    }
    if (detail::take_reference(*c.node)) d.failed.push_back(c.node);
    at = erase(at);
  }
  return d;
}

void held_lease::depart(departure d) noexcept {
  if (d.link) d.link->close(bye_code::finished, "the lease was lost");
  fail(d.failed, "weft::lost", d.why);
}

void held_lease::fail(const std::vector<node*>& all, const std::string& type, const std::string& why) noexcept {
  for (node* n : all) {
    engine_->remote_failed(*n, {n->type->function_name(*n), type, why, {}});
    detail::engine::drop_reference(*n);
  }
}

void held_lease::lost(const std::string& why) {
  departure d;
  {
    std::lock_guard guard(lock_);
    if (!over_.empty()) return;
    d = leave_worker(why);
  }
  depart(std::move(d));
}

/// The link has ended, or could not be made, and the scheduler has said nothing (yet): another lease is asked for.
void held_lease::broken(std::uint64_t turn, const std::string& why) {
  lease_id old = 0;
  std::string text;
  departure d;
  {
    std::lock_guard guard(lock_);
    if (!over_.empty() || turn != turn_) return;
    old = std::exchange(id_, 0);  // another grant of it comes too late
    if (++lost_in_a_row_ > limits_.lost)
      text = "weft: leased workers cannot be called, the last was " + worker_ + ": " + why;
    d = leave_worker("the link with " + worker_ + " has ended: " + why);
  }
  depart(std::move(d));
  desk_->release(old);
  if (!text.empty()) return over(text);
  try {
    ask();
  } catch (const std::exception& e) { over(e.what()); }
}

void held_lease::over(const std::string& why) {
  std::shared_ptr<peer_link> link;
  std::vector<node*> all;
  {
    std::lock_guard guard(lock_);
    if (!over_.empty()) return;
    over_ = why;
    ++turn_;
    link = std::move(link_);
    for (const auto& [request, c] : calls_)
      if (detail::take_reference(*c.node)) all.push_back(c.node);
    calls_.clear();
    kept_bytes_ = 0;
  }
  ready_.set();
  if (link) link->close(bye_code::finished, "the lease has ended");
  fail(all, "weft::cluster_lost", why);
}

void held_lease::close() noexcept {
  std::shared_ptr<peer_link> link;
  std::vector<node*> all;
  lease_id id = 0;
  {
    std::lock_guard guard(lock_);
    if (over_.empty()) over_ = "weft: the lease has ended";
    ++turn_;
    id = id_;
    link = std::move(link_);
    for (const auto& [request, c] : calls_)
      if (detail::take_reference(*c.node)) all.push_back(c.node);
    calls_.clear();
    kept_bytes_ = 0;
  }
  if (link) link->close(bye_code::finished, "the lease has ended");
  desk_->release(id);
  for (node* n : all) {
    engine_->remote_cancelled(*n);
    detail::engine::drop_reference(*n);
  }
}

}  // namespace weft::net
