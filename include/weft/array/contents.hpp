#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "weft/array/dtype.hpp"
#include "weft/array/shape.hpp"
#include "weft/task.hpp"

/// Files of arrays whose element type or rank is known when they are read, and not before.
namespace weft {

/// What a file says of its array.
struct array_contents {
  dtype type = dtype::other;  // as that which it is to be read; `other`: no type of C++, as floats of two bytes
  weft::shape extents = {};
  weft::shape chunk = {};  // the extents of the chunks in which it is stored; none: it is in one piece
  std::string stored_as;   // the type as NumPy writes it, with the order of bytes: ">f4"
  /// What a Zarr store says beside: the text of a JSON object, none where it has no attributes, and the names of its
  /// axes, where it has names, of which some may be missing. Attributes that are no JSON (Python writes NaN, and
  /// integers of any size) are the text that the store has, which to_zarr would refuse; of more than 4 MiB there are
  /// none.
  std::string attributes = {};
  std::vector<std::optional<std::string>> dimension_names = {};
};

/// Reads the header, or the metadata, alone. Throws std::runtime_error for what is no such file, misuse for more
/// than eight axes, and what files throw.
/// Of datasets there is contents_of_hdf5 in weft/array/hdf5.hpp.
task<array_contents> contents_of_npy(std::string path);
task<array_contents> contents_of_zarr(std::string path);

namespace detail::arrays {

[[noreturn]] void throw_no_such_type(dtype t, const dtype* those, std::size_t n);

template <class T, class... More, class F>
auto call_with_type(dtype t, const F& f, const dtype* those, std::size_t n) -> decltype(f(std::type_identity<T>())) {
  if (t == dtype_of<T>) return f(std::type_identity<T>());
  if constexpr (sizeof...(More) != 0)
    return call_with_type<More...>(t, f, those, n);
  else
    throw_no_such_type(t, those, n);
}

}  // namespace detail::arrays

/// Calls f with a std::type_identity of that one of the types T which t is, and gives what it gives, of one type for
/// all; it may be a coroutine, which lives no longer than the lambda that made it. Each T is a copy of f's code: name
/// those that there may be. Throws misuse, with all of them named, where it is none.
///
///     const auto there = co_await weft::contents_of_npy("x.npy");
///     const double sum = co_await weft::with_type<float, double>(
///         there.type, [&]<class T>(std::type_identity<T>) -> weft::task<double> {
///           const auto x = co_await weft::from_npy<T>(c, "x.npy");   // of the rank that it has
///           const double all = co_await weft::sum(weft::astype<double>(x)).compute();
///           co_return all;
///         });
template <class... T, class F>
auto with_type(dtype t, const F& f) {
  static_assert(sizeof...(T) != 0, "weft: with_type names the types that there may be: with_type<float, double>");
  static constexpr dtype those[] = {dtype_of<T>...};
  return detail::arrays::call_with_type<T...>(t, f, those, sizeof...(T));
}

}  // namespace weft
