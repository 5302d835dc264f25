// Digests of chunks, by the tree of reductions.
#include "weft/detail/array/digests.hpp"

#include <cstring>
#include <stdexcept>
#include <string>
#include <utility>

#include "array/given.hpp"
#include "array/layered.hpp"
#include "array/names.hpp"
#include "array/plan.hpp"
#include "weft/detail/array/block_reducers.hpp"
#include "weft/errors.hpp"

namespace weft::detail::arrays {

namespace {

struct digest_task {
  any_code<digest> what;
  bool last = false;
  box of;
  block operator()(std::size_t, values<block> x) const {
    if (x.size() != 1) throw std::logic_error("weft: a task that sums up one chunk was given another number of them");
    block d = what->of_chunk(x[0]);
    return last ? what->finish(std::move(d)) : std::move(d);
  }
  std::string task_name() const { return name_of_code(*what); }
  std::string task_subject(std::size_t j) const { return name_of_chunk(j, of.first, of.counts); }
};
struct merge_task {
  any_code<digest> what;
  bool last = false;
  box of;  // of groups of chunks
  block operator()(std::size_t, values<block> parts) const {
    if (parts.empty())
      throw std::logic_error("weft: a task that merges what chunks were summed up to was given none");
    block d = what->merge(parts);
    return last ? what->finish(std::move(d)) : std::move(d);
  }
  std::string task_name() const { return name_of_code(*what) + (last ? "-aggregate" : "-partial"); }
  std::string task_subject(std::size_t j) const { return name_of_chunk(j, of.first, of.counts); }
};

struct digest_node final : layered_node {
  digest_node(client c, element e, const grid& g, operand o, std::uint32_t a, any_code<digest> w)
      : layered_node(std::move(c), e, g, {std::move(o)}), axes(a), what(std::move(w)) {}

  box reads(std::size_t, const box& b) const override { return digested(b); }
  bool is_reduction() const noexcept override { return true; }
  bool spell(encoder& e) const override {
    if (!what->may_be_compared()) return false;
    weft::encode(e, axes);
    weft::encode(e, what);
    return true;
  }
  layer<block> lay(const box& wanted, std::span<const layer<block>> in, std::span<const box> from) const override {
    box b = digested(wanted);
    bool last = one_is_left(b, axes);
    layer<block> l = layer_of(b.tasks(), digest_task{what, last, b}, in[0], moved(b, from[0], {}));
    while (!last) {
      box merged;
      const boxes groups = grouped(b, group_sizes(b, axes), merged);
      b = merged;
      last = one_is_left(b, axes);
      l = layer_of(b.tasks(), merge_task{what, last, b}, std::move(l), groups);
    }
    return l;
  }
  std::size_t tasks(const box& made) const noexcept override { return tasks_of_tree(digested(made), axes); }

  const std::uint32_t axes;
  const any_code<digest> what;

 private:
  box digested(const box& wanted) const {
    const grid& source = operands.front().node->chunks;
    box b = box::all_of(source);
    const bool keeps = wanted.counts.size() == source.rank;
    std::uint32_t kept = 0;  // axes before a that the result has
    for (std::uint32_t a = 0; a < source.rank; ++a) {
      if ((axes >> a & 1) != 0) {
        kept += keeps ? 1 : 0;
        continue;
      }
      b.first[a] = wanted.first[kept];
      b.counts[a] = wanted.counts[kept++];
    }
    return b;
  }
};

}  // namespace

array_ref make_digest(array_ref x, element e, const grid& chunks, std::uint32_t axes, any_code<digest> what) {
  client c = x->owner;
  const grid source = x->chunks;
  operand o{in_chunks(std::move(x), source), identity_map(source.rank)};
  return std::make_shared<const digest_node>(std::move(c), e, chunks, std::move(o), axes, std::move(what));
}

array_ref reduced_blocks(array_ref x, element e, std::uint32_t axes, bool keep, const weft::shape& extents,
                         any_code<digest> what) {
  const grid& from = x->chunks;
  if (extents.size() != 0 && extents.size() != from.rank)
    throw misuse("weft: chunks of " + weft::to_string(extents) + " from those of an array of shape " +
                 to_string(from) + ": give one extent for each axis");
  grid chunks;
  for (std::uint32_t a = 0; a < from.rank; ++a) {
    const std::int64_t n = extents.size() == 0 ? 0 : extents[a];
    const bool reduced = (axes >> a & 1) != 0;
    if (n < 0 || (n != 0 && !reduced))
      throw misuse("weft: chunks of " + weft::to_string(extents) + " from those of an array of shape " +
                   to_string(from) + ": give 1 or more, or 0, and for axis " + std::to_string(a) +
                   (n < 0 ? "" : ", which is not reduced, 0"));
    if (reduced && !keep) continue;
    chunks.axes[chunks.rank++] = reduced ? one_chunk(n == 0 ? 1 : n) : from.axes[a];
  }
  return make_digest(std::move(x), e, chunks, axes, std::move(what));
}

block block_of_bytes(std::span<const std::byte> bytes) {
  block b(element_of<std::uint8_t>, {bytes.size()});
  if (!bytes.empty()) std::memcpy(b.bytes().data(), bytes.data(), bytes.size());
  return b;
}

weft::shape reduced_extents(const weft::shape& chunk, std::uint32_t axes, bool keep, const weft::shape& extents) {
  demand_given(extents.size() == 0 || extents.size() == chunk.size(), "a chunk of another rank than its own");
  weft::shape all = weft::shape::of_rank(chunk.size());
  std::size_t rank = 0;
  for (std::size_t a = 0; a < chunk.size(); ++a) {
    const bool reduced = (axes >> a & 1) != 0;
    if (reduced && !keep) continue;
    const std::int64_t n = extents.size() == 0 || extents[a] == 0 ? 1 : extents[a];
    all[rank++] = reduced ? n : chunk[a];
  }
  weft::shape kept = weft::shape::of_rank(rank);
  for (std::size_t a = 0; a < rank; ++a) kept[a] = all[a];
  return kept;
}

}  // namespace weft::detail::arrays
