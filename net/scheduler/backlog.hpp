#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <span>
#include <unordered_map>
#include <vector>

#include "wire/graph.hpp"
#include "wire/ids.hpp"

namespace weft::net {

/// A graph of which not all tasks have records yet. What has come of it was read once, so that it is right.
struct pending_graph {
  pending_graph(const begin_graph& m, std::vector<std::uint32_t> links)
      : said(m),
        layers(m.layers.begin(), m.layers.end()),
        others(m.others.begin(), m.others.end()),
        calls(m.calls.begin(), m.calls.end()),
        end(number_of(m.first) + m.count),
        arrived(number_of(m.first), links, m.others.size()),
        entered(number_of(m.first), links, m.others.size()) {
    said.layers = {};
    said.others = {};
    said.calls = {};
  }

  begin_graph said;
  std::vector<graph_layer> layers;
  std::vector<std::uint32_t> functions;  // of the layers, in the catalogue
  std::vector<std::size_t> call_at;      // in `calls`
  std::vector<task_id> others;
  std::vector<std::byte> calls;
  std::uint32_t options = 0;  // in the catalogue; held
  time_ns since = 0;
  std::uint64_t end;              // one past the last number
  bool cut_short = false;         // what is behind it will not come
  graph_reader arrived, entered;  // behind the last task that is here; that has a record
  std::deque<std::vector<std::byte>> parts;
  std::size_t at = 0;  // of the first part so much was entered

  std::uint64_t first() const noexcept { return number_of(said.first); }
  bool complete() const noexcept { return arrived.next() == end; }
};

/// What a submitter has said, and what is not carried out yet: graphs, which are entered as their tasks come near;
/// and in its place behind them what names tasks of theirs that have no record yet. All else it says is carried out
/// at once. So each task is told of what concerns it in the order in which it was said.
class backlog {
 public:
  struct entry {
    std::unique_ptr<pending_graph> graph;  // null: a message
    std::vector<std::uint64_t> message;    // as it stood in its batch
    bool hurried = false;
    // Of a message that submits: what it refers to, in the catalogue, since the session's numbers may change.
    std::uint32_t function = 0, options = 0;
    time_ns since = 0;
    task_id submits = 0;
  };

  bool empty() const noexcept { return entries_.empty(); }
  entry& front() noexcept { return entries_.front(); }
  const std::deque<entry>& entries() const noexcept { return entries_; }

  /// Whether that number's task was submitted, and has no record yet.
  bool pending(std::uint64_t number) const noexcept;
  /// Whether it is one of a graph that is here.
  bool of_graph(std::uint64_t number) const noexcept;
  /// Whether what is here takes that task's value.
  bool pinned(task_id id) const noexcept { return !pins_.empty() && pins_.contains(id); }
  /// What is here is to be entered without waiting for what was to end.
  bool in_hurry() const noexcept { return hurried_ != 0; }
  /// The lowest number that may still get a record, below all that were not submitted yet; ~0: none.
  std::uint64_t lowest() const noexcept { return ranges_.empty() ? ~std::uint64_t{0} : ranges_.begin()->first; }
  /// Tasks that have no record yet.
  std::uint64_t tasks() const noexcept;
  /// A graph of which parts are still to come; null: there is none that begins with that number.
  pending_graph* open_graph(std::uint64_t first) noexcept;

  pending_graph& add(std::unique_ptr<pending_graph> graph);
  entry& add(std::span<const std::byte> message, bool hurried);
  /// The message that was added last submits that task, which takes these values.
  void submits(task_id id, std::span<const task_id> inputs);
  /// All of the first entry is carried out. `inputs`: of a message that submits.
  void pop(std::span<const task_id> inputs);

 private:
  struct range {
    std::uint64_t end;
    pending_graph* graph;  // null: one message's
  };
  const range* range_of(std::uint64_t number) const noexcept;
  void unpin(std::span<const task_id> ids);

  std::deque<entry> entries_;
  std::map<std::uint64_t, range> ranges_;  // of numbers, by the first
  std::unordered_map<task_id, std::uint32_t> pins_;
  std::size_t hurried_ = 0;
};

}  // namespace weft::net
