#include "worker/worker.hpp"

#include <algorithm>
#include <utility>

#include "env/process.hpp"
#include "exec/pool_core.hpp"
#include "object/modules.hpp"
#include "weft/sleep.hpp"
#include "weft/timeout.hpp"

namespace weft::net {

namespace {

/// What tasks submit and await has this part of the budget.
constexpr std::uint64_t submitted_share = 4;
/// And so have the calls of a lease.
constexpr std::uint64_t leased_share = 4;

}  // namespace

// ---- the links ---------------------------------------------------------------------------------------------------

class worker::scheduler_link final : public link_handler {
 public:
  explicit scheduler_link(std::weak_ptr<worker> of) : of_(std::move(of)) {}
  void received(peer_link& from, std::span<const std::byte> messages) override {
    if (const auto w = of_.lock()) w->from_scheduler(from, messages);
  }
  void caught_up(peer_link&) override {
    const auto w = of_.lock();
    if (!w) return;
    std::lock_guard guard(w->lock_);
    w->drive();
  }
  void ended(peer_link&, const std::string& reason, bool in_order) override {
    if (const auto w = of_.lock()) w->over(reason, in_order);
  }

 private:
  const std::weak_ptr<worker> of_;
};

/// Lets peers in that want values, or hold a lease: workers and clients of the same cluster.
class worker::peer_hub final : public hub_handler {
 public:
  explicit peer_hub(std::weak_ptr<worker> of) : of_(std::move(of)) {}
  admission admit(const link_peer& peer) override {
    const auto w = of_.lock();
    if (!w) return {nullptr, 0, refusal::closing, "the worker is about to end"};
    if (peer.says.role != peer_role::worker && peer.says.role != peer_role::client)
      return {nullptr, 0, refusal::role, "a worker serves values to workers and clients"};
    return {w->leases_->serve(w->exchange_->serve()), 0, refusal::role, {}};
  }
  void begun(std::shared_ptr<peer_link>) override {}

 private:
  const std::weak_ptr<worker> of_;
};

// ---- beginning and end -------------------------------------------------------------------------------------------

std::shared_ptr<worker> worker::make(pool& p, worker_options options) {
  return std::shared_ptr<worker>(new worker(p, std::move(options)));
}

worker::worker(pool& p, worker_options options)
    : pool_(p), options_(std::move(options)), engine_(p, options_.memory) {
  const std::uint64_t module = detail::common_module(options_.library).key();
  tasks_ = std::make_unique<task_host>(*engine_.get_engine(), module, [this] { wake(); }, [this] { drive_now(); });
  client_options leased;
  leased.band = priority::interactive;
  leased.memory_budget = engine_.memory().budget / leased_share;
  leased.spill_directory = options_.memory.spill_directory;
  leases_ = std::make_shared<lease_server>(pool_, *engine_.get_engine(), module, std::move(leased));
}

worker::~worker() = default;

time_ns worker::now() const noexcept { return pool_.core().now_ns(); }

task<std::string> worker::run(std::shared_ptr<worker> self) {
  worker& w = *self;
  greeting& own = w.own_;
  own.role = peer_role::worker;
  own.name = w.options_.name.empty() ? detail::process_name() : w.options_.name;
  if (const std::string why = why_no_name(own.name); !why.empty())
    throw std::invalid_argument("weft: " + no_name(own.name, why));
  own.resources = w.options_.resources;
  own.build_id = detail::common_module(w.options_.library).build_id;
  own.incarnation = w.pool_.core().env().random();
  own.memory_limit = w.options_.memory_limit ? w.options_.memory_limit : w.engine_.memory().budget;
  own.slots = w.pool_.size();
  w.exchange_ =
      std::make_shared<exchange>(w.pool_, w.options_.who, own, w.options_.link, static_cast<exchange_host&>(w));
  hub_options peers;
  peers.link = w.options_.link;
  w.hub_.emplace(w.pool_, w.options_.who, own, peers, std::make_shared<peer_hub>(self));
  address here = w.hub_->listen(w.options_.listen);
  if (!w.options_.announce.empty()) here.host = w.options_.announce;
  own.address = to_string(here);
  std::exception_ptr error;
  try {
    auto handler = std::make_shared<scheduler_link>(self);
    auto dialling = peer_link::dial(w.pool_, w.options_.scheduler, w.options_.who, own, w.options_.link, handler);
    auto made = co_await with_stop(w.dialling_, std::move(dialling));
    if (w.options_.submit_by) {
      client_options memory;
      memory.memory_budget = w.engine_.memory().budget / submitted_share;
      auto submitter = w.options_.submit_by(
          {w.pool_, w.options_.who, own, w.options_.link, std::move(memory), made, made->peer().id});
      std::lock_guard guard(w.lock_);
      w.engine_.get_engine()->submit_to(&submitter->engine());
      w.submitter_ = std::move(submitter);
    }
    {
      std::lock_guard guard(w.lock_);
      w.scheduler_ = std::move(made);
      const std::string machine = detail::host_name();
      worker_machine called{};
      called.name = machine;
      w.scheduler_->send(called);
      if (!w.core_) w.begin(w.scheduler_->peer().id);
      for (const auto& messages : std::exchange(w.early_, {}))
        if (const auto for_client = w.take(messages); !for_client.empty()) w.submitter_->received(for_client);
      w.drive();
    }
    w.pool_.spawn(keep_time(self), priority::interactive);
    w.ready_.set();
    co_await w.ended_.wait();
  } catch (const cancelled&) {
    std::lock_guard guard(w.lock_);
    if (!w.over_) error = std::current_exception();  // else stop() has cut the dialling short
  } catch (...) { error = std::current_exception(); }
  w.ready_.set();
  w.over("the worker ends", false);
  w.hub_->close();
  w.exchange_->close();
  w.leases_->close();
  if (w.submitter_) w.submitter_->close();
  std::shared_ptr<peer_link> scheduler;
  {
    std::lock_guard guard(w.lock_);
    w.tasks_->close("weft: the worker ends");
    scheduler = w.scheduler_;
  }
  if (scheduler) scheduler->close(bye_code::finished, "the worker ends");
  co_await shield(w.tasks_->end_all(w.lock_));
  co_await shield(lease_server::end_all(w.leases_));
  if (error) std::rethrow_exception(error);
  co_return w.why_;
}

void worker::stop(const std::string& why) { over(why, true); }

void worker::retire() {
  std::lock_guard guard(lock_);
  retiring_ = true;
  if (!core_) return;
  core_->heartbeat(now(), measure());
  drive();
}

void worker::over(const std::string& why, bool in_order) {
  {
    std::lock_guard guard(lock_);
    if (std::exchange(over_, true)) return;
    why_ = why;
    in_order_ = in_order;
  }
  dialling_.request_stop();
  time_.set();
  ended_.set();
}

void worker::begin(peer_id self) {
  id_.store(self, std::memory_order_release);
  worker_limits limits = options_.limits;
  const std::uint64_t budget = engine_.memory().budget;
  limits.offered_bytes = std::min(limits.offered_bytes, budget);
  limits.fetch.bytes = std::min(limits.fetch.bytes, budget);
  limits.fetch.slow_bytes = std::min(limits.fetch.slow_bytes, 2 * budget);
  core_.emplace(self, static_cast<worker_host&>(*this), limits, now());
}

// ---- events ------------------------------------------------------------------------------------------------------

void worker::from_scheduler(peer_link& l, std::span<const std::byte> messages) {
  std::vector<std::byte> for_client;
  {
    std::lock_guard guard(lock_);
    if (over_) return;
    if (!core_) begin(l.peer().id);
    if (!scheduler_) {  // the session has just begun: run() goes on with it
      early_.emplace_back(messages.begin(), messages.end());
      return;
    }
    for_client = take(messages);
  }
  if (!for_client.empty() && submitter_) submitter_->received(for_client);
}

/// Gives the core what is for a worker, and gives back what is for a client. Peers are told once for a session, and
/// both may ask them for values.
std::vector<std::byte> worker::take(std::span<const std::byte> messages) {
  batch_writer own, others;
  batch_reader all(messages);
  std::uint16_t kind = 0;
  bool mixed = false;
  while (all.next(kind)) {
    mixed = mixed || is_for_client(kind) || is_for_both(kind);
    if (is_of_leases(kind) && !is_for_client(kind)) leases_->told(kind, all, core_->out());
  }
  if (mixed && submitter_) {
    batch_reader again(messages);
    while (again.next(kind)) {
      if (!is_for_client(kind)) own.add_as_it_is(again.bytes());
      if (is_for_client(kind) || is_for_both(kind)) others.add_as_it_is(again.bytes());
    }
    messages = own.bytes();
  }
  batch_reader batch(messages);
  core_->receive(now(), batch);
  return others.take();
}

/// There are events that there were not before.
void worker::wake() {
  if (driving_.exchange(true, std::memory_order_acq_rel)) return;
  pool_.spawn(drive_later(shared_from_this()), priority::interactive);
}

/// Whoever has the lock is driving, or will be soon; but it may have taken what there was already.
void worker::drive_now() {
  std::unique_lock guard(lock_, std::try_to_lock);
  if (!guard.owns_lock()) return wake();
  drive();
}

task<> worker::drive_later(std::shared_ptr<worker> self) {
  self->driving_.store(false, std::memory_order_release);
  std::lock_guard guard(self->lock_);
  self->drive();
  co_return;
}

void worker::drive() {
  if (!core_) return;
  tasks_->pass_on(*core_);
  const time_ns t = now();
  core_->pause(t, engine_.get_engine()->memory().paused());
  if (core_->heartbeat_due(t)) {
    leases_->report(core_->out());
    core_->heartbeat(t, measure());
  }
  core_->tick(t);
  batch_writer& out = core_->out();
  if (!out.empty() && scheduler_) scheduler_->send_with([&](batch_writer& to) { to.append(out); });
  if (core_->deadline() < planned_) {
    planned_ = core_->deadline();
    time_.set();
  }
}

task<> worker::keep_time(std::shared_ptr<worker> self) {
  worker& w = *self;
  for (;;) {
    std::chrono::nanoseconds wait;
    w.engine_.get_engine()->memory().look();
    {
      std::lock_guard guard(w.lock_);
      if (w.over_) co_return;
      w.time_.reset();
      w.drive();
      const time_ns t = w.now();
      w.planned_ = w.core_->deadline();
      wait = std::chrono::nanoseconds(std::clamp<time_ns>(w.planned_ - t, 1'000'000, 1'000'000'000));
    }
    try {
      co_await weft::timeout(wait, w.time_.wait());
    } catch (const timed_out&) {}
  }
}

heartbeat_record worker::measure() const {
  const memory_use use = engine_.memory();
  heartbeat_record h{};
  h.memory_used = use.in_memory;
  h.memory_limit = use.budget;
  h.spilled = use.on_disk;
  h.resident = pool_.core().env().resident_memory();
  h.wishes = retiring_ ? std::uint32_t{wishes_to_retire} : 0u;
  return h;
}

// ---- peers -------------------------------------------------------------------------------------------------------

void worker::peer(const peer_info& p) { exchange_->know(p.peer, std::string(p.address.data(), p.address.size())); }
void worker::peer_left(peer_id p) { exchange_->forget(p); }
void worker::fetch(peer_id peer, std::uint64_t request, std::span<const task_id> values) {
  exchange_->ask(peer, request, values);
}

outgoing_value worker::find(task_id value) {
  std::lock_guard guard(lock_);
  return tasks_->find(value);
}

expected_value worker::expected(std::uint64_t request, task_id value) {
  std::lock_guard guard(lock_);
  return core_ ? expected_by(core_->fetches(), request, value) : expected_value();
}

void worker::refuse(std::uint64_t request, task_id value, std::exception_ptr why) {
  std::lock_guard guard(lock_);
  if (!core_) return;
  tasks_->refuse(*core_, now(), request, value, std::move(why));
  drive();
}

value_landing worker::land(const value_header& header) {
  std::lock_guard guard(lock_);
  if (!core_) return {};
  value_landing where = tasks_->land(*core_, now(), header);
  if (!where.wanted) drive();
  return where;
}

void worker::landed(std::uint64_t request, task_id value, value_landing where) {
  std::lock_guard guard(lock_);
  if (!core_) return;
  tasks_->landed(*core_, now(), request, value, where);
  drive();
}

void worker::cut_off(task_id value, value_landing where) {
  std::lock_guard guard(lock_);
  tasks_->cut_off(value, where);
}

void worker::not_there(std::uint64_t request, task_id value, bool busy) {
  std::lock_guard guard(lock_);
  if (!core_) return;
  core_->not_there(now(), request, value, busy);
  drive();
}

void worker::pushed(task_id value, std::uint64_t bytes, std::span<const std::byte> message) {
  std::lock_guard guard(lock_);
  if (!core_) return;
  core_->pushed(value, bytes, message);
  drive();
}

void worker::peer_interrupted(peer_id peer) {
  std::lock_guard guard(lock_);
  if (!core_) return;
  core_->peer_interrupted(now(), peer);
  drive();
}

void worker::peer_resumed(peer_id peer) {
  std::lock_guard guard(lock_);
  if (!core_) return;
  core_->peer_resumed(peer);
  drive();
}

void worker::peer_lost(peer_id peer) {
  std::lock_guard guard(lock_);
  if (!core_) return;
  core_->peer_lost(now(), peer);
  drive();
}

}  // namespace weft::net
