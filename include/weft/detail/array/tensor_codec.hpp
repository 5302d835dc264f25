#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>

#include "weft/array/shape.hpp"
#include "weft/codec.hpp"
#include "weft/detail/array/xtensor.hpp"

namespace weft::detail::arrays {

/// The extents of what nobody vouches for, whose elements lie in an attachment that has been begun. Throws
/// codec_error unless they come to its size. lib/array/tensor_codec.cpp.
void check_tensor(decoder& d, const weft::shape& extents, std::size_t rank, std::size_t item, std::size_t bytes);
[[noreturn]] void fail_tensor_rank(std::size_t rank);
/// Makes bytes of bools what bools of C++ are, 0 or 1.
void make_bools(std::span<std::byte> bytes) noexcept;

template <class X>
weft::shape extents_of_tensor(const X& x) {
  if (x.dimension() > most_axes) fail_tensor_rank(x.dimension());
  weft::shape s = weft::shape::of_rank(x.dimension());
  for (std::size_t a = 0; a < s.size(); ++a) s[a] = static_cast<std::int64_t>(x.shape()[a]);
  return s;
}
template <class X>
void encode_tensor(encoder& e, const X& x) {
  weft::encode(e, extents_of_tensor(x));
  e.attach(std::as_bytes(std::span(x.data(), x.size())));
}
template <class X>
std::span<std::byte> bytes_of_tensor(X& x) noexcept {
  return std::as_writable_bytes(std::span(x.data(), x.size()));
}
template <class X>
void receive_tensor(X& x) noexcept {
  if constexpr (std::is_same_v<typename X::value_type, bool>) make_bools(bytes_of_tensor(x));
}
template <class X, std::size_t N>
X decode_tensor(decoder& d) {
  const auto extents = weft::decode<weft::shape>(d);
  const std::size_t bytes = d.attachment_size("a tensor");
  check_tensor(d, extents, N, sizeof(typename X::value_type), bytes);
  typename X::shape_type sizes{};
  if constexpr (N == dynamic_rank) sizes.resize(extents.size());
  for (std::size_t a = 0; a < extents.size(); ++a) sizes[a] = static_cast<std::size_t>(extents[a]);
  X x = X::from_shape(sizes);
  const bool here = d.attachment_data() != nullptr;
  d.attachment(bytes_of_tensor(x));
  if (here) receive_tensor(x);  // else it is told when they have come
  return x;
}

/// What travels as the bytes that it is.
template <class T>
concept plain_element = std::is_trivially_copyable_v<T> && encodable<T>;

/// What is written: elements of T along so many axes.
template <class T, std::size_t N>
inline constexpr auto tensor_schema = [] {
  constexpr std::string_view begin = "weft tensor 1 ";
  std::array<char, begin.size() + sizeof(std::uint64_t) + 1> all{};
  std::size_t at = 0;
  for (const char c : begin) all[at++] = c;
  for (std::uint64_t h = schema_hash<T>(), i = 0; i < sizeof h; ++i) all[at++] = static_cast<char>(h >> 8 * i & 255);
  all[at] = static_cast<char>(N & 255);
  return all;
}();

}  // namespace weft::detail::arrays

/// xtensor's containers, as arguments and values of tasks: of up to eight axes, row-major. Their elements travel
/// beside the message, as those of vectors do. The hooks are where argument-dependent lookup finds them.
namespace xt {

template <weft::detail::arrays::plain_element T, std::size_t N>
void weft_encode(weft::encoder& e, const xtensor<T, N>& x) {
  weft::detail::arrays::encode_tensor(e, x);
}
template <weft::detail::arrays::plain_element T, std::size_t N>
xtensor<T, N> weft_decode(weft::decoder& d, std::type_identity<xtensor<T, N>>) {
  return weft::detail::arrays::decode_tensor<xtensor<T, N>, N>(d);
}
template <weft::detail::arrays::plain_element T, std::size_t N>
void weft_received(xtensor<T, N>& x) noexcept {
  weft::detail::arrays::receive_tensor(x);
}
template <weft::detail::arrays::plain_element T, std::size_t N>
std::size_t weft_owned_bytes(const xtensor<T, N>& x) noexcept {
  return sizeof x + x.size() * sizeof(T);
}
template <weft::detail::arrays::plain_element T, std::size_t N>
constexpr std::string_view weft_schema(std::type_identity<xtensor<T, N>>) {
  return {weft::detail::arrays::tensor_schema<T, N>.data(), weft::detail::arrays::tensor_schema<T, N>.size()};
}
template <weft::detail::arrays::plain_element T>
void weft_encode(weft::encoder& e, const xarray<T>& x) {
  weft::detail::arrays::encode_tensor(e, x);
}
template <weft::detail::arrays::plain_element T>
xarray<T> weft_decode(weft::decoder& d, std::type_identity<xarray<T>>) {
  return weft::detail::arrays::decode_tensor<xarray<T>, weft::dynamic_rank>(d);
}
template <weft::detail::arrays::plain_element T>
void weft_received(xarray<T>& x) noexcept {
  weft::detail::arrays::receive_tensor(x);
}
template <weft::detail::arrays::plain_element T>
std::size_t weft_owned_bytes(const xarray<T>& x) noexcept {
  return sizeof x + x.size() * sizeof(T);
}
template <weft::detail::arrays::plain_element T>
constexpr std::string_view weft_schema(std::type_identity<xarray<T>>) {
  return {weft::detail::arrays::tensor_schema<T, weft::dynamic_rank>.data(),
          weft::detail::arrays::tensor_schema<T, weft::dynamic_rank>.size()};
}

}  // namespace xt
