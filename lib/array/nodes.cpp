#include "array/nodes.hpp"

#include <algorithm>
#include <string>

#include "array/program.hpp"
#include "weft/array/plan.hpp"
#include "weft/errors.hpp"

namespace weft::detail::arrays {

/// Long chains are not destroyed by recursion.
array_node::~array_node() {
  std::vector<operand> dead = std::move(operands);
  while (!dead.empty()) {
    const array_ref n = std::move(dead.back().node);
    dead.pop_back();
    if (n.use_count() != 1) continue;
    auto& more = const_cast<array_node&>(*n).operands;  // nobody else sees it any more
    std::move(more.begin(), more.end(), std::back_inserter(dead));
    more.clear();
  }
}

bool reduction_node::spell(encoder& e) const {
  weft::encode(e, domain);
  weft::encode(e, axes);
  weft::encode(e, keep);
  weft::encode(e, what);
  weft::encode(e, fan_in);
  return true;
}

const client& owner_of(const array_node& x) noexcept { return x.owner; }
const grid& grid_of(const array_node& x) noexcept { return x.chunks; }
element element_of_node(const array_node& x) noexcept { return x.of; }

view_map identity_map(std::uint32_t rank) noexcept {
  view_map map;
  map.rank = rank;
  for (std::uint32_t a = 0; a < rank; ++a) map.axes[a] = {static_cast<std::int32_t>(a), 0, 1};
  return map;
}

view_map compose(const view_map& outer, const view_map& inner) noexcept {
  view_map all;
  all.rank = inner.rank;
  for (std::uint32_t s = 0; s < inner.rank; ++s) {
    const axis_map& in = inner.axes[s];
    if (in.axis < 0) {
      all.axes[s] = in;
      continue;
    }
    const axis_map& out = outer.axes[static_cast<std::size_t>(in.axis)];
    all.axes[s] = {out.axis, in.start + in.step * out.start, in.step * out.step};
  }
  return all;
}

view_map broadcast_map(const grid& from, const grid& to) noexcept {
  view_map map;
  map.rank = from.rank;
  const std::uint32_t before = to.rank - from.rank;
  for (std::uint32_t s = 0; s < from.rank; ++s)
    if (from.axes[s].extent != 1) map.axes[s] = {static_cast<std::int32_t>(s + before), 0, 1};
  return map;
}

operand resolve(array_ref x, const view_map& map) {
  if (x->kind != node_kind::view) return {std::move(x), map};
  const operand& source = x->operands.front();
  return {source.node, compose(map, source.map)};
}

array_ref make_index(client c, const grid& chunks, std::int64_t base, const coordinates& steps) {
  return std::make_shared<const index_node>(std::move(c), chunks, base, steps);
}

array_ref make_elementwise(client c, element e, const grid& chunks, std::vector<array_ref> operands,
                           any_code<kernel> what, bool cheap) {
  return make_computed(std::move(c), e, chunks, std::move(operands), std::move(what),
                       cheap ? again::always : again::never);
}

array_ref make_computed(client c, element e, const grid& chunks, std::vector<array_ref> operands,
                        any_code<kernel> what, again computed) {
  std::vector<operand> each;
  std::vector<std::uint8_t> arguments;
  for (array_ref& x : operands) {
    const view_map map = broadcast_map(x->chunks, chunks);
    operand o = resolve(std::move(x), map);
    auto at =
        std::find_if(each.begin(), each.end(), [&](const operand& p) { return p.node == o.node && p.map == o.map; });
    arguments.push_back(static_cast<std::uint8_t>(at - each.begin()));
    if (at == each.end()) each.push_back(std::move(o));
  }
  const auto blocks =
      std::count_if(each.begin(), each.end(), [](const operand& o) { return o.node->kind != node_kind::index; });
  if (static_cast<std::size_t>(blocks) > most_inputs || arguments.size() > most_arguments)
    throw misuse("weft: an expression of " + std::to_string(blocks) + " arrays, of which it may have " +
                 std::to_string(most_inputs) + ": give a part of it a name, as a weft::array");
  return std::make_shared<const elementwise_node>(std::move(c), e, chunks, std::move(each), std::move(arguments),
                                                  std::move(what), computed);
}

array_ref made_again(array_ref x) {
  if (x->kind == node_kind::view) {  // what it shows is what there is to make
    const operand& source = x->operands.front();
    return make_view(made_again(source.node), source.map, x->chunks);
  }
  if (x->kind == node_kind::stored || x->kind == node_kind::index || is_recomputed(*x)) return x;
  client c = x->owner;
  const element e = x->of;
  const grid chunks = x->chunks;
  return make_elementwise(std::move(c), e, chunks, {std::move(x)}, any_code<kernel>(), true);
}

array_ref make_view(array_ref x, const view_map& map, const grid& chunks) {
  client c = x->owner;
  const element e = x->of;
  return std::make_shared<const view_node>(std::move(c), e, chunks, resolve(std::move(x), map));
}

array_ref make_reduction(array_ref x, element e, std::uint32_t axes, bool keep, any_code<reducer> what,
                         std::int64_t fan_in) {
  if (fan_in < 2)
    throw misuse("weft: a reduction whose tasks combine " + std::to_string(fan_in) +
                 " chunks (split_every): give 2 or more");
  const grid domain = x->chunks;
  grid chunks;
  for (std::uint32_t a = 0; a < domain.rank; ++a) {
    if ((axes >> a & 1) == 0)
      chunks.axes[chunks.rank++] = domain.axes[a];
    else if (keep)
      chunks.axes[chunks.rank++] = {1, 1, 1};
  }
  client c = x->owner;
  return std::make_shared<const reduction_node>(std::move(c), e, chunks, domain,
                                                resolve(std::move(x), identity_map(domain.rank)), axes, keep,
                                                std::move(what), fan_in);
}

array_ref make_stored(client c, element e, const grid& chunks, std::vector<future<block>> parts) {
  return std::make_shared<const stored_node>(std::move(c), e, chunks, std::move(parts));
}

array_ref in_chunks(array_ref x, const grid& chunks) {
  if (x->kind == node_kind::view) {  // one that changes nothing is its source
    const operand& source = x->operands.front();
    if (source.map == identity_map(x->chunks.rank) && x->chunks == source.node->chunks) x = array_ref(source.node);
  }
  if (x->kind != node_kind::view && x->kind != node_kind::index && x->chunks == chunks) return x;
  client c = x->owner;
  const element e = x->of;
  return make_elementwise(std::move(c), e, chunks, {std::move(x)}, any_code<kernel>());
}

const client& common_client(const client& a, const client& b) {
  if (a.get_engine() != b.get_engine())
    throw misuse(
        "weft: two arrays of different clients in one expression: compute one, and make an array of it on the "
        "other's "
        "client");
  return a;
}

}  // namespace weft::detail::arrays
