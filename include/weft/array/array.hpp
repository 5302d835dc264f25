#pragma once

#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <ostream>
#include <span>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "weft/array/index.hpp"
#include "weft/array/xtensor.hpp"
#include "weft/detail/array/node.hpp"
#include "weft/detail/array/tree.hpp"
#include "weft/task_options.hpp"

namespace weft {

template <class T, std::size_t N = dynamic_rank>
class array;
template <class Tree, class... Leaves>
class elementwise;

/// An array, or an expression that becomes one.
template <class X>
concept array_like = requires { requires std::remove_cvref_t<X>::weft_is_array; };
template <class S>
concept array_scalar = std::is_arithmetic_v<S> || detail::is_complex<S>;

namespace detail::arrays {

/// As start_all(), by another client of the same engine than the arrays' own: of other options. lib/array/start.cpp.
std::vector<std::vector<future<block>>> start_by(const client& by, std::span<const array_ref> xs);
template <class T, std::size_t N>
task<local_t<T, N>> collect_by(client by, array_ref x) {
  std::vector<future<block>> parts = std::move(start_by(by, {&x, 1}).front());
  co_return co_await assemble<T, N>(std::move(parts), grid_of(*x));
}

/// What arrays and expressions of them can do alike.
template <class Self, class T, std::size_t N>
class array_operations {
 public:
  static constexpr bool weft_is_array = true;
  using value_type = T;
  static constexpr std::size_t rank = N;

  weft::shape shape() const noexcept { return self().grid().whole(); }
  /// The extents of its largest chunks.
  weft::shape chunk_shape() const noexcept { return self().grid().largest(); }
  /// Those of its chunks along each axis. O(chunks along the axes).
  std::vector<std::vector<std::int64_t>> chunk_sizes() const { return sizes_of(self().grid()); }
  std::size_t chunk_count() const noexcept { return self().grid().tasks(); }
  /// Bytes of an element, and of all of them.
  static constexpr std::int64_t itemsize() noexcept { return static_cast<std::int64_t>(sizeof(T)); }
  std::int64_t nbytes() const noexcept { return shape().count() * itemsize(); }
  /// How many tasks compute() runs, at most: where it needs chunks that are far apart, those between them count too.
  /// O(operations).
  std::size_t task_count() const { return count_tasks(*self().node()); }

  /// Runs its tasks, and gives xt::xtensor<T, N>: xt::xarray<T> for a dynamic rank, T for rank 0. Chunks are copied
  /// into it as they end, and let go.
  task<local_t<T, N>> compute() const { return collect<T, N>(self().node()); }
  /// The same in tasks of these options: `x.compute({.priority = 10, .retries = 2})`. They stand in the place of
  /// those that the array's client has (`c.with`), for this call alone. Throws misuse as c.with does.
  task<local_t<T, N>> compute(task_options how) const {
    const array_ref n = self().node();
    return collect_by<T, N>(owner_of(*n).with(how), n);
  }
  /// Starts its tasks, and gives an array whose chunks are theirs: what is made from it does not compute it again.
  array<T, N> persist() const {
    const array_ref n = self().node();
    return array<T, N>(make_stored(owner_of(*n), element_of_node(*n), grid_of(*n), start(*n)));
  }
  /// The same with options, which are of the tasks that this call starts and no others.
  array<T, N> persist(task_options how) const {
    const array_ref n = self().node();
    const client by = owner_of(*n).with(how);
    return array<T, N>(
        make_stored(owner_of(*n), element_of_node(*n), grid_of(*n), std::move(start_by(by, {&n, 1}).front())));
  }

  /// A part of it, by an index for each axis: `x(3, weft::slice(10, 20))`. Integers take their axis away,
  /// weft::newaxis adds one, and axes that have no index are taken as a whole: those that weft::ellipsis stands for,
  /// or the last ones. Costs nothing: whatever reads it reads the array, and only chunks that are needed are
  /// computed.
  ///
  /// One index may be a list (weft::positions, or std::vector or xt::xtensor of integers) or a mask of the axis's
  /// length (of bool): `x(weft::ellipsis, weft::positions(1, 3), weft::slice(weft::none, weft::none, 2))`. Then tasks
  /// copy elements, as take() does. Where integers stand apart from the list, with another index between, its axis
  /// comes first, as in NumPy. The list may be an array of integers of one axis: `x(argsort(y))`. Throws misuse.
  template <class... I>
    requires((is_index<I> || array_like<I>) && ...)
  auto operator()(const I&... indices) const {
    constexpr bool enough_axes = axes_indexed<I...> <= N;
    static_assert(enough_axes, "weft: more indices than the array has axes");
    if constexpr (enough_axes && checked_indices<I...>()) {
      const index_item all[] = {item_of(indices)..., {}};
      return array<T, rank_indexed<N, I...>>(indexed(self().node(), {all, sizeof...(I)}));
    } else {
      return array<T, N>(self().node());
    }
  }

 private:
  const Self& self() const noexcept { return static_cast<const Self&>(*this); }
};

}  // namespace detail::arrays

/// A parallel array: a description, whose chunks are made when it is computed. Copies are the same array. `N` is its
/// rank, or dynamic_rank. Building an expression costs O(operations), whatever the number of chunks.
///
/// It keeps its client, whose pool must live as long.
template <class T, std::size_t N>
class array : public detail::arrays::array_operations<array<T, N>, T, N> {
 public:
  static_assert(std::is_trivially_copyable_v<T>, "weft: the elements of an array are trivially copyable");
  static_assert(alignof(T) <= 64, "weft: the elements of an array are aligned to 64 bytes at most");
  static_assert(N <= most_axes || N == dynamic_rank, "weft: an array has up to eight axes");

  explicit array(detail::arrays::array_ref node) : node_(std::move(node)) {
    if (N != dynamic_rank && grid().rank != N) detail::arrays::throw_rank(N, grid());
  }
  /// An expression is an array. From here on it has tasks of its own, and what several read of it is computed once.
  template <class Tree, class... Leaves>
    requires(std::is_same_v<typename elementwise<Tree, Leaves...>::value_type, T> &&
             (N == dynamic_rank || N == elementwise<Tree, Leaves...>::rank))
  array(const elementwise<Tree, Leaves...>& e) : node_(e.node()) {}  // NOLINT: `weft::array<double, 1> z = x - y;`
  /// The rank of one may be said, if it is dynamic.
  template <class Tree, class... Leaves>
    requires(std::is_same_v<typename elementwise<Tree, Leaves...>::value_type, T> && N != dynamic_rank &&
             elementwise<Tree, Leaves...>::rank == dynamic_rank)
  explicit array(const elementwise<Tree, Leaves...>& e) : array(e.node()) {}
  /// The rank may be forgotten; as another one it is explicit, and misuse when it is not that.
  template <std::size_t M>
    requires(M != N)
  explicit(N != dynamic_rank) array(const array<T, M>& other) : array(other.node()) {}

  const client& owner() const noexcept { return detail::arrays::owner_of(*node_); }
  /// For weft's own functions, as is node(); how it is cut is what chunk_sizes() says.
  const detail::arrays::grid& grid() const noexcept { return detail::arrays::grid_of(*node_); }
  const detail::arrays::array_ref& node() const noexcept { return node_; }

 private:
  detail::arrays::array_ref node_;
};

template <class Tree, class... Leaves>
array(const elementwise<Tree, Leaves...>&)
    -> array<typename elementwise<Tree, Leaves...>::value_type, elementwise<Tree, Leaves...>::rank>;

/// Operations on the elements of arrays, as a type: one kernel, one pass over each chunk. Holds its arrays, so that
/// `auto z = x - y;` is safe.
template <class Tree, class... Leaves>
class elementwise
    : public detail::arrays::array_operations<elementwise<Tree, Leaves...>,
                                              detail::arrays::tree_value<Tree, typename Leaves::value_type...>,
                                              std::max({std::size_t{0}, Leaves::rank...})> {
 public:
  elementwise(client c, const detail::arrays::grid& chunks, Tree t, Leaves... leaves)
      : client_(std::move(c)), chunks_(chunks), tree_(std::move(t)), leaves_(std::move(leaves)...) {}

  const client& owner() const noexcept { return client_; }
  const detail::arrays::grid& grid() const noexcept { return chunks_; }
  const Tree& tree() const noexcept { return tree_; }
  const std::tuple<Leaves...>& leaves() const noexcept { return leaves_; }
  /// A new one each time.
  detail::arrays::array_ref node(bool cheap = false) const {
    using namespace detail::arrays;
    std::vector<array_ref> operands;
    operands.reserve(sizeof...(Leaves) + 1);
    std::apply([&](const auto&... l) { (operands.push_back(l.node()), ...); }, leaves_);
    return make_elementwise(client_, element_of<tree_value<Tree, typename Leaves::value_type...>>, chunks_,
                            std::move(operands),
                            detail::arrays::kernel_by<Tree, typename Leaves::value_type...>(tree_), cheap);
  }

 private:
  client client_;
  detail::arrays::grid chunks_;
  [[no_unique_address]] Tree tree_;
  std::tuple<Leaves...> leaves_;
};

/// `weft::array of float64, shape (1000, 200) in chunks of (100, 200), 1.53 MiB: 10 chunks, 10 tasks`
template <array_like X>
std::string to_string(const X& x) {
  return detail::arrays::describe(*x.node());
}
template <array_like X>
std::ostream& operator<<(std::ostream& out, const X& x) {
  return out << to_string(x);
}

/// The tasks that compute() would run, in Graphviz's language or as an SVG picture, as of a layer (weft/layer.hpp):
/// each task, or where they are too many each layer as one box. Cost: linear in what is drawn.
template <array_like X>
std::string to_dot(const X& x, const drawing_options& how = {}) {
  return detail::arrays::draw_tasks(*x.node(), how, detail::drawing_form::dot);
}
template <array_like X>
std::string to_svg(const X& x, const drawing_options& how = {}) {
  return detail::arrays::draw_tasks(*x.node(), how, detail::drawing_form::svg);
}
/// The array cut into its chunks, as an SVG picture: a bar, a rectangle or a box, each axis with its extent, and
/// below what to_string says. Of more than three axes the last three. Lengths are in proportion, but for axes that
/// would be too short to be seen; of an axis in more than 40 chunks only some of the cuts are drawn.
template <array_like X>
std::string chunks_to_svg(const X& x) {
  return detail::arrays::draw_chunks(*x.node());
}

}  // namespace weft
