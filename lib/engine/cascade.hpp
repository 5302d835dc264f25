#pragma once

#include <vector>

#include "engine/engine.hpp"
#include "engine/failure.hpp"

namespace weft::detail {

/// Nodes that have ended without a value, and have told nobody yet; and then what that ends too: the nodes that
/// depend on them and have not begun, and the inputs that nobody wants any more. A list, no recursion: a chain may be
/// long.
///
/// Invariant: a node in the list has left `pending` by the compare-and-swap of who entered it, so it is entered once,
/// and nobody sees its end before it is closed here. Two things keep its memory. One that an input ends (refuse) has
/// a share of `waits_for`, that input's, until it is closed: so it is in no queue, has asked the store for nothing,
/// and its engine's reference is there. One that is cancelled may be in a queue; who takes it from there waits until
/// it is closed (engine::leave).
class cascade {
 public:
  explicit cascade(engine& e) noexcept : engine_(e) {}
  cascade(const cascade&) = delete;
  cascade& operator=(const cascade&) = delete;

  /// A node that has run.
  void ended(node& n) { list_.push_back({&n, how::ran}); }
  /// A node of which an input has no value, because of `cause`; null: it was cancelled. Takes a share of `waits_for`.
  void refuse(node& n, failure* cause);
  /// True: it had not begun, and is cancelled. Else it runs, or has ended.
  bool cancel(node& n);

  bool empty() const noexcept { return list_.empty(); }
  /// Closes them all. Gives the best of the nodes that became ready; the others are pushed.
  node* run() noexcept;

 private:
  enum class how : unsigned char { ran, refused, cancelled, cancelled_again };
  struct entry {
    node* what;
    how ended;
  };

  void close(node& n);
  void give_up_inputs(node& n);
  void count(node& n);
  void give_share_back(node& n);

  engine& engine_;
  std::vector<entry> list_;
  node* best_ = nullptr;
  bool pushed_ = false;
};

}  // namespace weft::detail
