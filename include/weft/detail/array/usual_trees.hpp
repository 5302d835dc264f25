#pragma once

#include <complex>
#include <cstdint>

#include "weft/detail/array/functions.hpp"
#include "weft/detail/array/reducers.hpp"
#include "weft/detail/array/tree.hpp"

// Single operations on usual elements are the library's kernels (usual_trees.cpp): programs need not compile them,
// and workers of other programs have them. A tree of several is one loop, and the program's own.
namespace weft::detail::arrays {

template <class Op>
using of_one = call<Op, input<0>>;
template <class Op>
using of_two = call<Op, input<0>, input<1>>;
template <class Op, class T>
using of_one_and_constant = call<Op, input<0>, constant<T>>;
template <class Op, class T>
using of_constant_and_one = call<Op, constant<T>, input<0>>;

#define WEFT_DETAIL_USUAL_UNARY(Op, T, ...) __VA_ARGS__ any_code<kernel> kernel_by<of_one<Op>, T>(const of_one<Op>&);
#define WEFT_DETAIL_USUAL_BINARY(Op, T, ...)                                                                \
  __VA_ARGS__ any_code<kernel> kernel_by<of_two<Op>, T, T>(const of_two<Op>&);                              \
  __VA_ARGS__ any_code<kernel> kernel_by<of_one_and_constant<Op, T>, T>(const of_one_and_constant<Op, T>&); \
  __VA_ARGS__ any_code<kernel> kernel_by<of_constant_and_one<Op, T>, T>(const of_constant_and_one<Op, T>&);
/// Of real numbers.
#define WEFT_DETAIL_USUAL_TREES(T, ...)                   \
  WEFT_DETAIL_USUAL_BINARY(add, T, __VA_ARGS__)           \
  WEFT_DETAIL_USUAL_BINARY(subtract, T, __VA_ARGS__)      \
  WEFT_DETAIL_USUAL_BINARY(multiply, T, __VA_ARGS__)      \
  WEFT_DETAIL_USUAL_BINARY(divide, T, __VA_ARGS__)        \
  WEFT_DETAIL_USUAL_UNARY(negate, T, __VA_ARGS__)         \
  WEFT_DETAIL_USUAL_UNARY(absolute, T, __VA_ARGS__)       \
  WEFT_DETAIL_USUAL_UNARY(square, T, __VA_ARGS__)         \
  WEFT_DETAIL_USUAL_UNARY(squared_length, T, __VA_ARGS__) \
  WEFT_DETAIL_USUAL_UNARY(square_root, T, __VA_ARGS__)    \
  WEFT_DETAIL_USUAL_UNARY(exponential, T, __VA_ARGS__)    \
  WEFT_DETAIL_USUAL_UNARY(logarithm, T, __VA_ARGS__)
WEFT_DETAIL_USUAL_TREES(double, extern template)
WEFT_DETAIL_USUAL_TREES(float, extern template)

#define WEFT_DETAIL_USUAL_CASTS(...)                                       \
  WEFT_DETAIL_USUAL_UNARY(cast<double>, float, __VA_ARGS__)                \
  WEFT_DETAIL_USUAL_UNARY(cast<double>, std::int64_t, __VA_ARGS__)         \
  WEFT_DETAIL_USUAL_UNARY(cast<double>, std::int32_t, __VA_ARGS__)         \
  WEFT_DETAIL_USUAL_UNARY(cast<double>, std::uint8_t, __VA_ARGS__)         \
  WEFT_DETAIL_USUAL_UNARY(cast<float>, double, __VA_ARGS__)                \
  WEFT_DETAIL_USUAL_UNARY(cast<float>, std::uint8_t, __VA_ARGS__)          \
  WEFT_DETAIL_USUAL_UNARY(cast<std::int64_t>, std::int32_t, __VA_ARGS__)   \
  WEFT_DETAIL_USUAL_UNARY(cast<std::complex<double>>, double, __VA_ARGS__) \
  WEFT_DETAIL_USUAL_UNARY(cast<std::complex<float>>, float, __VA_ARGS__)
WEFT_DETAIL_USUAL_CASTS(extern template)

/// Of argmin, argmax and argsort.
#define WEFT_DETAIL_USUAL_PLACES(T, ...)                                                                        \
  __VA_ARGS__ any_code<kernel> kernel_by<of_two<place_element>, T, std::int64_t>(const of_two<place_element>&); \
  WEFT_DETAIL_USUAL_UNARY(place_of_element, placed<T>, __VA_ARGS__)
WEFT_DETAIL_USUAL_PLACES(double, extern template)
WEFT_DETAIL_USUAL_PLACES(float, extern template)
WEFT_DETAIL_USUAL_PLACES(std::int64_t, extern template)
WEFT_DETAIL_USUAL_PLACES(std::int32_t, extern template)

}  // namespace weft::detail::arrays
