// Graphs that a client's engine tells its cluster whole.
#include <algorithm>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "client/home.hpp"
#include "object/functions.hpp"
#include "weft/detail/layer_plan.hpp"

namespace weft::net {

using detail::node;

namespace {

/// Bytes of tasks that are gathered to a part.
constexpr std::size_t part_bytes = std::size_t{32} << 10;

}  // namespace

class home_graph final : public detail::remote_graph {
 public:
  home_graph(client_home& home, std::uint64_t first, std::size_t layers, std::uint64_t tasks)
      : home_(home), first_(first), tasks_(tasks), writer_(first, layers) {}
  ~home_graph() override {
    if (sent_ == tasks_) return;
    std::lock_guard guard(home_.lock_);
    if (home_.closed_ || !home_.lost_.empty()) return;
    // Whoever is here because memory was short is told of that by the graph's futures. The scheduler keeps waiting
    // for the rest then, and keeps what it would take, until this client ends: nothing is wrong there, or lost.
    try {
      home_.links_->has_output();
      home_.core_.add({{make_task_id(home_.self_, first_), 0, 0}, {}}, {});
    } catch (...) {}
  }
  std::uint64_t first_number() const noexcept override { return first_; }
  std::uint64_t next_number() const noexcept override { return first_ + sent_; }
  void task(std::uint32_t layer, std::uint32_t index, std::uint64_t rank, bool taken, node* wanted) override {
    if (writer_.bytes().size() >= part_bytes) flush();
    if (wanted) {
      wanted_.push_back(wanted);
      wanted->number = first_ + told_;
      home_.engine_->announce(*wanted);
    }
    ++told_;
    writer_.task(layer, index, wanted != nullptr, taken, rank);
  }
  void link(std::size_t inputs) override { writer_.link(inputs); }
  void input(std::uint64_t number, bool last) override { writer_.input(number, last); }
  void other(std::uint32_t place) override { writer_.other(place); }
  void finish() override {
    if (told_ != tasks_)
      throw std::logic_error("weft: a graph of " + std::to_string(tasks_) + " tasks was told " +
                             std::to_string(told_) + " of them");
    if (writer_.tasks() != 0) flush();
  }

 private:
  void flush();

  client_home& home_;
  const std::uint64_t first_, tasks_;
  std::uint64_t told_ = 0, sent_ = 0;  // so many of the tasks
  graph_writer writer_;
  std::vector<node*> wanted_;  // of those that are written and not sent
  std::vector<std::uint64_t> numbers_;
};

/// Sends a part; from now on the scheduler may speak of its tasks. When this throws under the lock none of it is
/// sent. So what has the output sent comes first: it takes this lock.
void home_graph::flush() {
  numbers_.clear();
  for (const node* n : wanted_) numbers_.push_back(n->number);
  graph_part m{};
  m.graph = make_task_id(home_.self_, first_);
  m.tasks = writer_.tasks();
  m.bytes = writer_.bytes();
  std::unique_lock guard(home_.lock_);
  if (!home_.lost_.empty()) throw std::runtime_error(home_.lost_);
  home_.links_->has_output();
  std::size_t made = 0;
  try {
    for (; made < wanted_.size(); ++made) home_.entries_.make(numbers_[made]).node = wanted_[made];
    home_.core_.add(m, numbers_);
  } catch (...) {
    while (made > 0) home_.entries_.erase(numbers_[--made]);
    throw;
  }
  sent_ += writer_.tasks();
  writer_.clear();
  wanted_.clear();
  if (sent_ == tasks_) return;
  guard.unlock();
  home_.links_->send_now();
}

std::unique_ptr<detail::remote_graph> client_home::begin_graph(const detail::remote_layers& all) {
  if (!graphs_) return nullptr;
  net::begin_graph m{};
  std::vector<graph_layer> layers;
  std::vector<std::uint64_t> modules;
  std::vector<std::byte> calls;
  for (const detail::remote_layers::layer& l : all.layers) {
    const std::size_t links = l.spec->links.size(), bytes = l.before.size() + l.behind.size(),
                      most = most_call(all.most_inputs);
    if (bytes + leb128_bytes * (links + 1) > most)
      throw std::length_error("weft: the arguments of each task of a layer of " + l.spec->function_name() + " take " +
                              std::to_string(bytes) + " bytes, and at most " + std::to_string(most) +
                              " can travel with a task: scatter the large ones, or let tasks make them");
    const detail::entry_name name = detail::name_of(*l.how->entry, only_);
    graph_layer& layer = layers.emplace_back();
    layer.function = {name.offset, 0, 0};
    layer.before_bytes = static_cast<std::uint32_t>(l.before.size());
    layer.behind_bytes = static_cast<std::uint32_t>(l.behind.size());
    layer.links = static_cast<std::uint32_t>(links);
    layer.shared = l.shared;
    layer.flags = task_inline | (l.how->waits ? task_waits : 0u) | (l.how->submits ? task_submits : 0u);
    modules.push_back(name.module);
    calls.insert(calls.end(), l.before.begin(), l.before.end());
    calls.insert(calls.end(), l.behind.begin(), l.behind.end());
  }
  std::vector<task_id> others;
  std::lock_guard order(submit_lock_);
  std::lock_guard guard(lock_);
  if (!lost_.empty()) throw std::runtime_error(lost_);
  for (const node* n : all.others) {
    const entry* e = entries_.find(n->number);
    if (!e || e->node != n) return nullptr;
    others.push_back(id_of(n->number));
  }
  for (std::size_t i = 0; i < layers.size(); ++i) layers[i].function.module = module_index(modules[i]);
  m.count = all.tasks;
  m.options = options_index(all.details);
  m.retries = all.retries;
  m.priority = all.priority;
  m.layers = layers;
  m.others = others;
  m.calls = calls;
  if (sizeof m + layers.size() * sizeof(graph_layer) + others.size() * sizeof(task_id) + calls.size() > most_message_)
    return nullptr;
  const std::uint64_t first = number_of(core_.begin(m));
  return std::make_unique<home_graph>(*this, first, layers.size(), all.tasks);
}

}  // namespace weft::net
