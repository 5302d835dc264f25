// Layers for what has to be computed.
#include <algorithm>
#include <cstring>
#include <exception>
#include <iterator>
#include <optional>
#include <unordered_map>

#include "array/fused.hpp"
#include "array/layered.hpp"
#include "array/plan.hpp"
#include "array/side_by_side.hpp"
#include "array/tasks.hpp"
#include "weft/array/together.hpp"
#include "weft/errors.hpp"

namespace weft::detail::arrays {

namespace {

reduction reduction_of(const reduction_node& n) { return {n.what, n.axes, false, n.keep, n.of}; }

/// Levels of accumulators, until one is left along the reduced axes.
layer<block> combined(layer<block> l, box b, reduction how, std::int64_t fan_in) {
  for (;;) {
    box tasks;
    const boxes groups = grouped(b, group_sizes(b, how.axes, fan_in), tasks);
    how.last = one_is_left(tasks, how.axes);
    l = layer_of(tasks.tasks(), combine_task{how, tasks}, std::move(l), groups);
    if (how.last) return l;
    b = tasks;
  }
}

layer<block> make_layer_of(const stage& s, std::span<const layer<block>> in, std::span<const boxes> how) {
  const std::size_t n = s.made.tasks();
  const bool reduces = s.node->kind == node_kind::reduction;
  reduction first;
  if (reduces) {
    const auto& r = static_cast<const reduction_node&>(*s.node);
    first = reduction_of(r);
    first.last = one_is_left(s.made, r.axes);
  }
  layer<block> l;
  if (!s.own.empty()) {
    fused_plan what{s.what};
    for (std::size_t i = 0; i < s.own.size(); ++i)
      if (s.own[i]) what.own.push_back({static_cast<std::uint32_t>(i), s.own[i]});
    const fused_task f{shared<fused_plan>(std::move(what)), reduces ? std::optional(first) : std::nullopt};
    l = layer_of_fused(n, f, in, how);
  } else {
    const shared<program> what(s.what);
    l = reduces ? layer_with(n, reduce_task{what, first}, in, how) : layer_with(n, program_task{what}, in, how);
  }
  if (!reduces) return l;
  const auto& r = static_cast<const reduction_node&>(*s.node);
  return first.last ? l : combined(std::move(l), s.made, reduction_of(r), r.fan_in);
}

layer<block> layer_of_stage(const stage& s, std::span<const layer<block>> in, std::span<const box> from) {
  if (s.node->kind == node_kind::stored) return layer_of(static_cast<const stored_node&>(*s.node).parts);
  if (s.node->kind == node_kind::layered) return static_cast<const layered_node&>(*s.node).lay(s.made, in, from);
  std::vector<boxes> how;
  for (const load& l : s.what.loads)
    if (l.input >= 0 && !s.makes(static_cast<std::size_t>(l.input)))
      how.push_back(dependency_on(l, s.what.domain, s.made, from[how.size()]));
  return make_layer_of(s, in, how);
}

/// A layer for each array that is wanted.
std::vector<layer<block>> lower_all(const plan& p) {
  const std::vector<layer<block>> all = layers_of(p);
  std::unordered_map<const vertex*, std::size_t> at;
  for (std::size_t i = 0; i < all.size(); ++i) at.emplace(p.stages()[i].made_for, i);
  std::vector<layer<block>> wanted;
  for (const vertex* root : p.roots()) wanted.push_back(all[at.at(root)]);
  return wanted;
}
layer<block> lower(const plan& p) { return lower_all(p).front(); }

/// Bytes that lie one after the other in a chunk and in the whole array.
template <class F>
void for_each_run(const grid& chunks, std::size_t j, std::size_t item, F f) {
  const coordinates counts = chunks.counts();
  const coordinates place = place_of(j, counts, chunks.rank);
  const weft::shape extents = chunks.chunk(place);
  const std::size_t rank = chunks.rank;
  if (extents.count() == 0) return;
  std::size_t inner = rank;  // the chunk has the whole of the axes behind this one
  std::int64_t run = 1;
  while (inner > 0) {
    --inner;
    run *= extents[inner];
    if (extents[inner] != chunks.axes[inner].extent) break;
  }
  coordinates at{}, outer{};
  for (std::size_t a = 0; a < inner; ++a) outer[a] = extents[a];
  std::size_t within = 0;
  do {
    std::int64_t offset = 0;
    for (std::size_t a = 0; a < rank; ++a)
      offset = offset * chunks.axes[a].extent + chunks.axes[a].first(place[a]) + at[a];
    const std::size_t bytes = static_cast<std::size_t>(run) * item;
    f(static_cast<std::size_t>(offset) * item, within, bytes);
    within += bytes;
  } while (advance(at, outer, inner));
}

}  // namespace

std::vector<layer<block>> layers_of(const plan& p) {
  std::unordered_map<const vertex*, std::pair<layer<block>, box>> made;
  std::vector<layer<block>> all;
  for (const stage& s : p.stages()) {
    std::vector<layer<block>> in;
    std::vector<box> from;
    for (std::size_t i = 0; i < s.sources.size(); ++i) {
      if (s.makes(i)) continue;
      const auto& [made_by, b] = made.at(s.sources[i]);
      in.push_back(made_by);
      from.push_back(b);
    }
    all.push_back(layer_of_stage(s, in, from));
    made.emplace(s.made_for, std::pair(all.back(), s.wanted));
  }
  return all;
}

std::vector<future<block>> start(const array_node& x) {
  if (x.kind == node_kind::stored) return static_cast<const stored_node&>(x).parts;
  return x.owner.compute(lower(plan(x)));
}

std::vector<std::vector<future<block>>> start_by(const client& by, std::span<const array_ref> xs) {
  std::vector<std::vector<future<block>>> parts(xs.size());
  std::vector<const array_node*> wanted;
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < xs.size(); ++i) {
    common_client(xs.front()->owner, xs[i]->owner);
    if (xs[i]->kind == node_kind::stored) {
      parts[i] = static_cast<const stored_node&>(*xs[i]).parts;
      continue;
    }
    wanted.push_back(xs[i].get());
    places.push_back(i);
  }
  if (wanted.empty()) return parts;
  const std::vector<layer<block>> layers = lower_all(plan(wanted));
  std::vector<future<block>> all = by.compute(layers.size() == 1 ? layers.front() : side_by_side(layers));
  auto next = std::make_move_iterator(all.begin());
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const auto end = next + static_cast<std::ptrdiff_t>(layers[i].size());
    parts[places[i]].assign(next, end);
    next = end;
  }
  return parts;
}

std::vector<std::vector<future<block>>> start_all(std::span<const array_ref> xs) {
  return xs.empty() ? std::vector<std::vector<future<block>>>() : start_by(xs.front()->owner, xs);
}

future<> run(const array_node& x) { return x.owner.run(lower(plan(x))); }

task<> wait_for(array_ref x) {
  if (x->kind != node_kind::stored) {
    const future<> all = run(*x);
    co_await all;
    co_return;
  }
  const std::vector<future<block>>& parts = static_cast<const stored_node&>(*x).parts;
  task<> ended = x->owner.wait(parts);
  co_await std::move(ended);
  for (const future<block>& f : parts)
    if (const std::exception_ptr failed = f.exception()) std::rethrow_exception(failed);
}

layer<block> layer_of_blocks(const array_node& x) {
  return x.kind == node_kind::stored ? layer_of(static_cast<const stored_node&>(x).parts) : lower(plan(x));
}

std::vector<layer<block>> layers_of_blocks(std::span<const array_ref> xs) {
  std::vector<layer<block>> all(xs.size());
  std::vector<const array_node*> wanted;
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < xs.size(); ++i) {
    if (xs[i]->kind == node_kind::stored) {
      all[i] = layer_of(static_cast<const stored_node&>(*xs[i]).parts);
      continue;
    }
    wanted.push_back(xs[i].get());
    places.push_back(i);
  }
  if (wanted.empty()) return all;
  std::vector<layer<block>> made = lower_all(plan(wanted));
  for (std::size_t i = 0; i < made.size(); ++i) all[places[i]] = std::move(made[i]);
  return all;
}

std::size_t count_tasks(const array_node& x) {
  std::size_t n = 0;
  const plan p(x);
  for (const stage& s : p.stages()) n += tasks_of(s);
  return n;
}

void put_chunk(std::byte* whole, const grid& chunks, std::size_t j, const block& b) {
  for_each_run(chunks, j, b.of().item, [&](std::size_t to, std::size_t from, std::size_t n) {
    std::memcpy(whole + to, b.bytes().data() + from, n);
  });
}

block take_chunk(const std::byte* whole, element e, const grid& chunks, std::size_t j) {
  block b(e, chunks.chunk(place_of(j, chunks.counts(), chunks.rank)));
  for_each_run(chunks, j, e.item, [&](std::size_t from, std::size_t to, std::size_t n) {
    std::memcpy(b.bytes().data() + to, whole + from, n);
  });
  return b;
}

}  // namespace weft::detail::arrays
