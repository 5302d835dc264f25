// An engine whose nodes are tasks of a cluster: it keeps their books, and another process runs them.
#include "engine/remote.hpp"

#include <utility>

#include "engine/engine.hpp"
#include "engine/failure.hpp"
#include "weft/errors.hpp"
#include "weft/remote_error.hpp"

namespace weft::detail {

void engine::make_remote(node& n) noexcept {
  became_active();
  n.marks.store(node::remote, std::memory_order_relaxed);
}

/// The node's memory keeps the engine, since its end must be told; the engine's reference keeps the node until it has
/// ended.
void engine::submit_remote(node& n) {
  make_remote(n);
  try {
    if (!n.type->portable || !n.type->portable(n))
      throw misuse("weft: " + key_of(n) + " cannot run in another process: submit it to a client of this one");
    remote_->submit(n);
  } catch (...) { return not_submitted(n, std::current_exception()); }
  submitted(n);
}

/// As if it had failed there: whoever holds the future learns why.
void engine::not_submitted(node& n, std::exception_ptr why) noexcept {
  if (!claim_remote(n)) return;
  fail(n, std::move(why), nullptr);
  end_remote(n, node_state::failed);
}

/// Without its number, by which it could be run again. Others see that it has none when it has ended.
void engine::not_told(node& n, std::exception_ptr why) noexcept {
  if (!claim_remote(n)) return;
  n.number = 0;
  fail(n, std::move(why), nullptr);
  end_remote(n, node_state::failed);
}

/// What it was called with is the cluster's now.
void engine::submitted(node& n) noexcept {
  if (n.has_arguments && n.type->run) {
    n.has_arguments = false;
    n.type->end_arguments(n);
  }
  drop_inputs(n);
}

bool engine::share_value(node& n, bool scattered) {
  n.has_value = true;
  make_remote(n);
  if (scattered) return remote_->scatter(n);
  remote_->submit(n);
  return false;
}

void engine::adopt_coming(node& n) noexcept {
  n.state.store(node_state::done, std::memory_order_relaxed);
  n.dependents.store(node::closed, std::memory_order_release);
  n.counts.store(node::one_reference | node::one_want, std::memory_order_relaxed);
}

void engine::adopt_elsewhere(node& n, std::uint64_t bytes) {
  adopt_coming(n);
  n.stored = store_->insert_elsewhere(&n, value_operations, bytes);
  publish_value(n, nullptr);
}

void engine::adopt_made(node& n) {
  adopt_coming(n);
  adopt_value(n);
  if (n.tracked) tracker_->ended(n, 0);
}

task<> engine::fetch_value(node& n) { return n.home->source_->fetch(n); }

bool engine::claim_remote(node& n) noexcept {
  node_state expected = node_state::pending;
  return n.state.compare_exchange_strong(expected, node_state::running, std::memory_order_acq_rel);
}

void engine::end_remote(node& n, node_state how) noexcept {
  lane& l = own_lane();
  n.state.store(how, std::memory_order_release);
  if (how == node_state::cancelled) note(l.cancelled);
  if (how == node_state::failed) note(l.failed);
  note(l.ended);
  tell(n, how == node_state::done        ? task_event::step::done
          : how == node_state::cancelled ? task_event::step::cancelled
                                         : task_event::step::failed);
  if (n.details) [[unlikely]]
    end_limits(n);
  close_node(n);
  drop_reference(n);
}

void engine::remote_done(node& n, std::uint64_t bytes, decoder* value) noexcept {
  if (!claim_remote(n)) return;
  n.stored = nullptr;
  if (value) {
    try {
      n.type->value->decode(n, *value);
      value->finish();
      n.has_value = true;
    } catch (...) {
      fail(n, std::current_exception(), nullptr);
      return end_remote(n, node_state::failed);
    }
  } else {
    n.stored = store_->insert_elsewhere(&n, value_operations, bytes);
  }
  end_remote(n, node_state::done);
}

void engine::remote_failed(node& n, remote_failure why) noexcept {
  if (!claim_remote(n)) return;
  auto* f = new failure;
  f->error = why.type == "weft::timed_out"
                 ? std::make_exception_ptr(timed_out(why.text))
                 : std::make_exception_ptr(remote_error(std::move(why.type), std::move(why.text)));
  f->function = std::move(why.function);
  f->key = key_of(n);
  if (!why.path.empty()) why.path.pop_back();  // this one
  f->before.assign(std::make_move_iterator(why.path.rbegin()), std::make_move_iterator(why.path.rend()));
  n.why = f;
  end_remote(n, node_state::failed);
}

void engine::remote_cancelled(node& n) noexcept {
  if (!claim_remote(n)) return;
  n.ask_stop();
  end_remote(n, node_state::cancelled);
}

void engine::remote_timed_out(node& n) noexcept {
  if (!claim_remote(n)) return;
  n.time_out();
  end_remote(n, node_state::cancelled);
}

/// By its owner, or by who held it last: then the cluster learns of it by its release, since others there may need
/// its value.
void engine::cancel_remote(node& n, bool wanted) noexcept {
  n.counts.fetch_add(node::one_reference, std::memory_order_relaxed);
  if (claim_remote(n)) {
    n.ask_stop();
    if (wanted && n.number != 0) remote_->cancel(n.number);
    end_remote(n, node_state::cancelled);
  }
  drop_reference(n);
}

/// A task that failed there is run again: by a retry of its own, or of one that depends on it.
void engine::restart_remote(node& n) noexcept {
  node_state expected = node_state::failed;
  if (!n.ended() || !n.state.compare_exchange_strong(expected, node_state::pending, std::memory_order_acq_rel))
    return;
  drop_failure(n.why);
  n.request = nullptr;
  n.counts.fetch_add(node::one_reference, std::memory_order_relaxed);  // the engine's
  n.dependents.store(0, std::memory_order_release);
}

/// Its memory goes. The engine may go with it.
void engine::release_remote(node& n) noexcept {
  if (n.number != 0) remote_->release(n);
}

}  // namespace weft::detail
