// Nodes that are made by a recipe.
#include "array/layered.hpp"

#include <memory>

namespace weft::detail::arrays {

namespace {

struct recipe_node final : layered_node {
  recipe_node(client c, element e, const grid& g, std::vector<operand> o, std::shared_ptr<const layer_recipe> r)
      : layered_node(std::move(c), e, g, std::move(o)), how(std::move(r)) {}
  box reads(std::size_t o, const box&) const override { return box::all_of(operands[o].node->chunks); }
  layer<block> lay(const box&, std::span<const layer<block>> in, std::span<const box>) const override {
    return how->make(in);
  }
  bool as_a_whole() const noexcept override { return true; }
  std::size_t tasks(const box&) const noexcept override { return how->tasks(); }
  const std::shared_ptr<const layer_recipe> how;
};

}  // namespace

array_ref make_layered(client c, element e, const grid& chunks, std::vector<array_ref> operands,
                       std::shared_ptr<const layer_recipe> how) {
  std::vector<operand> each;
  for (array_ref& x : operands) {
    if (x->kind == node_kind::view || x->kind == node_kind::index) x = in_chunks(x, x->chunks);
    const view_map all = broadcast_map(x->chunks, x->chunks);
    each.push_back({std::move(x), all});
  }
  return std::make_shared<const recipe_node>(std::move(c), e, chunks, std::move(each), std::move(how));
}

}  // namespace weft::detail::arrays
