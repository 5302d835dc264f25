#include "graph/expression.hpp"

#include <algorithm>
#include <functional>
#include <limits>
#include <numeric>
#include <queue>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "graph/options.hpp"
#include "graph/order.hpp"
#include "graph/picture.hpp"
#include "weft/delayed.hpp"
#include "weft/detail/task_details.hpp"
#include "weft/errors.hpp"

namespace weft::detail {

// ---- expressions -----------------------------------------------------------------------------------------------

namespace {

/// Drops one holder. True: that was the last, and nobody else can get another.
bool let_go(expression& e) noexcept {
  return e.holders.load(std::memory_order_acquire) == 1 || e.holders.fetch_sub(1, std::memory_order_acq_rel) == 1;
}

}  // namespace

void drop_call(expression& e) noexcept {
  if (e.references.load(std::memory_order_acquire) != 1 && e.references.fetch_sub(1, std::memory_order_acq_rel) != 1)
    return;
  drop_details(e.details);
  e.type->end(e);
}

/// The calls that are to be taken apart are linked by what claims them: nobody walks through them any more.
void drop_holder(expression& first) noexcept {
  if (!let_go(first)) return;
  const auto next_of = [](expression& e) -> std::atomic<gathering*>& { return e.claimed; };
  expression* list = &first;
  next_of(first).store(nullptr, std::memory_order_relaxed);
  while (expression* e = list) {
    list = reinterpret_cast<expression*>(next_of(*e).load(std::memory_order_relaxed));
    for (std::uint32_t i = 0; i < e->input_count; ++i) {
      if (node* n = e->inputs[i].future()) {
        drop_handle(*n);
      } else if (expression* input = e->inputs[i].call(); let_go(*input)) {
        next_of(*input).store(reinterpret_cast<gathering*>(std::exchange(list, input)), std::memory_order_relaxed);
      }
    }
    e->holders.store(0, std::memory_order_release);
    drop_call(*e);
  }
}

void throw_empty_input(bool future) {
  throw misuse(future ? "weft: this future is empty, so it has no value to give: take one that submit or compute gave"
                      : "weft: this lazy is empty (it was made without a call, or moved from): make it by "
                        "weft::delayed, and copy it where it is needed twice");
}

namespace {

void check_not_persisted(const expression& e) {
  if (!is_call(e))
    throw misuse("weft: this lazy was persisted, so its task is under way: set names and options before persist");
}

}  // namespace

void name_expression(expression& e, std::string_view name) {
  check_not_persisted(e);
  drop_details(std::exchange(e.details, renamed(e.details, name)));
}

void annotate_expression(expression& e, const task_options& options) {
  check_not_persisted(e);
  check_options(options);
  if (task_details* limits = details_of(options)) {
    if (options.name.empty() && e.details) limits->name = e.details->name;
    drop_details(std::exchange(e.details, limits));
  }
  e.priority = static_cast<std::int16_t>(options.priority);
  e.retries = static_cast<std::uint16_t>(options.retries);
  e.annotated = true;
}

void make_cheap(expression& e) {
  check_not_persisted(e);
  if (!e.type->fuses)
    throw misuse("weft: " + e.type->name(e.address) +
                 " is a coroutine or takes a client, so it is a task of its own and cannot be cheap(): let it be");
  e.cheap = true;
}

namespace {

/// Stands for the value of a node that is its only input.
struct persisted final : expression {
  explicit persisted(node& n) noexcept : expression(form), of(n) {
    inputs = &of;
    input_count = 1;
  }
  static void end_it(expression& e) noexcept;
  static constexpr expression_type form{.task = {},
                                        .make = nullptr,
                                        .call = nullptr,
                                        .end = &persisted::end_it,
                                        .name = [](const void*) { return std::string("value"); },
                                        .fuses = false};
  expression_input of;
};
void persisted::end_it(expression& e) noexcept { delete static_cast<persisted*>(&e); }

}  // namespace

expression* persisted_expression(node& n) { return new persisted(n); }

// ---- gathering -------------------------------------------------------------------------------------------------

gathering::gathering(std::span<expression* const> wanted) {
  for (expression* const e : wanted)
    if (!e) throw_empty_input(false);
  try {
    for (expression* const e : wanted) {
      if (!is_call(*e)) continue;
      make_room();
      if (discover(*e)) visit(*e);
      wanted_.push_back(id_of(*e));
    }
  } catch (...) {
    give_back();
    throw;
  }
  if (std::adjacent_find(wanted_.begin(), wanted_.end(), std::greater_equal<>()) != wanted_.end()) {
    std::sort(wanted_.begin(), wanted_.end());
    wanted_.erase(std::unique(wanted_.begin(), wanted_.end()), wanted_.end());
  }
}

gathering::~gathering() { give_back(); }

void gathering::give_back() noexcept {
  const auto unclaim = [&](expression& e) {
    if (e.claimed.load(std::memory_order_relaxed) == this) e.claimed.store(nullptr, std::memory_order_release);
  };
  for (expression* e : calls_) unclaim(*e);
  for (const place& p : path_) unclaim(*p.call);
}

/// On the path, before the next is claimed: what is claimed must be found by give_back.
void gathering::make_room() {
  if (path_.size() == path_.capacity()) path_.reserve(2 * path_.size() + 64);
}

/// False: it has been seen.
bool gathering::discover(expression& e) {
  gathering* claimer = e.claimed.load(std::memory_order_relaxed);
  if (claimer == this) return false;
  if (!claimer && e.claimed.compare_exchange_strong(claimer, this, std::memory_order_acquire)) return true;
  return others_.try_emplace(&e, no_task).second;
}

std::uint32_t gathering::id_of(const expression& e) const {
  return e.claimed.load(std::memory_order_relaxed) == this ? e.id : others_.at(&e);
}

/// Depth first, so that calls which belong together have numbers that are near.
void gathering::visit(expression& first) {
  path_.push_back({&first, 0});
  while (!path_.empty()) {
    make_room();
    place& at = path_.back();
    expression& e = *at.call;
    expression* deeper = nullptr;
    while (!deeper && at.next < e.input_count) {
      expression* const input = e.inputs[at.next++].call();
      if (input && discover(*input)) deeper = input;
    }
    if (deeper) {
      path_.push_back({deeper, 0});
      continue;
    }
    const std::size_t id = calls_.size();
    if (id >= no_task || inputs_.size() + e.input_count >= no_task)
      throw misuse("weft: a graph of more than " + std::to_string(no_task - 1) +
                   " tasks or inputs cannot be computed at once: compute it in parts, by persist");
    for (std::uint32_t i = 0; i < e.input_count; ++i) {
      const expression* const input = e.inputs[i].call();
      futures_ |= !input;
      inputs_.push_back(input ? id_of(*input) : no_task);
    }
    offsets_.push_back(static_cast<std::uint32_t>(inputs_.size()));
    calls_.push_back(&e);
    if (e.claimed.load(std::memory_order_relaxed) == this)
      e.id = static_cast<std::uint32_t>(id);
    else
      others_[&e] = static_cast<std::uint32_t>(id);
    path_.pop_back();
  }
}

graph_shape gathering::shape() const {
  if (!futures_) return graph_shape::from_rows(offsets_, inputs_);
  std::vector<std::uint32_t> offsets{0}, targets;
  offsets.reserve(offsets_.size());
  targets.reserve(inputs_.size());
  for (std::uint32_t id = 0; id < size(); ++id) {
    for (const std::uint32_t input : inputs(id))
      if (input != no_task) targets.push_back(input);
    offsets.push_back(static_cast<std::uint32_t>(targets.size()));
  }
  return graph_shape::from_rows(std::move(offsets), std::move(targets));
}

// ---- what becomes of them --------------------------------------------------------------------------------------

namespace {

std::uint32_t kind_of(const expression& e, call_defaults defaults) {
  if (!e.type->fuses || e.details) return fuse_rules::never;
  const auto priority = static_cast<std::uint16_t>(e.annotated ? e.priority : defaults.priority);
  return std::uint32_t{priority} << 16 | (e.annotated ? e.retries : defaults.retries);
}

bool has_links(const graph_shape& shape) {
  for (std::uint32_t task = 0; task < shape.size(); ++task)
    if (shape.degree(task) == 1) return true;
  return false;
}

/// The plan that makes every task a group.
grouping each_alone(graph_shape shape) {
  grouping plan;
  plan.offsets.resize(std::size_t{shape.size()} + 1);
  std::iota(plan.offsets.begin(), plan.offsets.end(), 0u);
  plan.members.assign(plan.offsets.begin(), plan.offsets.end() - 1);
  plan.group_of = plan.members;
  plan.shape = std::move(shape);
  return plan;
}

/// Of each task's result, where any call has an estimate; those that have none count as the mean of the others.
std::vector<std::uint64_t> estimated_sizes(const gathering& g, const grouping& tasks) {
  const std::uint32_t n = tasks.shape.size();
  const std::uint64_t most = (std::uint64_t{1} << 62) / std::max<std::uint32_t>(n, 1);  // the sum has 63 bits
  std::vector<std::uint64_t> sizes(n, 0);
  std::uint64_t sum = 0, known = 0;
  for (std::uint32_t task = 0; task < n; ++task) {
    const task_details* d = g.call(tasks.result(task)).details;
    if (!d || d->memory == 0) continue;
    sum += sizes[task] = std::min(d->memory, most);
    ++known;
  }
  if (known == 0) return {};
  for (std::uint64_t& s : sizes)
    if (s == 0) s = std::max<std::uint64_t>(sum / known, 1);
  return sizes;
}

}  // namespace

compute_plan plan_computation(const gathering& g, call_defaults defaults) {
  std::vector<std::uint8_t> wanted(g.size(), 0), cheap(g.size(), 0);
  bool any_cheap = false;
  for (const std::uint32_t id : g.wanted()) wanted[id] = 1;
  for (std::uint32_t id = 0; id < g.size(); ++id) any_cheap |= (cheap[id] = g.call(id).cheap ? 1 : 0) != 0;

  compute_plan plan;
  graph_shape shape = g.shape();
  const bool copies = any_cheap;
  if (copies) {
    plan.tasks = inline_cheap(shape, {.cheap = cheap, .wanted = wanted});
    shape = plan.tasks.shape;
  }
  if (has_links(shape)) {
    std::vector<std::uint32_t> kind(shape.size());
    std::vector<std::uint8_t> ends(copies ? shape.size() : 0);
    for (std::uint32_t task = 0; task < shape.size(); ++task) {
      const std::uint32_t id = copies ? plan.tasks.result(task) : task;
      kind[task] = kind_of(g.call(id), defaults);
      if (copies) ends[task] = wanted[id];
    }
    grouping chains = fuse_chains(shape, {.wanted = copies ? ends : wanted, .kind = kind, .longest = longest_fused});
    plan.tasks = copies ? compose(plan.tasks, chains) : std::move(chains);
  } else if (!copies) {
    plan.tasks = each_alone(std::move(shape));
  }
  plan.ranks = order(plan.tasks.shape, estimated_sizes(g, plan.tasks));
  return plan;
}

compute_plan plain_plan(const gathering& g) {
  compute_plan plan{.tasks = each_alone(g.shape()), .ranks = {}};
  plan.ranks = order(plan.tasks.shape, estimated_sizes(g, plan.tasks));
  return plan;
}

// ---- pictures --------------------------------------------------------------------------------------------------

namespace {

/// A picture has no room for namespaces without names, nor for parameters.
std::string short_name(std::string name) {
  for (const std::string_view unnamed : {"(anonymous namespace)::", "{anonymous}::"})
    for (std::size_t at = name.find(unnamed); at != name.npos; at = name.find(unnamed, at))
      name.erase(at, unnamed.size());
  if (const std::size_t end = name.find('('); end != 0 && end != name.npos && name.find("lambda") == name.npos)
    name.resize(end);
  return name;
}

std::string label_of(const expression& e) {
  return e.details && !e.details->name.empty() ? e.details->name : short_name(e.type->name(e.address));
}

/// For a group, what it ends with, and below that the names of all it calls; of many the first and the last.
std::string label_of(const gathering& g, std::span<const std::uint32_t> calls) {
  constexpr std::size_t shown = 6;
  std::string label = label_of(g.call(calls.back()));
  if (calls.size() == 1) return label;
  label += " +" + std::to_string(calls.size() - 1);
  for (std::size_t i = 0; i < calls.size(); ++i) {
    label += '\n';
    if (calls.size() > shown && i == shown - 2) {
      label += "... " + std::to_string(calls.size() - shown + 1) + " more";
      i = calls.size() - 2;
    } else {
      label += label_of(g.call(calls[i]));
    }
  }
  return label;
}

/// When each task would begin on one worker: of those whose inputs have ended the one of the highest priority, then
/// of the lowest rank of the plan.
std::vector<std::uint32_t> sequence_of(const gathering& g, const compute_plan& plan) {
  const graph_shape& shape = plan.tasks.shape;
  struct place {
    std::int32_t urgency;  // the smaller, the sooner
    std::uint32_t rank, task;
    bool operator>(const place& other) const noexcept {
      return std::tie(urgency, rank) > std::tie(other.urgency, other.rank);
    }
  };
  std::priority_queue<place, std::vector<place>, std::greater<>> ready;
  const auto enter = [&](std::uint32_t task) {
    const expression& e = g.call(plan.tasks.result(task));
    ready.push({e.annotated ? -e.priority : 0, plan.ranks[task], task});
  };
  const graph_shape takers = shape.successors();
  std::vector<std::uint32_t> left(shape.size()), sequence(shape.size());
  for (std::uint32_t task = 0; task < shape.size(); ++task)
    if ((left[task] = shape.degree(task)) == 0) enter(task);
  for (std::uint32_t begun = 0; !ready.empty(); ++begun) {
    const std::uint32_t task = ready.top().task;
    ready.pop();
    sequence[task] = begun;
    for (const std::uint32_t other : takers.dependencies(task))
      if (--left[other] == 0) enter(other);
  }
  return sequence;
}

}  // namespace

std::string draw_expressions(const std::vector<expression*>& wanted, const drawing_options& how, drawing_form form) {
  const gathering g(wanted);
  const compute_plan plan = how.fused ? plan_computation(g, {}) : plain_plan(g);

  // What is under way already stands beside the groups.
  const std::uint32_t groups = plan.tasks.shape.size();
  std::vector<const node*> futures;
  std::unordered_map<const node*, std::uint32_t> numbers;
  const auto number_of = [&](const node* n) {
    const auto [at, fresh] = numbers.try_emplace(n, groups + static_cast<std::uint32_t>(futures.size()));
    if (fresh) futures.push_back(n);
    return at->second;
  };
  std::vector<graph_edge> edges;
  for (std::uint32_t group = 0; group < groups; ++group) {
    for (const std::uint32_t need : plan.tasks.shape.dependencies(group)) edges.push_back({group, need});
    for (const std::uint32_t id : plan.tasks.tasks(group)) {
      const expression& e = g.call(id);
      for (std::uint32_t i = 0; i < e.input_count; ++i)
        if (const node* n = e.inputs[i].future()) edges.push_back({group, number_of(n)});
    }
  }
  for (const expression* e : wanted)
    if (!is_call(*e)) number_of(e->inputs[0].future());

  const graph_shape shape = graph_shape::from_edges(groups + futures.size(), edges);
  drawing what;
  what.title = how.title;
  std::vector<task_state> states;
  std::vector<std::uint32_t> ranks;
  if (how.by_state) {
    states.assign(groups, task_state::waiting);
    for (const node* n : futures) states.push_back(state_of(*n));
    what.states = states;
  } else {
    ranks = sequence_of(g, plan);
    for (std::uint32_t& r : ranks) r += static_cast<std::uint32_t>(futures.size());  // these have begun
    for (std::uint32_t i = 0; i < futures.size(); ++i) ranks.push_back(i);
    what.ranks = ranks;
  }
  std::vector<std::string> labels;
  if (shape.size() <= what.most_tasks) {  // else the picture has no room for them
    for (std::uint32_t group = 0; group < groups; ++group) labels.push_back(label_of(g, plan.tasks.tasks(group)));
    for (const node* n : futures) labels.push_back(key_of(*n));
    what.labels = labels;
  }
  return picture(shape, what, how, form);
}

}  // namespace weft::detail
