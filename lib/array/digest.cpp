// Digests of chunks, by the tree of reductions.
#include "weft/detail/array/digests.hpp"

#include <stdexcept>
#include <utility>

#include "array/layered.hpp"
#include "array/names.hpp"
#include "array/plan.hpp"

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
    for (std::uint32_t a = 0; a < source.rank; ++a) {
      if ((axes >> a & 1) != 0) continue;
      b.first[a] = wanted.first[a];
      b.counts[a] = wanted.counts[a];
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

}  // namespace weft::detail::arrays
