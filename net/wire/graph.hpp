#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <tuple>
#include <vector>

#include "wire/batch.hpp"
#include "wire/ids.hpp"
#include "wire/messages.hpp"

namespace weft::net {

// A graph of layers as it travels: what the tasks of a layer share is said once, by begin_graph; then come the tasks,
// a few bytes each, by as many graph_part as it takes. Only where both sides have capability::graphs.

/// What the tasks of a layer share. The call of its task i, whose inputs come from `links` other layers, is
/// before_bytes of begin_graph::calls, i, the number of its inputs of each link (LEB128 all of these), and behind it
/// behind_bytes more of begin_graph::calls.
struct graph_layer {
  function_ref function;
  std::uint32_t before_bytes, behind_bytes;
  std::uint32_t links;
  std::uint32_t shared;  // one more than the place in begin_graph::others of the first input of all of them; 0: none
  std::uint32_t flags;   // graph_flags
  std::uint32_t reserved;
};

/// What task_flags a layer may have; each of its tasks says itself whether it is wanted.
inline constexpr std::uint32_t graph_flags = task_waits | task_submits | task_inline | task_once;

struct graph_record {
  task_id first;        // the lowest of the numbers that its tasks have
  std::uint64_t count;  // of its tasks, which are numbered as they come
  std::uint32_t options;
  std::uint16_t retries;
  std::int16_t priority;
};
struct begin_graph : graph_record {
  using record = graph_record;
  static constexpr message_kind kind = message_kind::begin_graph;
  std::span<const graph_layer> layers;
  std::span<const task_id> others;   // tasks that are there already, and of which this graph takes values
  std::span<const std::byte> calls;  // of the layers, one behind the other
  static auto parts(auto& m) noexcept { return std::tie(m.layers, m.others, m.calls); }
};

struct part_record {
  task_id graph;        // its first
  std::uint32_t tasks;  // so many whole ones; 0: the rest will not come, and is no part of it any more
  std::uint32_t reserved;
};
struct graph_part : part_record {
  using record = part_record;
  static constexpr message_kind kind = message_kind::graph_part;
  std::span<const std::byte> bytes;  // see graph_writer
  static auto parts(auto& m) noexcept { return std::tie(m.bytes); }
};

/// A value that a task of a graph takes: of an earlier task of it, by its number, or of another task.
struct graph_input {
  std::uint64_t number = 0;  // 0: `other` it is
  std::uint32_t other = 0;   // its place in begin_graph::others
  bool last = false;         // no later task of the graph takes that one's value
  friend bool operator==(const graph_input&, const graph_input&) = default;
};

struct graph_task {
  std::uint32_t layer = 0, index = 0;  // which task of which layer
  bool wanted = false, taken = false;  // by the submitter; by a later task of the graph
  std::uint64_t rank = 0;
  std::vector<std::uint32_t> counts;  // of each link's inputs
  std::vector<graph_input> inputs;    // but for the layer's shared one
};

/// Where in a graph writer and reader are: what a task says is said relative to the one before.
class graph_place {
 protected:
  graph_place(std::uint64_t first, std::size_t layers) : number_(first), next_index_(layers) {}
  std::uint64_t number_;  // of the next task
  std::uint64_t rank_ = 0;
  std::vector<std::uint32_t> next_index_;  // of each layer
};

/// Writes tasks. Each is a row of LEB128 numbers: its layer, four times, with 2 more if a later task takes
/// it, and 1 if it is wanted; how far its index is from the one behind the layer's last, and its rank from the last
/// one's, folded (0, -1, 1, -2, …); then for each link how many inputs there are, and each of these: how many
/// numbers before this task's it is, doubled, and one more if it is taken for the last time; or 0, and the place of
/// another task.
class graph_writer : graph_place {
 public:
  graph_writer(std::uint64_t first, std::size_t layers) : graph_place(first, layers) {}
  /// Begins a task; its links' inputs follow.
  void task(std::uint32_t layer, std::uint32_t index, bool wanted, bool taken, std::uint64_t rank);
  void link(std::size_t inputs) { put(inputs); }
  void input(std::uint64_t number, bool last) { put((number_ - 1 - number) << 1 | std::uint64_t{last}); }
  void other(std::uint32_t place) {
    put(0);
    put(place);
  }
  /// What was written since the last clear(): a part.
  std::span<const std::byte> bytes() const noexcept { return bytes_; }
  std::uint32_t tasks() const noexcept { return tasks_; }
  void clear() noexcept {
    bytes_.clear();
    tasks_ = 0;
  }

 private:
  void put(std::uint64_t n);

  std::vector<std::byte> bytes_;
  std::uint32_t tasks_ = 0;
};

/// Reads them again, from one part after the other.
class graph_reader : graph_place {
 public:
  /// `links`: of each layer; the caller keeps them.
  graph_reader(std::uint64_t first, std::span<const std::uint32_t> links, std::size_t others)
      : graph_place(first, links.size()), first_(first), links_(links), others_(others) {}
  /// Takes one task off the front of `bytes`. Throws protocol_error when there is none; it reads no more then. Costs
  /// its bytes.
  void read(std::span<const std::byte>& bytes, graph_task& into, std::uint32_t most_inputs);
  /// The number of the task that is read next.
  std::uint64_t next() const noexcept { return number_; }

 private:
  std::uint64_t first_;
  std::span<const std::uint32_t> links_;
  std::size_t others_;
};

/// Bytes of a number as LEB128, at most.
inline constexpr std::size_t leb128_bytes = 10;
/// Appends n as LEB128: 7 bits a byte, the lowest first.
void put_leb128(std::vector<std::byte>& to, std::uint64_t n);

}  // namespace weft::net
