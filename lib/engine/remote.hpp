#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "weft/client.hpp"
#include "weft/codec.hpp"
#include "weft/detail/node.hpp"
#include "weft/task.hpp"

namespace weft::detail {

struct layer_spec;
struct portable_call;
struct task_details;

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

/// One more handle of such a node that is done and has given its value up (node::given_up), or that is lent. False:
/// nobody wants it any more, or who has the last handle has moved the value away, or is about to.
inline bool take_handle(node& n) noexcept {
  std::uint64_t counts = n.counts.load(std::memory_order_acquire);
  while (static_cast<std::uint32_t>(counts) != 0 && node::wants(counts) != 0 && (counts & node::taken) == 0)
    if (n.counts.compare_exchange_weak(counts, counts + (node::one_reference | node::one_want),
                                       std::memory_order_acq_rel, std::memory_order_acquire))
      return true;
  return false;
}

/// Layers that travel as one graph.
struct remote_layers {
  struct layer {
    const layer_spec* spec;
    const portable_call* how;
    std::vector<std::byte> before, behind;  // of each task's call: see layer_spec::encode_alone
    std::uint32_t shared = 0;               // one more than the place in `others` of what all of them take first
  };
  std::vector<layer> layers;
  std::vector<node*> others;      // whose values they take, and that are tasks or values there already
  std::uint64_t tasks = 0;        // of all layers: so many will be said
  std::uint32_t most_inputs = 0;  // that one has
  std::int16_t priority = 0;
  std::uint16_t retries = 0;
  const task_details* details = nullptr;
};

/// The tasks of a graph are told to the cluster one by one, each behind those whose values it takes. They are sent in
/// parts: one that is sent is a task like others, and ends by what the cluster says, also when a function throws
/// later. When this goes before all are sent the others never come: the cluster knows nothing of their numbers, and
/// the caller ends the nodes that stand for them.
class remote_graph {
 public:
  virtual ~remote_graph() = default;
  /// Of the first; they are numbered as they come.
  virtual std::uint64_t first_number() const noexcept = 0;
  /// The number of the first that is not sent.
  virtual std::uint64_t next_number() const noexcept = 0;
  /// One of them; its inputs follow, link by link. `taken`: a later one takes its value. `wanted`: the node that
  /// stands for it, if there is one, which is numbered and announced. Throws when the cluster is gone, or memory is
  /// short; then nothing more is told.
  virtual void task(std::uint32_t layer, std::uint32_t index, std::uint64_t rank, bool taken, node* wanted) = 0;
  virtual void link(std::size_t inputs) = 0;
  /// The task of that number, which no later one takes if this is the last.
  virtual void input(std::uint64_t number, bool last) = 0;
  /// The one at that place of remote_layers::others.
  virtual void other(std::uint32_t place) = 0;
  /// All are told, which is checked. Throws as task() does.
  virtual void finish() = 0;
};

/// A cluster, as an engine sees it that runs nothing itself: its nodes stand for tasks there, by their numbers.
///
/// The functions are called by any thread. Each node's `submit` comes first, and its `release` last; nothing comes
/// after close() but releases.
class remote_home : public value_source {
 public:
  virtual ~remote_home() = default;

  /// Whether the cluster is there. Throws what is wrong with it.
  virtual void check() const = 0;
  /// The module whose code alone its workers have, by its key; 0: they have all that this process has.
  virtual std::uint64_t only_module() const noexcept { return 0; }
  /// Takes a node on, numbers it, and has it announced, also when it throws: what it is called with travels, and its
  /// inputs are nodes that were taken on before. The caller keeps the node until it has ended. Throws codec_error.
  virtual void submit(node& n) = 0;
  /// The same of a value, which may stay here, and be given as often as it is wanted there. True: it stays, and the
  /// engine has adopted it.
  virtual bool scatter(node& n) {
    submit(n);
    return false;
  }
  /// Begins a graph. Null: its tasks are to be submitted one by one, since the cluster knows no graphs, or what they
  /// take is not all there. Throws std::length_error.
  virtual std::unique_ptr<remote_graph> begin_graph(const remote_layers& /*all*/) { return nullptr; }
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
