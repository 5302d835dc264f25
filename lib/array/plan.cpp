// From an array to what has to be computed for it.
#include "array/plan.hpp"

#include <algorithm>
#include <cmath>
#include <unordered_map>
#include <utility>

#include "array/layered.hpp"
#include "weft/detail/array/gathers.hpp"

namespace weft::detail::arrays {

namespace {

bool is_in_tasks_of_others(const array_node& n) noexcept { return n.kind == node_kind::index; }

/// Takes nodes into one program.
class program_maker {
 public:
  program_maker(stage& s, const grid& domain, std::size_t operands) : stage_(s), inputs_(operands) {
    s.what.domain = domain;
  }

  /// The register of what v computes, as the domain sees it.
  std::int16_t take(const vertex& v, const view_map& map) {
    for (const known& k : known_)
      if (k.of == &v && k.map == map) return k.at;
    const array_node& n = *v.node;
    const std::int16_t at = n.kind == node_kind::index                                        ? load_index(n, map)
                            : n.kind == node_kind::elementwise && fits(n) && may_take(v, map) ? take_in(v, map)
                                                                                              : load_blocks(v, map);
    known_.push_back({&v, map, at});
    return at;
  }
  std::int16_t add_step(const vertex& v, const view_map& map) {
    const auto& n = static_cast<const elementwise_node&>(*v.node);
    std::vector<std::int16_t> operands, arguments;
    for (std::size_t o = 0; o < n.operands.size(); ++o)
      operands.push_back(take(*v.operands[o], compose(map, n.operands[o].map)));
    for (const std::uint8_t a : n.arguments) arguments.push_back(operands[a]);
    if (!n.what) return operands.front();
    stage_.what.steps.push_back({n.what, std::move(arguments), n.of.item});
    return static_cast<std::int16_t>(-static_cast<std::int16_t>(stage_.what.steps.size()));
  }

 private:
  struct known {
    const vertex* of;
    view_map map;
    std::int16_t at;
  };

  static std::size_t block_operands(const array_node& n) {
    return static_cast<std::size_t>(std::count_if(n.operands.begin(), n.operands.end(),
                                                  [](const operand& o) { return o.node->kind != node_kind::index; }));
  }
  /// The numbers are upper bounds, known before anything is taken: so nothing has to be undone.
  bool fits(const array_node& n) const {
    return steps_ + 1 < most_steps && inputs_ + block_operands(n) <= most_inputs + 1 &&
           loads_ + n.operands.size() <= most_loads - most_arguments;
  }
  bool may_take(const vertex& v, const view_map& map) const {
    const again computed = static_cast<const elementwise_node&>(*v.node).computed;
    if (computed == again::always) return true;
    if (computed == again::never && v.readers != 1) return false;
    // Not where its elements would be computed again and again.
    const grid& domain = stage_.what.domain;
    for (std::uint32_t a = 0; a < domain.rank; ++a) {
      bool bound = domain.axes[a].extent == 1;
      for (std::uint32_t s = 0; s < map.rank; ++s)
        bound = bound || (map.axes[s].axis == static_cast<std::int32_t>(a) && map.axes[s].step != 0);
      if (!bound) return false;
    }
    return true;
  }
  std::int16_t take_in(const vertex& v, const view_map& map) {
    ++steps_;
    inputs_ += block_operands(*v.node);
    --inputs_;
    loads_ += v.node->operands.size();
    return add_step(v, map);
  }
  std::int16_t load_index(const array_node& n, const view_map& map) {
    const auto& index = static_cast<const index_node&>(n);
    load l{-1, n.of, map, n.chunks, index.base, std::vector<std::int64_t>(stage_.what.domain.rank)};
    for (std::uint32_t s = 0; s < map.rank; ++s) {
      l.base += index.steps[s] * map.axes[s].start;
      if (map.axes[s].axis >= 0)
        l.steps[static_cast<std::size_t>(map.axes[s].axis)] += index.steps[s] * map.axes[s].step;
    }
    return add(std::move(l));
  }
  std::int16_t load_blocks(const vertex& v, const view_map& map) {
    stage_.sources.push_back(&v);
    return add({static_cast<std::int32_t>(stage_.sources.size() - 1), v.node->of, map, v.node->chunks});
  }
  std::int16_t add(load l) {
    stage_.what.loads.push_back(std::move(l));
    return static_cast<std::int16_t>(stage_.what.loads.size() - 1);
  }

  stage& stage_;
  std::vector<known> known_;
  std::size_t inputs_, steps_ = 0, loads_ = 0;
};

void widen(box& b, const box& by) {
  if (b.counts.size() == 0 && by.counts.size() != 0) {
    b = by;
    return;
  }
  for (std::size_t a = 0; a < by.counts.size(); ++a) {
    const std::int64_t first = std::min(b.first[a], by.first[a]);
    const std::int64_t end = std::max(b.first[a] + b.counts[a], by.first[a] + by.counts[a]);
    b.first[a] = first;
    b.counts[a] = end - first;
  }
}

/// The chunks that are reduced to those that are wanted.
box box_reduced(const reduction_node& n, const box& wanted) {
  box b = box::all_of(n.domain);
  std::size_t at = 0;
  for (std::uint32_t a = 0; a < n.domain.rank; ++a) {
    const bool reduced = (n.axes >> a & 1) != 0;
    if (!reduced) {
      b.first[a] = wanted.first[at];
      b.counts[a] = wanted.counts[at];
    }
    if (!reduced || n.keep) ++at;
  }
  return b;
}

void make_program(stage& s) {
  const vertex& v = *s.made_for;
  const array_node& n = *v.node;
  if (n.kind == node_kind::stored) return;
  if (n.kind == node_kind::layered) {
    s.sources = v.operands;
    return;
  }
  const bool reduces = n.kind == node_kind::reduction;
  const grid& domain = reduces ? static_cast<const reduction_node&>(n).domain : n.chunks;
  const auto blocks = std::count_if(n.operands.begin(), n.operands.end(),
                                    [](const operand& o) { return o.node->kind != node_kind::index; });
  program_maker maker(s, domain, static_cast<std::size_t>(blocks));
  if (reduces)
    s.what.result = maker.take(*v.operands.front(), n.operands.front().map);
  else
    s.what.result = maker.add_step(v, identity_map(domain.rank));
  s.what.of = reduces ? n.operands.front().node->of : n.of;
}

/// What is read by this stage alone, a chunk by the task of the same number, it makes itself.
void take_sources(stage& s) {
  for (const load& l : s.what.loads) {
    if (!is_read_as_it_is(l, s.what.domain)) continue;
    const auto i = static_cast<std::size_t>(l.input);
    if (s.sources[i]->readers != 1) continue;
    const auto* const made = dynamic_cast<const has_source*>(s.sources[i]->node);
    const any_code<chunk_source> source = made ? made->source() : any_code<chunk_source>();
    if (!source) continue;
    s.own.resize(s.sources.size());
    s.own[i] = source;
  }
}

}  // namespace

coordinates group_sizes(const box& of, std::uint32_t axes, std::int64_t fan_in) noexcept {
  int open = 0;
  for (std::size_t a = 0; a < of.counts.size(); ++a) open += (axes >> a & 1) != 0 && of.counts[a] > 1;
  // As many along each of them; eight are three by three, rather than two by two.
  const double most = static_cast<double>(std::min(fan_in, std::int64_t{1} << 32));
  const double root = std::pow(most, 1.0 / std::max(open, 1));
  const std::int64_t along = std::max<std::int64_t>(std::llround(root), 2);
  coordinates groups{};
  for (std::size_t a = 0; a < of.counts.size(); ++a) groups[a] = (axes >> a & 1) == 0 ? 1 : along;
  return groups;
}

bool one_is_left(const box& of, std::uint32_t axes) noexcept {
  for (std::size_t a = 0; a < of.counts.size(); ++a)
    if ((axes >> a & 1) != 0 && of.counts[a] != 1) return false;
  return true;
}

std::size_t tasks_of_tree(box of, std::uint32_t axes, std::int64_t fan_in) noexcept {
  std::size_t n = of.tasks();
  while (!one_is_left(of, axes)) {
    const coordinates groups = group_sizes(of, axes, fan_in);
    for (std::size_t a = 0; a < of.counts.size(); ++a) of.counts[a] = (of.counts[a] + groups[a] - 1) / groups[a];
    n += of.tasks();
  }
  return n;
}

plan::plan(const array_node& wanted) : plan(std::vector<const array_node*>{&wanted}) {}

std::vector<const array_node*> plan::nodes_of(std::span<const array_node* const> wanted) {
  std::vector<const array_node*> nodes;
  for (const array_node* x : wanted) {
    if (x->kind == node_kind::view || x->kind == node_kind::index) {
      const array_ref itself(array_ref(), x);
      const node_kind source = x->kind == node_kind::view ? x->operands.front().node->kind : node_kind::index;
      // Chunks that are made anyway are copied by boxes; an expression is computed for the view's elements alone.
      copies_.push_back(source == node_kind::stored || source == node_kind::layered
                            ? copied(itself)
                            : make_elementwise(x->owner, x->of, x->chunks, {itself}, any_code<kernel>()));
      x = copies_.back().get();
    }
    nodes.push_back(x);
  }
  return nodes;
}

plan::plan(std::span<const array_node* const> wanted) : vertices_(vertices_of(nodes_of(wanted))) {
  std::unordered_map<const vertex*, box> wanted_of;
  for (const vertex* root : vertices_.roots) wanted_of[root] = box::all_of(root->node->chunks);
  // From the results back, so that all readers of a node have said what they want of it.
  for (const vertex& v : vertices_.all) {
    const array_node* n = v.node;
    const auto at = wanted_of.find(&v);
    if (at == wanted_of.end() || is_in_tasks_of_others(*n)) continue;
    stage s{&v, n};
    make_program(s);
    take_sources(s);
    const bool as_a_whole = n->kind == node_kind::stored ||
                            (n->kind == node_kind::layered && static_cast<const layered_node*>(n)->as_a_whole());
    s.wanted = as_a_whole ? box::all_of(n->chunks) : at->second;
    s.made =
        n->kind == node_kind::reduction ? box_reduced(static_cast<const reduction_node&>(*n), s.wanted) : s.wanted;
    s.what.first = s.made.first;
    s.what.counts = s.made.counts;
    if (n->kind == node_kind::layered)
      for (std::size_t o = 0; o < s.sources.size(); ++o)
        widen(wanted_of[s.sources[o]], static_cast<const layered_node*>(n)->reads(o, s.made));
    for (const load& l : s.what.loads)
      if (l.input >= 0 && !s.makes(static_cast<std::size_t>(l.input)))
        widen(wanted_of[s.sources[static_cast<std::size_t>(l.input)]], box_read(l, s.what.domain, s.made));
    stages_.push_back(std::move(s));
  }
  std::reverse(stages_.begin(), stages_.end());
}

std::size_t tasks_of(const stage& s) noexcept {
  if (s.node->kind == node_kind::stored) return 0;
  if (s.node->kind == node_kind::layered) return static_cast<const layered_node&>(*s.node).tasks(s.made);
  if (s.node->kind != node_kind::reduction) return s.made.tasks();
  const auto& r = static_cast<const reduction_node&>(*s.node);
  return tasks_of_tree(s.made, r.axes, r.fan_in);
}

}  // namespace weft::detail::arrays
