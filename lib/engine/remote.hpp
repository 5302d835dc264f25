#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "weft/client.hpp"
#include "weft/codec.hpp"
#include "weft/detail/node.hpp"
#include "weft/task.hpp"

namespace weft::detail {

/// Where values come from that other processes have.
class value_source {
 public:
  /// Brings the value of a node that is done, by engine::restore_value. Throws when it cannot be had any more.
  virtual task<> fetch(node& n) = 0;

 protected:
  ~value_source() = default;
};

/// What weft::lease_options say.
struct lease_terms {
  std::uint32_t slots;
  bool once;
  std::string resources;
};

/// One more reference of a node that stands in a table until it is released. False: it has lost its last one, and is
/// on its way to release().
inline bool take_reference(node& n) noexcept {
  std::uint64_t counts = n.counts.load(std::memory_order_relaxed);
  while (static_cast<std::uint32_t>(counts) != 0)
    if (n.counts.compare_exchange_weak(counts, counts + node::one_reference, std::memory_order_acq_rel)) return true;
  return false;
}

/// One more handle of such a node that is done and has given its value up (node::given_up). False: nobody wants it
/// any more, or who has the last handle has moved the value away, or is about to.
inline bool take_handle(node& n) noexcept {
  std::uint64_t counts = n.counts.load(std::memory_order_acquire);
  while (static_cast<std::uint32_t>(counts) != 0 && node::wants(counts) != 0 && (counts & node::taken) == 0)
    if (n.counts.compare_exchange_weak(counts, counts + (node::one_reference | node::one_want),
                                       std::memory_order_acq_rel, std::memory_order_acquire))
      return true;
  return false;
}

/// A cluster, as an engine sees it that runs nothing itself: its nodes stand for tasks there, by their numbers.
///
/// The functions are called by any thread. Each node's `submit` comes first, and its `release` last; nothing comes
/// after close() but releases.
class remote_home : public value_source {
 public:
  virtual ~remote_home() = default;

  /// Whether the cluster is there. Throws what is wrong with it.
  virtual void check() const = 0;
  /// Takes a node on, numbers it, and has it announced, also when it throws: what it is called with travels, and its
  /// inputs are nodes that were taken on before. The caller keeps the node until it has ended. Throws codec_error.
  virtual void submit(node& n) = 0;
  /// The same of a value, which may stay here, and be given as often as it is wanted there. True: it stays, and the
  /// engine has adopted it.
  virtual bool scatter(node& n) {
    submit(n);
    return false;
  }
  virtual void cancel(std::uint64_t number) noexcept = 0;
  virtual void retry(std::uint64_t number) = 0;
  /// Waits until slots of a worker are leased. Gives a client whose tasks are calls there.
  virtual task<client> lease(lease_terms terms) = 0;
  /// Wants copies of a value, as soon as it is there.
  virtual void replicate(std::uint64_t number, std::uint32_t copies) = 0;
  virtual void rebalance() = 0;
  /// What the cluster is like, when the workers of these names or addresses (blanks between; none: none) were told to
  /// go.
  virtual task<cluster_info> look(std::string retire) = 0;
  /// The node is gone, or nobody wants it any more: called once, before its memory goes.
  virtual void release(node& n) noexcept = 0;
  /// All handles but one of a node that has given its value up (node::given_up) go, and that may be the home's: who
  /// calls has the other still.
  virtual void only_kept(node&) noexcept {}
  /// The client has gone. What has not ended never will: cancels it.
  virtual void close() noexcept = 0;
};

/// Why a task failed in another process.
struct remote_failure {
  std::string function;           // the one that threw
  std::string type, text;         // of the exception
  std::vector<std::string> path;  // keys, from the failure to the task
};

}  // namespace weft::detail
