#pragma once

#include <span>
#include <stdexcept>
#include <utility>
#include <vector>

#include "array/boxes.hpp"
#include "array/nodes.hpp"
#include "weft/layer.hpp"

namespace weft::detail::arrays {

/// A node whose tasks are no program: one for each chunk, which takes whole blocks of its operands. Operands are
/// nodes with tasks of their own; what is between them and the node is in their maps.
struct layered_node : array_node {
  /// The chunks of operand o's node that the tasks of a box read: one at least.
  virtual box reads(std::size_t o, const box& of) const = 0;
  /// The tasks of a box of chunks. `in` are the operands' layers, of the tasks of the boxes `from`.
  virtual layer<block> lay(const box& of, std::span<const layer<block>> in, std::span<const box> from) const = 0;
  /// Whether all its chunks are made or none.
  virtual bool as_a_whole() const noexcept { return false; }
  /// Whether it is kept, as reductions are, where all that reads it is made again.
  virtual bool is_reduction() const noexcept { return false; }
  /// How many tasks the chunks of a box are.
  virtual std::size_t tasks(const box& made) const noexcept { return made.tasks(); }

 protected:
  layered_node(client c, element e, const grid& g, std::vector<operand> o)
      : array_node(node_kind::layered, std::move(c), e, g, std::move(o)) {}
};

/// How a node's chunks are made of all chunks of its operands, by layers of its own.
class layer_recipe {
 public:
  layer_recipe() = default;
  layer_recipe(const layer_recipe&) = delete;
  layer_recipe& operator=(const layer_recipe&) = delete;
  virtual ~layer_recipe() = default;
  /// A layer with a task for each chunk, row-major; `in` are those of the operands.
  virtual layer<block> make(std::span<const layer<block>> in) const = 0;
  /// How many tasks that are.
  virtual std::size_t tasks() const noexcept = 0;
};
/// A recipe as a function object: `layer<block> operator()(std::span<const layer<block>>) const`.
template <class F>
class recipe_of final : public layer_recipe {
 public:
  recipe_of(std::size_t n, F f) : tasks_(n), make_(std::move(f)) {}
  layer<block> make(std::span<const layer<block>> in) const override { return make_(in); }
  std::size_t tasks() const noexcept override { return tasks_; }

 private:
  std::size_t tasks_;
  F make_;
};
template <class F>
std::shared_ptr<const layer_recipe> recipe(std::size_t tasks, F make) {
  return std::make_shared<const recipe_of<F>>(tasks, std::move(make));
}

/// A node that is made by a recipe: its operands are no views, and read as a whole. The chunks need not be of the
/// extents of `chunks` where only such nodes read them: there is one value for each.
array_ref make_layered(client c, element e, const grid& chunks, std::vector<array_ref> operands,
                       std::shared_ptr<const layer_recipe> how);

/// A node's operand: indices become an array of them.
operand settled(array_ref x, const view_map& map);

/// The tasks of all chunks of an array, or those that it keeps.
layer<block> layer_of_blocks(const array_node& x);
/// The same of several arrays of one client, whose tasks are shared where they are the same.
std::vector<layer<block>> layers_of_blocks(std::span<const array_ref> xs);

/// A layer with as many links as it has inputs, which must be known when it is compiled.
template <class F, class D, class... Links>
layer<block> layer_with(std::size_t n, const F& f, std::span<const layer<block>> in, std::span<const D> how,
                        const Links&... links) {
  if (in.empty()) return layer_of(n, f, links...);
  if constexpr (sizeof...(Links) < most_inputs)
    return layer_with(n, f, in.subspan(1), how.subspan(1), links..., weft::from(in[0], how[0]));
  else
    throw std::logic_error("weft: a task of an array reads more than 8 layers");
}

}  // namespace weft::detail::arrays
