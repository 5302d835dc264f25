#include "worker/leases.hpp"

#include <optional>
#include <string>
#include <utility>

#include "engine/engine.hpp"
#include "engine/failure.hpp"
#include "engine/rank.hpp"
#include "exec/pool_core.hpp"
#include "object/functions.hpp"
#include "object/modules.hpp"
#include "weft/errors.hpp"

namespace weft::net {

using detail::node;
using detail::node_state;

namespace {

class no_inputs final : public detail::input_source {
 public:
  node& take(const detail::remote_type&) override {
    throw codec_error("weft: a call under a lease takes values, and no futures");
  }
  std::size_t left() const noexcept override { return 0; }
};

}  // namespace

/// One lease. The engine tells it of its calls' ends, so it stays until the last of them: `self_` keeps it.
class lease_server::lease final : public detail::node_tracker, public std::enable_shared_from_this<lease> {
 public:
  lease(lease_server& of, const open_lease& m, const client_options& memory)
      : of_(of),
        secret(m.secret),
        slots(m.slots),
        attempt(m.attempt),
        engine_(client(of.pool_, memory).get_engine()) {
    engine_->track_by(this);
    engine_->use_runners(m.slots);
    engine_->submit_beside(of.tasks_);
  }

  bool claim(std::shared_ptr<peer_link> by) {
    std::lock_guard guard(lock_);
    if (to_ || !engine_) return false;
    to_ = std::move(by);
    return true;
  }
  void call(const lease_call& m, std::uint64_t module);
  void cancel(std::uint64_t request);
  /// The link is gone: what came by it is wanted no more, and another may be claimed by.
  void let_go();
  void close(const std::string& why);

  void began(node&) noexcept override {}
  void ended(node& n, std::uint64_t ran) noexcept override;

 private:
  struct running {
    node* of;  // a reference
    std::uint64_t module, offset;
  };
  void forget(std::uint64_t request, node& n) noexcept;
  void fail(std::uint64_t request, std::string_view type, const std::string& why) noexcept;
  std::vector<node*> take_all();
  static void cancel_all(detail::engine& e, const std::vector<node*>& all) noexcept;

  lease_server& of_;

 public:
  const std::uint64_t secret;
  const std::uint32_t slots, attempt;

 private:
  std::mutex lock_;
  std::shared_ptr<detail::engine> engine_;  // null: closed
  std::shared_ptr<peer_link> to_;
  std::unordered_map<std::uint64_t, running> running_;  // by request: those whose ends are told
  std::size_t in_engine_ = 0;
  std::shared_ptr<lease> self_;
};

void lease_server::lease::call(const lease_call& m, std::uint64_t module) {
  std::shared_ptr<detail::engine> engine;
  {
    std::lock_guard guard(lock_);
    if (running_.contains(m.request))
      throw protocol_error("weft: call " + std::to_string(m.request) + " of a lease came twice");
    engine = engine_;
  }
  node* n = nullptr;
  bool counted = false;
  try {
    if (!engine) throw std::runtime_error("weft: the lease has ended");
    of_.tasks_.memory().check_not_full();
    const detail::portable_entry* entry = detail::find_entry({module, m.function.offset});
    if (!entry)
      throw codec_error(
          detail::find_module(module)
              ? "weft: the worker's program has no such function: the call does not come from this build"
              : "weft: the worker does not run the client's program: start workers of the same build");
    no_inputs inputs;
    decoder d(m.call);
    n = entry->make(*engine, d, inputs);
    d.finish();
    if (!n->type->run) throw codec_error("weft: a call under a lease is a value, and no call");
    n->number = m.request;
    n->rank = detail::rank_of(0, m.request);
    n->tracked = true;
    {
      std::lock_guard guard(lock_);
      if (running_.size() >= of_.limits_.calls)
        throw std::runtime_error("weft: " + std::to_string(running_.size()) + " calls of this lease have not ended");
      n->counts.fetch_add(node::one_reference, std::memory_order_relaxed);
      running_.emplace(m.request, running{n, module, m.function.offset});
      if (in_engine_++ == 0) self_ = shared_from_this();
      of_.calls_->enter();
      counted = true;
    }
    engine->submit(*n);
  } catch (const std::exception& error) {
    if (counted) forget(m.request, *n);  // the engine has not taken it
    if (n) engine->abandon(*n);
    const bool full = dynamic_cast<const overloaded*>(&error) != nullptr;
    fail(m.request, full ? "weft::overloaded" : "weft::codec_error", error.what());
  }
}

/// As if it had never been counted.
void lease_server::lease::forget(std::uint64_t request, node& n) noexcept {
  std::shared_ptr<lease> keep;
  bool was = false;
  {
    std::lock_guard guard(lock_);
    if (--in_engine_ == 0) keep = std::move(self_);
    const auto at = running_.find(request);
    was = at != running_.end() && at->second.of == &n;
    if (was) running_.erase(at);
  }
  if (was) detail::engine::drop_reference(n);
  of_.calls_->leave();
}

void lease_server::lease::fail(std::uint64_t request, std::string_view type, const std::string& why) noexcept {
  std::shared_ptr<peer_link> to;
  {
    std::lock_guard guard(lock_);
    to = to_;
  }
  if (!to) return;
  lease_result m{};
  m.request = request;
  m.end = static_cast<std::uint32_t>(call_end::failed);
  m.type = type;
  m.text = why;
  to->send(m);
}

/// The value is in memory: the store does not know of it before those who wait are told.
void lease_server::lease::ended(node& n, std::uint64_t ran) noexcept {
  std::shared_ptr<lease> keep;
  std::shared_ptr<peer_link> to;
  const std::shared_ptr<outstanding> count = of_.calls_;
  std::optional<running> was;
  {
    std::lock_guard guard(lock_);
    if (--in_engine_ == 0) keep = std::move(self_);
    if (const auto at = running_.find(n.number); at != running_.end() && at->second.of == &n) {
      was = at->second;
      running_.erase(at);
      to = to_;
    }
  }
  if (was) {
    lease_result m{};
    m.request = n.number;
    encoder value(encoder::buffers::copied);
    detail::remote_failure why;
    std::string path;
    const auto failed = [&] {
      m.end = static_cast<std::uint32_t>(call_end::failed);
      for (const std::string& key : why.path) path += (path.empty() ? "" : "\n") + key;
      m.function = why.function;
      m.type = why.type;
      m.text = why.text;
      m.path = path;
    };
    if (n.is(node_state::done)) {
      try {
        if (n.has_value) n.type->value->encode(n, value);
        if (value.message().size() > of_.limits_.result_bytes)
          throw codec_error("weft: the result takes " + std::to_string(value.message().size()) +
                            " bytes; a lease brings " + std::to_string(of_.limits_.result_bytes) +
                            " at most: submit the task instead, and its value stays where it is");
        m.value = value.message();
      } catch (const std::exception& e) {
        why = {n.type->function_name(n), "weft::codec_error", e.what(), {detail::key_of(n)}};
        failed();
      }
    } else if (n.is(node_state::failed)) {
      why = detail::describe_failure(n);
      failed();
    } else {
      m.end = static_cast<std::uint32_t>(call_end::cancelled);
    }
    if (to) to->send(m);
    const auto end = static_cast<call_end>(m.end);
    std::lock_guard guard(of_.counts_lock_);
    function_count& c = of_.count_of(was->module, was->offset);
    ++(end == call_end::value ? c.done : end == call_end::failed ? c.failed : c.cancelled);
    if (end == call_end::value) {
      c.nanoseconds += ran * 1000 / of_.pool_.core().ticks_per_us();
      c.bytes += m.value.size();
    }
  }
  if (was) detail::engine::drop_reference(n);
  count->leave();
}

void lease_server::lease::cancel(std::uint64_t request) {
  std::vector<node*> one;
  std::shared_ptr<detail::engine> engine;
  {
    std::lock_guard guard(lock_);
    const auto at = running_.find(request);
    if (at == running_.end() || !engine_) return;  // it has ended
    one.push_back(at->second.of);
    one.front()->counts.fetch_add(node::one_reference, std::memory_order_relaxed);
    engine = engine_;
  }
  cancel_all(*engine, one);
}

std::vector<node*> lease_server::lease::take_all() {
  std::vector<node*> all;
  for (const auto& [request, r] : running_) all.push_back(r.of);
  running_.clear();
  return all;
}

void lease_server::lease::cancel_all(detail::engine& e, const std::vector<node*>& all) noexcept {
  for (node* n : all) {
    if (!n->ended()) e.cancel(*n);
    detail::engine::drop_reference(*n);
  }
}

void lease_server::lease::let_go() {
  std::vector<node*> all;
  std::shared_ptr<detail::engine> engine;
  {
    std::lock_guard guard(lock_);
    to_ = nullptr;
    all = take_all();
    engine = engine_;
  }
  if (engine) cancel_all(*engine, all);
}

void lease_server::lease::close(const std::string& why) {
  std::vector<node*> all;
  std::shared_ptr<detail::engine> engine;
  std::shared_ptr<peer_link> to;
  {
    std::lock_guard guard(lock_);
    to = std::move(to_);
    all = take_all();
    engine = std::move(engine_);
  }
  if (engine) cancel_all(*engine, all);
  if (to) to->close(bye_code::finished, why);
}

// ---- links -------------------------------------------------------------------------------------------------------

class lease_server::claimed_link final : public link_handler {
 public:
  claimed_link(std::weak_ptr<lease_server> of, std::uint64_t module, std::shared_ptr<link_handler> other)
      : of_(std::move(of)), other_(std::move(other)) {
    modules_.push_back(module);
  }

  void received(peer_link& from, std::span<const std::byte> messages) override {
    batch_reader batch(messages);
    std::uint16_t kind = 0;
    if (!begun_) {
      batch_reader first(messages);
      begun_ = true;
      if (first.next(kind) && kind == static_cast<std::uint16_t>(message_kind::lease_claim)) other_ = nullptr;
    }
    if (other_) return other_->received(from, messages);
    const auto s = of_.lock();
    if (!s) return;
    while (batch.next(kind)) {
      switch (static_cast<message_kind>(kind)) {
        case message_kind::lease_call: {
          const auto m = batch.get<lease_call>();
          if (m.function.module >= modules_.size())
            throw protocol_error("weft: a call names module " + std::to_string(m.function.module) +
                                 ", which is not defined");
          claimed().call(m, modules_[m.function.module]);
          break;
        }
        case message_kind::lease_cancel:
          claimed().cancel(batch.get<lease_cancel>().request);
          break;
        case message_kind::define_module: {
          const auto m = batch.get<define_module>();
          if (m.index != modules_.size() || m.index >= s->limits_.modules)
            throw protocol_error("weft: a client defines module " + std::to_string(m.index) + " behind " +
                                 std::to_string(modules_.size()) + " others");
          modules_.push_back(detail::module_key(m.build_id));
          break;
        }
        case message_kind::lease_claim:
          if (lease_) throw protocol_error("weft: a link was claimed for a lease twice");
          lease_ = s->claim(batch.get<lease_claim>(), from.shared_from_this());
          break;
        default:
          throw protocol_error("weft: a client that holds a lease sent a message of kind " + std::to_string(kind));
      }
    }
  }
  std::span<std::byte> place(peer_link& l, std::uint64_t stream, std::uint64_t offset, std::size_t bytes) override {
    return other_ ? other_->place(l, stream, offset, bytes) : std::span<std::byte>();
  }
  void chunk(peer_link& l, std::uint64_t stream, std::uint64_t offset, std::span<const std::byte> bytes) override {
    if (other_) other_->chunk(l, stream, offset, bytes);
  }
  void interrupted(peer_link& l) override {
    if (other_) other_->interrupted(l);
  }
  void resumed(peer_link& l) override {
    if (other_) other_->resumed(l);
  }
  void ended(peer_link& l, const std::string& reason, bool in_order) override {
    if (other_) return other_->ended(l, reason, in_order);
    if (const auto mine = std::exchange(lease_, nullptr)) mine->let_go();
  }

 private:
  lease& claimed() {
    if (!lease_) throw protocol_error("weft: a call came on a link that was not claimed for a lease");
    return *lease_;
  }

  const std::weak_ptr<lease_server> of_;
  std::shared_ptr<link_handler> other_;
  std::shared_ptr<lease> lease_;
  std::vector<std::uint64_t> modules_;  // keys, by the link's numbers
  bool begun_ = false;
};

// ---- the leases --------------------------------------------------------------------------------------------------

lease_server::lease_server(pool& p, detail::engine& of_tasks, std::uint64_t module, client_options memory,
                           const lease_limits& limits)
    : pool_(p), tasks_(of_tasks), module_(module), memory_(std::move(memory)), limits_(limits) {}

lease_server::~lease_server() = default;

std::shared_ptr<link_handler> lease_server::serve(std::shared_ptr<link_handler> other) {
  return std::make_shared<claimed_link>(weak_from_this(), module_, std::move(other));
}

void lease_server::told(std::uint16_t kind, const batch_reader& batch, batch_writer& out) {
  switch (static_cast<message_kind>(kind)) {
    case message_kind::open_lease:
      return begin(batch.get<open_lease>(), out);
    case message_kind::close_lease: {
      const auto m = batch.get<close_lease>();
      std::shared_ptr<lease> old;
      {
        std::lock_guard guard(lock_);
        const auto at = leases_.find(m.lease);
        if (at == leases_.end() || at->second->attempt != m.attempt) return;
        old = std::move(at->second);
        leases_.erase(at);
      }
      old->close("the lease has ended");
      return share_threads();
    }
    default:
      throw protocol_error("weft: the scheduler sent a worker a message of kind " + std::to_string(kind) +
                           " about leases");
  }
}

void lease_server::begin(const open_lease& m, batch_writer& out) {
  {
    std::lock_guard guard(lock_);
    if (closed_) return;
    if (leases_.contains(m.lease))
      throw protocol_error("weft: the scheduler opened lease " + std::to_string(m.lease) + " twice");
    if (m.slots == 0 || m.slots > pool_.size())
      throw protocol_error("weft: the scheduler opened a lease of " + std::to_string(m.slots) + " slots");
    leases_.emplace(m.lease, std::make_shared<lease>(*this, m, memory_));
  }
  share_threads();
  lease_opened answer{};
  answer.lease = m.lease;
  answer.attempt = m.attempt;
  out.add(answer);
}

std::shared_ptr<lease_server::lease> lease_server::claim(const lease_claim& m, std::shared_ptr<peer_link> by) {
  std::lock_guard guard(lock_);
  const auto at = leases_.find(m.lease);
  // Who tries secrets is not told which leases there are.
  if (at == leases_.end() || at->second->secret != m.secret)
    throw protocol_error("weft: there is no such lease here (any more)");
  if (!at->second->claim(std::move(by))) throw protocol_error("weft: the lease is claimed already");
  return at->second;
}

std::uint32_t lease_server::slots() const {
  std::lock_guard guard(lock_);
  std::uint32_t all = 0;
  for (const auto& [id, l] : leases_) all += l->slots;
  return all;
}

/// The worker's tasks have the threads that are not leased.
void lease_server::share_threads() {
  const std::size_t leased = slots();
  tasks_.use_runners(pool_.size() - std::min<std::size_t>(leased, pool_.size()));
}

lease_server::function_count& lease_server::count_of(std::uint64_t module, std::uint64_t offset) {
  // What is beyond the limit is counted together.
  if (counted_ >= limits_.functions && !counts_[module].contains(offset)) offset = 0;
  const auto [at, made] = counts_[module].try_emplace(offset);
  counted_ += made;
  return at->second;
}

void lease_server::report(batch_writer& out) {
  std::lock_guard guard(counts_lock_);
  for (const auto& [module, functions] : counts_) {
    const detail::module* known = detail::find_module(module);
    for (const auto& [offset, c] : functions) {
      leased_report m{};
      m.offset = offset;
      m.done = c.done;
      m.failed = c.failed;
      m.cancelled = c.cancelled;
      m.nanoseconds = c.nanoseconds;
      m.bytes = c.bytes;
      if (known) m.build_id = known->build_id;
      out.add(m);
    }
  }
  counts_.clear();
  counted_ = 0;
}

void lease_server::close() {
  std::unordered_map<lease_id, std::shared_ptr<lease>> all;
  {
    std::lock_guard guard(lock_);
    closed_ = true;
    all.swap(leases_);
  }
  for (const auto& [id, l] : all) l->close("the worker ends");
  tasks_.use_runners(pool_.size());
}

task<> lease_server::end_all(std::shared_ptr<lease_server> self) {
  self->calls_->close();
  co_await self->calls_->none.wait();
}

}  // namespace weft::net
