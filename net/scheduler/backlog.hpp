#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

#include "wire/graph.hpp"
#include "wire/ids.hpp"

namespace weft::net {

/// A graph of which not all tasks have records yet. What has come of it was read once, so that it is right.
struct pending_graph {
  pending_graph(const begin_graph& m, std::vector<std::uint32_t> links_of_layers)
      : first(number_of(m.first)),
        end(first + m.count),
        here(first),
        retries(m.retries),
        priority(m.priority),
        layers(m.layers.begin(), m.layers.end()),
        others(m.others.begin(), m.others.end()),
        mentions(m.others.size()),
        calls(m.calls.begin(), m.calls.end()),
        links(std::move(links_of_layers)),
        arrived(first, links, m.others.size()),
        entered(first, links, m.others.size()) {}
  pending_graph(const pending_graph&) = delete;
  pending_graph& operator=(const pending_graph&) = delete;

  std::uint64_t first, end;  // of its numbers; one past the last
  std::uint64_t here;        // one past the last whose task is here
  std::uint16_t retries;
  std::int16_t priority;
  std::vector<graph_layer> layers;
  std::vector<std::uint32_t> functions;  // of the layers, in the catalogue
  std::vector<std::size_t> call_at;      // in `calls`
  std::vector<task_id> others;
  std::vector<std::uint64_t> mentions;  // by tasks that are here without a record, of each of `others`
  std::size_t others_there = 0;         // of `others`: those before it have records
  std::vector<std::byte> calls;
  std::vector<std::uint32_t> links;  // of the layers
  std::uint32_t options = 0;         // in the catalogue; held
  bool cut_short = false;            // what was behind `end` will not come
  bool others_hurried = false;       // those without records too
  std::uint64_t unfinished = 0;      // tasks with records, but for those behind coroutines
  std::uint64_t frontier = 0;        // as many unfinished ones as there are to be
  std::uint64_t hurry_to = 0;        // numbers below are entered whatever is unfinished
  graph_reader arrived, entered;     // behind the last task that is here; that has a record
  struct part {
    std::vector<std::byte> bytes;
    time_ns since;
  };
  std::deque<part> parts;
  std::size_t at = 0;  // of the first part so much was entered

  bool complete() const noexcept { return here == end; }
  /// What it takes beside its tasks and their calls, in the memory of so many of them.
  std::uint64_t weight() const noexcept { return 8 + layers.size() + others.size(); }
};

/// What a submitter has said, and what is not carried out yet: graphs, whose tasks get records as they come near; and
/// what names a task that has none yet, which waits for that. All else is carried out at once. So each task is told
/// of what concerns it in the order in which that was said.
///
/// What waits takes the values of tasks that have records too: these are pinned, and a release of them waits until
/// the last that takes them has its record.
class backlog {
 public:
  /// Something that waits for a number's record.
  struct entry {
    std::uint16_t kind = 0;    // message_kind
    std::uint32_t copies = 0;  // of replicate_values
    // Of submit_task: the message, and what it refers to in the catalogue, since the session's numbers may change.
    std::vector<std::uint64_t> message;
    std::uint32_t function = 0, options = 0;
    std::size_t looked_at = 0;  // the place of the input that it waits for: all behind have records
    time_ns since = 0;
  };

  bool empty() const noexcept { return graphs_.empty() && submitted_.empty() && due_.empty(); }
  /// Whether what is said of that number waits: its task was submitted and has no record yet, or what was said before
  /// is still to be carried out.
  bool pending(std::uint64_t number) const noexcept;
  /// The graph that it is of, if this is here.
  pending_graph* graph_of(std::uint64_t number) const noexcept;
  /// A graph of which parts are still to come; null: there is none that begins with that number.
  pending_graph* open_graph(std::uint64_t first) const noexcept;
  /// The first that begins with that number or a later one; null: there is none.
  pending_graph* graph_from(std::uint64_t number) const noexcept;
  std::size_t graphs() const noexcept { return graphs_.size(); }
  /// The lowest number that may still get a record, below all that were not submitted yet; ~0: none.
  std::uint64_t lowest() const noexcept;
  /// Tasks that are here, and have no record.
  std::uint64_t tasks() const noexcept;
  /// What graphs hold room for beside these: for tasks that are still to come, and for themselves.
  std::uint64_t promised() const noexcept;

  /// f(graph) for each of them.
  template <class F>
  void for_each_graph(F&& f) const {
    for (const auto& [first, g] : graphs_) f(*g);
  }

  void add(std::unique_ptr<pending_graph> graph);
  /// It is entered whole, or ends here.
  void remove(pending_graph& graph);
  /// A task that is said, and waits for another one.
  void submitted(std::uint64_t number, std::uint64_t waits_for) { submitted_[number].waits_for = waits_for; }
  void entered(std::uint64_t number) { submitted_.erase(number); }
  /// It waits for that one now. Gives whether it is in a hurry.
  bool waits_longer(std::uint64_t number, std::uint64_t waits_for);
  /// The record of that number is wanted now, and with it those that have to be there before: of its graph those
  /// before it, and what these wait for.
  void hurry(std::uint64_t number);
  /// Passes by those of a graph's others that have records; gives whether all have.
  bool others_there(pending_graph& g) const noexcept;

  void wait_for(std::uint64_t number, entry e) { waiting_.emplace(number, std::move(e)); }
  std::size_t waiting() const noexcept { return waiting_.size(); }
  /// A number has its record, or will have none: what waits for it can be carried out.
  void due(std::uint64_t number);
  /// Also those of all the numbers from `first` to before `end`.
  void due(std::uint64_t first, std::uint64_t end);
  bool any_due() const noexcept { return !due_.empty(); }
  /// The next thing that can be carried out, and the number that it has waited for: of one number in the order in
  /// which it was said. Only while any_due().
  std::pair<std::uint64_t, entry> take_due();

  void pin(std::span<const task_id> ids);
  /// Whether what is here takes that task's value; then it is released with the last of these.
  bool release_later(task_id id) noexcept;
  /// Gives those that nobody here takes any more, and that are to be released.
  std::vector<task_id> unpin(std::span<const task_id> ids);

  /// f(options) for each of those that are held here.
  template <class F>
  void for_each_options(F&& f) const {
    for (const auto& [first, g] : graphs_)
      if (g->options != 0) f(g->options);
    for (const auto& [number, e] : waiting_)
      if (e.options != 0) f(e.options);
  }

 private:
  struct pins {
    std::uint64_t count = 0;
    bool released = false;
  };
  struct waiting_task {
    std::uint64_t waits_for = 0;
    bool hurried = false;
  };
  std::map<std::uint64_t, std::unique_ptr<pending_graph>> graphs_;  // by the first number
  std::map<std::uint64_t, waiting_task> submitted_;                 // one by one
  std::multimap<std::uint64_t, entry> waiting_;                     // by what they wait for
  std::set<std::uint64_t> due_;                                     // of these, those that can be carried out
  std::unordered_map<task_id, pins> pins_;
};

}  // namespace weft::net
