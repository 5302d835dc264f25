// What keeps an engine, and how it ends.
#include <memory>
#include <utility>

#include "engine/engine.hpp"

namespace weft::detail {

engine::~engine() { store_->retire(); }

engine::last_item::last_item(engine& e) noexcept : work_item{}, of(e) {
  resume = [](work_item* w) { static_cast<last_item*>(w)->of.end(); };
  destroy = [](work_item*) {};
}

namespace {

/// The end of the engine's own work, which is no node.
struct work_end : completion {
  explicit work_end(engine& e) noexcept : completion{&work_end::on_end}, of(e) {}
  static std::coroutine_handle<> on_end(completion& c, promise_base& p) noexcept {
    auto& self = static_cast<work_end&>(c);
    engine& e = self.of;
    std::coroutine_handle<promise_base>::from_promise(p).destroy();
    delete &self;
    e.work_ended();
    return std::noop_coroutine();
  }
  engine& of;
};

}  // namespace

/// Runs a coroutine that throws nothing on the pool; the engine does not end before it.
void engine::run_work(task<> t) {
  auto end = std::make_unique<work_end>(*this);
  promise<void>& p = t.promise();
  p.on_finished = end.get();
  p.end = ending::call;
  p.stop = nullptr;  // it undoes what it began, so no stop may keep it from beginning
  p.band = band_;
  became_active();
  pool_.spawn_root(t.handle().address(), band_, pool_core::no_limit);
  static_cast<void>(end.release());
  static_cast<void>(t.release());
}

void engine::work_ended() noexcept {
  pool_.root_ended(nullptr);
  became_idle();
}

void engine::close() noexcept {
  stop_.request_stop();
  if (remote_) {  // futures that are held still keep the engine
    remote_->close();
    return became_idle();
  }
  if (pool_.stepped()) return became_idle();
  if (current_pool() == &pool_) {
    pool_.root_began();
    is_root_ = true;
    return became_idle();
  }
  std::atomic<std::uint32_t> over{0};
  closer_ = &over;
  became_idle();
  while (over.load(std::memory_order_acquire) == 0) real_memory::futex_wait(over, 0);
}

/// A thread of another's may be the last, which kept the engine while it cancelled a node: a root ends on a worker.
void engine::became_idle() noexcept {
  if (active_.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  if (is_root_ && current_pool() != &pool_) return schedule(pool_, static_cast<work_item*>(&last_), band_);
  end();
}

void engine::end() noexcept {
  std::atomic<std::uint32_t>* const closer = closer_;
  pool_core* const pool = is_root_ ? &pool_ : nullptr;
  delete this;
  if (closer) {
    closer->store(1, std::memory_order_release);
    real_memory::futex_wake(*closer, 1);  // the closer may be gone: then this wakes nobody
  }
  if (pool) pool->root_ended(nullptr);
}

}  // namespace weft::detail
