// What a task of a product does: blocks as matrices, which BLAS multiplies.
#include "array/linear_kernel.hpp"

#include <algorithm>
#include <array>
#include <complex>
#include <cstring>
#include <stdexcept>
#include <type_traits>
#include <utility>

#include "array/blas.hpp"
#include "array/copy.hpp"
#include "array/given.hpp"
#include "array/tasks.hpp"

namespace weft::detail::arrays {

namespace {

using sizes = std::array<std::size_t, most_axes * 2>;

/// Matrices, one for each index of the batch, row-major: rows x inner, or the other way round when `turned`.
struct matrices {
  const std::byte* at = nullptr;
  bool turned = false;

  blas::form form() const noexcept { return turned ? blas::form::turned : blas::form::plain; }
};

/// The labels of the matrices in the order in which they are laid out: batch, then `first`, then `second`.
std::vector<std::uint32_t> order_of(const contraction& c, bool is_left, bool turned) {
  std::vector<std::uint32_t> order;
  const auto add = [&](std::uint32_t from, std::uint32_t n) {
    for (std::uint32_t i = 0; i < n; ++i) order.push_back(from + i);
  };
  const std::uint32_t free = is_left ? c.batch : c.batch + c.rows, n = is_left ? c.rows : c.columns;
  add(0, c.batch);
  if (turned == is_left) {
    add(c.rank(), c.summed);
    add(free, n);
  } else {
    add(free, n);
    add(c.rank(), c.summed);
  }
  return order;
}

/// The block as it is where its axes are in an order that BLAS takes, else copied to `room`.
matrices as_matrices(const contraction& c, bool is_left, const block& b, std::vector<std::byte>& room) {
  const std::vector<std::uint32_t>& own = is_left ? c.left : c.right;
  for (const bool turned : {false, true})
    if (own == order_of(c, is_left, turned)) return {b.bytes().data(), turned};
  const std::vector<std::uint32_t> order = order_of(c, is_left, false);
  sizes extents{};
  std::array<std::ptrdiff_t, most_axes * 2> steps{}, own_steps{}, from{};
  std::ptrdiff_t step = b.of().item;
  for (std::size_t a = own.size(); a-- > 0;) {
    own_steps[a] = step;
    step *= static_cast<std::ptrdiff_t>(b.extents()[a]);
  }
  for (std::size_t i = 0; i < order.size(); ++i) {
    const auto a = static_cast<std::size_t>(std::find(own.begin(), own.end(), order[i]) - own.begin());
    extents[i] = static_cast<std::size_t>(b.extents()[a]);
    from[i] = own_steps[a];
  }
  const std::size_t rank = order.size();
  const std::span<const std::size_t> all(extents.data(), rank);
  row_major_steps(all, b.of().item, {steps.data(), rank});
  room.resize(b.bytes().size());
  copy_box(room.data(), {steps.data(), rank}, b.bytes().data(), {from.data(), rank}, all, b.of().item);
  return {room.data(), false};
}

struct matrix_sizes {
  std::size_t batch = 1, rows = 1, columns = 1, inner = 1;
};

template <class T>
inline constexpr bool by_blas = std::is_floating_point_v<T> || !std::is_arithmetic_v<T>;

/// C += A B, one matrix of each.
template <class T>
void multiply_one(const matrix_sizes& n, const matrices& a, const T* left, const matrices& b, const T* right,
                  T* out) {
  if constexpr (by_blas<T>) {
    // Row-major C = A B is column-major C' = B' A'.
    const auto m = static_cast<blas::index>(n.rows), w = static_cast<blas::index>(n.columns),
               k = static_cast<blas::index>(n.inner);
    // Vectors are not packed, as matrices are.
    if (w == 1)
      blas::multiply_vector<T>(!a.turned, a.turned ? m : k, a.turned ? k : m, left, a.turned ? m : k, right, out);
    else if (m == 1)
      blas::multiply_vector<T>(b.turned, b.turned ? k : w, b.turned ? w : k, right, b.turned ? k : w, left, out);
    else
      blas::multiply<T>(b.form(), a.form(), w, m, k, T(1), right, b.turned ? k : w, left, a.turned ? m : k, T(1), out,
                        w);
  } else {
    const std::size_t row = a.turned ? 1 : n.inner, inner = a.turned ? n.rows : 1;
    const std::size_t down = b.turned ? 1 : n.columns, across = b.turned ? n.inner : 1;
    for (std::size_t i = 0; i < n.rows; ++i)
      for (std::size_t k = 0; k < n.inner; ++k) {
        const T x = left[i * row + k * inner];
        const T* const y = right + k * down;
        T* const to = out + i * n.columns;
        for (std::size_t j = 0; j < n.columns; ++j) {
          if constexpr (std::is_same_v<T, bool>) {
            to[j] = to[j] || (x && y[j * across]);
          } else {
            // Integers wrap, as NumPy's do.
            using wrapping = std::make_unsigned_t<std::conditional_t<(sizeof(T) < sizeof(int)), int, T>>;
            to[j] = static_cast<T>(static_cast<wrapping>(to[j]) +
                                   static_cast<wrapping>(x) * static_cast<wrapping>(y[j * across]));
          }
        }
      }
  }
}

template <class T>
void multiply_all(const matrix_sizes& n, const matrices& a, const matrices& b, block& result) {
  const auto* left = reinterpret_cast<const T*>(a.at);
  const auto* right = reinterpret_cast<const T*>(b.at);
  T* out = result.data<T>();
  for (std::size_t i = 0; i < n.batch; ++i)
    multiply_one<T>(n, a, left + i * n.rows * n.inner, b, right + i * n.inner * n.columns,
                    out + i * n.rows * n.columns);
}

/// Whether each label that an operand has to have stands there once, and no other.
bool is_contraction(const contraction& c) {
  if (!is_number(c.of) || c.batch > most_axes || c.rows > most_axes || c.columns > most_axes ||
      c.summed > most_axes || c.rank() > most_axes)
    return false;
  for (const bool is_left : {true, false}) {
    std::vector<std::uint32_t> own = is_left ? c.left : c.right, wanted = order_of(c, is_left, false);
    if (own.size() > most_axes) return false;
    std::sort(own.begin(), own.end());
    std::sort(wanted.begin(), wanted.end());
    if (own != wanted) return false;
  }
  return true;
}

/// Calls f with a number of the elements' type.
template <class F>
void with_number(element e, F f) {
  switch (e.type) {
    case dtype::boolean:
      return f(bool{});
    case dtype::i8:
      return f(std::int8_t{});
    case dtype::i16:
      return f(std::int16_t{});
    case dtype::i32:
      return f(std::int32_t{});
    case dtype::i64:
      return f(std::int64_t{});
    case dtype::u8:
      return f(std::uint8_t{});
    case dtype::u16:
      return f(std::uint16_t{});
    case dtype::u32:
      return f(std::uint32_t{});
    case dtype::u64:
      return f(std::uint64_t{});
    case dtype::f32:
      return f(float{});
    case dtype::f64:
      return f(double{});
    case dtype::c64:
      return f(std::complex<float>{});
    case dtype::c128:
      return f(std::complex<double>{});
    case dtype::other:
      break;
  }
  throw std::logic_error("weft: a product of elements that are no numbers");
}

template <class T>
T added(T a, T b) {
  if constexpr (std::is_same_v<T, bool>)
    return a || b;
  else if constexpr (by_blas<T>)
    return a + b;
  else
    return static_cast<T>(static_cast<std::make_unsigned_t<T>>(a) + static_cast<std::make_unsigned_t<T>>(b));
}

}  // namespace

block contract_blocks(const contraction& c, block before, values<block> left, values<block> right) {
  if (left.size() != right.size() || left.empty())
    throw std::logic_error("weft: a product was given unlike numbers of blocks");
  demand_given(is_contraction(c), "a product whose labels do not fit");
  std::vector<std::byte> left_room, right_room;
  block result;
  for (std::size_t p = 0; p < left.size(); ++p) {
    demand_given(left[p].of().item == c.of.item && left[p].extents().size() == c.left.size() &&
                     right[p].of().item == c.of.item && right[p].extents().size() == c.right.size(),
                 "other blocks than its product takes");
    std::vector<std::int64_t> extents(c.rank() + c.summed, 1);
    for (std::size_t a = 0; a < c.left.size(); ++a) extents[c.left[a]] = left[p].extents()[a];
    for (std::size_t a = 0; a < c.right.size(); ++a) {
      const bool in_both = c.right[a] < c.batch || c.right[a] >= c.rank();
      if (in_both && extents[c.right[a]] != right[p].extents()[a])
        throw std::logic_error("weft: a product was given blocks of shapes " + weft::to_string(left[p].extents()) +
                               " and " + weft::to_string(right[p].extents()));
      extents[c.right[a]] = right[p].extents()[a];
    }
    matrix_sizes n;
    for (std::uint32_t l = 0; l < extents.size(); ++l) {
      std::size_t& of = l < c.batch                        ? n.batch
                        : l < c.batch + c.rows             ? n.rows
                        : l < c.batch + c.rows + c.columns ? n.columns
                                                           : n.inner;
      of *= static_cast<std::size_t>(extents[l]);
    }
    if (p == 0) {
      weft::shape whole = weft::shape::of_rank(c.rank());
      for (std::uint32_t l = 0; l < c.rank(); ++l) whole[l] = extents[l];
      if (before.bytes().empty()) {
        result = block(c.of, whole);
        if (result.count() == 0) return result;
        std::memset(result.bytes().data(), 0, result.bytes().size());
      } else {
        if (before.extents() != whole || before.of().item != c.of.item)
          throw std::logic_error("weft: a product was given a sum of shape " + weft::to_string(before.extents()));
        result = std::move(before);
      }
    } else {
      for (std::uint32_t l = 0; l < c.rank(); ++l)
        demand_given(extents[l] == result.extents()[l], "blocks of products of unlike shapes");
    }
    if (n.inner == 0) continue;
    const matrices a = as_matrices(c, true, left[p], left_room);
    const matrices b = as_matrices(c, false, right[p], right_room);
    with_number(c.of, [&](auto zero) { multiply_all<decltype(zero)>(n, a, b, result); });
  }
  return result;
}

block add_blocks(values<block> parts) {
  demand_given(!parts.empty(), "no blocks to add");
  block sum = taken_or_copied(parts, 0);
  if (sum.count() == 0) return sum;
  with_number(sum.of(), [&](auto zero) {
    using T = decltype(zero);
    T* const to = sum.template data<T>();
    for (std::size_t p = 1; p < parts.size(); ++p) {
      if (parts[p].extents() != sum.extents() || parts[p].of().item != sum.of().item)
        throw std::logic_error("weft: a sum of blocks of unlike shapes");
      const T* const x = parts[p].template data<T>();
      for (std::size_t i = 0, n = sum.count(); i < n; ++i) to[i] = added(to[i], x[i]);
    }
  });
  return sum;
}

}  // namespace weft::detail::arrays
